/** Showing again that it is you: a fresh proof for what changes security, and a confirmation for one act and no more (RFC 9470). */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { createCompany } from '../../../src/companies/companies.ts';
import type { Browser } from '../../../src/demo/browser.ts';
import { endLogins } from '../../../src/oidc/end-logins.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import { bank, registerPhone } from '../system/rig.ts';
import { codeOf, type RawAnswer } from '../system/wire.ts';
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
let offset = 0;
let emptyCompany: string;

beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('no engine');
  stores = await engine.open();
  desk = await startConsoleSystem(stores, { clock: { now: () => systemClock.now() + offset } });
  const company = await createCompany(desk.system.server.capabilities.admin, { name: 'Empty Ltd', actor: bank });
  emptyCompany = company.id;
});

afterEach(() => {
  offset = 0;
});

afterAll(async () => {
  await desk.system.close();
  await stores.close();
});

const cookieOf = (login: { readonly browser: Browser }) => login.browser.cookies(desk.origin);

async function me(cookie: string) {
  const answer = await callAdmin(desk, cookie, '/me');
  expect(answer.status, answer.text).toBe(200);
  return JSON.parse(answer.text) as { provedAt: number; isConfirmed: boolean };
}

/** An act that takes a confirmation and changes nothing here. */
const endAll = (cookie: string, body: object = { reason: 'drill' }) =>
  callAdmin(desk, cookie, `/companies/${emptyCompany}/deactivate-devices`, { method: 'POST', body });

/** An act that takes a fresh proof. */
const rename = (cookie: string, name: string) =>
  callAdmin(desk, cookie, '/companies', { method: 'POST', body: { name } });

function expectProofWanted(answer: RawAnswer, proof: string): void {
  expect([answer.status, codeOf(answer)]).toEqual([401, 'proof_required']);
  expect(JSON.parse(answer.text)).toMatchObject({ proof });
  expect(answer.headers['www-authenticate']).toBe('Bearer error="insufficient_user_authentication", max_age=300');
}

describe('a fresh proof', () => {
  it('is wanted five minutes after the last one, though the session goes on, and nothing happens without it (S-09)', async () => {
    const login = await personAtConsole(desk, 'operator');
    expect((await rename(cookieOf(login), 'Early Ltd')).status).toBe(201);
    const { provedAt } = await me(cookieOf(login));
    offset = 200_000;
    await me(cookieOf(login));
    offset = 302_000;
    const before = (await desk.system.server.stores.records.audit.head()).seq;
    expectProofWanted(await rename(cookieOf(login), 'Late Ltd'), 'fresh');
    expect((await desk.system.server.stores.records.audit.head()).seq).toBe(before);
    const again = await logInToConsole(desk, { ...login, proof: 'fresh', returnTo: '/console/companies' });
    expect(again.url).toBe(`${desk.origin}/console/companies`);
    expect((await me(cookieOf(again))).provedAt).toBeGreaterThanOrEqual(provedAt + 300_000);
    expect((await rename(cookieOf(again), 'Late Ltd')).status).toBe(201);
  });

  it('is made on the phone, whatever login there is at the provider, and its time is the ID token’s (S-09)', async () => {
    const login = await personAtConsole(desk, 'administrator');
    for (const proof of ['fresh', 'confirmed'] as const) {
      const opened = await openConsoleLogin(desk, { ...login, proof });
      expect(opened.url, proof).toContain('/interaction/');
    }
    expect((await me(cookieOf(login))).provedAt % 1000).toBe(0);
  });

  it('that is older than the wish for it is none, whatever the browser brings back (S-09, RFC 9470)', async () => {
    const login = await personAtConsole(desk, 'administrator');
    const cookie = cookieOf(login);
    for (const proof of ['fresh', 'confirmed'] as const) {
      offset = 5_000;
      const opened = await openConsoleLogin(desk, { ...login, proof });
      offset = 0;
      const back = await login.browser.open(await approveAt(login.browser, opened.url, login.phone));
      expect([back.status, back.text.includes('auth_time')], proof).toEqual([403, true]);
    }
    expect(cookieOf(login)).toContain(cookie.split('; ').find((pair) => pair.startsWith('mt_console=')));
    expect((await me(cookie)).isConfirmed).toBe(false);
  });

  it('is begun by the console or by hand, and by no other site (S-10)', async () => {
    for (const proof of ['fresh', 'confirmed']) {
      for (const site of ['cross-site', 'same-site']) {
        const headers = { 'sec-fetch-site': site };
        const answer = await callConsole(desk, '', `/console/login?proof=${proof}`, { headers });
        expect([answer.status, codeOf(answer)]).toEqual([403, 'forbidden_origin']);
      }
    }
    const link = await callConsole(desk, '', '/console/login', { headers: { 'sec-fetch-site': 'cross-site' } });
    expect(link.status).toBe(303);
  });
});

