/** A browser as these tests need one: cookies by name and path, redirects one at a time. */

export interface Page {
  readonly url: URL;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
}

export interface Browser {
  readonly jar: Map<string, Cookie>;
  /** Every `Set-Cookie` line that was received. */
  readonly received: string[];
  /** One request, no redirect followed. */
  request(url: string | URL, init?: RequestInit): Promise<Page>;
  /** Follows redirects as long as they stay at `origin`; answers the first page, or the first address elsewhere. */
  follow(url: string | URL, init?: RequestInit): Promise<Page>;
}

export function openBrowser(origin: string): Browser {
  const jar = new Map<string, Cookie>();
  const received: string[] = [];
  const request = async (target: string | URL, init: RequestInit = {}): Promise<Page> => {
    const url = new URL(target, origin);
    const headers = new Headers(init.headers);
    const cookie = cookieHeader(jar, url);
    if (cookie !== '') headers.set('cookie', cookie);
    if (!headers.has('accept')) headers.set('accept', 'text/html');
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      received.push(line);
      keep(jar, line);
    }
    return { url, status: response.status, headers: response.headers, text: await response.text() };
  };
  return {
    jar,
    received,
    request,
    follow: async (target, init) => {
      let page = await request(target, init);
      for (let hops = 0; hops < 10; hops += 1) {
        const location = page.headers.get('location');
        if (page.status < 300 || page.status > 399 || location === null) return page;
        const next = new URL(location, page.url);
        if (next.origin !== origin) return { ...page, url: next };
        page = await request(next);
      }
      throw new Error('too many redirects');
    },
  };
}

function cookieHeader(jar: Map<string, Cookie>, url: URL): string {
  return [...jar.values()]
    .filter(({ path }) => url.pathname === path || url.pathname.startsWith(path.endsWith('/') ? path : `${path}/`))
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ');
}

function keep(jar: Map<string, Cookie>, line: string): void {
  const [pair = '', ...attributes] = line.split(/;\s*/);
  const [name = '', value = ''] = pair.split(/=(.*)/s);
  const attribute = (wanted: string): string | undefined =>
    attributes.find((text) => text.toLowerCase().startsWith(`${wanted}=`))?.slice(wanted.length + 1);
  const path = attribute('path') ?? '/';
  const expires = attribute('expires');
  const isGone = value === '' || (expires !== undefined && Date.parse(expires) <= Date.now());
  if (isGone) jar.delete(`${name} ${path}`);
  else jar.set(`${name} ${path}`, { name, value, path });
}
