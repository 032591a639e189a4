/** The app as a person uses it: two browsers, the phone's camera sees what the other one shows, nothing is cut short. */
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hasChromium } from './chromium.ts';
import { at, enter, look, mpin, openWorld, phoneSize, press, type World } from './phone.ts';

/** "This is not me" asks once more: what it will do is said first, the question has the focus, and the way back decides nothing. */
async function reportOnce(page: Page): Promise<void> {
  const focused = () => page.evaluate('document.activeElement.textContent');
  await at(page, 'report');
  expect(await focused()).toBe('Are you sure it was not you?');
  expect(await page.locator('main').innerText()).toMatch(/administrator is told[\s\S]*a day[\s\S]*not be able to sign/);
  // A login ends no other login.
  expect(await page.locator('main').innerText()).not.toContain('All your logins');
  // A moment later: the second of two quick taps is not heard.
  await page.getByRole('button', { name: 'Yes, it was not me', exact: true }).click({ trial: true });
  await page.keyboard.press('Tab');
  expect(await focused()).toBe('Yes, it was not me');
  await page.keyboard.press('Tab');
  expect(await focused()).toBe('Back');
  await page.keyboard.press('Enter');
  await at(page, 'confirm');
  await press(page, 'This is not me');
  await at(page, 'report');
  await press(page, 'Yes, it was not me');
}

