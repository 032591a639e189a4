/** Codes and tokens: once, for one client, for one audience, for a short time. */
import { createRemoteJWKSet, decodeProtectedHeader, exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose';
import * as oidc from 'openid-client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { randomToken } from '../../../src/crypto/random.ts';
import { verifyAdminToken } from '../../../src/oidc/access-token.ts';
import { disableClient } from '../../../src/oidc/clients.ts';
import { acr } from '../../../src/protocol/names.ts';
import { soon } from '../../soon.ts';
import { addPortal, authorization, basic, codeForm, logIn, obtainCode, type Portal, post, redeem } from './portal.ts';
import { adminAudience, bank, type OidcServer, startOidcServer } from './server.ts';

let server: OidcServer;
let portal: Portal;
beforeAll(async () => {
  server = await startOidcServer();
  portal = await addPortal(server, { metadata: { grant_types: ['authorization_code', 'refresh_token'] } });
});
afterAll(() => server.close());

const refresh = (of: Portal, refreshToken: string) =>
  post(server, '/oauth2/token', {
    portal: of,
    form: {
      grant_type: 'refresh_token',
      refresh_token: refreshToken,
      ...(of.secret === '' ? { client_id: of.id } : {}),
    },
  });
const introspect = (of: Portal, token: string) =>
  post(server, '/oauth2/introspect', { portal: of, form: { token } }).then(({ body }) => body);
const publicPortal = () =>
  addPortal(server, {
    metadata: { token_endpoint_auth_method: 'none', grant_types: ['authorization_code', 'refresh_token'] },
  });
const replays = async () =>
  (await server.stores.records.audit.read(0, 200)).filter(({ event }) => event === 'token.refused').length;

describe('An authorization code', () => {
  it('that comes a second time is refused, takes its tokens with it, and is audited (O-02)', async () => {
    const { callback, request } = await obtainCode(server, portal);
    const tokens = await redeem(portal, request, callback);
    const before = await replays();
    const again = await post(server, '/oauth2/token', { portal, form: codeForm(callback, request, portal) });
    expect(again).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    await expect(oidc.fetchUserInfo(portal.config, tokens.access_token, server.user.userId)).rejects.toThrow();
    expect((await refresh(portal, tokens.refresh_token ?? '')).body['error']).toBe('invalid_grant');
    await soon(async () => expect(await replays()).toBe(before + 1));
  });

  it('is refused after 60 seconds, and not before (O-03)', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      for (const [seconds, status] of [
        [59, 200],
        [61, 400],
      ] as const) {
        const { callback, request } = await obtainCode(server, portal);
        vi.setSystemTime(Date.now() + seconds * 1000);
        const answer = await post(server, '/oauth2/token', { portal, form: codeForm(callback, request, portal) });
        expect(answer.status).toBe(status);
      }
    } finally {
      vi.useRealTimers();
    }
  });

  it('is refused to another client (O-03)', async () => {
    const other = await addPortal(server);
    const { callback, request } = await obtainCode(server, portal);
    const answer = await post(server, '/oauth2/token', { portal: other, form: codeForm(callback, request, portal) });
    expect(answer.body['error']).toBe('invalid_grant');
  });

  it.each([
    ['a wrong verifier', { code_verifier: 'x'.repeat(43) }],
    ['no verifier', { code_verifier: '' }],
    ['another redirect_uri', { redirect_uri: 'https://portal.example/callback/' }],
    ['no redirect_uri', { redirect_uri: '' }],
    ['no code', { code: '' }],
  ])('is refused with %s (O-04, T23)', async (_name, change) => {
    const { callback, request } = await obtainCode(server, portal);
    const form = { ...codeForm(callback, request, portal), ...change };
    const kept = Object.fromEntries(Object.entries(form).filter(([, value]) => value !== ''));
    const answer = await post(server, '/oauth2/token', { portal, form: kept });
    expect(answer.status).toBe(400);
    expect(['invalid_grant', 'invalid_request']).toContain(answer.body['error']);
  });
});

