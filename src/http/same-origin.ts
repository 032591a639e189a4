/** Refuses state-changing requests that another site made the browser send (S-10). */
import type { IncomingHttpHeaders } from 'node:http';
import { AuthError } from '../errors.ts';

/**
 * Throws `forbidden_origin` unless the browser says that the request comes from a page of `origin`: by `Origin`, or, where a browser
 * leaves that out, by `Sec-Fetch-Site: same-origin`. A request with neither is refused, and so is one in which they disagree.
 */
export function assertSameOrigin(request: { readonly headers: IncomingHttpHeaders }, origin: string): void {
  const { origin: from, 'sec-fetch-site': site } = request.headers;
  const isFromHere = from === undefined ? site === 'same-origin' : from === origin;
  const isNotContradicted = site === undefined || site === 'same-origin';
  if (!isFromHere || !isNotContradicted) {
    throw new AuthError('forbidden_origin', { detail: `origin ${String(from)}, sec-fetch-site ${String(site)}` });
  }
}
