/** Attacks on the authorization endpoint, on redirects and on the host that the server believes it is. */
import { connect } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import * as oidc from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from './browser.ts';
import { addPortal, authorization, obtainCode, type Portal, post, redirectUri } from './portal.ts';
import { type OidcServer, startOidcServer } from './server.ts';

let server: OidcServer;
let portal: Portal;
beforeAll(async () => {
  server = await startOidcServer();
  portal = await addPortal(server);
});
afterAll(() => server.close());

const discovery = '/.well-known/openid-configuration';

describe('Redirect to an address that is not registered', () => {
  it.each([
    `${redirectUri}/`,
    `${redirectUri}?a=b`,
    `${redirectUri}#x`,
    'https://portal.example/CALLBACK',
    'https://PORTAL.example/callback',
    'https://portal.example//callback',
    'https://portal.example/%63allback',
    'https://portal.example/callback/../callback',
    'https://portal.example:443/callback',
    'https://portal.example:8443/callback',
    'https://portal.example@evil.example/callback',
    'https://portal.example.evil.example/callback',
    'http://portal.example/callback',
    'https://evil.example',
    'javascript:alert(1)',
    '//portal.example/callback',
  ])('is refused on a page of ours and never followed: %s (O-01, O-12)', async (uri) => {
    const { page } = await obtainCode(server, portal, { extra: { redirect_uri: uri } });
    expect(page.status).toBe(400);
    expect(page.headers.get('location')).toBeNull();
    expect(page.text).toContain('Login not possible');
    expect(page.headers.get('content-security-policy')).toContain("form-action 'none'");
  });

  it('is refused for an unknown client, without a redirect (O-12)', async () => {
    const { page } = await obtainCode(server, portal, {
      extra: { client_id: 'nobody', redirect_uri: 'https://evil.example' },
    });
    expect(page.status).toBe(400);
    expect(page.headers.get('location')).toBeNull();
  });
});

