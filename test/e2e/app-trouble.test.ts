/** What goes wrong around the app: each time it says what happened and what to do, loses nothing, and goes on when the cause is gone. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Bank, claim, openBank, register } from './bank.ts';
import { hasChromium, launchShell, openPage } from './chromium.ts';
import { at, enter, look, mpin, phoneSize, press, trouble } from './phone.ts';

const unreachable = 'The server cannot be reached.';
const captivePortal = {
  status: 200,
  contentType: 'text/html',
  body: '<html><body><h1>Welcome to the hotel</h1><script>alert(1)</script></body></html>',
};

describe.skipIf(!hasChromium)('the app in trouble', () => {
  let bank: Bank;
  let browser: Browser;
  let pageErrors: string[] = [];

  beforeAll(async () => {
    [bank, browser] = await Promise.all([openBank(), launchShell()]);
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    expect(pageErrors.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await bank?.stop();
  });

  const newPage = async (options: BrowserContextOptions = {}): Promise<Page> => {
    const { page, faults } = await openPage(browser, { viewport: phoneSize, serviceWorkers: 'block', ...options });
    pageErrors = [];
    page.on('pageerror', (error) => pageErrors.push(error.message));
    page.once('close', () => faults.splice(0));
    return page;
  };
  const open = async (page: Page): Promise<Page> => {
    await page.goto(`${bank.issuer}/app`);
    await at(page, 'welcome');
    return page;
  };
  const home = async (): Promise<Page> => {
    const page = await open(await newPage());
    await register(page, await bank.invite());
    return page;
  };
  const toQuestion = async (page: Page): Promise<void> => {
    await claim(page, (await bank.ask()).link);
    await at(page, 'confirm');
  };

  it.each([
    ['NotAllowedError', 'does not let this app use the camera'],
    ['NotFoundError', 'There is no camera here'],
    ['OverconstrainedError', 'There is no camera here'],
    ['NotReadableError', 'another app may have it'],
  ])('says why there is no camera (%s), and other ways lead on', async (name, words) => {
    const page = await newPage();
    await page.addInitScript(
      `MediaDevices.prototype.getUserMedia = async () => { throw new DOMException('no', '${name}'); }`,
    );
    await open(page);
    await press(page, 'Scan the activation code');
    expect(await trouble(page)).toContain(words);
    expect(await page.locator('.finder').isVisible()).toBe(false);
    if (name === 'NotReadableError') await look(page, 'scan-busy');
    await press(page, 'Enter as text');
    await page.fill('#code-text', (await bank.invite()).activation);
    await press(page, 'Continue');
    await at(page, 'name');
  });

  it('registers nothing where there is no room for the keys, and goes on once there is', async () => {
    const page = await newPage();
    await page.addInitScript(`
      const put = IDBObjectStore.prototype.put;
      IDBObjectStore.prototype.put = function (...args) {
        if (window.isFull) throw new DOMException('full', 'QuotaExceededError');
        return put.apply(this, args);
      };
      window.isFull = true;`);
    await open(page);
    const invited = await bank.invite();
    const sent: string[] = [];
    page.on('request', (request) => sent.push(new URL(request.url()).pathname));
    await press(page, 'Enter it as text instead');
    await page.fill('#code-text', invited.activation);
    await press(page, 'Continue');
    await press(page, 'Continue');
    expect(await trouble(page)).toContain('There is no room left');
    await look(page, 'storage-full');
    expect(sent.filter((path) => path.includes('/registration/'))).toEqual([]);
    await page.evaluate('window.isFull = false');
    // The same activation still works.
    await press(page, 'Continue');
    await at(page, 'code');
    await page.fill('#confirmation', await invited.code());
    await press(page, 'Continue');
    await enter(page, mpin);
    await page.evaluate('window.isFull = true');
    await enter(page, mpin);
    expect(await trouble(page)).toContain('There is no room left');
    expect(sent.filter((path) => path.includes('/registration/finish'))).toEqual([]);
    await page.evaluate('window.isFull = false');
    await press(page, 'Try again');
    await at(page, 'registered');
    await press(page, 'Done');
    await press(page, 'Lock');
    await at(page, 'unlock');
    // What an unlock would write down is of less weight than the unlock.
    await page.evaluate('window.isFull = true');
    await enter(page, mpin);
    await at(page, 'home');
  });

  it.each([
    [
      'refuses storage as in some private windows',
      `IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); }`,
    ],
    [
      'fails to open it',
      `IDBFactory.prototype.open = function () { return Object.defineProperty({}, 'onerror', { set(tell) { setTimeout(tell); } }); }`,
    ],
  ])(
    'says that keys cannot be kept in a browser that %s, and loses nothing when it can again',
    async (_how, script) => {
      const page = await newPage();
      await page.addInitScript(`window.realOpen = IDBFactory.prototype.open; ${script}`);
      await page.goto(`${bank.issuer}/app`);
      await at(page, 'storage');
      await press(page, 'Try again');
      await at(page, 'storage');
      await page.evaluate('IDBFactory.prototype.open = window.realOpen');
      await press(page, 'Try again');
      await at(page, 'welcome');
    },
  );

  it('works where the browser refuses the small storage, and then forgets the choice of a language alone', async () => {
    const page = await newPage();
    await page.addInitScript(
      `Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } })`,
    );
    await open(page);
    await page.selectOption('#language', 'fr');
    await page.waitForSelector('html[lang="fr"]');
    await page.reload();
    await at(page, 'welcome');
    expect(await page.getAttribute('html', 'lang')).toBe('en');
    await register(page, await bank.invite());
  });

  it('says at every step that the server cannot be reached, and goes on from there when it can', async () => {
    const page = await open(await newPage());
    const context = page.context();
    const invited = await bank.invite();
    await press(page, 'Enter it as text instead');
    await page.fill('#code-text', invited.activation);
    await press(page, 'Continue');
    await at(page, 'name');
    const failing = async (act: () => Promise<void>): Promise<void> => {
      await context.setOffline(true);
      await act();
      expect(await trouble(page)).toContain(unreachable);
      await context.setOffline(false);
    };
    await failing(async () => press(page, 'Continue'));
    await press(page, 'Try again');
    await at(page, 'code');
    await page.fill('#confirmation', await invited.code());
    await press(page, 'Continue');
    await enter(page, mpin);
    await at(page, 'repeat');
    await failing(async () => enter(page, mpin));
    await press(page, 'Try again');
    await at(page, 'registered');
    await press(page, 'Done');
    await at(page, 'home');
    await press(page, 'Lock');
    await at(page, 'unlock');
    await failing(async () => enter(page, mpin));
    await enter(page, mpin);
    await at(page, 'home');
    const { link } = await bank.ask();
    await failing(async () => claim(page, link));
    await press(page, 'Try again');
    await at(page, 'confirm');
    await failing(async () => press(page, 'Approve'));
    await press(page, 'Try again');
    await at(page, 'approved');
    await press(page, 'Done');
    await failing(async () => press(page, 'Devices and sessions'));
    await press(page, 'Try again');
    await page.waitForSelector('li');
  });

  it('does not claim that nothing happened where the answer to a decision was lost on the way', async () => {
    const page = await home();
    await toQuestion(page);
    let lost = 0;
    await page.route('**/app/v1/orders/decide', async (route) => {
      lost += 1;
      // It arrives; the answer does not.
      await route.fetch();
      await route.abort('connectionreset');
    });
    await press(page, 'Approve');
    expect(await trouble(page)).toContain('may or may not have arrived');
    await look(page, 'confirm-unsure');
    await page.unroute('**/app/v1/orders/decide');
    await press(page, 'Try again');
    await page.locator('main[data-screen="approved"], main[data-screen="home"] .trouble p').first().waitFor();
    if ((await page.getAttribute('main', 'data-screen')) === 'home') {
      expect(await trouble(page)).toContain('may or may not have arrived');
    }
    expect(lost).toBe(1);
  });

  it('believes no page of a hotel or of anybody in between: says so, and the session is over (P-27)', async () => {
    const page = await home();
    await page.route('**/app/v1/**', (route) => route.fulfill(captivePortal));
    await claim(page, (await bank.ask()).link);
    await at(page, 'unlock');
    const words = 'did not come from your server';
    expect(await page.locator('.notice').innerText()).toContain(words);
    // It stays to be read.
    await page.waitForTimeout(1500);
    expect(await page.locator('.notice').innerText()).toContain(words);
    await look(page, 'unlock-not-authentic');
    await enter(page, mpin);
    expect(await trouble(page)).toContain(words);
    expect(await page.locator('body').innerText()).not.toContain('hotel');
    await page.unroute('**/app/v1/**');
    await enter(page, mpin);
    await at(page, 'home');
  });

  it('begins no registration behind the page of a hotel', async () => {
    const page = await open(await newPage());
    const invited = await bank.invite();
    await page.route('**/.well-known/**', (route) => route.fulfill(captivePortal));
    await press(page, 'Enter it as text instead');
    await page.fill('#code-text', invited.activation);
    await press(page, 'Continue');
    await press(page, 'Continue');
    expect(await trouble(page)).toContain('did not come from your server');
    await page.unroute('**/.well-known/**');
    await press(page, 'Continue');
    await at(page, 'code');
  });

  it('says that it waits, and after a quarter of a minute that the server is slow', async () => {
    const page = await home();
    await press(page, 'Lock');
    await at(page, 'unlock');
    await page.route('**/app/v1/session/start', () => undefined);
    await enter(page, mpin);
    await page.getByText('One moment…').waitFor();
    expect(await trouble(page)).toContain('takes very long to answer');
    expect(await page.getByText('One moment…').count()).toBe(0);
    await page.unrouteAll();
    await enter(page, mpin);
    await at(page, 'home');
  });

  it.each([
    ['ahead', 86_400_000],
    ['behind', -86_400_000],
  ])('works with a clock that is a day %s', async (_name, shift) => {
    const page = await newPage();
    // oxlint-disable-next-line no-restricted-properties -- the clock of this machine, which the phone's is compared with
    await page.clock.install({ time: Date.now() + shift });
    await open(page);
    await register(page, await bank.invite());
    await toQuestion(page);
    expect(await page.getByRole('timer').innerText()).toMatch(/Time left: [12]:/);
    await press(page, 'Approve');
    await at(page, 'approved');
    await press(page, 'Done');
    await press(page, 'Lock');
    await at(page, 'unlock');
    await enter(page, mpin);
    await at(page, 'home');
  });

  it('refuses codes of others before anything is sent, each with its reason (P-26)', async () => {
    const page = await home();
    const sent: string[] = [];
    // Home looks for what waits; what was typed goes nowhere.
    page.on('request', (request) => request.url().endsWith('/orders/inbox') || sent.push(request.url()));
    const { link } = await bank.ask();
    const frame = link.slice(bank.issuer.length);
    for (const [text, words] of [
      [`https://login.other-bank.example${frame}`, 'another server'],
      [`${bank.issuer.replace('http:', 'https:')}${frame}`, 'another server'],
      [`${bank.issuer}@evil.example${frame}`, 'another server'],
      [`${bank.issuer}/elsewhere${frame}`, 'no mToken login code'],
      ['https://example.org/menu', 'another server'],
      ['BEGIN:VCARD', 'no mToken login code'],
      ['javascript:alert(1)', 'no mToken login code'],
      ['\u202e\u200b', 'no mToken login code'],
      ['x'.repeat(512), 'no mToken login code'],
    ] as const) {
      await claim(page, text);
      expect(await trouble(page), text).toContain(words);
      await press(page, 'Back');
      await at(page, 'home');
    }
    expect(sent).toEqual([]);
  });
});
