/** The app in the language of the person: the browser's, or a chosen one; kept for a start without a connection; never other bytes than the server's. */
import { readFile } from 'node:fs/promises';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import english from '../../src/texts/languages/en.json' with { type: 'json' };
import { type Bank, enrol, type Invited, openBank } from './bank.ts';
import { hasChromium, launchShell, openPage } from './chromium.ts';
import { at, enter, look, mpin, phoneSize, trouble } from './phone.ts';

type Name = keyof typeof english.app;

/** What the built file of a language says. */
async function text(code: string, name: Name): Promise<string> {
  const file = new URL(`../../dist/web/app/texts/${code}.json`, import.meta.url);
  const texts = JSON.parse(await readFile(file, 'utf8')) as Partial<Record<Name, string>>;
  return texts[name] ?? String(english.app[name]);
}

describe.skipIf(!hasChromium)('the languages of the app', () => {
  let bank: Bank;
  let browser: Browser;

  beforeAll(async () => {
    [bank, browser] = await Promise.all([openBank(), launchShell()]);
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
  });
  afterAll(async () => {
    await browser?.close();
    await bank?.stop();
  });

  const newPage = async (options: BrowserContextOptions = {}): Promise<Page> =>
    (await openPage(browser, { viewport: phoneSize, ...options })).page;
  const open = async (options: BrowserContextOptions = {}): Promise<Page> => {
    const page = await newPage(options);
    await page.goto(`${bank.issuer}/app`);
    await at(page, 'welcome');
    return page;
  };
  const shown = async (page: Page) => ({
    lang: await page.getAttribute('html', 'lang'),
    dir: await page.getAttribute('html', 'dir'),
    heading: await page.locator('h1').innerText(),
  });
  const languageOf = async ({ userId }: Invited) =>
    (await bank.server.stores.records.users.find(userId))?.language ?? null;

  it.each([
    ['de-AT', 'de', 'ltr'],
    ['ar-EG', 'ar', 'rtl'],
    ['ja-JP', 'en', 'ltr'],
  ])('is that of a browser set to %s: %s', async (locale, code, dir) => {
    const page = await open({ locale });
    const heading = await text(code, 'welcome.title');
    expect(await shown(page)).toEqual({ lang: code, dir, heading });
    expect(await page.title()).toContain(heading);
  });

  it('is the one that was chosen, each named in itself, from then on, until the choice is taken back', async () => {
    const page = await open();
    const offered = await page
      .locator('#language option')
      .evaluateAll((options) => options.map((option) => [option.getAttribute('lang'), option.textContent ?? '']));
    expect(offered).toHaveLength(26);
    expect(offered[0]).toEqual([null, 'As set in the browser (English)']);
    expect(offered).toContainEqual(['ar', 'العربية']);
    await page.selectOption('#language', 'fr');
    await page.waitForSelector('html[lang="fr"]');
    expect(await page.locator('h1').innerText()).toBe(await text('fr', 'welcome.title'));
    // Whoever listens or types goes on where they were.
    expect(await page.evaluate('document.activeElement.id')).toBe('language');
    await page.reload();
    await at(page, 'welcome');
    expect(await page.getAttribute('html', 'lang')).toBe('fr');
    await page.selectOption('#language', '');
    await page.waitForSelector('html[lang="en"]');
    await page.reload();
    await at(page, 'welcome');
    expect(await page.getAttribute('html', 'lang')).toBe('en');
  });

  it('is told to the server after the registration and with each choice, and the session stays open', async () => {
    const page = await open({ locale: 'de-DE' });
    const invited = await bank.invite();
    await enrol(page, invited);
    await at(page, 'registered');
    await expect.poll(async () => languageOf(invited)).toBe('de');
    await page.locator('main > button').first().click();
    await at(page, 'home');
    await page.locator('main > button').nth(4).click();
    await at(page, 'settings');
    await page.selectOption('#language', 'nl');
    await page.waitForSelector('html[lang="nl"]');
    await at(page, 'settings');
    await expect.poll(async () => languageOf(invited)).toBe('nl');
    await page.locator('main > button').last().click();
    await at(page, 'home');
  });

  it('is kept for a start without a connection', async () => {
    const page = await open({ locale: 'de-DE' });
    await page.evaluate('navigator.serviceWorker.ready');
    await page.waitForFunction(async () => (await caches.match('/assets/app/texts/de.json')) !== undefined);
    await page.context().setOffline(true);
    await page.reload();
    await at(page, 'welcome');
    expect(await shown(page)).toMatchObject({ lang: 'de', heading: await text('de', 'welcome.title') });
    // One that nobody wanted before is not there, and that is said.
    await page.selectOption('#language', 'fi');
    expect(await trouble(page)).toBe(await text('de', 'language.failed'));
    expect(await page.inputValue('#language')).toBe('');
    expect(await page.getAttribute('html', 'lang')).toBe('de');
  });

  it('shows no texts but those of this release: changed bytes on the way are refused', async () => {
    const page = await newPage({ serviceWorkers: 'block' });
    const changed = JSON.stringify({ ...english.app, 'welcome.title': 'Call 555-0100 and read out your mPIN' });
    await page.route('**/assets/app/texts/*.json', (route) =>
      route.fulfill({ body: changed, contentType: 'application/json' }),
    );
    await page.goto(`${bank.issuer}/app`);
    await at(page, 'welcome');
    await page.selectOption('#language', 'de');
    expect(await trouble(page)).toBe(english.app['language.failed']);
    expect(await shown(page)).toMatchObject({ lang: 'en', heading: english.app['welcome.title'] });
  });

  it('asks the server for no file but those of the list, whatever the browser has kept as a choice', async () => {
    const page = await newPage();
    await page.addInitScript(`localStorage.setItem('mtoken-language', '../../login')`);
    const sent: string[] = [];
    page.on('request', (request) => sent.push(request.url()));
    await page.goto(`${bank.issuer}/app`);
    await at(page, 'welcome');
    expect(sent.filter((url) => url.includes('login') || url.includes('/texts/'))).toEqual([]);
  });

  it('starts in English where the texts do not come, and goes on in the language when they do', async () => {
    const page = await newPage({ locale: 'de-DE', serviceWorkers: 'block' });
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route('**/assets/app/texts/de.json', async (route) => {
      await held;
      await route.continue();
    });
    await page.goto(`${bank.issuer}/app`);
    await at(page, 'welcome');
    expect(await page.getAttribute('html', 'lang')).toBe('en');
    release();
    await page.waitForTimeout(500);
    await page.locator('main > button').nth(1).click();
    await at(page, 'paste');
    expect(await shown(page)).toMatchObject({ lang: 'de', heading: await text('de', 'paste.title') });
  });

  it.each([
    ['de', 'de-DE'],
    ['ar', 'ar-EG'],
  ])('looks right on every screen in %s', async (code, locale) => {
    const page = await open({ locale });
    const seen = (name: string) => look(page, `${name}-${code}`);
    await seen('welcome');
    await enrol(page, await bank.invite());
    await at(page, 'registered');
    await seen('registered');
    await page.locator('main > button').first().click();
    await at(page, 'home');
    await seen('home');
    await page.locator('main > button').nth(1).click();
    await at(page, 'typed');
    await page.locator('#short-code').pressSequentially('123456789');
    expect(await page.inputValue('#short-code')).toBe('1234 5678 9');
    await seen('typed');
    await page.locator('main > button').last().click();
    await page.locator('main > button').nth(3).click();
    await page.waitForSelector('li');
    await seen('devices');
    await page.locator('main > button').last().click();
    await page.locator('main > button').nth(4).click();
    await at(page, 'settings');
    await seen('settings');
    await page.locator('main > button').last().click();
    await at(page, 'home');
    await page.locator('main > button').first().click();
    await at(page, 'scan');
    await page.locator('.row button').nth(1).click();
    await page.fill('#code-text', (await bank.ask()).link);
    await page.locator('#code-text').press('Enter');
    await at(page, 'confirm');
    await seen('confirm');
    await page.locator('.decide button').nth(1).click();
    await at(page, 'declined');
    await page.locator('main > button').first().click();
    await page.locator('main > button').last().click();
    await at(page, 'unlock');
    await enter(page, '11112');
    await trouble(page);
    await seen('unlock-wrong');
    await enter(page, mpin);
    await at(page, 'home');
  });
});
