/** Portal sessions: cookies that cannot be fixed, guessed or found, and parallel sign-ons that lose nobody. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endLogins } from '../../../src/oidc/end-logins.ts';
import { openBrowser, type Page } from './browser.ts';
import { addPortal, authorization, logIn, obtainCode, type Portal, redeem } from './portal.ts';
import { type OidcServer, startOidcServer } from './server.ts';

let server: OidcServer;
let portal: Portal;
beforeAll(async () => {
  server = await startOidcServer();
  portal = await addPortal(server);
});
afterAll(() => server.close());

const sessions = () => server.stores.records.oidc.sessionsOf({ userId: server.user.userId });
const newest = async () => (await sessions()).reduce((last, row) => (row.createdAt >= last.createdAt ? row : last));

describe('A session cookie', () => {
  it('that was planted before the login is worth nothing after it (S-03)', async () => {
    const planted = openBrowser(server.issuer);
    const value = 'attacker-chosen-session-id-000000000000000';
    planted.jar.set('op /', { name: 'op', value, path: '/' });
    await logIn(server, portal, { browser: planted });
    const attacker = openBrowser(server.issuer);
    attacker.jar.set('op /', { name: 'op', value, path: '/' });
    const { callback } = await obtainCode(server, portal, { browser: attacker, extra: { prompt: 'none' } });
    expect(callback.searchParams.get('error')).toBe('login_required');
  });

  it('from before a login is dead after it, and so is the one from before a new login (S-03)', async () => {
    const { browser } = await logIn(server, portal);
    const old = new Map(browser.jar);
    await logIn(server, portal, { browser, extra: { prompt: 'login' } });
    const thief = openBrowser(server.issuer);
    for (const [key, cookie] of old) thief.jar.set(key, cookie);
    const { callback } = await obtainCode(server, portal, { browser: thief, extra: { prompt: 'none' } });
    expect(callback.searchParams.get('error')).toBe('login_required');
    const own = await obtainCode(server, portal, { browser, extra: { prompt: 'none' } });
    expect(own.callback.searchParams.get('code')).toBeTruthy();
  });

  it('of a session that has ended is replaced by one that ends with the browser too (S-03, S-05)', async () => {
    const { browser } = await logIn(server, portal);
    const old = browser.jar.get('op /')?.value;
    const { userId } = server.user;
    await server.stores.records.transaction((records) => endLogins(records, { userId }, Date.now()));
    browser.received.length = 0;
    const { callback } = await obtainCode(server, portal, { browser, extra: { prompt: 'none' } });
    expect(callback.searchParams.get('error')).toBe('login_required');
    const lines = browser.received.filter((line) => line.startsWith('op='));
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toMatch(/expires|max-age/i);
    expect(browser.jar.get('op /')?.value).not.toBe(old);
  });

  it('is refused with another signature', async () => {
    const { browser } = await logIn(server, portal);
    const signature = browser.jar.get('op.sig /');
    expect(signature).toBeDefined();
    browser.jar.set('op.sig /', { name: 'op.sig', value: 'A'.repeat(43), path: '/' });
    const { callback } = await obtainCode(server, portal, { browser, extra: { prompt: 'none' } });
    expect(callback.searchParams.get('error')).toBe('login_required');
  });
});

describe('The cookie of a login under way', () => {
  it('cannot be made from the address of the login page (P-04)', async () => {
    server.decision = { kind: 'wait' };
    const victim = openBrowser(server.issuer);
    const { url } = await authorization(portal);
    const page = await victim.request(url);
    const path = page.headers.get('location') ?? '';
    const uid = path.split('/').at(-1) ?? '';
    const attacker = openBrowser(server.issuer);
    attacker.jar.set('a', { name: 'op_interaction', value: uid, path });
    attacker.jar.set('b', { name: 'op_resume', value: uid, path: '/oauth2/authorize' });
    expect((await attacker.request(path)).status).toBe(404);
    server.decision = { kind: 'approve' };
    const approved = await victim.request(path);
    const resumed = await attacker.follow(approved.headers.get('location') ?? '');
    expect(resumed.status).toBe(400);
    expect(resumed.text).not.toContain('code=');
    expect((await victim.follow(approved.headers.get('location') ?? '')).url.searchParams.get('code')).toBeTruthy();
  });

  it('opens no other login than its own', async () => {
    server.decision = { kind: 'wait' };
    const browser = openBrowser(server.issuer);
    const paths = [];
    for (const { url } of [await authorization(portal), await authorization(portal)]) {
      paths.push((await browser.request(url)).headers.get('location') ?? '');
    }
    const stranger = openBrowser(server.issuer);
    const [first = '', second = ''] = paths;
    for (const cookie of browser.jar.values()) {
      if (cookie.path === first) stranger.jar.set(cookie.name, { ...cookie, path: second });
    }
    expect((await stranger.request(second)).status).toBe(404);
    const found = JSON.parse((await browser.request(first)).text) as Record<string, unknown>;
    expect(found).toMatchObject({
      client: { id: portal.id, name: 'A portal', domain: 'portal.example' },
      origin: 'https://portal.example',
      uiLocales: [],
      needsFreshProof: false,
    });
    server.decision = { kind: 'approve' };
  });
});

describe('Cookies under https', () => {
  it('are Secure, HttpOnly, SameSite, without Domain; the session’s is __Host- and ends with the browser (S-05, P5)', async () => {
    const secure = await startOidcServer({ issuer: 'https://login.bank.example' });
    try {
      const client = await secure.addClient({ metadata: { redirect_uris: ['https://portal.example/callback'] } });
      const query = new URLSearchParams({
        client_id: client.id,
        redirect_uri: 'https://portal.example/callback',
        response_type: 'code',
        scope: 'openid',
        code_challenge: 'x'.repeat(43),
        code_challenge_method: 'S256',
      });
      const lines: string[] = [];
      let target = `/oauth2/authorize?${query}`;
      const cookies = new Map<string, string>();
      for (let hop = 0; hop < 3; hop += 1) {
        const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
        const answer = await secure.app.inject({ url: target, headers: { cookie, host: 'evil.example' } });
        const received = [answer.headers['set-cookie'] ?? []].flat();
        lines.push(...received);
        for (const line of received) {
          const [name = '', value = ''] = (line.split(';')[0] ?? '').split(/=(.*)/s);
          cookies.set(name, value);
        }
        const location = new URL(String(answer.headers.location), secure.issuer);
        target = `${location.pathname}${location.search}`;
        if (location.origin !== secure.issuer) break;
      }
      expect(target).toContain('code=');
      const names = new Set(lines.map((line) => line.split('=')[0]));
      expect(names).toContain('__Host-op');
      for (const line of lines) {
        expect(line).toMatch(/^__(Host|Secure)-/);
        for (const attribute of [/; secure/i, /; httponly/i, /; samesite=lax/i]) expect(line).toMatch(attribute);
        expect(line).not.toMatch(/domain=/i);
        if (line.startsWith('__Host-')) expect(line).toMatch(/; path=\/(;|$)/i);
        if (line.startsWith('__Host-')) expect(line).not.toMatch(/expires|max-age/i);
      }
    } finally {
      await secure.close();
    }
  });
});

describe('A login with another device of the same user', () => {
  it('begins a new session, and ends the first with its tokens', async () => {
    const withRefresh = await addPortal(server, { metadata: { grant_types: ['authorization_code', 'refresh_token'] } });
    const { browser, tokens } = await logIn(server, withRefresh);
    const uid = (await newest()).uid;
    const deviceId = await server.addDevice();
    server.decision = { kind: 'approve', login: { deviceId } };
    const second = await logIn(server, portal, { browser, extra: { prompt: 'login' } });
    server.decision = { kind: 'approve' };
    expect(await server.stores.records.oidc.findSession(uid)).toBeUndefined();
    expect(second.tokens.claims()?.sub).toBe(server.user.userId);
    const [session] = await server.stores.records.oidc.sessionsOf({ deviceId });
    expect(session).toMatchObject({ userId: server.user.userId, deviceId });
    const { refreshTokenGrant } = await import('openid-client');
    await expect(refreshTokenGrant(withRefresh.config, tokens.refresh_token ?? '')).rejects.toThrow();
  });
});

/** The page's one script runs under its own policy, and nothing else does. */
function expectOwnScript(page: Page): void {
  const script = /<script>([\s\S]*?)<\/script>/.exec(page.text)?.[1] ?? '';
  const hash = createHash('sha256').update(script).digest('base64');
  const policy = page.headers.get('content-security-policy') ?? '';
  expect(policy).toContain(`script-src 'sha256-${hash}'`);
  expect(policy).toContain("default-src 'none'");
}

