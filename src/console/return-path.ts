/** Where the browser goes after a login: a page of the console, and never anywhere else. */

export const consoleHome = '/console/';
const maxLength = 512;
/** Plain characters, escapes in the query alone: proxies in front disagree on what %2f and %2e mean in a path. */
const shape = /^\/console\/[\w.~!$&'()*+,;=:@/-]*(\?[\w.~!$&'()*+,;=:@%/?-]*)?$/;
/** These are no pages, and a login that leads to a login would have no end. */
const noPages: ReadonlySet<string> = new Set(['/console/login', '/console/callback', '/console/logout']);

/**
 * The path as the browser will read it; undefined for everything that is not plainly a page below `/console/`: other hosts, dot
 * segments that lead out, characters that parsers read differently.
 */
export function returnPath(text: string): string | undefined {
  if (text.length > maxLength || !shape.test(text) || /%(?![0-9A-Fa-f]{2})/.test(text)) return undefined;
  const base = 'http://console.invalid';
  const url = new URL(text, base);
  const isSame = url.origin === base && `${url.pathname}${url.search}` === text;
  return isSame && !noPages.has(url.pathname) && !text.includes('//') ? text : undefined;
}
