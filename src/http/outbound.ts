/** Requests to addresses that others named: no private networks, no redirects, no waiting (server-side request forgery). */
import { lookup as resolve } from 'node:dns';
import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { isPrivate, isPrivateHost } from '../private-networks.ts';

export interface PostOptions {
  /** Hosts (`name` or `name:port`) that may be in a private network: the bank's own systems. */
  readonly internalHosts: readonly string[];
  readonly timeoutMs: number;
}

/** What is posted: a text and the headers that belong to it. */
export interface Outbound {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Posts and answers the status code; redirects are not followed and the body is not read. Throws where the address may not be called or
 * does not answer in time. The address that was checked is the one that is connected to, so that a name cannot change its mind in between.
 */
export async function post(url: URL, { body, headers }: Outbound, options: PostOptions): Promise<number> {
  const response = await answerTo(url, {
    ...options,
    method: 'POST',
    headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    body,
    signal: AbortSignal.timeout(options.timeoutMs),
  });
  // Not followed and not read: a receiver's answer can neither lead elsewhere nor fill our memory.
  response.destroy();
  return response.statusCode ?? 0;
}

/** What came back. */
export interface Answered {
  readonly status: number;
  readonly body: Uint8Array;
}

/**
 * Posts under the rules of {@link post} and reads the answer, whatever its status. Throws where that is longer than `maxBytes`, or its
 * last byte is not there after `timeoutMs`.
 */
export async function ask(
  url: URL,
  { body, headers }: Outbound,
  { maxBytes, ...options }: PostOptions & { readonly maxBytes: number },
): Promise<Answered> {
  const signal = AbortSignal.timeout(options.timeoutMs);
  const length = { 'content-length': Buffer.byteLength(body), 'accept-encoding': 'identity' };
  const response = await answerTo(url, {
    ...options,
    method: 'POST',
    headers: { ...headers, ...length },
    body,
    signal,
  });
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of response as AsyncIterable<Buffer>) {
      bytes += part.length;
      if (bytes > maxBytes) throw new Error(`the answer has more than ${maxBytes} bytes`);
      parts.push(part);
    }
    return { status: response.statusCode ?? 0, body: Buffer.concat(parts) };
  } catch (cause) {
    throw signal.aborted ? new Error(`no whole answer within ${options.timeoutMs} ms`, { cause }) : cause;
  } finally {
    response.destroy();
  }
}

/** A file of known length that is fetched. */
export interface GetOptions extends PostOptions {
  /** In bytes; an answer of another length is none. */
  readonly size: number;
  /** Media type that is asked for. */
  readonly accept: string;
}

/**
 * Fetches a file of exactly `size` bytes. Throws, under the rules of {@link post}, also for any status but 200, for what is compressed or
 * longer or shorter, and where the last byte is not there after `timeoutMs`. No more than `size` bytes are ever kept.
 */
export async function get(url: URL, { size, accept, ...options }: GetOptions): Promise<Uint8Array> {
  const signal = AbortSignal.timeout(options.timeoutMs);
  const headers = { accept, 'accept-encoding': 'identity' };
  const response = await answerTo(url, { ...options, method: 'GET', headers, signal });
  try {
    return await bodyOf(response, size);
  } catch (cause) {
    throw signal.aborted ? new Error(`no whole answer within ${options.timeoutMs} ms`, { cause }) : cause;
  } finally {
    response.destroy();
  }
}

async function bodyOf(response: IncomingMessage, size: number): Promise<Uint8Array> {
  const { 'content-encoding': encoding = 'identity', 'content-length': announced = String(size) } = response.headers;
  if (response.statusCode !== 200) throw new Error(`the answer has the status ${response.statusCode}`);
  // A few bytes that become gigabytes: nothing is ever unpacked.
  if (encoding !== 'identity') throw new Error(`the answer is packed as ${encoding}`);
  if (announced !== String(size)) throw new Error(`the answer has ${announced} bytes instead of ${size}`);
  const bytes = Buffer.alloc(size);
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (length + chunk.length > size) throw new Error(`the answer has more than ${size} bytes`);
    length += chunk.copy(bytes, length);
  }
  if (length !== size) throw new Error(`the answer has ${length} bytes instead of ${size}`);
  return bytes;
}

interface Asked extends PostOptions {
  readonly method: 'GET' | 'POST';
  readonly headers: OutgoingHttpHeaders;
  readonly body?: string;
  readonly signal: AbortSignal;
}

/** The head of the answer; its body is the caller's to read or to destroy. */
function answerTo(url: URL, asked: Asked): Promise<IncomingMessage> {
  const { internalHosts, timeoutMs, method, headers, body, signal } = asked;
  const isInternal = internalHosts.includes(url.host) || internalHosts.includes(url.hostname);
  if (!isInternal && isPrivateHost(url.hostname)) {
    return Promise.reject(new Error(`${url.hostname} is a private address`));
  }
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((fulfil, reject) => {
    const request = send(url, {
      method,
      headers,
      agent: false,
      signal,
      lookup: isInternal ? resolve : publicLookup,
    });
    request.once('response', fulfil);
    // Stays for errors after the answer's head, which reach whoever reads its body too.
    request.on('error', (error) => reject(signal.aborted ? new Error(`no answer within ${timeoutMs} ms`) : error));
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
