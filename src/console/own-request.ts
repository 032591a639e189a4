/** Refuses what another site made the browser send with the console's cookie (S-10). */
import type { FastifyRequest } from 'fastify';
import { AuthError } from '../errors.ts';

/** Where a request comes from, as the browser says; a page of another site, or of another port of this host, is not ours. */
const ownSites: ReadonlySet<string | undefined> = new Set([undefined, 'same-origin']);

/**
 * A change needs the console's own `Origin`, no `Sec-Fetch-Site` that speaks against it, and JSON, which no form can send. Reading
 * needs that the browser names no other site: what is read may be recorded, as an export is. Throws `forbidden_origin`,
 * `unsupported_media_type`.
 */
export function assertOwnRequest(
  { method, headers }: Pick<FastifyRequest, 'method' | 'headers'>,
  origin: string,
): void {
  const { origin: from, 'sec-fetch-site': site, 'content-type': type } = headers;
  const isReading = method === 'GET' || method === 'HEAD';
  const isFromHere = isReading ? from === undefined || from === origin : from === origin;
  // `none`: a person typed the address.
  if (!isFromHere || !(ownSites.has(site as string | undefined) || (isReading && site === 'none'))) {
    throw new AuthError('forbidden_origin', { detail: `origin ${String(from)}, sec-fetch-site ${String(site)}` });
  }
  if (!isReading && !/^application\/json\s*(;|$)/i.test(type ?? '')) throw new AuthError('unsupported_media_type');
}

/** A step-up is begun by the console or by the person, and by no other site: nobody else makes a phone ask. */
export function assertNotFromElsewhere({ headers }: Pick<FastifyRequest, 'headers'>): void {
  const site = headers['sec-fetch-site'];
  if (ownSites.has(site as string | undefined) || site === 'none') return;
  throw new AuthError('forbidden_origin', { detail: `sec-fetch-site ${String(site)}` });
}