describe('A login of another user in the same browser', () => {
  it('ends the first one’s session and goes on as the second (P14)', async () => {
    const other = await server.addUser();
    const { browser } = await logIn(server, portal);
    const { uid } = await newest();
    server.decision = { kind: 'approve', login: { userId: other.userId, deviceId: other.deviceId } };
    const request = await authorization(portal, { prompt: 'login' });
    const between = await browser.follow(request.url);
    server.decision = { kind: 'approve' };
    expect(between.status).toBe(200);
    expectOwnScript(between);
    const body = new URLSearchParams(
      [...between.text.matchAll(/name="([^"]+)" value="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
    );
    const action = /action="([^"]+)"/.exec(between.text)?.[1] ?? '';
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const { url } = await browser.follow(action, { method: 'POST', headers, body: body.toString() });
    expect((await redeem(portal, request, url)).claims()?.sub).toBe(other.userId);
    expect(await server.stores.records.oidc.findSession(uid)).toBeUndefined();
  });
});

describe('An answer by form_post', () => {
  it('carries the code in a form that its own policy lets run', async () => {
    const { page } = await obtainCode(server, portal, { extra: { response_mode: 'form_post' } });
    expect(page.status).toBe(200);
    expectOwnScript(page);
    expect(page.text).toContain('action="https://portal.example/callback"');
    expect(page.text).toMatch(/name="code"/);
  });
});
