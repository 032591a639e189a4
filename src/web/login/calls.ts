/** The page's calls to its server: by its own address, so that they are about this login and no other. */
import type { Polled, View } from './connection.ts';

const base = location.pathname.replace(/\/+$/, '');

/** What came back: the answer where it is a good one, otherwise the problem that the server told. */
export interface Reply {
  readonly status: number;
  readonly body?: unknown;
  readonly problem?: unknown;
}

/** The address of a call; it says the language of this page, and whether its codes are to stand still. */
function addressOf(name: string): string {
  const query = new URLSearchParams({ lang: document.documentElement.lang });
  if (prefersStillness().matches) query.set('steady', '1');
  return `${base}/${name}?${query}`;
}

/** Whether the reader asked for less movement. */
export function prefersStillness(): MediaQueryList {
  return matchMedia('(prefers-reduced-motion: reduce)');
}

/** Undefined where the server cannot be reached or cannot answer. */
export async function call(name: string, method: 'GET' | 'POST' = 'POST'): Promise<Reply | undefined> {
  try {
    const response = await fetch(addressOf(name), {
      method,
      headers: { accept: 'application/json' },
      cache: 'no-store',
      redirect: 'error',
      signal: AbortSignal.timeout(10_000),
    });
    const { status, ok } = response;
    if (status >= 500) return undefined;
    const json: unknown = await response.json();
    return ok ? { status, body: json } : { status, problem: json };
  } catch {
    return undefined;
  }
}

/** The state of this browser's order. */
export async function poll(): Promise<Polled> {
  const reply = await call('status', 'GET');
  if (reply === undefined || reply.status === 429) return 'unreachable';
  if (reply.body !== undefined) return reply.body as View;
  return isWithoutCookie(reply) ? 'cookies' : 'gone';
}

/** Whether the browser did not send the cookie back that came with its order. */
function isWithoutCookie({ problem }: Reply): boolean {
  const { cookie } = (problem ?? {}) as { readonly cookie?: unknown };
  return cookie === 'missing' || !navigator.cookieEnabled;
}

/** The stream of states and frames. */
export function openStream(): EventSource {
  return new EventSource(addressOf('events'));
}
