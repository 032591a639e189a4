/** Names and texts of hostile portals, phones and users on the real screens: they neither break the layout nor become markup (T26). */
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bank, openBank } from './bank.ts';
import { hasChromium, launchChromium, openPage } from './chromium.ts';
import { at, look, phoneSize } from './phone.ts';

const root = new URL('../../', import.meta.url).pathname;

/**
 * The app's own screens over a phone that hands out whatever it is given: the server and the SDK would refuse most of these names, so
 * that a screen has to be asked directly.
 */
const source = `
import { createApp } from './src/web/app/app.ts';
import { showHistory } from './src/web/app/history.ts';
import { showHome } from './src/web/app/home.ts';
import { englishMessages } from './src/web/app/messages.ts';
import { showConfirm } from './src/web/app/order.ts';
import { showOwn } from './src/web/app/own.ts';
import { showSettings } from './src/web/app/settings.ts';
window.showHostile = async (screen, name) => {
  const main = document.createElement('main');
  main.id = 'app';
  document.querySelector('main').replaceWith(main);
  const now = new Date().getTime();
  const state = { kind: 'registered', session: {}, owner: { user: { name }, company: { name } }, mpin: {} };
  const app = createApp({
    issuer: location.origin,
    main,
    load: async () => englishMessages,
    forget: () => undefined,
    navigate: () => new Proxy({}, { get: () => () => undefined }),
    phone: {
      state: async () => state,
      inbox: async () => [{ signingId: 'sig_1', client: { id: 'x', name, domain: name }, title: name, about: [name, name], approvers: { needed: 2, given: 1 }, createdAt: now, expiresAt: now }],
      history: async () => ({ past: [true, false].map((isSigned) => ({ signingId: 'sig_1', client: { name }, title: name, about: [name, name], state: 'approved', endedAt: now, isSigned })), hasMore: true }),
      document: async () => ({ title: name, mediaType: 'text/plain', bytes: new TextEncoder().encode(name) }),
      listDevices: async () => [{ deviceId: 'dev_1', name, platform: name, isThis: false, lastUsedAt: now, status: 'active' }],
      listSessions: async () => [{ sessionUid: 's', startedAt: now, portals: [{ name }, { name }] }],
    },
  });
  const descriptor = {
    purpose: 'login', client: { id: 'x', name, domain: name }, origin: name, browser: { name, address: name, place: name },
    via: 'code', iat: Math.floor(now / 1000), display: { text: name, locale: 'en' }, freshProof: false,
  };
  if (screen === 'confirm') showConfirm(app, { descriptor, expiresAt: now + 100_000 });
  if (screen === 'signing') {
    const lines = ['title', 'words', 'payee'].map((line, index) => ({ name: line, label: name, value: name, emphasis: 'main', by: index ? 'server' : 'portal' }));
    const template = { name: 'document', version: 1, title: name, wording: {}, fields: { sha256: name } };
    const signing = { id: 'sig_1', approvers: { needed: 2, given: 1 }, warnings: ['new_payee'] };
    showConfirm(app, { lines, expiresAt: now + 100_000, descriptor: { ...descriptor, purpose: 'signing', via: 'inbox', display: { text: name, locale: 'en', template }, signing } });
  }
  if (screen === 'history') showHistory(app);
  if (screen === 'home') await showHome(app);
  if (screen === 'settings') await showSettings(app);
  if (screen === 'devices') showOwn(app);
};`;

const names = {
  long: 'W'.repeat(10_000),
  words: 'Llanfairpwllgwyngyll '.repeat(500),
  markup: `</p><img src=x onerror="window.isOwned=1"><script>window.isOwned=1</script><style>*{display:none}</style>`,
  bidi: `\u202eevil\u2066\u2067 knab\u202d`.repeat(50),
  marks: `Bank\u200b\u200d\ufeff${'\u0300'.repeat(500)}`,
  arabic: 'مصرف الشمال '.repeat(40),
  lines: 'a\n\n\n\n\tb\r\n'.repeat(100),
};

describe.skipIf(!hasChromium)('the screens with hostile names', () => {
  let bank: Bank;
  let browser: Browser;
  let page: Page;
  const faults: string[] = [];

  beforeAll(async () => {
    [bank, browser] = await Promise.all([openBank(), launchChromium()]);
    const made = await openPage(browser, { viewport: phoneSize });
    page = made.page;
    page.on('pageerror', (error) => faults.push(error.message));
    await page.goto(`${bank.issuer}/app`);
    await at(page, 'welcome');
    const { outputFiles } = await build({
      stdin: { contents: source, resolveDir: root, loader: 'js' },
      bundle: true,
      write: false,
      format: 'iife',
      platform: 'browser',
      target: 'es2022',
    });
    await page.evaluate(outputFiles[0]?.text ?? '');
  });
  afterAll(async () => {
    await browser?.close();
    await bank?.stop();
  });

  const screens = ['confirm', 'signing', 'home', 'history', 'settings', 'devices'] as const;
  it.each(Object.entries(names).flatMap(([kind, name]) => screens.map((screen) => [kind, screen, name] as const)))(
    'shows %s names on the screen %s as text within its width',
    async (kind, screen, name) => {
      await page.evaluate(`window.showHostile(${JSON.stringify(screen)}, ${JSON.stringify(name)})`);
      await at(page, screen === 'signing' ? 'confirm' : screen);
      if (screen === 'devices' || screen === 'home' || screen === 'history') await page.waitForSelector('li');
      if (screen === 'signing') await page.getByRole('button', { name: 'Read the document' }).click();
      await page.setViewportSize({ width: 320, height: 640 });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(320);
      expect(await page.locator('main img, main script, main style').count()).toBe(0);
      expect(await page.evaluate('window.isOwned')).toBeUndefined();
      // The way to say no is there, and can be pressed.
      if (screen === 'confirm' || screen === 'signing')
        await page.getByRole('button', { name: 'Decline', exact: true }).click({ trial: true });
      else await page.locator('main button').last().click({ trial: true });
      if (kind === 'markup' || kind === 'bidi') await look(page, `hostile-${kind}-${screen}`);
      expect(faults).toEqual([]);
    },
  );
});
