/** The demo portal: a small real relying party, the example that a portal developer copies. */
import { randomBytes } from 'node:crypto';
import cookie from '@fastify/cookie';
import Fastify, { type FastifyInstance } from 'fastify';
import { createRemoteJWKSet, customFetch, jwtVerify } from 'jose';
import * as oidc from 'openid-client';
import { registerLostPhone } from './portal-lost.ts';
import { claimsPage, errorPage, welcomePage } from './portal-pages.ts';
import { registerPayments } from './portal-pay.ts';
import { type PendingLogin, type Portal, type PortalOptions, sendPage, sessionId } from './portal-session.ts';
import { portalCss } from './portal-style.ts';

const pendingLifetimeMs = 15 * 60_000;
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
  registerLostPhone(app, portal);
  registerPayments(app, portal);
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
      // The last two let the portal help a user whose phone is lost (portal-lost.ts); one that does not leaves both out.
      scope: 'openid profile account',
      resource: `${options.issuer}/account`,
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
    const { id_token: idToken, refresh_token: refreshToken = '' } = tokens;
    sessions.set(session, { claims: { ...profile, ...claims }, idToken, refreshToken });
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

/** Discovers the provider once and again after a failure. */
function discoverOnce(options: PortalOptions): () => Promise<oidc.Configuration> {
  let found: Promise<oidc.Configuration> | undefined;
  return () => {
    found ??= oidc
      .discovery(
        new URL(options.issuer),
        options.clientId,
        {},
        oidc.PrivateKeyJwt({ key: options.clientKey.privateKey, kid: options.clientKey.kid }),
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
