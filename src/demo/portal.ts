/** The demo portal: a small real relying party, the example that a portal developer copies. */
import { randomBytes } from 'node:crypto';
import cookie from '@fastify/cookie';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { createRemoteJWKSet, customFetch, jwtVerify } from 'jose';
import * as oidc from 'openid-client';
import { claimsPage, errorPage, welcomePage } from './portal-pages.ts';

/** Where the portal is and as whom it speaks to the server. */
export interface PortalOptions {
  readonly issuer: string;
  readonly baseUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Where the demo's desk is. A real portal has none. */
  readonly deskUrl: string;
  /** How the portal reaches the server, where that is not by its public address. A real portal leaves it out. */
  readonly fetch?: typeof fetch;
}

/** What the portal remembers between its redirect and the callback. */
interface PendingLogin {
  readonly codeVerifier: string;
  readonly state: string;
  readonly nonce: string;
  readonly startedAt: number;
}

interface PortalSession {
  readonly claims: oidc.IDToken;
  readonly idToken: string;
}

const pendingLifetimeMs = 15 * 60_000;
const pageSecurityPolicy =
  "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'";

/** What the routes share. */
interface Portal {
  readonly options: PortalOptions;
  readonly discover: () => Promise<oidc.Configuration>;
  readonly sessions: Map<string, PortalSession>;
  readonly pending: Map<string, PendingLogin>;
}

/** Builds the portal; the caller listens. The provider is discovered at the first login, so either may start first. */
export async function buildPortal(options: PortalOptions): Promise<FastifyInstance> {
  const app = Fastify({ logger: false, forceCloseConnections: true });
  await app.register(cookie);
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
    done(null, Object.fromEntries(new URLSearchParams(body.toString())));
  });
  const portal: Portal = { options, discover: discoverOnce(options), sessions: new Map(), pending: new Map() };
  app.get('/', (request, reply) => {
    const session = portal.sessions.get(sessionId(request));
    return sendPage(reply, session ? claimsPage(session.claims) : welcomePage(options.deskUrl));
  });
  app.get('/favicon.ico', (_request, reply) => reply.code(204).send());
  app.get('/portal.css', (_request, reply) => reply.type('text/css; charset=utf-8').send(portalCss));
  registerLogin(app, portal);
  registerLogout(app, portal);
  app.setErrorHandler((error, _request, reply) => {
    const refusal = error instanceof oidc.AuthorizationResponseError ? error.error : undefined;
    const isDeclined = refusal === 'access_denied';
    const text = isDeclined
      ? 'The login was declined or cancelled. Nothing happened.'
      : 'The login did not succeed. Please try again.';
    const detail = refusal ?? (error instanceof Error ? error.message : undefined);
    return sendPage(reply, errorPage(text, detail), refusal ? 403 : 502);
  });
  return app;
}

/** Authorization code flow with PKCE: there, and back with a code. */
function registerLogin(app: FastifyInstance, { options, discover, sessions, pending }: Portal): void {
  app.get('/login', async (_request, reply) => {
    const login: PendingLogin = {
      codeVerifier: oidc.randomPKCECodeVerifier(),
      state: oidc.randomState(),
      nonce: oidc.randomNonce(),
      startedAt: Date.now(),
    };
    forgetOld(pending);
    const id = randomBytes(32).toString('base64url');
    pending.set(id, login);
    const url = oidc.buildAuthorizationUrl(await discover(), {
      redirect_uri: `${options.baseUrl}/callback`,
      scope: 'openid profile',
      code_challenge: await oidc.calculatePKCECodeChallenge(login.codeVerifier),
      code_challenge_method: 'S256',
      state: login.state,
      nonce: login.nonce,
    });
    return reply
      .setCookie('portal_login', id, { httpOnly: true, sameSite: 'lax', path: '/callback' })
      .redirect(url.href, 303);
  });

  app.get('/callback', async (request, reply) => {
    const id = request.cookies['portal_login'] ?? '';
    const login = pending.get(id);
    pending.delete(id);
    if (!login) return sendPage(reply, errorPage('This login was not begun in this browser, or too long ago.'), 400);
    const config = await discover();
    const tokens = await oidc.authorizationCodeGrant(config, new URL(request.url, options.baseUrl), {
      pkceCodeVerifier: login.codeVerifier,
      expectedState: login.state,
      expectedNonce: login.nonce,
      idTokenExpected: true,
    });
    const claims = tokens.claims();
    if (!claims || !tokens.id_token) return sendPage(reply, errorPage('The server sent no ID token.'), 502);
    const profile = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub);
    const session = randomBytes(32).toString('base64url');
    sessions.set(session, { claims: { ...profile, ...claims }, idToken: tokens.id_token });
    return reply
      .clearCookie('portal_login', { path: '/callback' })
      .setCookie('portal_session', session, { httpOnly: true, sameSite: 'lax', path: '/' })
      .redirect('/', 303);
  });
}

