/** Portals log users in with a certified client over a real listener. */
import { decodeProtectedHeader, exportJWK, generateKeyPair } from 'jose';
import * as oidc from 'openid-client';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { acr } from '../../../src/protocol/names.ts';
import { openBrowser } from './browser.ts';
import { addPortal, authorization, logIn, obtainCode, type Portal, post, redeem, redirectUri } from './portal.ts';
import { type OidcServer, startOidcServer } from './server.ts';

let server: OidcServer;
let portal: Portal;
beforeAll(async () => {
  server = await startOidcServer();
  portal = await addPortal(server);
});
afterAll(() => server.close());
beforeEach(() => {
  server.decision = { kind: 'approve' };
});

describe('A login with code and PKCE', () => {
  it('gives an ES256 ID token with sub, acr, amr, auth_time, sid and nonce, and nothing personal (O-14, S-13)', async () => {
    const { tokens } = await logIn(server, portal, { extra: { scope: 'openid profile email' } });
    const claims = tokens.claims();
    expect(decodeProtectedHeader(tokens.id_token ?? '').alg).toBe('ES256');
    expect(claims).toMatchObject({
      iss: server.issuer,
      aud: portal.id,
      sub: server.user.userId,
      acr,
      amr: ['pin', 'hwk', 'mfa'],
    });
    const members = ['acr', 'amr', 'aud', 'auth_time', 'exp', 'iat', 'iss', 'nonce', 'sid', 'sub'];
    expect(Object.keys(claims ?? {}).sort()).toEqual(members);
    expect((claims?.exp ?? 0) - (claims?.iat ?? 0)).toBe(600);
    expect(await oidc.fetchUserInfo(portal.config, tokens.access_token, server.user.userId)).toEqual({
      sub: server.user.userId,
      name: 'Ann Peeters',
      locale: 'nl-BE',
      company_id: server.user.companyId,
      company_name: 'Acme NV',
      permissions: 'full',
      email: 'ann@acme.example',
    });
  });

  it('works with private_key_jwt and a pushed request that the client must use (O-06, O-07)', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    const strict = await addPortal(server, {
      metadata: {
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [await exportJWK(publicKey)] },
        require_pushed_authorization_requests: true,
      },
      // The library's default audience is the issuer, as a string.
      auth: oidc.PrivateKeyJwt(privateKey as CryptoKey),
    });
    const direct = await obtainCode(server, strict);
    expect(direct.callback.searchParams.get('error')).toBe('invalid_request');
    const request = await authorization(strict);
    const pushed = await oidc.buildAuthorizationUrlWithPAR(strict.config, request.url.searchParams);
    const browser = openBrowser(server.issuer);
    const { url } = await browser.follow(pushed);
    const tokens = await redeem(strict, request, url);
    expect(tokens.claims()?.sub).toBe(server.user.userId);
    expect((await browser.follow(pushed)).text).toContain('invalid_request_uri');
  });

  it('signs ID tokens with RS256 for a client that is registered so, and for no other', async () => {
    const old = await addPortal(server, { metadata: { id_token_signed_response_alg: 'RS256' } });
    const { tokens } = await logIn(server, old);
    expect(decodeProtectedHeader(tokens.id_token ?? '').alg).toBe('RS256');
  });

  it('names the issuer in the answer, and discovery names the same (O-11)', async () => {
    const { callback } = await obtainCode(server, portal);
    expect(callback.searchParams.get('iss')).toBe(server.issuer);
    expect(portal.config.serverMetadata().issuer).toBe(server.issuer);
  });

  it('passes claims that the claims parameter asks for, and none that it does not', async () => {
    const claims = JSON.stringify({ id_token: { locale: null }, userinfo: { name: null } });
    const { tokens } = await logIn(server, portal, { extra: { claims } });
    expect(tokens.claims()).toMatchObject({ locale: 'nl-BE' });
    expect(tokens.claims()).not.toHaveProperty('name');
    const info = await oidc.fetchUserInfo(portal.config, tokens.access_token, server.user.userId);
    expect(info).toMatchObject({ name: 'Ann Peeters' });
    expect(info).not.toHaveProperty('email');
  });

  it('records the factor that was proven, not a better one (S-13)', async () => {
    server.decision = { kind: 'approve', login: { factor: 'face' } };
    const { tokens } = await logIn(server, portal);
    expect(tokens.claims()?.['amr']).toEqual(['face', 'hwk', 'mfa']);
  });

  it('ends with access_denied at the portal where the phone declines (P-09)', async () => {
    server.decision = { kind: 'refuse' };
    const { callback, request } = await obtainCode(server, portal);
    expect(callback.origin + callback.pathname).toBe(redirectUri);
    expect(callback.searchParams.get('error')).toBe('access_denied');
    expect(callback.searchParams.get('state')).toBe(request.state);
  });
});

