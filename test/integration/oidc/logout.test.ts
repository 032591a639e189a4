/** Logout at one portal ends the login everywhere, and every portal is told, in the end. */
import Fastify, { type FastifyInstance } from 'fastify';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import * as oidc from 'openid-client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deactivateDevice } from '../../../src/devices/devices.ts';
import { UndeliverableError } from '../../../src/notify/outbox.ts';
import { disableClient } from '../../../src/oidc/clients.ts';
import { endLogins } from '../../../src/oidc/end-logins.ts';
import { deliverLogout } from '../../../src/oidc/logout-delivery.ts';
import type { Browser, Page } from './browser.ts';
import { addPortal, logIn, obtainCode, type Portal, post } from './portal.ts';
import { bank, type OidcServer, startOidcServer } from './server.ts';

let server: OidcServer;
/** The portals' side of back-channel logout. */
let receiver: FastifyInstance;
let receiverUrl: string;
let received: string[] = [];
let answer: { status: number; location?: string } = { status: 200 };

beforeAll(async () => {
  receiver = Fastify({ forceCloseConnections: true });
  receiver.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
    done(null, Object.fromEntries(new URLSearchParams(String(body))));
  });
  receiver.post('/logout', async (request, reply) => {
    received.push((request.body as { logout_token: string }).logout_token);
    if (answer.location !== undefined) reply.header('location', answer.location);
    return reply.status(answer.status).send('x'.repeat(100));
  });
  receiverUrl = await receiver.listen({ port: 0, host: '127.0.0.1' });
});
afterAll(() => receiver.close());
beforeEach(async () => {
  server = await startOidcServer();
  received = [];
  answer = { status: 200 };
});
afterEach(() => server.close());

const addReceiver = (metadata: Record<string, unknown> = {}) =>
  addPortal(server, {
    metadata: {
      backchannel_logout_uri: `${receiverUrl}/logout`,
      post_logout_redirect_uris: ['https://portal.example/bye'],
      grant_types: ['authorization_code', 'refresh_token'],
      ...metadata,
    },
  });

type Outcome = 'delivered' | 'undeliverable' | Error;

/** Delivers what is in the outbox, as its worker does. */
async function deliverAll(internalHosts = [new URL(receiverUrl).host]): Promise<Outcome[]> {
  const { outbox } = server.stores.records;
  const messages = await outbox.claim({ worker: 'test', at: Date.now(), leaseMs: 60_000, limit: 50 });
  const outcomes: Outcome[] = [];
  for (const message of messages) {
    expect(message.kind).toBe('backchannel_logout');
    try {
      await deliverLogout({ ...server.deps, internalHosts }, message.payload);
      outcomes.push('delivered');
    } catch (error) {
      outcomes.push(error instanceof UndeliverableError ? 'undeliverable' : (error as Error));
    }
    await outbox.markSent(message.id, 'test', Date.now());
  }
  return outcomes;
}

const logoutUrl = (portal: Portal, extra: Record<string, string>) => {
  const url = oidc.buildEndSessionUrl(portal.config, extra);
  if (extra['client_id'] === '') url.searchParams.delete('client_id');
  return url;
};

async function confirm(browser: Browser, page: Page): Promise<Page> {
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
  const action = /action="([^"]+)"/.exec(page.text)?.[1] ?? '';
  return browser.request(action, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ xsrf, logout: 'yes' }).toString(),
  });
}

