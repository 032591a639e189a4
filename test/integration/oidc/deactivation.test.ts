/** A device, user or company that ends takes its logins with it, at whatever point they stand (T8, T9, S-07). */
import * as oidc from 'openid-client';
import { describe, expect, it } from 'vitest';
import { deactivateDevice } from '../../../src/devices/devices.ts';
import { endLogins } from '../../../src/oidc/end-logins.ts';
import { openBrowser } from './browser.ts';
import { addPortal, authorization, codeForm, logIn, obtainCode, post } from './portal.ts';
import { type OidcServer, startOidcServer } from './server.ts';

type Strike = (server: OidcServer) => Promise<unknown>;

const strikes: readonly (readonly [string, Strike])[] = [
  [
    'the device is deactivated',
    ({ deps, user }) =>
      deactivateDevice(
        { ...deps, endLogins, log: { error: () => undefined } },
        { deviceId: user.deviceId, actor: 'cli', reason: 'lost' },
      ),
  ],
  [
    'the device is blocked, and its logins have not been ended yet',
    ({ stores, user }) => stores.records.devices.end(user.deviceId, 'blocked', Date.now(), 'mpin'),
  ],
  [
    'five attempts are spent, and nobody has written the block yet',
    ({ stores, user }) => stores.durable.run('update devices set pin_attempts = 5 where id = $1', [user.deviceId]),
  ],
  [
    'the user is suspended',
    ({ stores, user }) => stores.durable.run(`update users set status = 'suspended' where id = $1`, [user.userId]),
  ],
  [
    'the company is suspended',
    ({ stores, user }) =>
      stores.durable.run(`update companies set status = 'suspended' where id = $1`, [user.companyId]),
  ],
];

describe.each(strikes)('Where %s', (_name, strike) => {
  it('sign-on, the login under way, the code, refresh, userinfo and introspection each refuse (T8, T9, S-07)', async () => {
    const server = await startOidcServer();
    try {
      const portal = await addPortal(server, { metadata: { grant_types: ['authorization_code', 'refresh_token'] } });
      const { tokens, browser } = await logIn(server, portal);
      const unredeemed = await obtainCode(server, portal);
      const approved = openBrowser(server.issuer);
      const begun = await approved.request((await authorization(portal)).url);
      const returning = await approved.request(begun.headers.get('location') ?? '');
      server.decision = { kind: 'wait' };
      const waiting = openBrowser(server.issuer);
      const waitingPage = await waiting.follow((await authorization(portal)).url);
      expect(waitingPage.status).toBe(200);
      server.decision = { kind: 'approve' };

      await strike(server);

      // Sign-on: no code without a new login.
      const silent = await obtainCode(server, portal, { browser, extra: { prompt: 'none' } });
      expect(silent.callback.searchParams.get('error')).toBe('login_required');
      const loud = await obtainCode(server, portal, { browser });
      expect(loud.page.status).toBe(403);
      // Approved on the phone, not yet back in the browser.
      const late = await approved.follow(returning.headers.get('location') ?? '');
      expect(late.url.searchParams.get('error')).toBe('access_denied');
      // On the login page, approval still to come.
      expect((await waiting.request(waitingPage.url)).status).toBe(403);
      const exchange = await post(server, '/oauth2/token', {
        portal,
        form: codeForm(unredeemed.callback, unredeemed.request, portal),
      });
      expect(exchange).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
      const refreshed = await post(server, '/oauth2/token', {
        portal,
        form: { grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '' },
      });
      expect(refreshed).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
      await expect(oidc.fetchUserInfo(portal.config, tokens.access_token, server.user.userId)).rejects.toThrow();
      for (const token of [tokens.access_token, tokens.refresh_token ?? '']) {
        const { body } = await post(server, '/oauth2/introspect', { portal, form: { token } });
        expect(body).toEqual({ active: false });
      }
    } finally {
      await server.close();
    }
  });
});

describe('The end of a device', () => {
  it('leaves the logins of the user’s other device alone', async () => {
    const server = await startOidcServer();
    try {
      const portal = await addPortal(server);
      const deviceId = await server.addDevice();
      server.decision = { kind: 'approve', login: { deviceId } };
      const { tokens } = await logIn(server, portal);
      await server.stores.records.transaction((records) =>
        endLogins(records, { deviceId: server.user.deviceId }, Date.now()),
      );
      const info = await oidc.fetchUserInfo(portal.config, tokens.access_token, server.user.userId);
      expect(info.sub).toBe(server.user.userId);
    } finally {
      await server.close();
    }
  });

  it('by another user’s device cannot complete a login', async () => {
    const server = await startOidcServer();
    try {
      const portal = await addPortal(server);
      server.decision = { kind: 'approve', login: { userId: 'usr_AAAAAAAAAAAAAAAAAAAAAA' } };
      expect((await obtainCode(server, portal)).page.status).toBe(403);
    } finally {
      await server.close();
    }
  });
});

describe('A dead store', () => {
  it('is a 503 that clients understand, never a login, and service returns by itself (X-03)', async () => {
    let isDown = false;
    const server = await startOidcServer({
      watch: (store) =>
        new Proxy(store, {
          get: (target, name, receiver) => {
            const method: unknown = Reflect.get(target, name, receiver);
            if (!isDown || typeof method !== 'function') return method;
            return async () => {
              const { AuthError } = await import('../../../src/errors.ts');
              throw new AuthError('unavailable');
            };
          },
        }),
    });
    try {
      const portal = await addPortal(server);
      const { callback, request } = await obtainCode(server, portal);
      isDown = true;
      const refused = await post(server, '/oauth2/token', { portal, form: codeForm(callback, request, portal) });
      expect(refused).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
      const page = await openBrowser(server.issuer).request((await authorization(portal)).url);
      expect([303, 503]).toContain(page.status);
      expect(page.headers.get('location') ?? '').not.toContain('code=');
      isDown = false;
      expect((await post(server, '/oauth2/token', { portal, form: codeForm(callback, request, portal) })).status).toBe(
        200,
      );
    } finally {
      await server.close();
    }
  });
});
