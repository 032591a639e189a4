/** A whole login under the rules of a company, and in a browser that its user has never used. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { updateCompany } from '../../../src/companies/companies.ts';
import type { RuleChanges } from '../../../src/companies/rule-checks.ts';
import { createBrowser } from '../../../src/demo/browser.ts';
import type { Phone } from '../../../src/sdk/index.ts';
import { type SystemStores, systemEngines } from './engines.ts';
import { logIn, openLoginPage, scan } from './login.ts';
import { addUser, bank, eventually, fetchFrom, mpin, registerPhone, type System, startSystem } from './rig.ts';

let stores: SystemStores;
let system: System;
beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('no engine');
  stores = await engine.open();
  system = await startSystem(stores);
});
afterAll(async () => {
  await system.close();
  await stores.close();
});

const records = () => system.server.stores.records;

/** From then on the person's browsers must log in again. */
const endLogins = (userId: string) =>
  records().transaction((within) => system.server.capabilities.admin.endLogins(within, { userId }, system.clock.now()));

/** Mails about a new browser that the user has got, once every message was delivered. */
async function newBrowserMails(email: string): Promise<readonly string[]> {
  await eventually('an empty outbox', async () => ((await records().outbox.count('pending')) === 0 ? true : undefined));
  return system.mails.to(email).filter((text) => text.includes('that you had not used before'));
}

describe('a login in a browser', () => {
  it('that its user has never used is told of, once for each browser and person (A-09)', async () => {
    const user = await addUser(system.server, system.company.id, { name: 'Nora New' });
    const phone = await registerPhone(system, { user });
    const browser = createBrowser();
    await logIn(system.portal, phone, { browser });
    expect(await newBrowserMails(user.email)).toEqual([expect.stringContaining('Business portal')]);
    await endLogins(user.id);
    await logIn(system.portal, phone, { browser });
    expect(await newBrowserMails(user.email)).toHaveLength(1);
    await logIn(system.portal, phone);
    expect(await newBrowserMails(user.email)).toHaveLength(2);
    await endLogins(user.id);
    const other = await addUser(system.server, system.company.id, { name: 'Otto Other' });
    await logIn(system.portal, await registerPhone(system, { user: other }), { browser });
    expect(await newBrowserMails(other.email)).toHaveLength(1);
    expect(await newBrowserMails(user.email)).toHaveLength(2);
    const completed = await records().audit.search(
      { event: 'login.completed', userId: user.id },
      { order: 'oldest', limit: 10 },
    );
    expect(completed.map(({ data }) => data?.['isNewBrowser'])).toEqual([true, false, true]);
  });

  it('is known by a cookie that opens nothing (S-04)', async () => {
    const user = await addUser(system.server, system.company.id, { name: 'Karl Known' });
    const phone = await registerPhone(system, { user });
    const browser = createBrowser();
    const { login } = await logIn(system.portal, phone, { browser });
    const value = /mt_known=([A-Za-z0-9_-]{43})/.exec(browser.cookies(login.page))?.[1];
    expect(value).toBeDefined();
    // With this cookie alone somebody is known, and nobody is logged in.
    const thief = await openLoginPage(system.portal, { browser: createBrowser() });
    const answer = await fetch(`${thief.page}/status`, { headers: { cookie: `mt_known=${value}` } });
    expect(answer.status).toBe(404);
  });
});

describe('a login from elsewhere', () => {
  const setRules = async (rules: RuleChanges): Promise<void> => {
    const { id: companyId } = system.company;
    const version = (await records().companies.find(companyId))?.version ?? 0;
    await updateCompany(system.server.capabilities.admin, { companyId, version, changes: { rules }, actor: bank });
  };
  const phoneAt = (address: string): Promise<Phone> =>
    registerPhone(system, { options: { fetch: fetchFrom(address) } });

  it('is refused on phone, page and portal alike where the company names its networks, and in the trail with the reason (A-02)', async () => {
    const [inside, outside] = [await phoneAt('198.51.100.7'), await phoneAt('203.0.113.7')];
    await setRules({ networks: ['127.0.0.0/8', '::1/128', '198.51.100.0/24'] });
    try {
      // Unlocking is no approval, and goes on from everywhere.
      await outside.unlockWithMpin(mpin);
      const login = await openLoginPage(system.portal);
      const order = await scan(login, outside);
      await expect(outside.approve(order)).rejects.toMatchObject({ code: 'not_allowed' });
      expect(await login.status()).toMatchObject({ state: 'cancelled', cause: 'rule' });
      const callback = new URL(await login.finish());
      expect(callback.searchParams.get('error')).toBe('access_denied');
      const trail = await records().audit.search({ orderId: order.orderId }, { order: 'oldest', limit: 50 });
      expect(trail.map(({ event }) => event)).toEqual(
        expect.arrayContaining(['order.cancelled', 'order.decision_refused', 'login.refused']),
      );
      const cancelled = trail.find(({ event }) => event === 'order.cancelled');
      expect(cancelled).toMatchObject({ address: '203.0.113.7', data: { reason: 'policy', rule: 'network' } });
      expect(trail.map(({ event }) => event)).not.toContain('login.completed');
      const { callbackUrl } = await logIn(system.portal, inside);
      expect(callbackUrl).toContain('code=');
    } finally {
      await setRules({ networks: [] });
    }
  });
});