describe('Downgrade of the authorization request', () => {
  it.each(['token', 'id_token', 'code id_token', 'code token', 'id_token token', 'none', 'x'])(
    'refuses response_type %s (O-05)',
    async (type) => {
      const { callback } = await obtainCode(server, portal, { extra: { response_type: type } });
      expect(new URLSearchParams(callback.search || callback.hash.slice(1)).get('error')).toBe(
        'unsupported_response_type',
      );
    },
  );

  it('refuses a plain code challenge (O-04, T22)', async () => {
    const { callback } = await obtainCode(server, portal, { extra: { code_challenge_method: 'plain' } });
    expect(callback.searchParams.get('error')).toBe('invalid_request');
  });

  it.each(['code_challenge', 'code_challenge_method'])('refuses a request without %s (O-04, T23)', async (name) => {
    for (const client of [portal, await addPortal(server, { metadata: { token_endpoint_auth_method: 'none' } })]) {
      const { url } = await authorization(client);
      url.searchParams.delete(name);
      const { url: callback } = await openBrowser(server.issuer).follow(url);
      expect(callback.searchParams.get('error')).toBe('invalid_request');
    }
  });

  it('refuses request objects, foreign request_uris and repeated parameters', async () => {
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{}').toString('base64url')}.`;
    for (const extra of [{ request: unsigned }, { request_uri: 'https://evil.example/request' }]) {
      const { page, callback } = await obtainCode(server, portal, { extra });
      const error = callback.searchParams.get('error') ?? page.text;
      expect(error).toMatch(/request_not_supported|request_uri_not_supported/);
    }
    const { url } = await authorization(portal);
    const { page } = { page: await openBrowser(server.issuer).request(`${url.href}&client_id=other`) };
    expect(page.status).toBe(400);
  });

  it('refuses a pushed request of another client, one that is old, and one nested in a push (O-06)', async () => {
    const other = await addPortal(server);
    const { url } = await authorization(portal);
    const form = Object.fromEntries(url.searchParams);
    const pushed = await post(server, '/oauth2/par', { portal, form });
    expect(pushed).toMatchObject({ status: 201, body: { expires_in: 60 } });
    const uri = String(pushed.body['request_uri']);
    const stolen = await openBrowser(server.issuer).follow(
      `/oauth2/authorize?client_id=${other.id}&request_uri=${encodeURIComponent(uri)}`,
    );
    expect(stolen.headers.get('location')).toBeNull();
    expect(stolen.status).toBe(400);
    const nested = await post(server, '/oauth2/par', { portal, form: { ...form, request_uri: uri } });
    expect(nested.status).toBe(400);
    const reloaded = openBrowser(server.issuer);
    server.decision = { kind: 'wait' };
    const good = `/oauth2/authorize?client_id=${portal.id}&request_uri=${encodeURIComponent(uri)}`;
    expect((await reloaded.follow(good)).status).toBe(200);
    // Before the login is finished the page may be loaded again.
    expect((await reloaded.follow(good)).status).toBe(200);
    server.decision = { kind: 'approve' };
  });

  it('refuses huge and odd input with a 4xx (T28)', async () => {
    const { url } = await authorization(portal);
    const answers = await Promise.all([
      fetch(`${url.href}&scope=${'a'.repeat(9000)}`, { redirect: 'manual' }),
      fetch(`${server.issuer}/oauth2/token`, {
        method: 'POST',
        body: new URLSearchParams({ scope: 'a '.repeat(60_000) }),
      }),
      fetch(`${server.issuer}/oauth2/token`, {
        method: 'POST',
        body: '{',
        headers: { 'content-type': 'application/json' },
      }),
      fetch(`${server.issuer}/oauth2/token`, { method: 'POST', body: '\0\0', headers: { 'content-type': 'a/b' } }),
      fetch(`${server.issuer}/oauth2/authorize?client_id[]=a&client_id=%00`, { redirect: 'manual' }),
      fetch(`${server.issuer}/oauth2/logout?id_token_hint=a.b.c`, { redirect: 'manual' }),
      fetch(`${server.issuer}/oauth2/nothing`),
      fetch(`${server.issuer}/oauth2/token`),
    ]);
    for (const { status } of answers) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
    }
  });

  it.each([5, true, {}, [{}], 'not-urn:mtoken:acr:sca'])(
    'refuses a claims request whose essential acr is %j, and does not fail on it (O-14, X-02)',
    async (values) => {
      const claims = JSON.stringify({ id_token: { acr: { essential: true, values } } });
      const { callback } = await obtainCode(server, portal, { extra: { claims } });
      expect(callback.searchParams.get('error')).toBe('unmet_authentication_requirements');
    },
  );

  it('reads no more of a body without a length than the limit (X-10)', async () => {
    const body = new ReadableStream({
      pull: (controller) => controller.enqueue(new TextEncoder().encode('a='.repeat(8192))),
    });
    const sent = fetch(`${server.issuer}/oauth2/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body,
      duplex: 'half',
    } as RequestInit);
    const outcome = await sent.then(
      ({ status }) => status,
      () => 'closed',
    );
    expect([400, 413, 'closed']).toContain(outcome);
  });
});

describe('Forged host', () => {
  it.each([
    { 'x-forwarded-host': 'evil.example' },
    { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', 'x-forwarded-port': '1' },
    { forwarded: 'host=evil.example;proto=https' },
    { 'x-forwarded-server': 'evil.example', 'x-original-url': '/evil', 'x-rewrite-url': '/evil' },
  ])('in %o changes no address in discovery (P4, T24)', async (headers) => {
    const document = (await (await fetch(`${server.issuer}${discovery}`, { headers })).json()) as Record<
      string,
      unknown
    >;
    const urls = Object.entries(document).filter(([name]) => /endpoint$|_uri$|^issuer$/.test(name));
    expect(urls.length).toBeGreaterThan(7);
    for (const [, url] of urls) expect(new URL(String(url)).origin).toBe(server.issuer);
  });

  it.each(['Host: evil.example', `Host: localhost`])(
    'in "%s", or in an absolute request target, changes no address (P4)',
    async (host) => {
      const { port } = new URL(server.issuer);
      for (const target of [discovery, `http://evil.example${discovery}`]) {
        const text = await rawRequest(Number(port), `GET ${target} HTTP/1.1\r\n${host}\r\nConnection: close\r\n\r\n`);
        expect(text).toContain('200 OK');
        expect(text).not.toContain('evil.example');
        expect(text).toContain(`"token_endpoint":"${server.issuer}/oauth2/token"`);
      }
    },
  );

  it('changes no redirect of a login under way (P4)', async () => {
    const { url } = await authorization(portal);
    const browser = openBrowser(server.issuer);
    const headers = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' };
    const page = await browser.request(url, { headers });
    const login = await browser.request(page.headers.get('location') ?? '', { headers });
    expect(new URL(login.headers.get('location') ?? '', server.issuer).origin).toBe(server.issuer);
    expect((await browser.follow(login.headers.get('location') ?? '')).url.origin).toBe('https://portal.example');
  });

  it('and garbage in every proxy header leave the rules as they are (T24)', async () => {
    const headers = { 'x-forwarded-for': 'a', 'x-forwarded-proto': '\\', 'x-forwarded-host': ',,', forwarded: 'x' };
    const { url } = await authorization(portal, { redirect_uri: 'https://evil.example' });
    expect((await fetch(url, { headers, redirect: 'manual' })).status).toBe(400);
    const answer = await fetch(`${server.issuer}/oauth2/introspect`, { method: 'POST', headers });
    expect(answer.status).toBe(400);
  });
});