describe('a confirmation', () => {
  it('is wanted by a dangerous act however fresh the login is, and opens one act, not two (S-09, X-08)', async () => {
    const login = await personAtConsole(desk, 'operator');
    expectProofWanted(await endAll(cookieOf(login)), 'confirmed');
    const fresh = await logInToConsole(desk, { ...login, proof: 'fresh' });
    expectProofWanted(await endAll(cookieOf(fresh)), 'confirmed');
    const confirmed = await logInToConsole(desk, { ...login, proof: 'confirmed' });
    expect((await me(cookieOf(confirmed))).isConfirmed).toBe(true);
    expect((await endAll(cookieOf(confirmed))).status).toBe(200);
    expect((await me(cookieOf(confirmed))).isConfirmed).toBe(false);
    expectProofWanted(await endAll(cookieOf(confirmed)), 'confirmed');
  });

  it('goes to one of many requests that come at once (S-09, T4)', async () => {
    const login = await personAtConsole(desk, 'operator', { proof: 'confirmed' });
    const answers = await Promise.all(Array.from({ length: 12 }, () => endAll(cookieOf(login))));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter((answer) => codeOf(answer) === 'proof_required')).toHaveLength(11);
  });

  it('is not used up by what was not well formed or not allowed (S-09)', async () => {
    const login = await personAtConsole(desk, 'support', { proof: 'confirmed' });
    expect((await endAll(cookieOf(login))).status).toBe(403);
    expect((await me(cookieOf(login))).isConfirmed).toBe(true);
    const operator = await personAtConsole(desk, 'operator', { proof: 'confirmed' });
    expect((await endAll(cookieOf(operator), { reason: '', odd: 1 })).status).toBe(400);
    expect((await endAll(cookieOf(operator))).status).toBe(200);
  });

  it('is over after five minutes (S-09)', async () => {
    const login = await personAtConsole(desk, 'operator', { proof: 'confirmed' });
    offset = 200_000;
    await me(cookieOf(login));
    offset = 302_000;
    expect((await me(cookieOf(login))).isConfirmed).toBe(false);
    expectProofWanted(await endAll(cookieOf(login)), 'confirmed');
  });

  it('does not outlive its session: the next login has none, and two make no store of them (S-09, S-03)', async () => {
    const login = await personAtConsole(desk, 'operator', { proof: 'confirmed' });
    const first = cookieOf(login);
    const second = await logInToConsole(desk, { ...login, proof: 'confirmed' });
    expect((await endAll(first)).status).toBe(401);
    expect((await endAll(cookieOf(second))).status).toBe(200);
    expectProofWanted(await endAll(cookieOf(second)), 'confirmed');
    const third = await logInToConsole(desk, { ...login, proof: 'confirmed' });
    const fourth = await logInToConsole(desk, { ...login, proof: 'fresh' });
    expect((await me(cookieOf(fourth))).isConfirmed).toBe(false);
    expect((await endAll(cookieOf(third))).status).toBe(401);
  });

  it('is not given to somebody else who proves themselves at that screen (S-09, T6)', async () => {
    const first = await personAtConsole(desk, 'operator');
    const other = await addPerson(desk, 'operator');
    const phone = await registerPhone(desk.system, { user: other });
    const { records } = desk.system.server.stores;
    await records.transaction((within) => endLogins(within, { userId: first.user.id }, systemClock.now()));
    const login = await logInToConsole(desk, {
      phone,
      browser: first.browser,
      proof: 'confirmed',
      returnTo: '/console/keys',
    });
    expect(login.url).toBe(`${desk.origin}/console/`);
    const shown = await callAdmin(desk, cookieOf(login), '/me');
    expect(JSON.parse(shown.text)).toMatchObject({ userId: other.id, isConfirmed: false });
  });
});
