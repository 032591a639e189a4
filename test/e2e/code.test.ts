/** What a code on the screen is worth: to a second phone, to one who comes late, and to one who cannot scan. */
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { frameLifetimeMs } from '../../src/orders/frames.ts';
import { hasChromium } from './chromium.ts';
import { at, openWorld, press, trouble, type World } from './phone.ts';

describe.skipIf(!hasChromium)('a code on the screen', () => {
  let world: World;

  beforeAll(async () => {
    world = await openWorld();
  });
  afterEach(async () => world.clear());
  afterAll(async () => world?.stop());

  it('that a second phone scans too ends the login for both: somebody passed it on (P-03)', async () => {
    const first = (await world.newPhone()).page;
    await world.register(first);
    const second = (await world.newPhone()).page;
    await world.register(second);
    const desktop = (await world.toLoginPage()).page;
    await world.scan(first, desktop);
    // The camera still holds the picture: a copy, sent on within seconds.
    await press(second, 'Scan');
    expect(await trouble(second)).toContain('another phone');
    await desktop.locator('[data-panel="cancelled"]').waitFor({ state: 'visible' });
    expect(await desktop.locator('[data-panel="cancelled"]').innerText()).toContain('let nobody else scan your code');
    await press(first, 'Approve');
    await at(first, 'home');
    expect(await trouble(first)).toContain('has ended');
    expect(desktop.url()).toContain('/interaction/');
  });

  it('is worth nothing seconds later (P-02)', async () => {
    const phone = (await world.newPhone()).page;
    await world.register(phone);
    const desktop = (await world.toLoginPage()).page;
    await world.camera.pointAt(desktop);
    await wait(frameLifetimeMs.qr + 500);
    await press(phone, 'Scan');
    expect(await trouble(phone)).toContain('too old');
    expect(await desktop.locator('[data-panel="pending"]').first().isVisible()).toBe(true);
    // The one that the page shows now is as good as ever.
    await press(phone, 'Back');
    await world.scan(phone, desktop);
    await press(phone, 'Decline');
    await at(phone, 'declined');
  });

  it('can be typed by whoever cannot scan, and leads to the portal just the same', async () => {
    const phone = (await world.newPhone({ permissions: [] })).page;
    await at(phone, 'welcome');
    const desk = (await world.newPage()).page;
    const { text, code } = await world.activate(desk);
    await phone.goto(`${world.demo.issuer}/app#${text.split('#')[1]}`);
    await at(phone, 'name');
    await press(phone, 'Continue');
    await at(phone, 'code');
    await phone.fill('#confirmation', code);
    await press(phone, 'Continue');
    await at(phone, 'choose');
    for (const next of ['repeat', 'registered']) {
      await phone.keyboard.type('83920');
      await phone.keyboard.press('Enter');
      await at(phone, next);
    }
    await press(phone, 'Done');
    await at(phone, 'home');

    const desktop = (await world.toLoginPage()).page;
    await press(desktop, 'I cannot scan');
    await desktop.waitForFunction(() => /^[0-9 ]{14}$/.test(document.querySelector('#typed-shown')?.textContent ?? ''));
    const digits = await desktop.locator('#typed-shown').innerText();
    await press(phone, 'Enter a short code');
    await at(phone, 'typed');
    await phone.locator('input').fill(digits);
    await press(phone, 'Continue');
    await at(phone, 'confirm');
    expect(await phone.locator('main').innerText()).toContain('Did somebody tell you or send you this code?');
    await press(phone, 'Approve');
    await desktop.waitForSelector('#logged-in');
    expect(await desktop.locator('[data-claim="name"]').innerText()).toBe('Ada Example');
  });
});