describe.skipIf(!hasChromium)('the app in a browser', () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld();
  });
  afterEach(async () => world.clear());
  afterAll(async () => world?.stop());

  it('registers by the camera, logs in by the rotating code, and is registered and locked after a reload (P-08, P-26, M-01)', async () => {
    const { page } = await world.newPhone();
    await world.register(page);
    const desktop = (await world.toLoginPage()).page;
    await world.scan(page, desktop);
    expect(await page.locator('.asked-text').innerText()).toContain('Demo portal');
    const facts = await page.locator('dl').innerText();
    for (const fact of ['Demo portal', 'localhost', 'Chrom', 'network']) expect(facts).toContain(fact);
    await press(page, 'Approve');
    await at(page, 'approved');
    expect(await page.locator('.asked').innerText()).toMatch(/^Log in to Demo portal \(/);
    await desktop.waitForSelector('#logged-in');
    expect(await desktop.locator('[data-claim="amr"]').innerText()).toContain('mPIN');

    await page.reload();
    await at(page, 'unlock');
    expect(await page.locator('main').innerText()).not.toContain('Ada');
    await page.keyboard.type(mpin);
    await page.keyboard.press('Enter');
    await at(page, 'home');
    expect(await page.locator('h1').innerText()).toBe('Hello, Ada Example');
  });

  it('says no, says “not me” and is asked once more, and shows nothing of the order afterwards; the portal is told (P-09)', async () => {
    const { page } = await world.newPhone();
    await world.register(page);
    for (const [answer, screen] of [
      ['Decline', 'declined'],
      ['This is not me', 'reported'],
    ] as const) {
      const desktop = await world.toLoginPage();
      await world.scan(page, desktop.page);
      await press(page, answer);
      if (screen === 'reported') await reportOnce(page);
      await at(page, screen);
      await look(page, screen);
      await desktop.page.waitForSelector(`[data-state=${screen}]`);
      await desktop.page.waitForURL((url) => url.href.startsWith(world.demo.portalUrl));
      expect(await desktop.page.locator('[role="alert"]').innerText()).toContain('Nothing happened');
      await press(page, 'Done');
      await at(page, 'home');
    }
  });

  it('blocks after five wrong mPINs, having said how many are left, and can be registered anew (L-01)', async () => {
    const { page } = await world.newPhone();
    await world.register(page);
    await press(page, 'Lock');
    const said: string[] = [];
    for (let tries = 1; tries <= 4; tries += 1) {
      await at(page, 'unlock');
      await enter(page, '11112');
      await page.locator('main[aria-busy="false"] .trouble p').waitFor();
      said.push(await page.locator('.trouble').innerText());
    }
    expect(said[0]).toBe('Wrong mPIN. 4 attempts left.');
    expect(said[3]).toContain('last attempt');
    await look(page, 'last-attempt');
    await enter(page, '11112');
    await at(page, 'blocked');
    await look(page, 'blocked');
    await page.reload();
    await at(page, 'unlock');
    await enter(page, mpin);
    await at(page, 'blocked');
    await press(page, 'Erase and register again');
    await at(page, 'erase');
    await look(page, 'erase');
    await press(page, 'Yes, erase the keys of this phone');
    await world.register(page);
  });

  it('has no finding of the accessibility checker on any screen, in both themes, from 320 pixels on', async () => {
    const { page } = await world.newPhone();
    await world.register(page, (name) => look(page, name));
    await look(page, 'home');
    await page.emulateMedia({ forcedColors: 'active' });
    await look(page, 'home-forced-colours');
    await page.emulateMedia({ forcedColors: 'none' });
    const desktop = (await world.toLoginPage()).page;
    await world.scan(page, desktop);
    await look(page, 'confirm');
    await press(page, 'Approve');
    await at(page, 'approved');
    await look(page, 'approved');
    await desktop.waitForSelector('#logged-in');
    await press(page, 'Done');
    await world.camera.pointAt((await world.newPage()).page);
    await press(page, 'Scan');
    await page.waitForSelector('video');
    await look(page, 'scan');
    await press(page, 'Enter as text');
    await page.fill('#code-text', 'something else');
    await press(page, 'Continue');
    await page.waitForSelector('.trouble p');
    await look(page, 'paste-wrong');
    await press(page, 'Back');
    await press(page, 'Devices and sessions');
    await page.waitForSelector('li');
    await look(page, 'devices');
    await press(page, 'Back');
    await press(page, 'Settings');
    await at(page, 'settings');
    await look(page, 'settings');
    await press(page, 'Change mPIN');
    await at(page, 'old-mpin');
    await look(page, 'old-mpin');
    await press(page, 'Back');
    await at(page, 'settings');
    await press(page, 'Remove this phone');
    await look(page, 'remove');
    await press(page, 'Cancel');
    await at(page, 'settings');
    await press(page, 'Back');
    await at(page, 'home');
    await press(page, 'Enter a short code');
    await page.fill('#short-code', '123');
    await press(page, 'Continue');
    await look(page, 'typed-wrong');
    await press(page, 'Back');
    await press(page, 'Lock');
    await at(page, 'unlock');
    await look(page, 'unlock');
    await press(page, 'I have forgotten my mPIN');
    await look(page, 'forgotten');
  });

  it('ends a browser session, changes the mPIN, and removes itself (S-08, M-04)', async () => {
    const { page } = await world.newPhone();
    await world.register(page);
    const desktop = (await world.toLoginPage()).page;
    await world.scan(page, desktop);
    await press(page, 'Approve');
    await desktop.waitForSelector('#logged-in');
    await press(page, 'Done');
    await press(page, 'Devices and sessions');
    await page.getByRole('button', { name: 'End Demo portal' }).first().click();
    await page.getByText('Demo portal was ended.').waitFor();
    await press(page, 'Back');

    await press(page, 'Settings');
    await press(page, 'Change mPIN');
    await at(page, 'old-mpin');
    await enter(page, mpin);
    await at(page, 'choose');
    await enter(page, '12345');
    expect(await page.locator('.trouble').innerText()).toContain('follow one another');
    await look(page, 'choose-weak');
    await enter(page, mpin);
    expect(await page.locator('.trouble').innerText()).toContain('the mPIN that you have');
    await enter(page, '60718');
    await at(page, 'repeat');
    await enter(page, '60719');
    expect(await page.locator('.trouble').innerText()).toContain('not the same');
    await enter(page, '60718');
    await enter(page, '60718');
    await at(page, 'changed');
    await look(page, 'changed');
    await press(page, 'Done');
    await press(page, 'Lock');
    await at(page, 'unlock');
    await enter(page, '60718');
    await at(page, 'home');

    await press(page, 'Settings');
    await press(page, 'Remove this phone');
    await press(page, 'Remove this phone for good');
    await at(page, 'removed');
    await look(page, 'removed');
    await press(page, 'Done');
    await at(page, 'welcome');
    await page.reload();
    await at(page, 'welcome');
  });

  it('starts without a connection, says so, and works again when it is back', async () => {
    const { page, faults } = await world.newPhone();
    await world.register(page);
    await page.evaluate('navigator.serviceWorker.ready');
    await page.context().setOffline(true);
    await page.reload();
    await at(page, 'unlock');
    expect(await page.locator('#offline').innerText()).toContain('You are offline');
    await enter(page, mpin);
    await page.getByText('The server cannot be reached.').waitFor();
    await look(page, 'unlock-offline');
    await page.context().setOffline(false);
    await enter(page, mpin);
    await at(page, 'home');
    expect(await page.locator('#offline').innerText()).toBe('');
    // What Chromium writes down of a request without a connection is what was tried here.
    const others = faults.splice(0).filter((fault) => !fault.includes('ERR_INTERNET_DISCONNECTED'));
    expect(others).toEqual([]);
  });

  it('says what is wrong with a code of another site, without sending it anywhere (P-26)', async () => {
    const { page } = await world.newPhone();
    await world.register(page);
    const sent: string[] = [];
    page.on('request', (request) => sent.push(request.url()));
    for (const [text, words] of [
      [`https://evil.example/q/${'A'.repeat(22)}.1.${'A'.repeat(16)}`, 'another server'],
      ['WIFI:S:cafe;;', 'no mToken login code'],
      [`${world.demo.issuer}/q/${'A'.repeat(22)}.1.${'A'.repeat(16)}`, 'too old'],
    ] as const) {
      await press(page, 'Scan');
      await press(page, 'Enter as text');
      await page.fill('#code-text', text);
      await press(page, 'Continue');
      await page.locator('.trouble p').waitFor();
      expect(await page.locator('.trouble').innerText()).toContain(words);
      await press(page, 'Back');
    }
    expect(sent.filter((url) => !url.startsWith(world.demo.issuer))).toEqual([]);
  });

  it('locks after half a minute in the background, at the end of the session, and shows an order no longer than it lives (S-01)', async () => {
    const { page } = await world.newPage({ viewport: phoneSize, permissions: ['camera'] });
    await page.clock.install();
    await page.goto(`${world.demo.issuer}/app`);
    await world.register(page);
    const hide = (state: 'hidden' | 'visible') =>
      page.evaluate(`Object.defineProperty(document, 'visibilityState', { value: '${state}', configurable: true });
        document.dispatchEvent(new Event('visibilitychange'))`);
    await hide('hidden');
    await page.clock.fastForward(20_000);
    await hide('visible');
    await at(page, 'home');
    await hide('hidden');
    await page.clock.fastForward(31_000);
    await at(page, 'unlock');
    await hide('visible');
    await enter(page, mpin);
    await at(page, 'home');
    const desktop = await world.toLoginPage();
    await world.scan(page, desktop.page);
    await page.clock.fastForward(121_000);
    await at(page, 'home');
    expect(await page.locator('.trouble').innerText()).toContain('has ended');
    await page.clock.fastForward(300_000);
    await at(page, 'unlock');
    expect(await page.locator('.notice').innerText()).toContain('locked itself');
    await look(page, 'unlock-idle');
  });

  it('says that keys cannot be kept where the browser refuses storage', async () => {
    const { page } = await world.newPage({ viewport: phoneSize });
    await page.addInitScript(`Object.defineProperty(window, 'indexedDB', { value: undefined })`);
    await page.goto(`${world.demo.issuer}/app`);
    await at(page, 'storage');
    await look(page, 'storage');
  });

  it('says that the camera is refused and takes a picture instead', async () => {
    const { page } = await world.newPhone({ permissions: [] });
    const desk = (await world.newPage()).page;
    await world.activate(desk);
    const picture = await desk.screenshot();
    await press(page, 'Scan the activation code');
    await page.getByText('does not let this app use the camera').waitFor();
    await look(page, 'scan-denied');
    await page.setInputFiles('#picture', { name: 'x.png', mimeType: 'image/png', buffer: Buffer.from('no picture') });
    await page.getByText('no picture that the browser can read').waitFor();
    await page.setInputFiles('#picture', { name: 'x.png', mimeType: 'image/png', buffer: picture });
    await at(page, 'name');
  });

  it('opens a link of this device’s login page in the same browser and goes on there', async () => {
    const { page } = await world.newPhone();
    await world.register(page);
    const login = await page.context().newPage();
    await login.goto(world.demo.portalUrl);
    await login.click('#login');
    await login.click('#link-show');
    const href = await login.locator('#link-open[href]').getAttribute('href');
    const tab = await page.context().newPage();
    await tab.goto(href ?? '');
    expect(await tab.locator('main').innerText()).not.toContain('Scan');
    expect(await tab.title()).toBe('Open the mToken app · mToken');
    await tab.click('#open-app');
    // The first window still runs the phone.
    await at(tab, 'tabs');
    await press(tab, 'Use it in this window');
    await at(tab, 'unlock');
    await at(page, 'tabs');
    expect(tab.url()).toBe(`${world.demo.issuer}/app`);
    await enter(tab, mpin);
    await at(tab, 'confirm');
    expect(await tab.locator('dl').innerText()).toContain('Begun on this device.');
    await press(tab, 'Approve');
    await at(tab, 'approved');
    await login.bringToFront();
    await login.waitForSelector('#logged-in');
  });

  it('takes an activation that an ordinary camera opened, and offers nobody else the app', async () => {
    const desk = (await world.newPage()).page;
    const { text } = await world.activate(desk);
    const { page } = await world.newPage({ viewport: phoneSize });
    await page.goto(`${world.demo.issuer}/l/anything`);
    expect(await page.locator('#open-app').isVisible()).toBe(false);
    await page.goto(text);
    await at(page, 'name');
    expect(page.url()).toBe(`${world.demo.issuer}/app`);
  });

  it('can be installed', async () => {
    const { page } = await world.newPhone();
    await page.evaluate('navigator.serviceWorker.ready');
    const session = await page.context().newCDPSession(page);
    const { installabilityErrors } = await session.send('Page.getInstallabilityErrors');
    // A context of a test is a private window; nothing else may stand in the way.
    expect(installabilityErrors.map(({ errorId }) => errorId).filter((id) => id !== 'in-incognito')).toEqual([]);
  });
});
