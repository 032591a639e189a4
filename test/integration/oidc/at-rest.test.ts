/** What a thief of the stores finds: nothing that logs in. */
import * as oidc from 'openid-client';
import { describe, expect, it } from 'vitest';
import type { ShortLivedStore } from '../../../src/store/ports.ts';
import { openBrowser } from './browser.ts';
import { addPortal, authorization, logIn, obtainCode, post } from './portal.ts';
import { type OidcServer, startOidcServer } from './server.ts';

/** Notes every key and value that is written. */
function noting(written: string[]): (store: ShortLivedStore) => ShortLivedStore {
  return (store) => ({
    ...store,
    create: (key, value, ttlMs) => {
      written.push(key, value);
      return store.create(key, value, ttlMs);
    },
    compareAndSet: (key, version, value, ttlMs) => {
      written.push(key, value);
      return store.compareAndSet(key, version, value, ttlMs);
    },
  });
}

async function dump({ stores }: OidcServer): Promise<string> {
  const tables = await stores.durable.query<{ name: string }>(`select name from sqlite_master where type = 'table'`);
  const rows = await Promise.all(tables.map(({ name }) => stores.durable.query(`select * from "${name}"`)));
  return JSON.stringify(rows);
}

describe('A dump of the stores', () => {
  it('holds no code, token, cookie, request_uri, client secret or e-mail address in clear (P3, S-04, C-13)', async () => {
    const written: string[] = [];
    const server = await startOidcServer({ watch: noting(written) });
    try {
      const portal = await addPortal(server, { metadata: { grant_types: ['authorization_code', 'refresh_token'] } });
      const { tokens, browser } = await logIn(server, portal, { extra: { scope: 'openid email' } });
      await oidc.fetchUserInfo(portal.config, tokens.access_token, server.user.userId);
      const refreshed = await oidc.refreshTokenGrant(portal.config, tokens.refresh_token ?? '');
      // A request under way of a browser that has a session: the provider puts the cookie into it.
      server.decision = { kind: 'wait' };
      const waiting = await browser.follow((await authorization(portal, { prompt: 'login' })).url);
      const { callback } = await obtainCode(server, portal, { browser });
      const { url } = await authorization(portal);
      const pushed = await post(server, '/oauth2/par', { portal, form: Object.fromEntries(url.searchParams) });
      await openBrowser(server.issuer).follow(
        `/oauth2/authorize?client_id=${portal.id}&request_uri=${encodeURIComponent(String(pushed.body['request_uri']))}`,
      );
      const secrets = {
        code: callback.searchParams.get('code'),
        accessToken: tokens.access_token,
        secondAccessToken: refreshed.access_token,
        refreshToken: tokens.refresh_token,
        idToken: tokens.id_token,
        cookie: browser.jar.get('op /')?.value,
        interaction: waiting.url.pathname.split('/').at(-1),
        requestUri: String(pushed.body['request_uri']).split(':').at(-1),
        clientSecret: portal.secret,
        email: 'ann@acme.example',
      };
      const everything = written.join('\n') + (await dump(server));
      expect(everything.length).toBeGreaterThan(5000);
      for (const [name, secret] of Object.entries(secrets)) {
        expect(secret?.length, name).toBeGreaterThan(15);
        expect(everything.includes(secret ?? ''), `${name} is in clear`).toBe(false);
      }
      // The scan sees what it looks for: ids of clients are in clear.
      expect(everything).toContain(portal.id);
    } finally {
      await server.close();
    }
  });

  it('and the log hold no token after every kind of refusal (O-22, A-03)', async () => {
    const server = await startOidcServer();
    try {
      const portal = await addPortal(server);
      const { callback, request } = await obtainCode(server, portal);
      const form = {
        grant_type: 'authorization_code',
        code: callback.searchParams.get('code') ?? '',
        redirect_uri: 'x',
      };
      await post(server, '/oauth2/token', { portal, form });
      await fetch(`${server.issuer}/oauth2/userinfo?access_token=secret-token-in-the-address`);
      await fetch(`${server.issuer}/oauth2/logout?id_token_hint=secret-hint-in-the-address`);
      const lines = JSON.stringify(server.log);
      expect(server.log.length).toBeGreaterThanOrEqual(2);
      for (const secret of [form.code, request.codeVerifier, portal.secret, 'in-the-address'])
        expect(lines).not.toContain(secret);
    } finally {
      await server.close();
    }
  });
});
