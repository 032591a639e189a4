/** Where a request came from: one address that cannot be forged, and the network that limits count by (L-12). */
import { isIP, isIPv4 } from 'node:net';

/**
 * The caller's address: what the trusted proxies say, or the socket's. A proxy header that holds no address is not believed:
 * garbage there must neither open a door nor make a fresh counter.
 */
export function clientAddress(request: {
  readonly ip: string;
  readonly socket: { readonly remoteAddress?: string | undefined };
}): string {
  const address = isIP(request.ip) > 0 ? request.ip : (request.socket.remoteAddress ?? '');
  return plainIPv4(address) ?? address.replace(/%.*$/, '');
}

/** What counts as one caller: an IPv4 address, or an IPv6 /64, of which one subscriber has 2^64 addresses. */
export function addressNetwork(address: string): string {
  if (isIPv4(address) || isIP(address) === 0) return address;
  return `${expandIPv6(address).slice(0, 4).join(':')}::/64`;
}

/** `::ffff:192.0.2.1` is the same caller as `192.0.2.1`. */
function plainIPv4(address: string): string | undefined {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped !== undefined && isIPv4(mapped) ? mapped : undefined;
}

/** The eight groups, without leading zeros. */
function expandIPv6(address: string): string[] {
  const withoutIPv4 = address.replace(/\d+\.\d+\.\d+\.\d+$/, '0:0');
  const [head = '', tail] = withoutIPv4.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
  return [...left, ...zeros, ...right].map((group) => (Number.parseInt(group, 16) || 0).toString(16));
}
