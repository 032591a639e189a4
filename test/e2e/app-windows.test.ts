/** The app in more than one window, in a browser that was closed between, and what it leaves behind in the browser's storage. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page, type Route } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Bank, claim, openBank, register } from './bank.ts';
import { executablePath, hasChromium, launchShell, neededFlags, openPage } from './chromium.ts';
import { at, enter, look, mpin, phoneSize, press } from './phone.ts';

/** Everything that this origin has kept in this browser and that can be read: databases, storage, caches. */
const everythingKept = `(async () => {
  const found = [JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage }), document.cookie];
  for (const { name } of await indexedDB.databases()) {
    const opened = await new Promise((resolve, reject) => {
      const request = indexedDB.open(name);
      request.onsuccess = () => resolve(request.result);
      request.onerror = reject;
    });
    for (const store of opened.objectStoreNames) {
      for (const act of ['getAll', 'getAllKeys']) {
        const all = await new Promise((resolve) => {
          const request = opened.transaction(store).objectStore(store)[act]();
          request.onsuccess = () => resolve(request.result);
        });
        found.push(JSON.stringify(all));
      }
    }
    opened.close();
  }
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) found.push(request.url, await (await cache.match(request)).text());
  }
  return found.join('\\n');
})()`;

describe.skipIf(!hasChromium)('the app in several windows', () => {
  let bank: Bank;
  let browser: Browser;
  const faults: string[] = [];

  beforeAll(async () => {
    [bank, browser] = await Promise.all([openBank(), launchShell()]);
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    expect(faults.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await bank?.stop();
  });

  const newPhone = async (): Promise<Page> => {
    const made = await openPage(browser, { viewport: phoneSize });
    made.page.on('pageerror', (error) => faults.push(error.message));
    await made.page.goto(`${bank.issuer}/app`);
    return made.page;
  };
  const secondWindow = async (page: Page): Promise<Page> => {
    const second = await page.context().newPage();
    second.on('pageerror', (error) => faults.push(error.message));
    await second.goto(`${bank.issuer}/app`);
    return second;
  };

  it('runs in one window at a time: the other says so, can take it over, and goes on when it is free again', async () => {
    const first = await newPhone();
    await register(first, await bank.invite());
    const second = await secondWindow(first);
    await at(second, 'tabs');
    await look(second, 'tabs');
    await at(first, 'home');
    await press(second, 'Use it in this window');
    await at(second, 'unlock');
    // The window that lost it shows nothing of the user any more, and its session is over.
    await at(first, 'tabs');
    expect(await first.locator('body').innerText()).not.toContain('Wilhelmina');
    await enter(second, mpin);
    await at(second, 'home');
    await press(first, 'Use it in this window');
    await at(first, 'unlock');
    await at(second, 'tabs');
    await first.close();
    await at(second, 'unlock');
  });

  it('is locked when it comes back to a window that lost it in the middle of an unlock (S-01)', async () => {
    const first = await newPhone();
    await register(first, await bank.invite());
    await press(first, 'Lock');
    await at(first, 'unlock');
    const second = await secondWindow(first);
    await at(second, 'tabs');
    const asked = new Promise<Route>((resolve) => void first.route('**/session/finish', resolve));
    await enter(first, mpin);
    const slow = await asked;
    await press(second, 'Use it in this window');
    await at(first, 'tabs');
    const answered = first.waitForResponse('**/session/finish');
    await slow.continue();
    await answered;
    await first.waitForTimeout(500);
    await second.close();
    await first.waitForSelector('#app:not([data-screen="tabs"])');
    await at(first, 'unlock');
  });

  it('says that the keys are gone where another window has erased them, and begins anew without a crash', async () => {
    const first = await newPhone();
    await register(first, await bank.invite());
    const second = await secondWindow(first);
    await press(second, 'Use it in this window');
    await at(second, 'unlock');
    await enter(second, mpin);
    await press(second, 'Settings');
    await press(second, 'Remove this phone');
    await press(second, 'Remove this phone for good');
    await at(second, 'removed');
    await second.close();
    await at(first, 'gone');
    await look(first, 'gone');
    await press(first, 'Continue');
    await at(first, 'welcome');
    await first.reload();
    await at(first, 'welcome');
  });

  it('says that the keys are gone where the browser itself has lost them, at the start and in the middle', async () => {
    const page = await newPhone();
    await register(page, await bank.invite());
    const lose = `new Promise((resolve, reject) => {
      const request = indexedDB.deleteDatabase('mtoken-phone');
      request.onsuccess = resolve;
      request.onerror = reject;
    })`;
    await page.evaluate(lose);
    // Noticed within a second, without anything being pressed.
    await at(page, 'gone');
    await page.reload();
    await at(page, 'gone');
    await press(page, 'Continue');
    await register(page, await bank.invite());
  });

  it('works in every window where the browser has no locks', async () => {
    const context = await browser.newContext({ viewport: phoneSize });
    await context.addInitScript(`Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })`);
    const page = await context.newPage();
    await page.goto(`${bank.issuer}/app`);
    await register(page, await bank.invite());
    const second = await context.newPage();
    await second.goto(`${bank.issuer}/app`);
    await at(second, 'unlock');
    await at(page, 'home');
  });

  it('takes taps that were meant for what was there before for no approval (bait and switch, P-08)', async () => {
    const page = await newPhone();
    await register(page, await bank.invite());
    // Presses what approves the moment that it is there, as fast taps in its place would.
    const tapped = page.evaluate(`new Promise((resolve) => {
      const observer = new MutationObserver(() => {
        const found = document.querySelector('[data-screen="confirm"] .decide button');
        if (found === null) return;
        observer.disconnect();
        for (let tap = 0; tap < 5; tap += 1) found.click();
        resolve(found.textContent);
      });
      observer.observe(document.body, { subtree: true, childList: true });
    })`);
    await claim(page, (await bank.ask()).link);
    expect(await tapped).toBe('Approve');
    await at(page, 'confirm');
    await press(page, 'Approve');
    await at(page, 'approved');
  });

  it('leaves no name, address or company in the browser once it is locked, whatever it showed before (C-13)', async () => {
    const page = await newPhone();
    const invited = await bank.invite();
    await register(page, invited);
    await page.evaluate('navigator.serviceWorker.ready');
    await claim(page, (await bank.ask({ portal: 'Visited portal' })).link);
    await at(page, 'confirm');
    await press(page, 'Approve');
    await at(page, 'approved');
    await press(page, 'Done');
    await press(page, 'Devices and sessions');
    await page.waitForSelector('li');
    await press(page, 'Back');
    await press(page, 'Settings');
    await page.getByText('Wilhelmina Secret, Hidden Holdings').waitFor();
    await press(page, 'Back');
    await press(page, 'Lock');
    await at(page, 'unlock');
    const kept = String(await page.evaluate(everythingKept));
    // What is looked into is really there.
    for (const known of ['sealedOwner', 'mtoken-app', '/assets/app.js', bank.issuer]) expect(kept).toContain(known);
    const names = ['Wilhelmina', 'Hidden Holdings', invited.email, 'hidden.example', 'Visited portal', mpin];
    for (const name of names) expect(kept.includes(name), name).toBe(false);
    expect(await page.content()).not.toContain('Wilhelmina');
  });

  it('is the same phone after the browser was closed and opened again, also without a connection (M-01)', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mtoken-profile-'));
    const launch = () =>
      chromium.launchPersistentContext(directory, {
        executablePath,
        args: [...neededFlags],
        viewport: phoneSize,
        locale: 'de-AT',
      });
    try {
      const before = await launch();
      const page = await before.newPage();
      await page.goto(`${bank.issuer}/app`);
      await register(page, await bank.invite());
      await page.evaluate('navigator.serviceWorker.ready');
      await page.waitForFunction(async () => (await caches.match('/assets/app/texts/de.json')) !== undefined);
      await before.close();

      const after = await launch();
      const again = await after.newPage();
      await after.setOffline(true);
      await again.goto(`${bank.issuer}/app`);
      await at(again, 'unlock');
      expect(await again.getAttribute('html', 'lang')).toBe('de');
      expect(await again.locator('#offline').innerText()).not.toBe('');
      await after.setOffline(false);
      await enter(again, mpin);
      await at(again, 'home');
      expect(await again.locator('h1').innerText()).toContain('Wilhelmina Secret');
      await after.close();
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