describe('Logout at one portal', () => {
  it('asks, leads back, and kills cookie, code, access and refresh tokens of all portals (S-06, O-20)', async () => {
    const [first, second] = [await addReceiver(), await addReceiver()];
    const { tokens, browser } = await logIn(server, first);
    const other = await logIn(server, second, { browser });
    const unredeemed = await obtainCode(server, second, { browser });
    const cookies = new Map(browser.jar);
    const page = await browser.request(
      logoutUrl(first, {
        id_token_hint: tokens.id_token ?? '',
        post_logout_redirect_uri: 'https://portal.example/bye',
        state: 'abc',
      }),
    );
    expect(page.status).toBe(200);
    expect(page.text).toContain('A portal asks to log you out');
    expect(page.headers.get('content-security-policy')).toContain("form-action 'self' https://portal.example");
    expect(page.headers.get('content-security-policy')).toMatch(/script-src;/);
    const done = await confirm(browser, page);
    expect(done.headers.get('location')).toBe('https://portal.example/bye?state=abc');
    for (const [key, cookie] of cookies) browser.jar.set(key, cookie);
    const silent = await obtainCode(server, first, { browser, extra: { prompt: 'none' } });
    expect(silent.callback.searchParams.get('error')).toBe('login_required');
    for (const [portal, set] of [
      [first, tokens],
      [second, other.tokens],
    ] as const) {
      await expect(oidc.refreshTokenGrant(portal.config, set.refresh_token ?? '')).rejects.toThrow();
      await expect(oidc.fetchUserInfo(portal.config, set.access_token, server.user.userId)).rejects.toThrow();
      const { body } = await post(server, '/oauth2/introspect', { portal, form: { token: set.access_token } });
      expect(body).toEqual({ active: false });
    }
    await expect(
      oidc.authorizationCodeGrant(second.config, unredeemed.callback, {
        pkceCodeVerifier: unredeemed.request.codeVerifier,
        expectedState: unredeemed.request.state,
        expectedNonce: unredeemed.request.nonce,
      }),
    ).rejects.toThrow();
  });

  it('sends each portal a logout token of its own: typed, with sid, sub and event, without nonce (S-06)', async () => {
    const [first, second] = [await addReceiver(), await addReceiver({ id_token_signed_response_alg: 'RS256' })];
    const silent = await addPortal(server);
    const { tokens, browser } = await logIn(server, first);
    const other = await logIn(server, second, { browser });
    await logIn(server, silent, { browser });
    await confirm(browser, await browser.request(logoutUrl(first, { id_token_hint: tokens.id_token ?? '' })));
    expect(await deliverAll()).toEqual(['delivered', 'delivered']);
    const keys = createRemoteJWKSet(new URL(`${server.issuer}/oauth2/jwks`));
    for (const [portal, claims] of [
      [first, tokens.claims()],
      [second, other.tokens.claims()],
    ] as const) {
      const token = received.find((text) => decodeJwt(text).aud === portal.id) ?? '';
      const { payload, protectedHeader } = await jwtVerify(token, keys, {
        typ: 'logout+jwt',
        issuer: server.issuer,
        audience: portal.id,
        requiredClaims: ['jti', 'iat', 'exp'],
      });
      expect(protectedHeader.alg).toBe(portal === first ? 'ES256' : 'RS256');
      expect(payload).toMatchObject({
        sub: server.user.userId,
        sid: claims?.['sid'],
        events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
      });
      expect(payload).not.toHaveProperty('nonce');
    }
    const trail = await server.stores.records.audit.read(0, 200);
    expect(trail.filter(({ event }) => event === 'logout.completed')).toHaveLength(1);
  });

  it('needs its own form: a forged confirmation ends nothing (S-10)', async () => {
    const portal = await addReceiver();
    const { browser, tokens } = await logIn(server, portal);
    await browser.request(logoutUrl(portal, { id_token_hint: tokens.id_token ?? '' }));
    for (const body of ['', 'logout=yes', 'xsrf=&logout=yes', `xsrf=${'a'.repeat(48)}&logout=yes`]) {
      const forged = await browser.request('/oauth2/logout/confirm', {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://evil.example' },
        body,
      });
      expect(forged.status).toBe(400);
    }
    const silent = await obtainCode(server, portal, { browser, extra: { prompt: 'none' } });
    expect(silent.callback.searchParams.get('code')).toBeTruthy();
  });

  it('refuses an unregistered target, a forged hint and a hint of another client (O-20)', async () => {
    const portal = await addReceiver();
    const other = await addReceiver();
    const { browser, tokens } = await logIn(server, portal);
    const hint = tokens.id_token ?? '';
    const forged = `${hint.slice(0, -10)}AAAAAAAAAA`;
    for (const [extra, status] of [
      [{ id_token_hint: hint, post_logout_redirect_uri: 'https://portal.example/bye/' }, 400],
      [{ id_token_hint: hint, post_logout_redirect_uri: 'https://evil.example' }, 400],
      [{ id_token_hint: forged, post_logout_redirect_uri: 'https://portal.example/bye' }, 400],
      [{ id_token_hint: hint, client_id: other.id }, 400],
      [{ id_token_hint: 'x', client_id: portal.id }, 400],
    ] as const) {
      const page = await browser.request(logoutUrl(portal, { ...extra }));
      expect(page.status).toBe(status);
      expect(page.headers.get('location')).toBeNull();
    }
  });

  it('without a hint asks, and leads only where the named client is registered (O-20)', async () => {
    const portal = await addReceiver();
    const { browser } = await logIn(server, portal);
    const page = await browser.request('/oauth2/logout?post_logout_redirect_uri=https://evil.example');
    expect(page.text).toContain('Log out?');
    const done = await confirm(browser, page);
    expect(done.headers.get('location')).toBe(`${server.issuer}/oauth2/logout/success`);
    expect((await browser.request(done.headers.get('location') ?? '')).text).toContain('You are logged out');
  });
});

