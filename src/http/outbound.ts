/** Requests to addresses that others named: no private networks, no redirects, no waiting (server-side request forgery). */
import { lookup as resolve } from 'node:dns';
import { request as httpRequest } from 'node:http';
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
