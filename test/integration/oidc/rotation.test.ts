/** Keys change while people log in. */
import { decodeProtectedHeader, exportJWK, generateKeyPair, SignJWT } from 'jose';
import * as oidc from 'openid-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { randomToken } from '../../../src/crypto/random.ts';
import { verifyAdminToken } from '../../../src/oidc/access-token.ts';
import { openBrowser } from './browser.ts';
import { addPortal, authorization, logIn, obtainCode, post, redeem } from './portal.ts';
import { type OidcServer, startOidcServer } from './server.ts';

let server: OidcServer;
beforeEach(async () => {
  server = await startOidcServer();
});
afterEach(() => server.close());

describe('Rotation of the signing keys', () => {
  it('under load fails no login, and tokens are signed by the new key without a restart (C-12, P12)', async () => {
    const portal = await addPortal(server);
    const kids = new Set<string>();
    let isRotating = true;
    const visitor = async (): Promise<void> => {
      while (isRotating) {
        const { tokens } = await logIn(server, portal);
        kids.add(String(decodeProtectedHeader(tokens.id_token ?? '').kid));
      }
    };
    const rotations = async (): Promise<void> => {
      for (let round = 0; round < 4; round += 1) {
        await server.rotate();
        const { tokens } = await logIn(server, portal);
        expect(decodeProtectedHeader(tokens.id_token ?? '').kid).toBe(server.keys.activeSigner('ES256').kid);
      }
      isRotating = false;
    };
    await Promise.all([rotations(), visitor(), visitor(), visitor()]);
    expect(kids.size).toBeGreaterThanOrEqual(4);
  });

  it('lets a login that began before it finish, and its refresh token work (P12)', async () => {
    const portal = await addPortal(server, { metadata: { grant_types: ['authorization_code', 'refresh_token'] } });
    server.decision = { kind: 'wait' };
    const browser = openBrowser(server.issuer);
    const request = await authorization(portal);
    const page = await browser.follow(request.url);
    await server.rotate();
    server.decision = { kind: 'approve' };
    const { url } = await browser.follow(page.url);
    await server.rotate();
    const tokens = await redeem(portal, request, url);
    await server.rotate();
    const again = await oidc.refreshTokenGrant(portal.config, tokens.refresh_token ?? '');
    expect(again.claims()?.sub).toBe(server.user.userId);
  });

  it('keeps old ID tokens valid as hints until their key is gone (P12)', async () => {
    const portal = await addPortal(server);
    const { tokens, browser } = await logIn(server, portal);
    const hint = { id_token_hint: tokens.id_token ?? '' };
    await server.rotate();
    const silent = await obtainCode(server, portal, { browser, extra: { ...hint, prompt: 'none' } });
    expect(silent.callback.searchParams.get('code')).toBeTruthy();
    await server.rotate({ forget: true });
    expect((await browser.request(oidc.buildEndSessionUrl(portal.config, hint))).status).toBe(400);
  });

  it('ends access tokens of a key that was erased (C-12)', async () => {
    const { publicKey, privateKey } = await generateKeyPair('PS256');
    const { id } = await server.addClient({
      kind: 'admin',
      name: 'Operator',
      metadata: { jwks: { keys: [await exportJWK(publicKey)] }, scope: 'admin:keys' },
    });
    const ask = async (): Promise<string> => {
      const assertion = await new SignJWT({ jti: randomToken(16) })
        .setProtectedHeader({ alg: 'PS256' })
        .setIssuer(id)
        .setSubject(id)
        .setAudience(server.issuer)
        .setExpirationTime('60s')
        .sign(privateKey);
      const form = {
        grant_type: 'client_credentials',
        client_id: id,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
        scope: 'admin:keys',
      };
      return String((await post(server, '/oauth2/token', { form })).body['access_token']);
    };
    const token = await ask();
    await server.rotate();
    await expect(verifyAdminToken(server.deps, `Bearer ${token}`)).resolves.toMatchObject({ clientId: id });
    await server.rotate({ forget: true });
    await expect(verifyAdminToken(server.deps, `Bearer ${token}`)).rejects.toThrow();
    await expect(verifyAdminToken(server.deps, `Bearer ${await ask()}`)).resolves.toMatchObject({ clientId: id });
  });
});