describe('A refresh token', () => {
  it('rotates for a public client; the old one ends the whole family (O-10, T19)', async () => {
    const spa = await publicPortal();
    const { tokens } = await logIn(server, spa);
    const first = tokens.refresh_token ?? '';
    const second = await refresh(spa, first);
    expect(second.status).toBe(200);
    expect(second.body['refresh_token']).not.toBe(first);
    expect((await refresh(spa, first)).body['error']).toBe('invalid_grant');
    expect((await refresh(spa, String(second.body['refresh_token']))).body['error']).toBe('invalid_grant');
  });

  it('stays the same for a confidential client, and is the client’s own (O-10)', async () => {
    const { tokens } = await logIn(server, portal);
    const again = await refresh(portal, tokens.refresh_token ?? '');
    expect(again.body['refresh_token']).toBe(tokens.refresh_token);
    const other = await addPortal(server, { metadata: { grant_types: ['authorization_code', 'refresh_token'] } });
    expect((await refresh(other, tokens.refresh_token ?? '')).body['error']).toBe('invalid_grant');
  });

  it('moves neither auth_time nor acr nor amr (S-13)', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const { tokens } = await logIn(server, portal);
      vi.setSystemTime(Date.now() + 600_000);
      const again = await oidc.refreshTokenGrant(portal.config, tokens.refresh_token ?? '');
      const { auth_time, acr: context, amr, iat } = tokens.claims() as oidc.IDToken;
      expect(again.claims()).toMatchObject({ auth_time, acr: context, amr });
      expect(Number(again.claims()?.iat)).toBe(Number(iat) + 600);
    } finally {
      vi.useRealTimers();
    }
  });

  it('ends 12 hours after the login, however often it was used (O-10, S-02)', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const { tokens, browser } = await logIn(server, portal);
      for (const hours of [4, 4, 3.9]) {
        vi.setSystemTime(Date.now() + hours * 3_600_000);
        // Signing on keeps the session; it cannot keep it for ever.
        await obtainCode(server, portal, { browser, extra: { prompt: 'none' } });
        expect((await refresh(portal, tokens.refresh_token ?? '')).status).toBe(200);
      }
      vi.setSystemTime(Date.now() + 0.2 * 3_600_000);
      expect((await refresh(portal, tokens.refresh_token ?? '')).body['error']).toBe('invalid_grant');
      const signOn = await obtainCode(server, portal, { browser, extra: { prompt: 'none' } });
      expect(signOn.callback.searchParams.get('error')).toBe('login_required');
    } finally {
      vi.useRealTimers();
    }
  });

  it('is not given to a client that is not registered for it, whatever it asks (P10)', async () => {
    const plain = await addPortal(server);
    const { tokens } = await logIn(server, plain, { extra: { scope: 'openid offline_access' } });
    expect(tokens.refresh_token).toBeUndefined();
  });
});

describe('An access token for a portal’s API', () => {
  it('is a JWT of type at+jwt for that audience alone, for 300 seconds (O-15, P9)', async () => {
    const api = await addPortal(server, {
      metadata: { resource: 'https://api.portal.example', scope: 'payments:read payments:write' },
    });
    const { tokens } = await logIn(server, api, { extra: { scope: 'openid profile payments:read unknown:scope' } });
    const keys = createRemoteJWKSet(new URL(`${server.issuer}/oauth2/jwks`));
    const { payload } = await jwtVerify(tokens.access_token, keys, {
      typ: 'at+jwt',
      issuer: server.issuer,
      audience: 'https://api.portal.example',
    });
    expect(payload).toMatchObject({
      sub: server.user.userId,
      client_id: api.id,
      scope: 'payments:read',
      acr,
      amr: ['pin', 'hwk', 'mfa'],
    });
    expect(Number(payload.exp) - Number(payload.iat)).toBe(300);
    expect(tokens.expires_in).toBe(300);
    // It is for the API, so userinfo is closed to it and the profile comes in the ID token (P11).
    await expect(oidc.fetchUserInfo(api.config, tokens.access_token, server.user.userId)).rejects.toThrow();
    expect(tokens.claims()).toMatchObject({ name: 'Ann Peeters' });
  });

  it.each([adminAudience, 'https://api.other.example', 'urn:x'])(
    'is not given for %s, which is not its own (O-15)',
    async (resource) => {
      const { callback } = await obtainCode(server, portal, { extra: { resource } });
      expect(callback.searchParams.get('error')).toBe('invalid_target');
    },
  );
});