/** Logout that begins here (RP-initiated), and logout that begins elsewhere (back-channel). */
function registerLogout(app: FastifyInstance, { options, discover, sessions }: Portal): void {
  app.post('/logout', async (request, reply) => {
    const session = sessions.get(sessionId(request));
    sessions.delete(sessionId(request));
    reply.clearCookie('portal_session', { path: '/' });
    if (!session) return reply.redirect('/', 303);
    const url = oidc.buildEndSessionUrl(await discover(), {
      id_token_hint: session.idToken,
      post_logout_redirect_uri: `${options.baseUrl}/`,
    });
    return reply.redirect(url.href, 303);
  });

  app.post('/backchannel-logout', async (request, reply) => {
    const token = (request.body as { logout_token?: unknown }).logout_token;
    const sid = typeof token === 'string' ? await verifyLogoutToken(options, token) : undefined;
    if (!sid) return reply.code(400).send({ error: 'invalid_request' });
    for (const [key, session] of sessions) if (session.claims['sid'] === sid) sessions.delete(key);
    return reply.code(200).header('cache-control', 'no-store').send();
  });
}

function sessionId(request: FastifyRequest): string {
  return request.cookies['portal_session'] ?? '';
}

function sendPage(reply: FastifyReply, html: string, status = 200): FastifyReply {
  return reply
    .code(status)
    .header('content-security-policy', pageSecurityPolicy)
    .header('cache-control', 'no-store')
    .header('referrer-policy', 'no-referrer')
    .type('text/html; charset=utf-8')
    .send(html);
}

/** Discovers the provider once and again after a failure. */
function discoverOnce(options: PortalOptions): () => Promise<oidc.Configuration> {
  let found: Promise<oidc.Configuration> | undefined;
  return () => {
    found ??= oidc
      .discovery(
        new URL(options.issuer),
        options.clientId,
        { client_secret: options.clientSecret },
        oidc.ClientSecretBasic(options.clientSecret),
        {
          // The demo's issuer is http on the loopback interface; a real portal leaves this line out.
          execute: options.issuer.startsWith('http:') ? [oidc.allowInsecureRequests] : [],
          ...(options.fetch && { [oidc.customFetch]: options.fetch as oidc.CustomFetch }),
        },
      )
      .catch((error: unknown) => {
        found = undefined;
        throw error;
      });
    return found;
  };
}

/** OIDC Back-Channel Logout 1.0 §2.6: signature, issuer, audience, the event, and no nonce. */
async function verifyLogoutToken(options: PortalOptions, token: string): Promise<string | undefined> {
  try {
    const how = options.fetch && { [customFetch]: options.fetch };
    const keys = createRemoteJWKSet(new URL(`${options.issuer}/oauth2/jwks`), how);
    const { payload } = await jwtVerify(token, keys, {
      issuer: options.issuer,
      audience: options.clientId,
      typ: 'logout+jwt',
    });
    const events = payload['events'] as Record<string, unknown> | undefined;
    if (payload['nonce'] !== undefined || !events?.['http://schemas.openid.net/event/backchannel-logout'])
      return undefined;
    return typeof payload['sid'] === 'string' ? payload['sid'] : undefined;
  } catch {
    return undefined;
  }
}

function forgetOld(pending: Map<string, PendingLogin>): void {
  for (const [id, login] of pending) if (Date.now() - login.startedAt > pendingLifetimeMs) pending.delete(id);
}

const portalCss = `
:root { color-scheme: light dark; --ink: #14213d; --paper: #f6f7fb; --card: #fff; --line: #d6dae6; --brand: #1d4ed8; --soft: #51607d }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ecf6; --paper: #0d1424; --card: #161f36; --line: #2b3757; --brand: #8ab0ff; --soft: #a3b0cc } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; font: 17px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); display: grid; place-items: center; padding: 24px }
main { width: 100%; max-width: 620px; background: var(--card); border: 1px solid var(--line); border-radius: 16px; padding: 32px }
h1 { margin: 0 0 8px; font-size: 26px } p { margin: 0 0 20px } .soft { color: var(--soft) }
.button { display: inline-block; font: inherit; font-weight: 600; min-height: 48px; padding: 11px 22px; border-radius: 10px; border: 0; background: var(--brand); color: var(--card); text-decoration: none; cursor: pointer }
:focus-visible { outline: 3px solid var(--brand); outline-offset: 3px }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 10px 20px; margin: 0 0 24px } dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere }
code { font-size: 14px } h2 { font-size: 19px; margin: 28px 0 8px }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: 12px; font-size: 14px }
details { border-top: 1px solid var(--line); padding: 10px 0 } summary { cursor: pointer }
.qr { background: #fff; border-radius: 12px; width: 260px; margin: 0 0 20px } .qr svg { display: block; width: 260px; height: 260px }
 @media (max-width: 480px) { dl { grid-template-columns: 1fr; gap: 2px } dd { margin-bottom: 10px } main { padding: 22px } }
`;
