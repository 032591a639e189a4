/** Attacks on approvals in a redirect: another request, another browser, another person, another time, another phone. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createCompany } from '../../../src/companies/companies.ts';
import type { User } from '../../../src/companies/store.ts';
import { deactivateDevice } from '../../../src/devices/devices.ts';
import { oidcAdapter } from '../../../src/oidc/adapter.ts';
import type { Phone } from '../../../src/sdk/index.ts';
import { cancelRequest } from '../../../src/signing/requests.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import type { Portal } from '../system/portal.ts';
import { addPortal, addUser, bank, deviceIdOf, mpin, registerPhone, type System, startSystem } from '../system/rig.ts';
import { type Browser, openBrowser } from './browser.ts';
import { detailOf, type Json, loggedInBrowser, openPage, post, push, sign } from './rar-portal.ts';

const byMpin = { method: 'mpin', mpin } as const;

let stores: SystemStores;
let system: System;
let portal: Portal;
let user: User;
let phone: Phone;
let browser: Browser;
const payment = (fields: object = {}): Json => detailOf('payment', fields);

beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('there is no engine');
  stores = await engine.open();
  system = await startSystem(stores);
  portal = await addPortal(system.server, system.issuer, { scope: 'sign' });
});
beforeEach(async () => {
  // Of their own for each test: a phone that claims more than ten times a minute is told to wait.
  ({ user, phone } = await person('Ada Asked'));
  browser = await loggedInBrowser(system, portal, phone);
});
afterAll(async () => {
  await portal.close();
  await system.close();
  await stores.close();
});

async function unlocked(owner: User): Promise<Phone> {
  const made = await registerPhone(system, { user: owner });
  await made.unlockWithMpin(mpin);
  return made;
}

async function person(name: string, companyId = system.company.id): Promise<{ user: User; phone: Phone }> {
  const made = await addUser(system.server, companyId, { name });
  return { user: made, phone: await unlocked(made) };
}

/** The page of a fresh request, in a browser that is logged in. */
async function asked(detail: Json = payment(), by: Browser = browser) {
  const pushed = await push(system, portal, [detail]);
  return { ...pushed, page: await openPage(by, pushed.url) };
}

const signings = () => system.server.stores.records.signings;
const newest = async () => {
  const [found] = await signings().everyOf(user.id, { limit: 1 });
  return found?.request;
};
const deactivate = async (of: Phone) =>
  deactivateDevice(system.server.capabilities.devices, {
    deviceId: await deviceIdOf(of),
    actor: 'cli',
    reason: 'lost',
  });
const redeemForm = (callback: URL, codeVerifier: string) => ({
  grant_type: 'authorization_code',
  code: callback.searchParams.get('code') ?? '',
  redirect_uri: portal.redirectUri,
  code_verifier: codeVerifier,
});
const refusal = ({ searchParams }: URL) => [searchParams.get('error'), searchParams.get('error_description')];
const isCode = ({ url }: { readonly url: URL }) => url.searchParams.has('code');

/** Another one that is as well formed. */
function flipped(value: unknown): unknown {
  if (typeof value === 'number') return value + 1;
  const others: Readonly<Record<string, string>> = {
    EUR: 'USD',
    BE71096123456769: 'NL91ABNA0417164300',
    DE89370400440532013000: 'GB29NWBK60161331926819',
    '2036-11-23': '2036-11-24',
  };
  return others[String(value)] ?? `${String(value)}s`;
}