describe('An opaque access token', () => {
  it('lives 300 seconds', async () => {
    const { tokens } = await logIn(server, portal);
    expect(tokens.expires_in).toBe(300);
  });

  it('is told about to its own client only, and only to an authenticated one', async () => {
    const { tokens } = await logIn(server, portal);
    expect(await introspect(portal, tokens.access_token)).toMatchObject({ active: true, client_id: portal.id });
    expect(await introspect(await addPortal(server), tokens.access_token)).toEqual({ active: false });
    const anonymous = await post(server, '/oauth2/introspect', { form: { token: tokens.access_token } });
    expect([400, 401]).toContain(anonymous.status);
    const spa = await publicPortal();
    const spaTokens = await logIn(server, spa);
    const own = await post(server, '/oauth2/introspect', {
      form: { token: spaTokens.tokens.access_token, client_id: spa.id },
    });
    expect(own.body).toEqual({ active: false });
  });

  it('is revoked with its family by its own client, and by no other', async () => {
    const { tokens } = await logIn(server, portal);
    const other = await addPortal(server);
    const foreign = await post(server, '/oauth2/revoke', { portal: other, form: { token: tokens.access_token } });
    expect(foreign.status).toBe(400);
    expect(await introspect(portal, tokens.access_token)).toMatchObject({ active: true });
    expect((await post(server, '/oauth2/revoke', { portal, form: { token: tokens.access_token } })).status).toBe(200);
    expect(await introspect(portal, tokens.access_token)).toEqual({ active: false });
    expect((await refresh(portal, tokens.refresh_token ?? '')).body['error']).toBe('invalid_grant');
  });

  it('of a revoked grant stays dead when its user signs on again in the same session', async () => {
    const { tokens, browser } = await logIn(server, portal);
    await post(server, '/oauth2/revoke', { portal, form: { token: tokens.refresh_token ?? '' } });
    const again = await logIn(server, portal, { browser });
    expect(await introspect(portal, again.tokens.access_token)).toMatchObject({ active: true });
    expect(await introspect(portal, tokens.access_token)).toEqual({ active: false });
    await logIn(server, portal, { browser });
    expect(await introspect(portal, again.tokens.access_token)).toMatchObject({ active: true });
  });

  it('is never taken from the address (O-22)', async () => {
    const { tokens } = await logIn(server, portal);
    const answer = await fetch(`${server.issuer}/oauth2/userinfo?access_token=${tokens.access_token}`);
    expect(answer.status).toBe(400);
  });

  it('and an ID token cannot stand in for each other (O-15)', async () => {
    const { tokens } = await logIn(server, portal);
    const asAccessToken = await fetch(`${server.issuer}/oauth2/userinfo`, {
      headers: { authorization: `Bearer ${tokens.id_token}` },
    });
    expect(asAccessToken.status).toBe(401);
    await expect(verifyAdminToken(server.deps, `Bearer ${tokens.id_token}`)).rejects.toThrow();
    await expect(verifyAdminToken(server.deps, `Bearer ${tokens.access_token}`)).rejects.toThrow();
  });
});

describe('DPoP', () => {
  it('binds tokens to the key, and a proof is accepted once (O-09)', async () => {
    const spa = await publicPortal();
    const pair = await oidc.randomDPoPKeyPair();
    const DPoP = oidc.getDPoPHandle(spa.config, pair);
    const { callback, request } = await obtainCode(server, spa);
    const checks = {
      pkceCodeVerifier: request.codeVerifier,
      expectedState: request.state,
      expectedNonce: request.nonce,
    };
    const tokens = await oidc.authorizationCodeGrant(spa.config, callback, checks, undefined, { DPoP });
    expect(tokens.token_type).toBe('dpop');
    await expect(oidc.fetchUserInfo(spa.config, tokens.access_token, server.user.userId)).rejects.toThrow();
    const info = await oidc.fetchUserInfo(spa.config, tokens.access_token, server.user.userId, { DPoP });
    expect(info.sub).toBe(server.user.userId);
    const thief = oidc.getDPoPHandle(spa.config, await oidc.randomDPoPKeyPair());
    await expect(
      oidc.refreshTokenGrant(spa.config, tokens.refresh_token ?? '', undefined, { DPoP: thief }),
    ).rejects.toThrow();
  });
});