describe('A logout message', () => {
  const queued = async (metadata: Record<string, unknown> = {}) => {
    const portal = await addReceiver(metadata);
    await logIn(server, portal);
    await server.stores.records.transaction((records) =>
      endLogins(records, { userId: server.user.userId }, Date.now()),
    );
    return portal;
  };

  it('comes of a deactivation too, in the same transaction (P7, S-07)', async () => {
    const portal = await addReceiver();
    const { tokens } = await logIn(server, portal);
    await deactivateDevice(
      { ...server.deps, endLogins, log: { error: () => undefined } },
      { deviceId: server.user.deviceId, actor: 'cli', reason: 'lost' },
    );
    const { outbox } = server.stores.records;
    const messages = (await outbox.claim({ worker: 'test', at: Date.now(), leaseMs: 1000, limit: 50 })).filter(
      ({ kind }) => kind === 'backchannel_logout',
    );
    expect(messages.map(({ payload }) => JSON.parse(payload))).toEqual([
      { clientId: portal.id, sub: server.user.userId, sid: tokens.claims()?.['sid'] },
    ]);
  });

  it('goes to a private address only where that host is on the list (P6)', async () => {
    await queued();
    const [refused] = await deliverAll([]);
    expect(String(refused)).toContain('private address');
    expect(received).toHaveLength(0);
  });

  it('goes to no name that leads to a private address (P6)', async () => {
    await queued({ backchannel_logout_uri: receiverUrl.replace('127.0.0.1', 'localhost').concat('/logout') });
    const [refused] = await deliverAll([]);
    expect(String(refused)).toContain('private address');
    expect(received).toHaveLength(0);
  });

  it.each([
    [204, 'delivered'],
    [400, 'undeliverable'],
  ] as const)('that is answered with %i is %s', async (status, outcome) => {
    answer = { status };
    await queued();
    expect(await deliverAll()).toEqual([outcome]);
  });

  it.each([500, 503, 404, 302])(
    'that is answered with %i is tried again, and no redirect is followed',
    async (status) => {
      answer = { status, ...(status === 302 ? { location: `${receiverUrl}/elsewhere` } : {}) };
      await queued();
      const [outcome] = await deliverAll();
      expect(outcome).toBeInstanceOf(Error);
      expect(received).toHaveLength(1);
    },
  );

  it('that nobody answers is tried again', async () => {
    await queued({ backchannel_logout_uri: 'http://127.0.0.1:9/logout' });
    const [outcome] = await deliverAll(['127.0.0.1:9']);
    expect(outcome).toBeInstanceOf(Error);
  });

  it('for a portal that was switched off meanwhile is given up', async () => {
    const portal = await queued();
    await disableClient(server.deps, portal.id, bank);
    expect(await deliverAll()).toEqual(['undeliverable']);
    expect(received).toHaveLength(0);
  });

  it('is signed when it is sent, with the key of that moment', async () => {
    await queued();
    await server.rotate();
    expect(await deliverAll()).toEqual(['delivered']);
    const keys = createRemoteJWKSet(new URL(`${server.issuer}/oauth2/jwks`));
    const { protectedHeader } = await jwtVerify(received[0] ?? '', keys, { typ: 'logout+jwt' });
    expect(protectedHeader.kid).toBe(server.keys.activeSigner('ES256').kid);
  });
});
