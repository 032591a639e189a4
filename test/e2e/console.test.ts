/** The console in a real browser: every screen, what each role is offered, dangerous acts, and what a hostile name does. */
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { User } from '../../src/companies/store.ts';
import type { Phone } from '../../src/sdk/index.ts';
import { addDevice } from '../unit/companies/world.ts';
import { hasChromium } from './chromium.ts';
import { act, type Counter, confirmOn, openCounter, settled, told } from './counter.ts';
import { desk, inspect, narrow, useMode, violations } from './inspect.ts';

let counter: Counter;
let operator: Phone;
let user: User;

describe.skipIf(!hasChromium)('the console', () => {
  beforeAll(async () => {
    counter = await openCounter();
    operator = await counter.phoneOf(counter.operator.id);
    user = await counter.addUser({ name: hostileName, email: 'mallory@northwind.example' });
    await counter.phoneOf(user.id);
  });

  afterEach(async () => {
    await counter.clear();
    // A phone may ask so many times a minute, and here one phone logs in for every test.
    counter.pass(61_000);
  });

  afterAll(async () => {
    await counter.stop();
  });

  const go = async (page: Page, path: string): Promise<void> => {
    await page.goto(`${counter.origin}/console${path}`);
    await settled(page);
  };

  describe('its screens', () => {
    it('hold what every page holds: contrast, names, order of reading, targets, no sideways scrolling from 320 pixels on', async () => {
      const page = await counter.enter(operator);
      for (const path of await allScreens()) {
        await go(page, path);
        expect(await page.locator('main .trouble:not(:empty)').allInnerTexts(), path).toEqual([]);
        expect(await inspect(page), path).toEqual([]);
      }
    }, 300_000);

    it('hold it in the question before an act too, and the question keeps the focus', async () => {
      const page = await counter.enter(operator, `/users/${user.id}`);
      await page.getByRole('button', { name: 'Remove user…' }).click();
      const question = page.getByRole('dialog');
      await expect
        .poll(() => question.getByLabel('Reason').evaluate((one) => one === document.activeElement))
        .toBe(true);
      expect(await question.innerText()).toContain('This cannot be undone.');
      for (const mode of ['light', 'dark', 'forced'] as const) {
        await useMode(page, mode);
        await page.setViewportSize(narrow);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(narrow.width);
        expect(await violations(page, mode), mode).toEqual([]);
      }
      await page.keyboard.press('Escape');
      await question.waitFor({ state: 'detached' });
      expect((await counter.server.stores.records.users.find(user.id))?.status).toBe('active');
    });
  });

  it('shows markup in names as the text that it is (T26)', async () => {
    const page = await counter.enter(operator, `/users/${user.id}`);
    expect(await page.locator('h1').innerText()).toBe(hostileName);
    await go(page, '/users');
    expect(await page.getByRole('link', { name: hostileName }).count()).toBe(1);
    await go(page, '/devices');
    await page.getByRole('link', { name: `Phone of ${hostileName}` }).waitFor();
    expect(await page.locator('main img, main script').count()).toBe(0);
  });

  it('offers a support role nothing but looking and ending devices', async () => {
    const support = await staff('support');
    const page = await counter.enter(await counter.phoneOf(support.id), `/users/${user.id}`);
    const offered = await page.locator('main button').allInnerTexts();
    expect([...new Set(offered)]).toEqual(['End device…', 'End all devices…']);
    await go(page, `/companies/${counter.company.id}`);
    expect(await page.locator('main button, main input, main form').count()).toBe(0);
    for (const path of ['/companies/new', '/users/new', '/terms/new', '/clients/new', '/webhooks/new']) {
      await go(page, `${path}?companyId=${counter.company.id}`);
      expect(await page.locator('main').innerText(), path).toContain('You may not do this.');
    }
  });

  it('shows an administrator their own company and nothing of the bank', async () => {
    const { company } = counter;
    const administrator = await counter.addUser({
      name: 'Adam',
      email: 'adam@northwind.example',
      role: 'administrator',
    });
    const page = await counter.enter(await counter.phoneOf(administrator.id));
    expect(await page.locator('#menu a').allInnerTexts()).toEqual([
      'Overview',
      'Companies',
      'Users',
      'Devices',
      'Approvals',
      'Terms',
      'Audit trail',
    ]);
    await go(page, '/companies');
    expect(await page.locator('tbody th').allInnerTexts()).toEqual([company.name]);
    await go(page, `/users/${counter.operator.id}`);
    expect(await page.locator('main .trouble').innerText()).toContain('This is not there, or not for you.');
    await go(page, '/keys');
    expect(await page.locator('main .trouble').innerText()).toContain('You may not do this.');
  });

  it('does a dangerous act by the keyboard alone, after a confirmation on the phone, on one press (S-09)', async () => {
    const victim = await counter.addUser({ name: 'Vera', email: 'vera@northwind.example' });
    const page = await counter.enter(operator, `/users/${victim.id}`);
    await tabTo(page, 'Remove user…');
    await page.keyboard.press('Enter');
    await page.keyboard.type('left the company');
    await page.keyboard.press('Enter');
    await confirmOn(page, operator);
    await page.waitForURL(`${counter.origin}/console/users/${victim.id}`);
    const question = page.getByRole('dialog');
    await question.waitFor();
    expect(await question.innerText()).toContain('You have confirmed on your phone.');
    expect(await question.innerText()).toContain('Reason: left the company');
    expect((await counter.server.stores.records.users.find(victim.id))?.status).toBe('invited');
    await tabTo(page, 'Remove user');
    await page.keyboard.press('Enter');
    expect(await told(page)).toBe('Vera was removed.');
    expect((await counter.server.stores.records.users.find(victim.id))?.status).toBe('removed');
  });

  it('ends all devices of a user by two presses and a reason, without a phone', async () => {
    const owner = await counter.addUser({ name: 'Lotte Lost', email: 'lotte@northwind.example' });
    await counter.phoneOf(owner.id);
    const page = await counter.enter(operator, '/users?search=Lotte');
    await act(page, 'End all devices', 'the phone was stolen');
    expect(await told(page)).toBe('1 device has ended.');
    const [device] = await counter.server.stores.records.devices.listByUser(owner.id);
    expect(device).toMatchObject({ status: 'deactivated' });
  });

  it('asks as before whoever comes back without the phone, and the server takes nothing (S-09)', async () => {
    const victim = await counter.addUser({ name: 'Vito', email: 'vito@northwind.example' });
    const page = await counter.enter(operator, `/users/${victim.id}`);
    await act(page, 'Remove user', 'left the company');
    await page.waitForURL('**/interaction/**');
    await page.goto(`${counter.origin}/console/users/${victim.id}`);
    const question = page.getByRole('dialog');
    await question.waitFor();
    expect(await question.innerText()).not.toContain('You have confirmed on your phone.');
    expect(await question.getByLabel('Reason').inputValue()).toBe('left the company');
    await question.getByRole('button', { name: 'Remove user' }).click();
    await page.waitForURL('**/interaction/**');
    expect((await counter.server.stores.records.users.find(victim.id))?.status).toBe('invited');
  });

  it('has an act of two people decided by the second where all of it is shown (A-10)', async () => {
    const [first, second] = await Promise.all(
      ['Frida', 'Sven'].map((name) =>
        counter.addUser({ name, email: `${name.toLowerCase()}@northwind.example`, role: 'administrator' }),
      ),
    );
    await counter.rule({ rules: { fourEyes: ['users.create'] } });
    const fridas = await counter.enter(await counter.phoneOf(first?.id ?? ''), '/users/new');
    await fridas.getByLabel('Name').fill('Nora Newcomer');
    await fridas.getByLabel('E-mail').fill('nora@northwind.example');
    await fridas.getByRole('button', { name: 'Save' }).click();
    expect(await told(fridas)).toContain('A second person has to approve this.');
    expect(await fridas.locator('main button').allInnerTexts()).toEqual(['Withdraw…']);

    const svens = await counter.enter(await counter.phoneOf(second?.id ?? ''), '/approvals');
    await svens.getByRole('link', { name: 'Create a user' }).click();
    await svens.getByText('nora@northwind.example').waitFor();
    expect(await svens.locator('h1').innerText()).toBe('Create a user: Nora Newcomer');
    await act(svens, 'Approve act');
    expect(await told(svens)).toBe('It was approved.');
    await go(svens, '/users?search=nora@northwind.example');
    expect(await svens.locator('tbody th').allInnerTexts()).toEqual(['Nora Newcomer']);
    await counter.rule({ rules: { fourEyes: [] } });
  });

  it('tells the second person whether a phone is approved or refused, which one and whose: one reads not as the other (A-10, T-15)', async () => {
    const [asker, second] = await Promise.all(
      ['Alma', 'Bert'].map((name) =>
        counter.addUser({ name, email: `${name.toLowerCase()}@northwind.example`, role: 'administrator' }),
      ),
    );
    const device = await addDevice(counter.server.capabilities.admin, user, {
      status: 'pending',
      name: 'Phone of a stranger',
    });
    await counter.rule({ rules: { fourEyes: ['devices.decide'] } });
    const almas = await counter.enter(await counter.phoneOf(asker?.id ?? ''), `/devices/${device.id}`);
    await act(almas, 'Refuse device', 'Nobody knows it');
    expect(await told(almas)).toContain('A second person has to approve this.');
    const berts = await counter.enter(await counter.phoneOf(second?.id ?? ''), '/approvals');
    await berts.getByRole('link', { name: 'Refuse device' }).click();
    await settled(berts);
    expect(await berts.locator('h1').innerText()).toContain('Refuse device: Phone of a stranger, ');
    const main = await berts.locator('main').innerText();
    for (const text of ['Refuse device', 'Nobody knows it']) expect(main).toContain(text);
    expect(main).not.toContain('Approve device');
    const phone = berts.locator('main section').getByRole('link', { name: 'Phone of a stranger' });
    expect(await phone.getAttribute('href')).toBe(`/console/devices/${device.id}`);
    await act(berts, 'Refuse act', 'It is hers');
    await counter.rule({ rules: { fourEyes: [] } });
  });

  it('gives out its own page and files, nothing inline, to no frame, and no other page of the server (S-11, X-07)', async () => {
    const answer = await fetch(`${counter.origin}/console/users`);
    const policy = answer.headers.get('content-security-policy') ?? '';
    for (const rule of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "frame-ancestors 'none'",
      "form-action 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ]) {
      expect(policy).toContain(rule);
    }
    const text = await answer.text();
    expect(text).not.toMatch(/<style|<script(?![^>]* src=)| style=| on[a-z]+=/);
    for (const [tag] of text.matchAll(/<(?:script|link rel="stylesheet")[^>]*>/g))
      expect(tag).toContain('integrity="sha384-');
    for (const path of [
      '/assets/app.js',
      '/assets/login.js',
      '/assets/manifest.json',
      '/app',
      '/assets/..%2fmanifest.json',
    ]) {
      expect((await fetch(`${counter.origin}${path}`)).status, path).toBe(404);
    }
    expect((await fetch(`${counter.origin}/assets/console.js`)).status).toBe(200);
  });

  it('lets no link of another site choose the language for good', async () => {
    const from = (site: string) => fetch(`${counter.origin}/console/?lang=el`, { headers: { 'sec-fetch-site': site } });
    expect((await from('same-origin')).headers.get('set-cookie')).toContain('mtoken_lang=el');
    expect((await from('cross-site')).headers.get('set-cookie')).toBeNull();
  });

  it('keeps no act beyond the login that was made for it, and none for another page', async () => {
    const page = await counter.enter(operator, '/keys');
    await page.evaluate(() => {
      const kept = { act: 'keys.rotate', params: {}, reason: '', key: 'x', page: '/console/users', at: Date.now() };
      sessionStorage.setItem('mtoken-console-act', JSON.stringify(kept));
    });
    await page.reload();
    await settled(page);
    expect(await page.getByRole('dialog').count()).toBe(0);
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
  });

  it('says that a session has ended, in every tab, and logs in again to the same place', async () => {
    const page = await counter.enter(operator, '/devices');
    const other = await page.context().newPage();
    await other.goto(`${counter.origin}/console/keys`);
    await settled(other);
    await other.getByRole('button', { name: 'Log out' }).click();
    await other.getByRole('button', { name: 'Log in with mToken' }).waitFor();
    await page.getByRole('link', { name: 'Keys' }).click();
    await page.getByRole('button', { name: 'Log in with mToken' }).waitFor();
    expect(await page.locator('main').innerText()).toContain('Your session has ended.');
    await page.getByRole('button', { name: 'Log in with mToken' }).click();
    await confirmOn(page, operator);
    await page.waitForURL(`${counter.origin}/console/keys`);
  });

  it('goes back and forward, and remembers what was searched for in the address', async () => {
    const page = await counter.enter(operator, '/users');
    await page.getByLabel('Name or e-mail address').fill('Mallory');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/users?search=Mallory');
    await settled(page);
    await page.getByRole('link', { name: 'Mallory' }).click();
    await page.waitForURL(`**/users/${user.id}`);
    await page.goBack();
    await page.waitForURL('**/users?search=Mallory');
    await settled(page);
    expect(await page.getByLabel('Name or e-mail address').inputValue()).toBe('Mallory');
    await page.goForward();
    await page.waitForURL(`**/users/${user.id}`);
    await page.locator('h1', { hasText: 'Mallory' }).waitFor();
  });

  it('says in words what the server refuses, and loses nothing that was entered', async () => {
    const page = await counter.enter(operator, `/users/new?companyId=${counter.company.id}`);
    await page.getByLabel('Name').fill('Twice');
    await page.getByLabel('E-mail').fill(user.email);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('.trouble:not(:empty)').waitFor();
    expect(await page.locator('.trouble').innerText()).toContain('This exists already.');
    expect(await page.getByLabel('Name').inputValue()).toBe('Twice');
  });

  it('says that the server cannot be reached, and goes on once it can', async () => {
    const page = await counter.enter(operator, '/');
    await page.route('**/admin/v1/**', (route) => route.abort());
    await page.getByRole('link', { name: 'Keys' }).click();
    await page.locator('main .trouble').waitFor();
    expect(await page.locator('main .trouble').innerText()).toContain('The server cannot be reached.');
    await page.unroute('**/admin/v1/**');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.locator('tbody tr').first().waitFor();
    await counter.clear((fault) => fault.includes('net::ERR_FAILED'));
  });

  it('speaks the language that is chosen, and turns round for Arabic', async () => {
    const page = await counter.enter(operator, '/users');
    await page.locator('#language').selectOption('ar');
    await page.waitForURL('**/users?lang=ar');
    await settled(page);
    expect(await page.evaluate(() => [document.documentElement.lang, document.documentElement.dir])).toEqual([
      'ar',
      'rtl',
    ]);
    await go(page, '/keys');
    expect(await page.evaluate(() => document.documentElement.lang)).toBe('ar');
    await page.setViewportSize(narrow);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(narrow.width);
    await page.setViewportSize(desk);
  });

  /** An address of every screen. */
  async function allScreens(): Promise<string[]> {
    const [device] = await counter.server.stores.records.devices.listByUser(user.id);
    const { id } = counter.company;
    const things = [`/companies/${id}`, `/users/${user.id}`, `/devices/${device?.id}`, '/clients/demo-portal'];
    const lists = ['/', '/companies', '/users', '/devices', '/approvals', '/terms', '/clients', '/audit'];
    const made = ['/companies/new', `/users/new?companyId=${id}`, '/terms/new', '/clients/new', '/webhooks/new'];
    return [...lists, '/notifications', '/keys', '/health', ...things, ...made, '/nothing'];
  }

  async function staff(staffRole: 'support' | 'auditor'): Promise<User> {
    const { records } = counter.server.stores;
    const { companyId } = counter.operator;
    const made = await counter.addUser({
      companyId,
      name: `Staff ${staffRole}`,
      email: `${staffRole}@bank.example`,
      staffRole,
    });
    return (await records.users.find(made.id)) ?? made;
  }
});

const hostileName = 'Mallory <img src=x onerror=alert(1)> "&amp;';

/** Walks on by the Tab key until the control of that name has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let step = 0; step < 60; step += 1) {
    await page.keyboard.press('Tab');
    if ((await page.evaluate(() => document.activeElement?.textContent)) === name) return;
  }
  throw new Error(`no ${name} by the Tab key`);
}