describe('The client credentials grant', () => {
  const admin = async (scope = 'admin:read admin:devices', companyId?: string) => {
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    const { id } = await server.addClient({
      kind: 'admin',
      name: 'Operator',
      ...(companyId === undefined ? {} : { companyId }),
      metadata: { jwks: { keys: [await exportJWK(publicKey)] }, scope },
    });
    const ask = async (wanted: string, resource?: string) => {
      const assertion = await new SignJWT({ jti: randomToken(16) })
        .setProtectedHeader({ alg: 'ES256' })
        .setIssuer(id)
        .setSubject(id)
        .setAudience(server.issuer)
        .setIssuedAt()
        .setExpirationTime('60s')
        .sign(privateKey);
      return post(server, '/oauth2/token', {
        form: {
          grant_type: 'client_credentials',
          client_id: id,
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: assertion,
          scope: wanted,
          ...(resource === undefined ? {} : { resource }),
        },
      });
    };
    return { id, ask };
  };

  it('gives an admin client a token that the admin API accepts, with the scopes it asked for (O-15)', async () => {
    const { id, ask } = await admin('admin:read admin:devices', server.user.companyId);
    for (const resource of [undefined, adminAudience]) {
      const { status, body } = await ask('admin:devices', resource);
      expect(status).toBe(200);
      expect(decodeProtectedHeader(String(body['access_token']))).toMatchObject({ typ: 'at+jwt', alg: 'ES256' });
      const caller = await verifyAdminToken(server.deps, `Bearer ${body['access_token']}`);
      expect(caller).toEqual({
        clientId: id,
        name: 'Operator',
        companyId: server.user.companyId,
        scopes: new Set(['admin:devices']),
      });
    }
  });

  it('refuses scopes that are not registered and resources that are not the admin API', async () => {
    const { ask } = await admin('admin:read');
    expect((await ask('admin:read admin:write')).body['error']).toBe('invalid_scope');
    expect((await ask('admin:read', 'https://other.example')).body['error']).toBe('invalid_target');
  });

  it('ends with the client: its token is refused at once', async () => {
    const { id, ask } = await admin();
    const { body } = await ask('admin:read');
    await disableClient(server.deps, id, bank);
    await expect(verifyAdminToken(server.deps, `Bearer ${body['access_token']}`)).rejects.toMatchObject({
      code: 'authentication_failed',
    });
    expect((await ask('admin:read')).body['error']).toBe('invalid_client');
  });

  it('is closed to portals, and admin clients cannot log users in', async () => {
    const { body } = await post(server, '/oauth2/token', {
      portal,
      form: { grant_type: 'client_credentials', resource: adminAudience, scope: 'admin:read' },
    });
    expect(body['error']).toBe('invalid_request');
    const { id } = await admin();
    const { url } = await authorization({ ...portal, id });
    url.searchParams.set('client_id', id);
    const answer = await fetch(url, { redirect: 'manual' });
    expect(answer.status).toBe(400);
  });
});

describe('The token endpoint', () => {
  it.each([
    'password',
    'implicit',
    'urn:ietf:params:oauth:grant-type:device_code',
    'urn:openid:params:grant-type:ciba',
    'x',
  ])('does not know the grant type %s (O-05)', async (grant) => {
    const form = { grant_type: grant, username: 'a', password: 'b' };
    const { body } = await post(server, '/oauth2/token', { portal, form });
    expect(body['error']).toBe('unsupported_grant_type');
  });

  it('refuses a secret in the body, a wrong secret and a secret of another client', async () => {
    const { callback, request } = await obtainCode(server, portal);
    const form = codeForm(callback, request, portal);
    const inBody = await post(server, '/oauth2/token', {
      form: { ...form, client_id: portal.id, client_secret: portal.secret },
    });
    expect(inBody.body['error']).not.toBeUndefined();
    const other = await addPortal(server);
    for (const secret of ['wrong', other.secret, `${portal.secret} `, portal.secret.slice(0, -1)]) {
      const headers = { authorization: basic({ ...portal, secret }) };
      const { status, body } = await post(server, '/oauth2/token', { form, headers });
      expect([400, 401]).toContain(status);
      expect(body['access_token']).toBeUndefined();
    }
  });
});