describe('Single sign-on', () => {
  it('shows the login page once for two portals in one browser, with two sids', async () => {
    const second = await addPortal(server);
    const first = await logIn(server, portal);
    const shown = server.shown;
    const again = await logIn(server, second, { browser: first.browser });
    expect(server.shown).toBe(shown);
    expect(again.tokens.claims()?.['auth_time']).toBe(first.tokens.claims()?.['auth_time']);
    expect(again.tokens.claims()?.['sid']).not.toBe(first.tokens.claims()?.['sid']);
  });

  it('answers prompt=none with login_required before a login and with a code after one (O-14)', async () => {
    const before = await obtainCode(server, portal, { extra: { prompt: 'none' } });
    expect(before.callback.searchParams.get('error')).toBe('login_required');
    const { browser } = await logIn(server, portal);
    const after = await obtainCode(server, portal, { browser, extra: { prompt: 'none' } });
    expect(after.callback.searchParams.get('code')).toBeTruthy();
  });

  it('makes a new order for prompt=login and for max_age that has passed, and not before (O-14)', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const { browser, tokens } = await logIn(server, portal);
      const shown = server.shown;
      await logIn(server, portal, { browser, extra: { max_age: '60' } });
      expect(server.shown).toBe(shown);
      vi.setSystemTime(Date.now() + 61_000);
      const aged = await logIn(server, portal, { browser, extra: { max_age: '60' } });
      expect(server.shown).toBe(shown + 1);
      expect(aged.tokens.claims()?.['auth_time']).toBe(Number(tokens.claims()?.['auth_time']) + 61);
      await logIn(server, portal, { browser, extra: { prompt: 'login' } });
      await logIn(server, portal, { browser, extra: { max_age: '0' } });
      expect(server.shown).toBe(shown + 3);
    } finally {
      vi.useRealTimers();
    }
  });

  it('refuses an old proof where max_age asks for a fresh one, and tells its true time elsewhere (S-13)', async () => {
    server.decision = { kind: 'approve', login: { provedAt: Date.now() - 3_600_000 } };
    const { callback } = await obtainCode(server, portal, { extra: { max_age: '60' } });
    expect(callback.searchParams.get('error')).toBe('login_required');
    const { tokens } = await logIn(server, portal);
    expect(Number(tokens.claims()?.['auth_time'])).toBeLessThanOrEqual(Math.floor(Date.now() / 1000) - 3600);
  });
});

describe('The authentication context', () => {
  it.each([
    { acr_values: 'urn:other:acr' },
    { claims: JSON.stringify({ id_token: { acr: { essential: true, value: 'urn:other:acr' } } }) },
    { claims: JSON.stringify({ id_token: { acr: { essential: true, values: ['urn:other:acr'] } } }) },
  ])('refuses a context that it does not have: %o (O-14)', async (extra) => {
    const { callback } = await obtainCode(server, portal, { extra });
    expect(callback.searchParams.get('error')).toBe('unmet_authentication_requirements');
    const { browser } = await logIn(server, portal);
    const signedOn = await obtainCode(server, portal, { browser, extra });
    expect(signedOn.callback.searchParams.get('error')).toBe('unmet_authentication_requirements');
  });

  it.each([
    { acr_values: `urn:other:acr ${acr}` },
    { claims: JSON.stringify({ id_token: { acr: { essential: true, values: ['x', acr] } } }) },
  ])('honours one that it has: %o (O-14)', async (extra) => {
    const { tokens } = await logIn(server, portal, { extra });
    expect(tokens.claims()?.['acr']).toBe(acr);
  });
});

describe('Discovery', () => {
  it('offers what is allowed and nothing weaker (T22, O-05, O-21)', async () => {
    const document = (await (await fetch(`${server.issuer}/.well-known/openid-configuration`)).json()) as Record<
      string,
      unknown
    >;
    expect(document).toMatchObject({
      issuer: server.issuer,
      response_types_supported: ['code'],
      grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'private_key_jwt', 'none'],
      token_endpoint_auth_signing_alg_values_supported: ['ES256', 'PS256'],
      id_token_signing_alg_values_supported: ['ES256', 'RS256'],
      dpop_signing_alg_values_supported: ['ES256', 'PS256'],
      acr_values_supported: [acr],
      backchannel_logout_supported: true,
      backchannel_logout_session_supported: true,
      authorization_response_iss_parameter_supported: true,
      jwks_uri: `${server.issuer}/oauth2/jwks`,
    });
    expect(document).not.toHaveProperty('registration_endpoint');
    const other = await (await fetch(`${server.issuer}/.well-known/oauth-authorization-server`)).json();
    expect(other).toEqual(document);
  });

  it('publishes the envelope keys beside the signing keys, and no private part', async () => {
    const answer = await fetch(`${server.issuer}/oauth2/jwks`);
    const { keys } = (await answer.json()) as { keys: Record<string, unknown>[] };
    expect(new Set(keys.map(({ use }) => use))).toEqual(new Set(['sig', 'enc']));
    for (const key of keys) expect(Object.keys(key)).not.toContain('d');
  });

  it('does not register clients by itself (O-21)', async () => {
    for (const path of ['/oauth2/register', '/oauth2/reg', '/reg', '/oauth2/registration']) {
      const { status } = await post(server, path, { form: { redirect_uris: 'https://evil.example' } });
      expect([401, 404]).toContain(status);
    }
  });
});
