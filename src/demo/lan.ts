/** `npm start -- --lan`: the demo over HTTPS on this machine's own address, so that a real phone can use it. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { type IncomingHttpHeaders, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { Certificate } from './certificate.ts';

/** The certificate as PEM, and the authority that a phone must trust before it installs the app. */
export interface LanCertificate extends Certificate {
  /** Where the authority's certificate is, for copying it to a phone. */
  readonly authorityFile: string;
}

/** This machine's addresses in its networks, those of home and office networks first. */
export function lanAddresses(interfaces = networkInterfaces()): string[] {
  const addresses = Object.values(interfaces)
    .flatMap((entries) => entries ?? [])
    .filter(({ family, internal, address }) => family === 'IPv4' && !internal && !address.startsWith('169.254.'))
    .map(({ address }) => address);
  const isPrivate = (address: string): boolean => /^(192\.168|10|172\.(1[6-9]|2\d|3[01]))\./.test(address);
  return [...addresses.filter(isPrivate), ...addresses.filter((address) => !isPrivate(address))];
}

/** The address to use. Throws where there is none, or where `wanted` is none of this machine's. */
export function chooseAddress(wanted: string | undefined, addresses: readonly string[] = lanAddresses()): string {
  const [first] = addresses;
  if (wanted !== undefined) {
    if (isIPv4(wanted) && addresses.includes(wanted)) return wanted;
    throw new Error(`${wanted} is no address of this machine. It has: ${addresses.join(', ') || 'none'}`);
  }
  if (first === undefined) throw new Error('this machine is in no network: connect it to the one that the phone is in');
  return first;
}

/**
 * The certificate of `address`, made at the first start and kept in `directory`. Its authority's key is never written down: who trusts
 * the authority on a phone trusts this one certificate and no later one.
 */
export async function lanCertificate(directory: string, address: string, now: number): Promise<LanCertificate> {
  const path = (name: string): string => join(directory, name);
  const read = async (name: string): Promise<string> => readFile(path(name), 'utf8');
  const authorityFile = path('authority.crt');
  try {
    return { key: await read('key.pem'), cert: await read('cert.pem'), ca: await read('authority.crt'), authorityFile };
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  // Loaded only here: what makes certificates is large.
  const { makeCertificate } = await import('./certificate.ts');
  const made = await makeCertificate(address, now);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(path('cert.pem'), made.cert);
  await writeFile(authorityFile, made.ca);
  // Last: where the key is, the rest is too.
  await writeFile(path('key.pem'), made.key, { mode: 0o600 });
  return { ...made, authorityFile };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

export interface Front {
  readonly certificate: Pick<LanCertificate, 'key' | 'cert'>;
  readonly address: string;
  readonly port: number;
  /** The port on this machine's loopback interface to which every request goes on. */
  readonly target: number;
}

/** Ends TLS and passes every request on as it is, with the caller's address. Resolves when it listens; the result ends it. */
export async function startFront({ certificate, address, port, target }: Front): Promise<() => Promise<void>> {
  const server = createTlsServer(certificate, (incoming, outgoing) => passOn(incoming, outgoing, target));
  await listening(server, address, port);
  return async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  };
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, resolve);
  });
}

/** Of the connection, not of the request (RFC 9110 §7.6.1); Node throws where a trailer is announced for a body that has none. */
const ofConnection = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade']);

const withoutConnection = (headers: IncomingHttpHeaders): IncomingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !ofConnection.has(name)));

function passOn(incoming: IncomingMessage, outgoing: ServerResponse, port: number): void {
  const { method, url, headers, socket } = incoming;
  const onward = request({
    host: 'localhost',
    port,
    method,
    path: url,
    headers: {
      ...withoutConnection(headers),
      'x-forwarded-for': socket.remoteAddress ?? '',
      'x-forwarded-proto': 'https',
    },
  });
  onward.on('response', (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, withoutConnection(answer.headers));
    answer.pipe(outgoing);
    // A stream that the server cut must not look finished.
    answer.on('error', () => void outgoing.destroy());
  });
  onward.on('error', () => {
    if (outgoing.headersSent) outgoing.destroy();
    else outgoing.writeHead(502).end();
  });
  // A page that was closed must not keep its event stream open at the server.
  outgoing.on('close', () => void onward.destroy());
  incoming.pipe(onward);
}
