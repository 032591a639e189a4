/** Logging in to the console with mToken itself: who comes in, in which browser, and what an attacker makes of it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBrowser } from '../../../src/demo/browser.ts';
import { AuthError } from '../../../src/errors.ts';
import { consoleClientId } from '../../../src/oidc/clients.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import { logIn } from '../system/login.ts';
import { addAdminClient, addUser, adminToken, mpin, registerPhone } from '../system/rig.ts';
import { assertHarmless, codeOf, send } from '../system/wire.ts';
import {
  addPerson,
  approveAt,
  type ConsoleSystem,
  callAdmin,
  callConsole,
  logInToConsole,
  openConsoleLogin,
  personAtConsole,
  startConsoleSystem,
} from './desk.ts';

let stores: SystemStores;
let desk: ConsoleSystem;

beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('no engine');
  stores = await engine.open();
  desk = await startConsoleSystem(stores);
});

afterAll(async () => {
  await desk.system.close();
  await stores.close();
});

const records = () => desk.system.server.stores.records;

async function newest(event: string) {
  const entries = await records().audit.read(0, 100_000);
  return entries.filter((entry) => entry.event === event).at(-1);
}

describe('who comes in', () => {
  it.each(['operator', 'support', 'auditor', 'administrator'] as const)(
    'is a person with a role, who is told what it allows: %s (X-07)',
    async (role) => {
      const { user, browser, url } = await personAtConsole(desk, role, { returnTo: '/console/users?status=active' });
      expect(url).toBe(`${desk.origin}/console/users?status=active`);
      const me = await callAdmin(desk, browser.cookies(desk.origin), '/me');
      expect(me.status, me.text).toBe(200);
      expect(JSON.parse(me.text)).toMatchObject({
        kind: 'person',
        userId: user.id,
        clientId: null,
        name: user.name,
        role,
        companyId: user.companyId,
        language: 'en',
        isConfirmed: false,
        permissions: { 'users.read': { reach: role === 'administrator' ? 'own' : 'all', proof: 'session' } },
      });
      expect(await newest('console.opened')).toMatchObject({
        actor: `user:${user.id}`,
        userId: user.id,
        clientId: consoleClientId,
        companyId: user.companyId,
        deviceId: expect.stringMatching(/^dev_/),
        address: expect.any(String),
        data: { role, asked: 'session' },
      });
    },
  );

  it('is no user: they are told so in their language, get no cookie, and it is written down (X-07, A-02)', async () => {
    const made = await addPerson(desk, 'user');
    const user = { ...made, language: 'de' };
    await records().users.setLanguage(user.id, 'de');
    const { browser, url, status, text } = await logInToConsole(desk, {
      phone: await registerPhone(desk.system, { user: made }),
    });
    expect([status, new URL(url).pathname]).toEqual([403, '/console/callback']);
    expect(text).toContain('<html lang="de"');
    expect(text).toContain('Kein Zugang zu dieser Konsole');
    expect(text).toContain('href="/console/login?proof=fresh"');
    expect(browser.cookies(desk.origin)).not.toMatch(/mt_console=/);
    expect(await newest('admin.refused')).toMatchObject({
      actor: `user:${user.id}`,
      companyId: user.companyId,
      data: { endpoint: 'console' },
    });
  });

  it("is nobody with a staff role outside of the bank's company, however it came into the row (T6, X-07)", async () => {
    const made = await addUser(desk.system.server, desk.system.company.id, { name: 'Eve', role: 'administrator' });
    await records().users.update({ ...made, staffRole: 'operator' });
    const { status } = await logInToConsole(desk, { phone: await registerPhone(desk.system, { user: made }) });
    expect(status).toBe(403);
  });

  it('without the phone is nobody who proved themselves too long ago, and whoever did just now (S-09)', async () => {
    const user = await addPerson(desk, 'administrator');
    const phone = await registerPhone(desk.system, { user });
    const { login } = await logIn(desk.system.portal, phone);
    const silent = await openConsoleLogin(desk, { phone, browser: login.browser });
    expect(silent.url).toBe(`${desk.origin}/console/`);
    const [session] = await records().oidc.sessionsOf({ userId: user.id });
    if (session === undefined) throw new Error('no session');
    const document = JSON.parse(session.payload) as { loginTs: number };
    const old = JSON.stringify({ ...document, loginTs: document.loginTs - 301 });
    await records().oidc.saveSession({ ...session, payload: old }, []);
    const asked = await openConsoleLogin(desk, { phone, browser: login.browser });
    expect(asked.url).toContain('/interaction/');
  });
});

describe('the cookie', () => {
  it('ends with the browser, is out of reach of scripts, and is another one after every login (S-03, S-05)', async () => {
    const user = await addPerson(desk, 'administrator');
    const phone = await registerPhone(desk.system, { user });
    const browser = createBrowser();
    const page = await openConsoleLogin(desk, { phone, browser });
    const back = await approveAt(browser, page.url, phone);
    // The browser's last step by hand, to see the whole header.
    const resumed = await fetch(back, { redirect: 'manual', headers: { cookie: browser.cookies(back) } });
    const callback = new URL(resumed.headers.get('location') ?? '');
    const planted = 'mt_console=planted-by-a-neighbour';
    const answer = await callConsole(
      desk,
      `${browser.cookies(desk.origin)}; ${planted}`,
      `${callback.pathname}${callback.search}`,
    );
    expect(answer.status, answer.text).toBe(303);
    expect(answer.headers.location).toBe('/console/');
    const [line = ''] = [answer.headers['set-cookie'] ?? []].flat();
    expect(line).toMatch(/^mt_console=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Lax$/);
    expect((await callAdmin(desk, planted, '/me')).status).toBe(401);
    const cookie = line.split(';')[0] ?? '';
    expect((await callAdmin(desk, cookie, '/me')).status).toBe(200);
    expect((await callAdmin(desk, `${cookie}; ${planted}`, '/me')).status).toBe(401);
  });

  it('of a login is worth nothing after the next one (S-03)', async () => {
    const { browser, phone } = await personAtConsole(desk, 'administrator');
    const old = browser.cookies(desk.origin);
    await logInToConsole(desk, { phone, browser, proof: 'fresh' });
    const now = browser.cookies(desk.origin);
    expect(now).not.toBe(old);
    expect((await callAdmin(desk, now, '/me')).status).toBe(200);
    const stolen = await callAdmin(desk, old, '/me');
    expect([stolen.status, codeOf(stolen)]).toEqual([401, 'session_expired']);
  });

  it('of another console opens nothing here (S-01, X-07)', async () => {
    const [engine] = systemEngines();
    const others = await engine?.open();
    if (others === undefined) throw new Error('no engine');
    const other = await startConsoleSystem(others);
    try {
      const { browser } = await personAtConsole(other, 'operator');
      const cookie = browser.cookies(other.origin);
      expect((await callAdmin(other, cookie, '/me')).status).toBe(200);
      const answer = await callAdmin(desk, cookie, '/me');
      expect([answer.status, codeOf(answer)]).toEqual([401, 'session_expired']);
    } finally {
      await other.system.close();
      await others.close();
    }
  });
});

describe('an attacker with the address of a login', () => {
  async function finished() {
    const user = await addPerson(desk, 'administrator');
    const phone = await registerPhone(desk.system, { user });
    const browser = createBrowser();
    const page = await openConsoleLogin(desk, { phone, browser });
    const back = await approveAt(browser, page.url, phone);
    const resumed = await fetch(back, { redirect: 'manual', headers: { cookie: browser.cookies(back) } });
    const callback = new URL(resumed.headers.get('location') ?? '');
    return { browser, callback, cookie: browser.cookies(desk.origin) };
  }

  it('collects it in no other browser, and does not use it up (S-10, P-04)', async () => {
    const { callback, cookie } = await finished();
    const path = `${callback.pathname}${callback.search}`;
    const own = createBrowser();
    await own.open(`${desk.origin}/console/login`);
    for (const thief of ['', own.cookies(desk.origin)]) {
      const answer = await callConsole(desk, thief, path);
      expect(answer.status).toBe(400);
      expect(answer.headers['set-cookie']).toBeUndefined();
      assertHarmless(answer, 'callback of another browser');
    }
    expect((await callConsole(desk, cookie, path)).status).toBe(303);
    expect((await callConsole(desk, cookie, path)).status).toBe(400);
  });

  it.each([
    ['state', 'A'.repeat(43), 400],
    ['code', 'A'.repeat(43), 403],
    ['iss', 'https://evil.example', 403],
    ['iss', undefined, 403],
    ['code', undefined, 403],
    ['error', 'access_denied', 403],
  ] as const)('gets nothing with another %s: %s (O-21, T23)', async (name, value, status) => {
    const { callback, cookie } = await finished();
    if (value === undefined) callback.searchParams.delete(name);
    else callback.searchParams.set(name, value);
    const answer = await callConsole(desk, cookie, `${callback.pathname}${callback.search}`);
    expect(answer.status, answer.text).toBe(status);
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(answer.text).toContain('/console/login');
    assertHarmless(answer, `callback with ${name}`);
  });

  it('leads nobody away: only pages of the console are a way back (O-01)', async () => {
    for (const path of ['https://evil.example/', '//evil.example', '/console/../evil', '/admin/v1/audit/export']) {
      const query = new URLSearchParams({ return: path }).toString();
      const answer = await callConsole(desk, '', `/console/login?${query}`);
      expect([answer.status, codeOf(answer)], path).toEqual([400, 'invalid_request']);
      expect(answer.headers.location).toBeUndefined();
    }
  });

  it('by another name of this machine goes on under the name that its cookie has, and by a name of theirs nowhere else', async () => {
    const { port } = new URL(desk.origin);
    for (const host of [`localhost:${port}`, 'evil.example']) {
      const answer = await callConsole(desk, '', '/console/login?proof=fresh', { headers: { host } });
      expect([answer.status, answer.headers.location]).toEqual([303, `${desk.origin}/console/login?proof=fresh`]);
      expect(answer.headers['set-cookie']).toBeUndefined();
    }
  });

  it('makes no request of their own as the console: it is pushed, and only by who has its secret (O-21)', async () => {
    const query = new URLSearchParams({
      client_id: consoleClientId,
      redirect_uri: `${desk.origin}/console/callback`,
      response_type: 'code',
      scope: 'openid',
      code_challenge: 'x'.repeat(43),
      code_challenge_method: 'S256',
    }).toString();
    const { issuer } = desk.system;
    const front = await send(issuer, { method: 'GET', path: `/oauth2/authorize?${query}` });
    expect(front.headers.location ?? '').not.toContain('/interaction/');
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const basic = `Basic ${Buffer.from(`${consoleClientId}:guessed`).toString('base64')}`;
    for (const headers of [form, { ...form, authorization: basic }]) {
      const pushed = await send(issuer, { method: 'POST', path: '/oauth2/par', headers, body: query });
      expect([pushed.status, pushed.text.includes('request_uri')]).toEqual([401, false]);
    }
  });

  it('declined on the phone ends in a page that says so, without a cookie', async () => {
    const user = await addPerson(desk, 'administrator');
    const phone = await registerPhone(desk.system, { user });
    const browser = createBrowser();
    const page = await openConsoleLogin(desk, { phone, browser });
    await browser.call('POST', `${page.url}/order`);
    const { frame } = await browser.call<{ frame: string }>('GET', `${page.url}/status`);
    await phone.unlockWithMpin(mpin);
    await phone.decline(await phone.claim(frame));
    const { location } = await browser.call<{ location: string }>('POST', `${page.url}/finish`);
    const { status, text } = await browser.open(location);
    expect(status).toBe(403);
    expect(text).toContain('access_denied');
    expect(browser.cookies(desk.origin)).not.toMatch(/mt_console=/);
  });
});

describe('a server that cannot answer', () => {
  it('says so in words to a person and by its code to a script, opens nothing, and serves again by itself (X-03)', async () => {
    const { shortLived } = desk.system.server.stores;
    const { create } = shortLived;
    const down = Object.assign(shortLived, { create: () => Promise.reject(new AuthError('unavailable')) });
    const asPerson = { headers: { accept: 'text/html', 'accept-language': 'de' } };
    const page = await callConsole(desk, '', '/console/login', asPerson);
    const problem = await callConsole(desk, '', '/console/login');
    Object.assign(down, { create });
    expect([page.status, page.headers['retry-after'], page.headers['set-cookie']]).toEqual([503, '2', undefined]);
    expect(page.text).toContain('<html lang="de"');
    expect([problem.status, codeOf(problem)]).toEqual([503, 'unavailable']);
    for (const answer of [page, problem]) assertHarmless(answer, 'without a store', { mayBeUnavailable: true });
    expect((await callConsole(desk, '', '/console/login', asPerson)).status).toBe(303);
  });
});

describe('the public listener', () => {
  it('has no console, and the console takes no login there (X-07, X-14)', async () => {
    const { browser } = await personAtConsole(desk, 'operator');
    const cookie = browser.cookies(desk.origin);
    for (const path of ['/console/', '/console/login', '/console/callback', '/admin/v1/me']) {
      const answer = await send(desk.system.issuer, { method: 'GET', path, headers: { cookie } });
      expect(answer.status, path).toBe(404);
    }
  });

  it('lists the client of the console to operators, who cannot change it (T6)', async () => {
    const token = await adminToken(desk.system, await addAdminClient(desk.system.server));
    const headers = { authorization: `Bearer ${token}` };
    const shown = await send(desk.origin, { method: 'GET', path: `/admin/v1/clients/${consoleClientId}`, headers });
    expect(shown.status).toBe(200);
    expect(shown.text).not.toContain('secret"');
    const body = '{}';
    const json = { ...headers, 'content-type': 'application/json' };
    const path = `/admin/v1/clients/${consoleClientId}/disable`;
    const answer = await send(desk.origin, { method: 'POST', path, headers: json, body });
    expect([answer.status, codeOf(answer)]).toEqual([409, 'conflict']);
  });
});
