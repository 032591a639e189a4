/** A browser of the fewest parts: cookies, redirects, and the calls that the login page's script makes. For the login without hands. */

/** One browser with a cookie jar of its own. */
export interface Browser {
  /** GET as a navigation, following redirects; answers where it ended and what it showed. */
  open(url: string): Promise<{ readonly url: string; readonly status: number; readonly text: string }>;
  /** What the page at `from` calls on its own origin. Throws with the server's words where it is refused. */
  call<T>(method: 'GET' | 'POST', url: string): Promise<T>;
  /** The `Cookie` header that it sends to that address; empty where it has none. */
  cookies(url: string): string;
  /** Reads an event stream until `until` answers something. */
  events<T>(url: string, until: (data: unknown) => T | undefined): Promise<T>;
}

const maxRedirects = 20;

/** Cookies by host and name; paths and lifetimes matter little within one login. */
export function createBrowser(): Browser {
  const jar = new Map<string, Map<string, string>>();
  const cookiesFor = (url: string): string =>
    [...(jar.get(new URL(url).host) ?? [])].map(([name, value]) => `${name}=${value}`).join('; ');
  const send = async (url: string, init: RequestInit): Promise<Response> => {
    const { host } = new URL(url);
    const cookies = cookiesFor(url);
    const response = await fetch(url, {
      ...init,
      redirect: 'manual',
      headers: { ...init.headers, 'user-agent': 'mtoken demo', ...(cookies ? { cookie: cookies } : {}) },
    });
    keep(jar, host, response.headers.getSetCookie());
    return response;
  };
  return {
    cookies: cookiesFor,
    open: async (url) => {
      let at = url;
      for (let hops = 0; hops < maxRedirects; hops += 1) {
        const response = await send(at, { headers: { accept: 'text/html' } });
        const location = response.headers.get('location');
        if (location === null) return { url: at, status: response.status, text: await response.text() };
        await response.body?.cancel();
        at = new URL(location, at).href;
      }
      throw new Error(`more than ${maxRedirects} redirects from ${url}`);
    },
    call: async <T>(method: 'GET' | 'POST', url: string) => {
      const headers = { accept: 'application/json', origin: new URL(url).origin, 'sec-fetch-site': 'same-origin' };
      const response = await send(url, { method, headers });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${new URL(url).pathname}: ${response.status} ${text}`);
      return JSON.parse(text) as T;
    },
    events: async (url, until) => {
      const stop = new AbortController();
      const headers = { accept: 'text/event-stream', 'sec-fetch-site': 'same-origin' };
      const response = await send(url, { headers, signal: stop.signal });
      if (!response.ok || response.body === null) throw new Error(`${new URL(url).pathname}: ${response.status}`);
      try {
        for await (const data of eventData(response.body)) {
          const found = until(data);
          if (found !== undefined) return found;
        }
        throw new Error('the event stream ended early');
      } finally {
        stop.abort();
      }
    },
  };
}

function keep(jar: Map<string, Map<string, string>>, host: string, lines: readonly string[]): void {
  const cookies = jar.get(host) ?? new Map<string, string>();
  for (const line of lines) {
    const [pair = ''] = line.split(';', 1);
    const [name = '', ...value] = pair.split('=');
    const isGone = /;\s*(max-age=0|expires=thu, 01 jan 1970)/i.test(line) || value.join('=') === '';
    if (isGone) cookies.delete(name.trim());
    else cookies.set(name.trim(), value.join('='));
  }
  jar.set(host, cookies);
}

/** The `data` of each event, as JSON (HTML Living Standard §9.2.6). */
async function* eventData(body: ReadableStream<Uint8Array>): AsyncGenerator<unknown> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) {
      const lines = event.split('\n').filter((line) => line.startsWith('data:'));
      const data = lines.map((line) => line.slice(5).trimStart()).join('\n');
      if (data !== '') yield JSON.parse(data);
    }
  }
}
