/** A portal's user in front of a browser, as requests: the portal's redirect, the login page and its calls, the way back, the tokens. */
import { createHash, randomBytes } from 'node:crypto';
import type { Answer, Call, Connections } from './http-client.ts';
import type { Portal } from './world.ts';

/** What the login page's calls answer. */
interface PageView {
  readonly state: string;
  readonly frame: string | null;
}

export interface LoginPage {
  readonly path: string;
}

/** One browser in one login, with a cookie jar of its own. */
export interface BenchBrowser {
  /** Portal → authorization endpoint: where the login page is. */
  begin(): Promise<LoginPage>;
  show(page: LoginPage): Promise<void>;
  /** Answers the text of the QR code. */
  order(page: LoginPage): Promise<string>;
  /** Follows the order's events; `onText` gets them. */
  follow(page: LoginPage, onText: (text: string) => void): Promise<() => void>;
  /** Calls something of the page that answers a location. */
  finish(page: LoginPage, name?: string): Promise<string>;
  /** Back to the portal, which redeems the code. Throws unless there is an ID token. */
  complete(location: string): Promise<void>;
  /** As one header. */
  cookies(): string;
}

/** A browser for one login at one portal. */
export function createBenchBrowser(connections: Connections, issuer: string, portal: Portal): BenchBrowser {
  const jar = new Map<string, string>();
  const cookies = (): string => [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
  const send = async (call: Call, expected: number): Promise<Answer> => {
    const headers = { ...browserHeaders, ...call.headers, cookie: cookies() };
    const answer = await connections.send({ ...call, headers });
    if (answer.status !== expected) throw new Error(`${call.method} ${call.path}: ${answer.status} ${answer.text}`);
    keepCookies(jar, answer);
    return answer;
  };
  const post = (path: string) => send({ method: 'POST', path, headers: { ...pageHeaders, origin: issuer } }, 200);
  const codeVerifier = randomBytes(32).toString('base64url');
  return {
    begin: async () => {
      const { headers } = await send({ method: 'GET', path: authorizationPath(portal, codeVerifier) }, 303);
      return { path: pathOf(headers.location) };
    },
    show: async ({ path }) => {
      await send({ method: 'GET', path }, 200);
    },
    order: async ({ path }) => {
      const view = JSON.parse((await post(`${path}/order`)).text) as PageView;
      if (view.frame === null) throw new Error(`the order is ${view.state}`);
      return view.frame;
    },
    follow: ({ path }, onText) =>
      connections.stream(
        { method: 'GET', path: `${path}/events`, headers: { ...streamHeaders, cookie: cookies() } },
        onText,
      ),
    finish: async ({ path }, name = 'finish') => {
      const { location } = JSON.parse((await post(`${path}/${name}`)).text) as { location: string };
      return location;
    },
    complete: async (location) => {
      const { headers } = await send({ method: 'GET', path: pathOf(location) }, 303);
      const code = new URL(headers.location ?? '').searchParams.get('code');
      if (code === null) throw new Error(`no code at ${headers.location}`);
      await redeem(connections, portal, { code, codeVerifier });
    },
    cookies,
  };
}

const browserHeaders = {
  accept: 'text/html,application/xhtml+xml',
  'accept-language': 'en',
  'user-agent': 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36',
};
const pageHeaders = { accept: 'application/json', 'sec-fetch-site': 'same-origin' };
const streamHeaders = { accept: 'text/event-stream', 'sec-fetch-site': 'same-origin' };

function authorizationPath({ clientId, redirectUri }: Portal, codeVerifier: string): string {
  const parameters = new URLSearchParams({
    client_id: clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid profile',
    code_challenge: createHash('sha256').update(codeVerifier).digest('base64url'),
    code_challenge_method: 'S256',
    state: randomBytes(16).toString('base64url'),
    nonce: randomBytes(16).toString('base64url'),
  });
  return `/oauth2/authorize?${parameters}`;
}

/** The portal's own request, on its own connection to the server. */
async function redeem(
  connections: Connections,
  { clientId, secret, redirectUri }: Portal,
  { code, codeVerifier }: { code: string; codeVerifier: string },
): Promise<void> {
  const { status, text } = await connections.send({
    method: 'POST',
    path: '/oauth2/token',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`,
    },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      code_verifier: codeVerifier,
    }).toString(),
  });
  const tokens = JSON.parse(text) as { id_token?: string; access_token?: string };
  if (status !== 200 || !tokens.id_token || !tokens.access_token) throw new Error(`no tokens: ${status} ${text}`);
}

function pathOf(location: string | undefined): string {
  const { pathname, search } = new URL(location ?? '', 'http://localhost');
  return `${pathname}${search}`;
}

function keepCookies(jar: Map<string, string>, { headers }: Answer): void {
  for (const line of headers['set-cookie'] ?? []) {
    const [pair = ''] = line.split(';', 1);
    const name = pair.slice(0, pair.indexOf('='));
    const value = pair.slice(pair.indexOf('=') + 1);
    if (value === '') jar.delete(name);
    else jar.set(name, value);
  }
}
