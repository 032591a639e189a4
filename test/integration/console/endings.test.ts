/** How a login to the console ends: by logout, by time, and at once with whatever it stands on; and what no other site can do with it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import type { User } from '../../../src/companies/store.ts';
import { suspendUser } from '../../../src/companies/user-status.ts';
import { deactivateDevice } from '../../../src/devices/devices.ts';
import { endLogins } from '../../../src/oidc/end-logins.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import { logIn } from '../system/login.ts';
import { addAdminClient, adminToken, bank, deviceIdOf, eventually, registerPhone } from '../system/rig.ts';
import { assertHarmless, codeOf } from '../system/wire.ts';
import {
  addPerson,
  type ConsoleSystem,
  callAdmin,
  callConsole,
  openConsoleLogin,
  personAtConsole,
  startConsoleSystem,
} from './desk.ts';

let stores: SystemStores;
let desk: ConsoleSystem;
let offset = 0;
const clock = { now: () => systemClock.now() + offset };

beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('no engine');
  stores = await engine.open();
  desk = await startConsoleSystem(stores, { clock });
});

afterEach(() => {
  offset = 0;
});

afterAll(async () => {
  await desk.system.close();
  await stores.close();
});

const records = () => desk.system.server.stores.records;
const admin = () => desk.system.server.capabilities.admin;
const statusOf = async (cookie: string, headers = {}) => (await callAdmin(desk, cookie, '/me', { headers })).status;

const logOut = (cookie: string, headers: Record<string, string | undefined> = {}) =>
  callConsole(desk, cookie, '/console/logout', { method: 'POST', headers });

describe('logging out', () => {
  it('ends the session, the login at the provider and every portal of it; a stolen cookie is worth nothing after (S-06, S-08)', async () => {
    const user = await addPerson(desk, 'administrator');
    const phone = await registerPhone(desk.system, { user });
    const { portal } = desk.system;
    const { login, tokens } = await logIn(portal, phone);
    const { browser } = login;
    await openConsoleLogin(desk, { phone, browser });
    const cookie = browser.cookies(desk.origin);
    expect(await statusOf(cookie)).toBe(200);
    const told = portal.logoutTokens.length;
    const answer = await logOut(cookie);
    expect(answer.status).toBe(204);
    expect(String(answer.headers['set-cookie'])).toBe('mt_console=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax');
    const stolen = await callAdmin(desk, cookie, '/me');
    expect([stolen.status, codeOf(stolen)]).toEqual([401, 'session_expired']);
    expect(await records().oidc.sessionsOf({ userId: user.id })).toEqual([]);
    expect((await portal.userinfo(tokens.access_token)).status).toBe(401);
    await eventually('the logout token', () => (portal.logoutTokens.length > told ? true : undefined));
    expect((await openConsoleLogin(desk, { phone, browser })).url).toContain('/interaction/');
    const trail = await records().audit.read(0, 100_000, { userId: user.id });
    expect(trail.at(-1)).toMatchObject({ event: 'logout.completed', actor: `user:${user.id}` });
  });

  it('is asked by the console itself: from elsewhere it is refused, and the session stays (S-10)', async () => {
    const { browser } = await personAtConsole(desk, 'auditor');
    const cookie = browser.cookies(desk.origin);
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: undefined },
      { 'sec-fetch-site': 'cross-site' },
      { 'content-type': 'text/plain' },
    ]) {
      const answer = await logOut(cookie, headers);
      expect([403, 415], JSON.stringify(headers)).toContain(answer.status);
      assertHarmless(answer, 'logout');
    }
    expect(await statusOf(cookie)).toBe(200);
  });
});

describe('time', () => {
  it('ends an idle session after five minutes, and what the page asks by itself is no act (S-02)', async () => {
    const { browser } = await personAtConsole(desk, 'operator');
    const cookie = browser.cookies(desk.origin);
    for (const at of [100_000, 200_000, 299_000]) {
      offset = at;
      expect(await statusOf(cookie, { 'mtoken-poll': '1' }), String(at)).toBe(200);
    }
    offset = 301_000;
    expect(await statusOf(cookie)).toBe(401);
  });

  it('is put off by acts, until the login at the provider is over (S-02)', async () => {
    const { browser, user } = await personAtConsole(desk, 'operator');
    const cookie = browser.cookies(desk.origin);
    for (let at = 0; at <= 1_200_000; at += 290_000) {
      offset = at;
      expect(await statusOf(cookie), String(at)).toBe(200);
    }
    const [session] = await records().oidc.sessionsOf({ userId: user.id });
    if (session === undefined) throw new Error('no session');
    await records().oidc.saveSession({ ...session, expiresAt: clock.now() }, []);
    expect(await statusOf(cookie)).toBe(401);
  });

  it("is over by the company's rule even where the row of the login says otherwise (S-02, lost update)", async () => {
    const { browser, user } = await personAtConsole(desk, 'operator');
    const cookie = browser.cookies(desk.origin);
    const [session] = await records().oidc.sessionsOf({ userId: user.id });
    if (session === undefined) throw new Error('no session');
    const loggedIn = async (minutesAgo: number): Promise<void> => {
      const document: object = JSON.parse(session.payload);
      const payload = JSON.stringify({ ...document, loggedInAt: clock.now() - minutesAgo * 60_000 });
      await records().oidc.saveSession({ ...session, payload, expiresAt: clock.now() + 3_600_000 }, []);
    };
    await loggedIn(719);
    expect(await statusOf(cookie)).toBe(200);
    await loggedIn(720);
    expect(await statusOf(cookie)).toBe(401);
  });
});

describe('at once, at the next request', () => {
  async function suspendCompany({ companyId }: User): Promise<void> {
    const company = await records().companies.find(companyId);
    if (company !== undefined) await records().companies.update({ ...company, status: 'suspended' });
  }

  async function restoreCompany({ companyId }: User): Promise<void> {
    const company = await records().companies.find(companyId);
    if (company !== undefined) await records().companies.update({ ...company, status: 'active' });
  }

  async function change(user: User, members: Partial<User>): Promise<void> {
    const now = await records().users.find(user.id);
    if (now === undefined || !(await records().users.update({ ...now, ...members }))) throw new Error('not changed');
  }

  const endings: readonly (readonly [
    string,
    'operator' | 'administrator',
    (user: User, deviceId: string) => Promise<unknown>,
  ])[] = [
    [
      'the phone was deactivated',
      'operator',
      (_, deviceId) => deactivateDevice(admin(), { deviceId, actor: 'cli', reason: 'lost' }),
    ],
    [
      'the user was suspended',
      'administrator',
      (user) => suspendUser(admin(), { userId: user.id, reason: 'x', actor: bank }),
    ],
    ['the company was suspended', 'administrator', suspendCompany],
    [
      'the login at the provider was ended',
      'operator',
      (user) => records().transaction((within) => endLogins(within, { userId: user.id }, clock.now())),
    ],
    ['the administrator was made a user', 'administrator', (user) => change(user, { role: 'user' })],
    ['the staff role was taken away', 'operator', (user) => change(user, { staffRole: undefined })],
  ];

  it.each(endings)('the session is over where %s (S-07, T8)', async (_, role, end) => {
    const { browser, user, phone } = await personAtConsole(desk, role, { proof: 'confirmed' });
    const cookie = browser.cookies(desk.origin);
    expect(await statusOf(cookie)).toBe(200);
    await end(user, await deviceIdOf(phone));
    const answer = await callAdmin(desk, cookie, '/me');
    await restoreCompany(user);
    expect([answer.status, codeOf(answer)]).toEqual([401, 'session_expired']);
  });

  it('a role that was changed is the new one (X-07)', async () => {
    const { browser, user } = await personAtConsole(desk, 'operator');
    const cookie = browser.cookies(desk.origin);
    expect((await callAdmin(desk, cookie, '/companies', { method: 'POST', body: { name: 'One Ltd' } })).status).toBe(
      201,
    );
    await change(user, { staffRole: 'auditor' });
    const answer = await callAdmin(desk, cookie, '/companies', { method: 'POST', body: { name: 'Two Ltd' } });
    expect([answer.status, codeOf(answer)]).toEqual([403, 'access_denied']);
    expect(JSON.parse((await callAdmin(desk, cookie, '/me')).text)).toMatchObject({ role: 'auditor' });
  });
});

describe('a request with the cookie', () => {
  it('from another site changes nothing, whatever of it was forged (S-10, X-07)', async () => {
    const { browser } = await personAtConsole(desk, 'operator');
    const cookie = browser.cookies(desk.origin);
    const before = (await records().audit.head()).seq;
    const forged: readonly Record<string, string | undefined>[] = [
      { origin: undefined },
      { origin: undefined, 'sec-fetch-site': undefined },
      { origin: 'null' },
      { origin: desk.system.issuer },
      { origin: desk.origin.replace('127.0.0.1', 'localhost') },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/x-www-form-urlencoded' },
    ];
    for (const headers of forged) {
      const body = { name: 'Forged Ltd' };
      const answer = await callAdmin(desk, cookie, '/companies', { method: 'POST', body, headers });
      expect([403, 415], JSON.stringify(headers)).toContain(answer.status);
      assertHarmless(answer, 'forged');
    }
    for (const path of ['/me', '/audit/export?format=csv']) {
      const answer = await callAdmin(desk, cookie, path, { headers: { 'sec-fetch-site': 'cross-site' } });
      expect([answer.status, codeOf(answer)], path).toEqual([403, 'forbidden_origin']);
    }
    expect((await records().audit.head()).seq).toBe(before);
  });

  it('and a token beside it is refused: nobody is two callers at once (X-07)', async () => {
    const { browser } = await personAtConsole(desk, 'auditor');
    const token = await adminToken(desk.system, await addAdminClient(desk.system.server));
    const headers = { authorization: `Bearer ${token}` };
    const answer = await callAdmin(desk, browser.cookies(desk.origin), '/me', { headers });
    expect([answer.status, codeOf(answer)]).toEqual([400, 'invalid_request']);
    expect(await statusOf(browser.cookies(desk.origin))).toBe(200);
  });

  it('in the address or as a bearer token is none (O-22)', async () => {
    const { browser } = await personAtConsole(desk, 'operator');
    const value = /mt_console=([^;]+)/.exec(browser.cookies(desk.origin))?.[1] ?? '';
    expect((await callAdmin(desk, '', '/me', { headers: { authorization: `Bearer ${value}` } })).status).toBe(401);
    expect((await callAdmin(desk, '', `/me?mt_console=${value}`)).status).toBe(401);
  });
});

it('a console that browsers reach by https has cookies that no other host can plant (S-03, S-05)', async () => {
  const [engine] = systemEngines();
  const own = await engine?.open();
  if (own === undefined) throw new Error('no engine');
  const secure = await startConsoleSystem(own, { env: { MTOKEN_CONSOLE_URL: 'https://console.bank.example' } });
  try {
    const port = new URL(secure.system.adminUrl).port;
    const listener = { ...secure, origin: `http://127.0.0.1:${port}` };
    // The proxy may name the host as it likes.
    const answer = await callConsole(listener, '', '/console/login', { headers: { host: 'inside.example' } });
    expect(answer.status).toBe(303);
    expect(String(answer.headers['set-cookie'])).toMatch(
      /^__Host-mt_console_login=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
    );
  } finally {
    await secure.system.close();
    await own.close();
  }
});
