/** Requests to addresses that others named: no private networks, no redirects, no waiting (server-side request forgery). */
import { lookup as resolve } from 'node:dns';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';

export interface PostOptions {
  /** Hosts (`name` or `name:port`) that may be in a private network: the bank's own systems. */
  readonly internalHosts: readonly string[];
  readonly timeoutMs: number;
}

const privateNetworks = privateBlockList();

/** What is posted: a text and the headers that belong to it. */
export interface Outbound {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Posts and answers the status code; redirects are not followed and the body is not read. Throws where the address may not be called or
 * does not answer in time. The address that was checked is the one that is connected to, so that a name cannot change its mind in between.
 */
export function post(
  url: URL,
  { body, headers }: Outbound,
  { internalHosts, timeoutMs }: PostOptions,
): Promise<number> {
  const isInternal = internalHosts.includes(url.host) || internalHosts.includes(url.hostname);
  if (!isInternal && isPrivateHost(url.hostname)) {
    return Promise.reject(new Error(`${url.hostname} is a private address`));
  }
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const signal = AbortSignal.timeout(timeoutMs);
  return new Promise((fulfil, reject) => {
    const request = send(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      agent: false,
      signal,
      lookup: isInternal ? resolve : publicLookup,
    });
    request.once('response', (response) => {
      // Not followed and not read: a receiver's answer can neither lead elsewhere nor fill our memory.
      response.destroy();
      fulfil(response.statusCode ?? 0);
    });
    request.once('error', (error) => reject(signal.aborted ? new Error(`no answer within ${timeoutMs} ms`) : error));
    request.end(body);
  });
}

/** Resolves a name and refuses it where any of its addresses is private. */
const publicLookup: LookupFunction = (hostname, options, done) => {
  resolve(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return done(error, []);
    const forbidden = addresses.find(({ address }) => isPrivate(address));
    if (forbidden !== undefined)
      return done(new Error(`${hostname} leads to the private address ${forbidden.address}`), []);
    const [first] = addresses;
    if (options.all === true || first === undefined) return done(null, addresses);
    return done(null, first.address, first.family);
  });
};

/** Whether the host of a URL is an address that is private; a name is judged when it is resolved. */
export function isPrivateHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  return isIP(host) !== 0 && isPrivate(host);
}

/** Whether an IP address is none of the public internet. IPv4 addresses in IPv6 clothes are judged as what they are. */
export function isPrivate(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  const plain = mapped ?? address;
  return privateNetworks.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4');
}

/** RFC 6890: special-purpose addresses, cloud metadata services among them. */
function privateBlockList(): BlockList {
  const list = new BlockList();
  const ipv4: readonly [string, number][] = [
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16],
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.0.2.0', 24],
    ['192.88.99.0', 24],
    ['192.168.0.0', 16],
    ['198.18.0.0', 15],
    ['198.51.100.0', 24],
    ['203.0.113.0', 24],
    ['224.0.0.0', 3],
  ];
  const ipv6: readonly [string, number][] = [
    ['::', 96],
    ['64:ff9b::', 96],
    ['64:ff9b:1::', 48],
    ['100::', 64],
    ['2001::', 23],
    ['2001:db8::', 32],
    ['2002::', 16],
    ['fc00::', 7],
    ['fe80::', 10],
    ['fec0::', 10],
    ['ff00::', 8],
  ];
  for (const [network, prefix] of ipv4) list.addSubnet(network, prefix, 'ipv4');
  for (const [network, prefix] of ipv6) list.addSubnet(network, prefix, 'ipv6');
  return list;
}
