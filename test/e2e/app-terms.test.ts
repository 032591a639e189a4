/** The terms in a real browser: read, accepted, declined, by the keyboard, in every language of the app, whatever is in them. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createActivation } from '../../src/registration/activations.ts';
import { publishTerms } from '../../src/terms/terms.ts';
import { type Bank, type Invited, openBank } from './bank.ts';
import { hasChromium, launchShell, openPage } from './chromium.ts';
import { cutTexts, inspect, narrow } from './inspect.ts';
import { inEveryLanguage } from './other-words.ts';
import { at, enter, look, mpin, phoneSize, press, trouble } from './phone.ts';

const operator = { name: 'operator' };
const hostile =
  '<img src=x onerror="window.hacked = true"><script>window.hacked = true</script>\n</div><b>bold</b> &amp;';
const long = `${hostile}\n\n${'You use this app with care, and tell your bank when the phone is lost. '.repeat(60)}\nThe end of it.`;

describe.skipIf(!hasChromium)('the terms in the app', () => {
  let bank: Bank;
  let browser: Browser;
  let faults: readonly string[] = [];

  beforeAll(async () => {
    [bank, browser] = await Promise.all([openBank(), launchShell()]);
    const arabic = { language: 'ar', title: 'شروط الاستخدام', text: 'استخدم التطبيق بعناية.' };
    const english = { language: 'en', title: 'Conditions <b>of</b> the bank', text: long };
    await publishTerms(bank.server.capabilities.registration, {
      version: '2026-11',
      texts: [english, arabic],
      actor: operator,
    });
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    expect(faults).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await bank?.stop();
  });

  const records = () => bank.server.stores.records;
  const openApp = async (): Promise<Page> => {
    const opened = await openPage(browser, { viewport: phoneSize, serviceWorkers: 'block' });
    faults = opened.faults;
    await opened.page.goto(`${bank.issuer}/app`);
    return opened.page;
  };
  /** By text, to the terms. */
  const toTerms = async (page: Page, activation: string): Promise<void> => {
    await press(page, 'Enter it as text instead');
    await page.fill('#code-text', activation);
    await press(page, 'Continue');
    await at(page, 'name');
    await press(page, 'Continue');
    await at(page, 'terms');
  };
  const finish = async (page: Page, code: string): Promise<void> => {
    await at(page, 'code');
    await page.fill('#confirmation', code);
    await press(page, 'Continue');
    await at(page, 'choose');
    await enter(page, mpin);
    await at(page, 'repeat');
    await enter(page, mpin);
    await at(page, 'registered');
  };
  const byEmail = async ({ userId, email }: Invited) => {
    const deps = bank.server.capabilities.registration;
    const { confirmationCode } = await createActivation(deps, { userId, actor: operator, delivery: 'email' });
    return { confirmationCode, text: await bank.mailed(email, /mtoken1\.[A-Za-z0-9_.-]+/) };
  };
  const accepted = async ({ userId }: Invited) => records().terms.acceptances(userId);

  it('are text and nothing else, whole, and accepted before the confirmation code is asked for (T26)', async () => {
    const invited = await bank.invite();
    const page = await openApp();
    await toTerms(page, invited.activation);
    expect(await page.locator('#terms-text').evaluate((one) => one.textContent)).toBe(long);
    expect(await page.locator('#terms-title').textContent()).toBe('Conditions <b>of</b> the bank');
    expect(await page.locator('#terms-text *, #terms-title *').count()).toBe(0);
    expect(await page.evaluate('window.hacked')).toBeUndefined();
    expect(await page.locator('main').innerText()).toContain('Version 2026-11');
    expect(await page.locator('#confirmation').count()).toBe(0);
    await look(page, 'terms');
    await press(page, 'I accept the terms');
    await finish(page, await invited.code());
    expect(await accepted(invited)).toMatchObject([{ version: '2026-11', language: 'en' }]);
    expect(await records().users.find(invited.userId)).toMatchObject({ status: 'active' });
  });

  it('that are declined register nothing and say so; the same activation works once they are accepted', async () => {
    const invited = await bank.invite();
    const page = await openApp();
    await toTerms(page, invited.activation);
    await press(page, 'I do not accept');
    await at(page, 'welcome');
    expect(await trouble(page)).toContain('Without the terms accepted');
    expect(await accepted(invited)).toEqual([]);
    expect(await records().devices.listByUser(invited.userId)).toEqual([]);
    await toTerms(page, invited.activation);
    await press(page, 'I accept the terms');
    await finish(page, await invited.code());
  });

  it('are shown again after a reload, for nobody has accepted what was only shown', async () => {
    const invited = await bank.invite();
    const page = await openApp();
    await toTerms(page, invited.activation);
    await page.reload();
    await at(page, 'terms');
    await press(page, 'I accept the terms');
    await finish(page, await invited.code());
  });

  it('are read and accepted by the keyboard alone, and announced as what they are', async () => {
    const invited = await bank.invite();
    const page = await openApp();
    await toTerms(page, invited.activation);
    // The heading of the screen has the focus; the next stop is the text, which the keys scroll.
    await page.keyboard.press('Tab');
    const focused = await page.evaluate<Record<string, string | null>>(`(() => {
      const one = document.activeElement;
      const label = document.getElementById(one.getAttribute('aria-labelledby'));
      return { id: one.id, role: one.getAttribute('role'), name: label && label.textContent };
    })()`);
    expect(focused).toEqual({ id: 'terms-text', role: 'region', name: 'Conditions <b>of</b> the bank' });
    await page.keyboard.press('End');
    await page.waitForFunction(() => (document.querySelector('#terms-text')?.scrollTop ?? 0) > 100);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await at(page, 'code');
  });

  it('fit every screen, light, dark and forced, narrow and large, and every checker (M-13)', {
    timeout: 120_000,
  }, async () => {
    const page = await openApp();
    await toTerms(page, (await bank.invite()).activation);
    expect(await inspect(page)).toEqual([]);
  });

  it('fit 320 pixels whatever language the app speaks, and the step after them where the administrator has the code', async () => {
    const found: string[] = [];
    const invited = await bank.invite();
    const made = await byEmail(invited);
    const page = await openApp();
    await page.setViewportSize(narrow);
    await toTerms(page, made.text);
    const fits = async (code: string) => void found.push(...(await cutTexts(page)).map((fault) => `${code}: ${fault}`));
    expect(await inEveryLanguage(page, 'app', fits)).toBeGreaterThanOrEqual(5);
    await press(page, 'I accept the terms');
    await at(page, 'code');
    await inEveryLanguage(page, 'app', fits);
    expect(found).toEqual([]);
  });

  it.each([
    ['en', 'ltr'],
    ['ar', 'rtl'],
  ])('are marked as what they are written in: %s, %s, whatever the app speaks', async (code, direction) => {
    const invited = await bank.invite();
    await records().users.setLanguage(invited.userId, code);
    const page = await openApp();
    await toTerms(page, invited.activation);
    for (const id of ['#terms-text', '#terms-title']) {
      const shown = page.locator(id);
      expect([await shown.getAttribute('lang'), await shown.getAttribute('dir')], id).toEqual([code, direction]);
    }
    expect(await page.locator('html').getAttribute('lang')).toBe('en');
    if (code === 'ar') await look(page, 'terms-ar');
  });

  it('come after an invitation by e-mail too, whose text is pasted and whose other code the administrator tells (R-03)', async () => {
    const invited = await bank.invite();
    const made = await byEmail(invited);
    const page = await openApp();
    await toTerms(page, made.text);
    await press(page, 'I accept the terms');
    await at(page, 'code');
    expect(await page.locator('main').innerText()).toContain('Your administrator tells you 8 digits');
    await look(page, 'code-told');
    await finish(page, made.confirmationCode);
  });
});
