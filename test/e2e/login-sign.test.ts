/** What a portal asks to be signed in a redirect, in a real browser: the code is read from the pixels, the phone shows what is signed. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { PNG } from 'pngjs';
import decode from 'qr/decode.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPhone, memoryKeyStore, type Phone } from '../../src/sdk/index.ts';
import { languages } from '../../src/texts/languages.ts';
import { detailOf, push } from '../integration/oidc/rar-portal.ts';
import type { Portal } from '../integration/system/portal.ts';
import { addPortal } from '../integration/system/rig.ts';
import { type Bank, openBank } from './bank.ts';
import { hasChromium, launchShell, openPage } from './chromium.ts';
import { cutTexts, inspect, narrow } from './inspect.ts';
import { mpin } from './phone.ts';

const byMpin = { method: 'mpin', mpin } as const;
/** Kept when asked for. */
const pictures = process.env['MTOKEN_TEST_PICTURES'];

describe.skipIf(!hasChromium)('what a portal asks to be signed in a redirect', () => {
  let bank: Bank;
  let browser: Browser;
  let portal: Portal;
  let phone: Phone;
  /** With a session at the bank. */
  let page: Page;
  let faults: string[];

  beforeAll(async () => {
    [bank, browser] = await Promise.all([openBank(), launchShell()]);
    portal = await addPortal(bank.server, bank.issuer, { scope: 'sign' });
    phone = await newPhone();
    ({ page, faults } = await openPage(browser));
  });
  afterAll(async () => {
    await browser?.close();
    await portal?.close();
    await bank?.stop();
  });

  async function newPhone(): Promise<Phone> {
    const invited = await bank.invite();
    const made = createPhone({ keyStore: memoryKeyStore(), allowLoopbackHttp: true });
    await made.beginRegistration(invited.activation, {
      device: { name: 'Phone', platform: 'Test', appVersion: '1.0' },
    });
    await made.finishRegistration({ confirmationCode: (await invited.code()).replaceAll(/\D/g, ''), mpin });
    await made.unlockWithMpin(mpin);
    return made;
  }

  const shot = async (of: Page, name: string): Promise<void> => {
    if (pictures !== undefined) await of.screenshot({ path: `${pictures}/login-sign-${name}.png`, fullPage: true });
  };

  /** As a camera does, from the screen as it is now. */
  async function scan(of: Page) {
    for (let tries = 1; ; tries += 1) {
      await of.waitForSelector('#qr svg');
      const { width, height, data } = PNG.sync.read(await of.screenshot({ fullPage: true }));
      try {
        return await phone.claim(decode({ width, height, data }));
      } catch (error) {
        if (tries === 4) throw error;
        await wait(500);
      }
    }
  }

  const toBank = async (of: Page, fields: object = {}) => {
    const pushed = await push({ issuer: bank.issuer }, portal, [detailOf('payment', fields)]);
    await of.goto(pushed.url);
    return pushed;
  };
  const atPortal = async (of: Page): Promise<URL> => {
    await of.waitForURL((url) => url.href.startsWith(portal.redirectUri), { timeout: 20_000 });
    return new URL(of.url());
  };

  it('takes a login first, then an approval of its own, and goes on by itself with just that (T-10, T-11, P-08)', async () => {
    const { begun } = await toBank(page);
    await page.getByRole('heading', { name: 'Scan this code' }).waitFor();
    expect(await page.locator('.asked').innerText()).toBe('You are logging in to');
    const login = await scan(page);
    expect(login.descriptor.purpose).toBe('login');
    await phone.approve(login);
    await page.getByText('This portal asks for your approval').waitFor();
    await shot(page, 'waiting');
    // Neither who nor what is on the screen but that it is a payment (P-04).
    const shown = await page.locator('body').innerText();
    expect(shown).toContain('Payment');
    for (const secret of ['1,250', '1250', 'Jansen', 'BE71', 'Invoice', 'Wilhelmina', 'Hidden']) {
      expect(shown).not.toContain(secret);
    }
    const order = await scan(page);
    expect(order.descriptor).toMatchObject({ purpose: 'signing', freshProof: true });
    expect(order.lines?.map(({ value }) => value)).toContain('Jansen & Zn');
    await page.getByRole('heading', { name: 'Continue on your phone' }).waitFor();
    await shot(page, 'claimed');
    await phone.approve(order, byMpin);
    const tokens = await portal.redeem((await atPortal(page)).href, begun);
    expect(tokens['authorization_details']).toMatchObject([detailOf('payment')]);
  });

  it('is approved from the inbox, by the typed code and by the link on the same device too', async () => {
    const roads: readonly (() => Promise<Parameters<Phone['approve']>[0]>)[] = [
      async () => phone.claimWaiting((await phone.inbox())[0]?.signingId ?? ''),
      async () => {
        await page.getByRole('button', { name: 'I cannot scan' }).click();
        await expect.poll(() => page.textContent('#typed-shown')).toMatch(/^\d{4} \d{4} \d{4}$/);
        await shot(page, 'typed');
        return phone.claimTyped(((await page.textContent('#typed-shown')) ?? '').replaceAll(' ', ''));
      },
      async () => {
        await page.getByRole('button', { name: 'The app is on this device' }).click();
        const link = () => page.locator('#link-open').getAttribute('href');
        await expect.poll(link).toMatch(/\/l\//);
        return phone.claim((await link()) ?? '');
      },
    ];
    for (const road of roads) {
      const { begun } = await toBank(page);
      await page.waitForSelector('#qr svg');
      await phone.approve(await road(), byMpin);
      const tokens = await portal.redeem((await atPortal(page)).href, begun);
      expect(tokens['authorization_details']).toMatchObject([detailOf('payment')]);
    }
  });

  it('says what became of it, and tells the portal (P-09)', async () => {
    const declined = await toBank(page);
    await phone.decline(await scan(page), 'payee');
    await page.getByText('You declined on your phone. Nothing was approved.').waitFor();
    await shot(page, 'declined');
    await page.getByRole('button', { name: /^Back to/ }).click();
    const { searchParams: answer } = await atPortal(page);
    expect(answer.get('state')).toBe(declined.begun.state);
    expect([answer.get('error'), answer.get('error_description')]).toEqual(['access_denied', 'declined: payee']);

    await toBank(page);
    await page.waitForSelector('#qr svg');
    await page.getByRole('button', { name: 'Cancel' }).click();
    expect((await atPortal(page)).searchParams.get('error_description')).toBe('cancelled');
    expect(await phone.inbox()).toEqual([]);
  });

  it('holds in every language at 320 pixels, in every mode, and for whoever reads with ears or keys (WCAG 2.2)', async () => {
    await toBank(page);
    await page.waitForSelector('#qr svg');
    expect(await inspect(page)).toEqual([]);
    const address = page.url();
    await page.setViewportSize(narrow);
    for (const { code, direction } of languages) {
      await page.goto(`${address}?lang=${code}`);
      await page.waitForSelector('#qr svg');
      expect(await page.getAttribute('html', 'dir')).toBe(direction);
      expect(await cutTexts(page), code).toEqual([]);
      if (['ar', 'de', 'en'].includes(code)) await shot(page, `narrow-${code}`);
    }
    await page.goto(`${address}?lang=en`);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await atPortal(page);
  });

  it('is told apart where the person reports it: the session ends, and the portal hears of it (T-16)', async () => {
    await toBank(page);
    await phone.report(await scan(page));
    await page.getByText(/You reported on your phone that this was not you\. Nothing was approved/).waitFor();
    await shot(page, 'reported');
    // By itself, after a moment to read.
    expect((await atPortal(page)).searchParams.get('error_description')).toBe('reported');
    // The tests' portal is at another origin, and has no icon; what is refused, Chromium writes down.
    expect(faults.filter((fault) => !/favicon|status of 4\d\d|request to http:\/\/127/.test(fault))).toEqual([]);
  });
});