describe('An approval', () => {
  it('is for its own request: with A approved, B is neither released nor widened (T-12)', async () => {
    const a = await asked(payment({ amount: 100 }));
    const b = await asked(payment({ amount: 900 }));
    await a.page.approve(phone);
    expect(await b.page.call('finish')).toMatchObject({ status: 409 });
    expect((await b.page.call('status')).body['state']).toBe('pending');
    const { url: callbackOfA } = await a.page.finish();
    const tokens = await portal.redeem(callbackOfA.href, a.begun);
    expect(tokens['authorization_details']).toMatchObject([payment({ amount: 100 })]);
    // The portal cannot take A's code for B, and B goes on by itself.
    await expect(portal.redeem(callbackOfA.href, b.begun)).rejects.toThrow();
    await b.page.approve(phone);
    const ofB = await portal.redeem((await b.page.finish()).url.href, b.begun);
    expect(ofB['authorization_details']).toMatchObject([payment({ amount: 900 })]);
  });

  it('is needed each time: neither the session nor an approval before it is enough (T-13)', async () => {
    const detail = payment();
    await sign(system, portal, { browser, phone, detail });
    const again = await asked(detail);
    expect((await again.page.call('status')).body['state']).toBe('pending');
    expect(await again.page.call('finish')).toMatchObject({ status: 409 });
    const silent = await push(system, portal, [detail], { prompt: 'none' });
    expect(refusal((await browser.follow(silent.url)).url)[0]).toBe('consent_required');
    // And who asks for nothing gets nothing of what was approved before.
    const plain = await portal.begin({ scope: 'openid' });
    const tokens = await portal.redeem((await browser.follow(plain.url)).url.href, plain);
    expect(tokens['authorization_details']).toBeUndefined();
  });

  it('is no login, and a login is no approval (T-10)', async () => {
    const fresh = openBrowser(system.issuer);
    const login = await openPage(fresh, (await push(system, portal, [payment()])).url);
    const claimed = await phone.claim(await login.frame());
    expect(claimed.descriptor.purpose).toBe('login');
    await phone.approve(claimed);
    const { body } = await login.call('finish');
    // On to a page of its own, where nothing is approved yet.
    const page = await openPage(fresh, String(body['location']));
    expect(page.path).not.toBe(login.path);
    expect(await page.call('finish')).toMatchObject({ status: 409 });
    expect((await phone.claim(await page.frame())).descriptor.purpose).toBe('signing');
    // An approval, the other way round, ends no login page, be it of the same browser.
    const second = await asked(payment(), fresh);
    const waiting = await openPage(fresh, (await portal.begin({ scope: 'openid', prompt: 'login' })).url);
    await second.page.approve(phone);
    expect(await waiting.call('finish')).toMatchObject({ status: 409 });
  });

  it('answers prompt=login and max_age with one login and one approval, not with one after another (O-14, T-13)', async () => {
    const { begun, url } = await push(system, portal, [payment()], { prompt: 'login', max_age: '1' });
    const login = await openPage(browser, url);
    const claimed = await phone.claim(await login.frame());
    await phone.approve(claimed, byMpin);
    const { body } = await login.call('finish');
    const page = await openPage(browser, String(body['location']));
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 });
    try {
      await page.approve(phone);
      const tokens = await portal.redeem((await page.finish()).url.href, begun);
      expect(tokens['authorization_details']).toMatchObject([payment()]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('is given out once: to the first of many finishes and returns, and to one of twenty redemptions (O-02, T-09)', async () => {
    const { page, begun } = await asked();
    await page.approve(phone);
    const finishes = await Promise.all(Array.from({ length: 5 }, () => page.call('finish')));
    expect(finishes.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    const location = String(finishes[0]?.body['location']);
    // Longer ago than a pushed request is remembered: what it was approved for is.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 90_000 });
    try {
      const returns = await Promise.all(Array.from({ length: 5 }, () => browser.request(location)));
      const codes = returns
        .map(({ headers }) => new URL(headers.get('location') ?? 'https://none.example'))
        .filter((url) => url.searchParams.has('code'));
      expect(codes).toHaveLength(1);
      const [callback = new URL('https://none.example')] = codes;
      expect(isCode(await browser.follow(location))).toBe(false);
      expect((await page.call('finish')).status).toBe(404);
      const form = redeemForm(callback, begun.codeVerifier);
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => post(system, portal, ['/oauth2/token', form])),
      );
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      expect(answers.filter(({ body }) => body['authorization_details'] !== undefined)).toHaveLength(1);
    } finally {
      vi.useRealTimers();
    }
  });

  it('is of the fields that were signed: one flipped where the request lies, and no code comes of it (T-03, T-04, T-11)', async () => {
    const detail = payment();
    const { page, begun } = await asked(detail);
    await page.approve(phone);
    const { body } = await page.call('finish');
    const kept = oidcAdapter(system.server.capabilities.oidc)('Interaction');
    const uid = page.path.split('/').at(-1) ?? '';
    const interaction = await kept.find(uid);
    // Those of the interaction: the session's own changes with every return.
    const cookies = [...browser.jar].filter(([, { path }]) => path !== '/');
    /** The browser comes back, and the provider finds this in its place. */
    const returned = async (changed: Json): Promise<URL> => {
      const params = { ...interaction?.params, authorization_details: JSON.stringify([changed]) };
      await kept.upsert(uid, { ...interaction, params }, 600);
      for (const [name, cookie] of cookies) browser.jar.set(name, cookie);
      return (await browser.follow(String(body['location']))).url;
    };
    // By then the pushed request, which is used once as well, is forgotten.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 90_000 });
    try {
      const flips = [
        ...Object.entries(detail['fields'] as Json).map(([name, value]) => payment({ [name]: flipped(value) })),
        payment({ reference: undefined }),
        { ...detail, reference: 'my paymens' },
        detailOf('text'),
      ];
      for (const flip of flips) {
        const url = await returned(JSON.parse(JSON.stringify(flip)) as Json);
        expect(refusal(url), JSON.stringify(flip)).toEqual(['access_denied', 'something else was approved']);
      }
      const tokens = await portal.redeem((await returned(detail)).href, begun);
      expect(tokens['authorization_details']).toMatchObject([detail]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('is of the phone’s own user alone, whatever was scanned (T-09)', async () => {
    const { page } = await asked();
    const { phone: stranger } = await person('Otto Other');
    await expect(stranger.claim(await page.frame())).rejects.toMatchObject({ code: 'stale_frame' });
    expect((await page.call('status')).body['state']).toBe('pending');
  });

  it('by a phone that has ended since gives no code, before the page’s last call and after it (T8, S-07)', async () => {
    const second = await unlocked(user);
    const early = await asked();
    await early.page.approve(second);
    const late = await asked();
    await late.page.approve(second);
    const { body } = await late.page.call('finish');
    await deactivate(second);
    expect(await early.page.call('finish')).toMatchObject({ status: 200, body: { outcome: 'blocked' } });
    const { url } = await browser.follow(String(body['location']));
    expect(refusal(url)).toEqual(['access_denied', 'the phone that approved may not be used']);
    expect(isCode({ url })).toBe(false);
  });
});

describe('The page', () => {
  it('is the browser’s that opened it first: its address, its cookies without the binding, and its pushed request open nothing elsewhere (P-04)', async () => {
    const { page, url } = await asked();
    const thief = await loggedInBrowser(system, portal, phone);
    expect((await page.call('status', thief)).status).toBe(404);
    // A sibling domain can plant cookies that have a path, not those that are `__Host-`.
    for (const [name, cookie] of browser.jar) if (cookie.path !== '/') thief.jar.set(name, cookie);
    for (const name of ['status', 'order', 'link', 'code', 'finish']) {
      expect((await page.call(name, thief)).status, name).toBe(404);
    }
    // The same pushed request, opened once more: in another browser it is nobody's.
    const elsewhere = await thief.follow(url);
    expect((await page.call('order', thief)).status).toBe(404);
    await page.approve(phone);
    const { body } = await page.call('finish');
    expect(elsewhere.url.pathname).not.toBe(page.path);
    const stolen = await thief.follow(String(body['location']));
    expect(isCode(stolen)).toBe(false);
  });

  it('asks once, however often it is opened in its browser, and its request_uri gives one code (T-12, O-06)', async () => {
    const { page, url, begun } = await asked();
    const before = (await newest())?.id;
    const second = await openPage(browser, url);
    expect(second.path).not.toBe(page.path);
    expect((await newest())?.id).toBe(before);
    await second.approve(phone);
    expect((await page.call('status')).body['state']).toBe('approved');
    const headers = { 'sec-fetch-site': 'same-origin' };
    expect((await browser.request(`${page.path}/events`, { headers })).text).toContain('"state":"approved"');
    const first = await page.finish();
    await portal.redeem(first.url.href, begun);
    expect(isCode(await second.finish())).toBe(false);
    // And with the code the pushed request is used up (O-06).
    expect(await browser.follow(url)).toMatchObject({ status: 400, url: { pathname: '/oauth2/authorize' } });
  });

  it('that is opened many times at once still asks once (T-12)', async () => {
    const { url } = await push(system, portal, [payment()]);
    const { pathname } = (await browser.follow(url)).url;
    const init = { method: 'POST', headers: { origin: system.issuer, 'sec-fetch-site': 'same-origin' } };
    const answers = await Promise.all(Array.from({ length: 6 }, () => browser.request(`${pathname}/order`, init)));
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
    expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
    expect(await phone.inbox()).toHaveLength(1);
  });

  it('of one user ends where another one logs in: nobody collects what the first approved (T-12, S-10)', async () => {
    const { page } = await asked();
    const { phone: stranger } = await person('Otto Other');
    const login = await openPage(browser, (await portal.begin({ scope: 'openid', prompt: 'login' })).url);
    await stranger.approve(await stranger.claim(await login.frame()), byMpin);
    const { text } = await login.finish();
    // The provider ends the session of the first one before that of the second begins.
    const [, action = ''] = /action="([^"]+)"/.exec(text) ?? [];
    const [, xsrf = ''] = /name="xsrf" value="([^"]+)"/.exec(text) ?? [];
    const form = { method: 'POST', body: new URLSearchParams({ xsrf, logout: 'yes' }) };
    expect(isCode(await browser.follow(action, form))).toBe(true);
    for (const name of ['status', 'order']) expect((await page.call(name)).status, name).toBe(404);
    const [waiting] = await phone.inbox();
    await phone.approve(await phone.claimWaiting(waiting?.signingId ?? ''), byMpin);
    expect(await page.call('finish')).toMatchObject({ status: 200, body: { outcome: 'blocked' } });
    expect(refusal((await page.finish()).url)).toEqual(['access_denied', 'blocked']);
  });

  it('is for the user whom the portal named, where it names one: anybody else must log in as that one (T-11, T-12)', async () => {
    const claims = JSON.stringify({ id_token: { sub: { value: user.id } } });
    const { phone: stranger } = await person('Otto Other');
    const theirs = await loggedInBrowser(system, portal, stranger);
    const { url } = await push(system, portal, [payment()], { claims });
    const page = await openPage(theirs, url);
    expect((await phone.claim(await page.frame())).descriptor.purpose).toBe('login');
    const own = await openPage(browser, (await push(system, portal, [payment()], { claims })).url);
    expect((await phone.claim(await own.frame())).descriptor.purpose).toBe('signing');
  });

  it('goes on by what waits in the app’s inbox, without a scan', async () => {
    const { page, begun } = await asked();
    const [waiting] = await phone.inbox();
    await phone.approve(await phone.claimWaiting(waiting?.signingId ?? ''), byMpin);
    expect((await page.call('status')).body['state']).toBe('approved');
    const tokens = await portal.redeem((await page.finish()).url.href, begun);
    expect(tokens['authorization_details']).toMatchObject([payment()]);
  });
});

describe('The portal is told access_denied, and why', () => {
  it('where it was declined, reported or cancelled (P-09, T-16)', async () => {
    const declined = await asked();
    await phone.decline(await phone.claim(await declined.page.frame()), 'amount');
    expect(refusal((await declined.page.finish()).url)).toEqual(['access_denied', 'declined: amount']);

    const cancelled = await asked();
    const order = await phone.claim(await cancelled.page.frame());
    const { body } = await cancelled.page.call('cancel');
    expect(refusal((await browser.follow(String(body['location']))).url)).toEqual(['access_denied', 'cancelled']);
    await expect(phone.approve(order, byMpin)).rejects.toMatchObject({ code: 'order_unavailable' });
    expect((await newest())?.status).toBe('cancelled');

    const withdrawn = await asked();
    const { signing } = system.server.capabilities;
    await cancelRequest(signing, (await newest())?.id ?? '', { actor: `client:${portal.id}`, reason: 'client' });
    expect((await withdrawn.page.call('status')).body['state']).toBe('cancelled');
    expect(refusal((await withdrawn.page.finish()).url)).toEqual(['access_denied', 'cancelled']);

    // Too late: what is signed is signed, and the portal is not told otherwise.
    const late = await asked();
    await late.page.approve(phone);
    const { body: instead } = await late.page.call('cancel');
    expect(isCode(await browser.follow(String(instead['location'])))).toBe(true);

    const reported = await asked();
    await phone.report(await phone.claim(await reported.page.frame()));
    expect(refusal((await reported.page.finish()).url)).toEqual(['access_denied', 'reported']);
    // The report has ended the session: the next request begins with a login.
    const next = await push(system, portal, [payment()]);
    const page = await openPage(browser, next.url);
    await phone.unlockWithMpin(mpin);
    expect((await phone.claim(await page.frame())).descriptor.purpose).toBe('login');
  });

  it('where nobody decided in time; a page that still has time asks anew (P-02)', async () => {
    const { page, begun } = await asked();
    const first = (await newest())?.id;
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 301_000 });
    try {
      expect((await page.call('status')).body['state']).toBe('expired');
      expect((await page.call('order')).body['state']).toBe('pending');
      expect((await newest())?.id).not.toBe(first);
      await phone.unlockWithMpin(mpin);
      await page.approve(phone);
      await portal.redeem((await page.finish()).url.href, begun);
      const late = await asked();
      vi.setSystemTime(Date.now() + 301_000);
      expect(refusal((await late.page.finish()).url)).toEqual(['access_denied', 'expired']);
    } finally {
      vi.useRealTimers();
    }
  });

  it('where several people of the company must sign, and nobody is asked (T-15)', async () => {
    const { admin } = system.server.capabilities;
    const approvers = [{ templates: ['payment' as const], currency: 'EUR', from: 100_000, needed: 2 }];
    const company = await createCompany(admin, { name: 'Two Sign', rules: { approvers }, actor: bank });
    const { phone: own } = await person('Ann One', company.id);
    const by = await loggedInBrowser(system, portal, own);
    const { page } = await asked(payment({ amount: 100_000 }), by);
    expect((await page.call('status')).body).toMatchObject({ state: 'cancelled', cause: 'rule' });
    expect(refusal((await page.finish()).url)).toEqual(['access_denied', 'approvers']);
    expect(await own.inbox()).toEqual([]);
    await sign(system, portal, { browser: by, phone: own, detail: payment({ amount: 99_999 }) });
  });
});