describe('A page of another origin', () => {
  it('cannot read or frame the authorization endpoint (O-13)', async () => {
    const { url } = await authorization(portal);
    const headers = { origin: 'https://evil.example' };
    for (const address of [url, `${server.issuer}/oauth2/authorize`, `${server.issuer}/oauth2/logout`]) {
      const answer = await fetch(address, { headers, redirect: 'manual' });
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
      expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    }
  });

  it('cannot use the token endpoint with a client’s credentials (P22)', async () => {
    const answer = await post(server, '/oauth2/token', {
      portal,
      form: { grant_type: 'client_credentials' },
      headers: { origin: 'https://evil.example' },
    });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('Markup in parameters', () => {
  it('is shown as text (T26)', async () => {
    const attack = '"><script>alert(1)</script>';
    for (const extra of [
      { client_id: attack },
      { redirect_uri: attack },
      { state: attack, redirect_uri: 'https://evil.example' },
    ]) {
      const { page } = await obtainCode(server, portal, { extra });
      expect(page.text).not.toContain('<script>');
      expect(page.headers.get('content-type')).toContain('text/html');
    }
  });

  it('is answered as JSON where that is asked for', async () => {
    const { url } = await authorization(portal, { redirect_uri: 'https://evil.example' });
    const answer = await fetch(url, { headers: { accept: 'application/json' }, redirect: 'manual' });
    expect(await answer.json()).toMatchObject({ error: 'invalid_redirect_uri' });
  });
});

describe('A client assertion', () => {
  const claims = (id: string): Record<string, unknown> => {
    const now = Math.floor(Date.now() / 1000);
    return { iss: id, sub: id, aud: server.issuer, iat: now, exp: now + 60, jti: oidc.randomNonce() };
  };
  const keyed = async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    const client = await addPortal(server, {
      metadata: { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [await exportJWK(publicKey)] } },
      auth: oidc.PrivateKeyJwt(privateKey as CryptoKey),
    });
    const send = async (assertion: string) => {
      const { url } = await authorization(client);
      const form = {
        ...Object.fromEntries(url.searchParams),
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
      };
      return post(server, '/oauth2/par', { form });
    };
    const sign = (payload: Record<string, unknown>) =>
      new SignJWT(payload).setProtectedHeader({ alg: 'ES256' }).sign(privateKey);
    return { client, send, sign };
  };

  it('is accepted once, also in parallel (O-07, T19)', async () => {
    const { client, send, sign } = await keyed();
    const assertion = await sign(claims(client.id));
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(assertion)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status >= 500)).toHaveLength(0);
    expect((await send(assertion)).status).toBe(401);
  });

  it.each([
    ['its audience is a list', () => ({ aud: [server.issuer] })],
    ['its audience is the PAR endpoint', () => ({ aud: `${server.issuer}/oauth2/par` })],
    ['its audience is the token endpoint', () => ({ aud: `${server.issuer}/oauth2/token` })],
    ['its audience is another server', () => ({ aud: 'https://other.example' })],
    ['it has no audience', () => ({ aud: undefined })],
    ['it has no expiry', () => ({ exp: undefined })],
    ['it has expired', () => ({ exp: Math.floor(Date.now() / 1000) - 30 })],
    ['it lives for an hour', () => ({ exp: Math.floor(Date.now() / 1000) + 3600 })],
    ['it has no subject', () => ({ sub: undefined })],
    ['it has no issuer', () => ({ iss: undefined })],
    ['its issuer is another client', () => ({ iss: portal.id })],
    ['it has no jti', () => ({ jti: undefined })],
    ['it is from over 60 seconds ahead', () => ({ iat: Math.floor(Date.now() / 1000) + 62 })],
    ['it is not valid before over 60 seconds ahead', () => ({ nbf: Math.floor(Date.now() / 1000) + 62 })],
  ])('is refused where %s (O-07, O-08, T23)', async (_name, change) => {
    const { client, send, sign } = await keyed();
    const answer = await send(await sign({ ...claims(client.id), ...change() }));
    expect([400, 401]).toContain(answer.status);
    expect(answer.body['error']).toMatch(/invalid_client|invalid_request/);
  });

  it('is accepted with a clock 8 seconds ahead (O-08)', async () => {
    const { client, send, sign } = await keyed();
    const ahead = Math.floor(Date.now() / 1000) + 8;
    expect((await send(await sign({ ...claims(client.id), iat: ahead, nbf: ahead }))).status).toBe(201);
  });

  it('is refused unsigned, with another key, and with RS256 (O-07, T22, C-07)', async () => {
    const { client, send } = await keyed();
    const payload = claims(client.id);
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const unsigned = `${encode({ alg: 'none' })}.${encode(payload)}.`;
    const stranger = await generateKeyPair('ES256');
    const rsa = await generateKeyPair('RS256');
    const forged = await new SignJWT(payload)
      .setProtectedHeader({ alg: 'ES256', jwk: await exportJWK(stranger.publicKey) })
      .sign(stranger.privateKey);
    const old = await new SignJWT(payload).setProtectedHeader({ alg: 'RS256' }).sign(rsa.privateKey);
    const hmac = await new SignJWT(payload)
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode(client.id.repeat(4)));
    for (const assertion of [unsigned, forged, old, hmac, 'a.b.c', '']) {
      expect([400, 401]).toContain((await send(assertion)).status);
    }
  });
});

function rawRequest(port: number, text: string): Promise<string> {
  return new Promise((fulfil, reject) => {
    const socket = connect(port, 'localhost', () => socket.end(text));
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString('utf8');
    });
    socket.on('end', () => fulfil(received));
    socket.on('error', reject);
  });
}
