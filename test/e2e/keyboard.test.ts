/** Everything by the keyboard alone, without a pointer and without a camera: from the first start to a login, a refusal and the settings. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { textsFor } from '../../src/texts/files.ts';
import { hasChromium } from './chromium.ts';
import { at, mpin, openWorld, type World } from './phone.ts';

/** Presses Tab until what has the focus is called `name`, then Enter. */
async function choose(page: Page, name: string | RegExp): Promise<void> {
  const seen: string[] = [];
  for (let presses = 0; presses < 40; presses += 1) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(
      `(document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent ?? '').trim()`,
    );
    seen.push(String(focused));
    if (typeof name === 'string' ? focused === name : name.test(String(focused))) {
      await page.keyboard.press('Enter');
      return;
    }
  }
  throw new Error(`Tab never came to ${name}: ${seen.join(' | ')}`);
}

/** Presses Tab until a field has the focus, and types. */
async function type(page: Page, text: string): Promise<void> {
  for (let presses = 0; presses < 20; presses += 1) {
    if (await page.evaluate(`document.activeElement.matches('input:not([type=file])')`)) break;
    await page.keyboard.press('Tab');
  }
  await page.keyboard.press('Control+A');
  await page.keyboard.type(text);
}

async function enterMpin(page: Page): Promise<void> {
  await page.keyboard.type(mpin);
  await page.keyboard.press('Enter');
}

describe.skipIf(!hasChromium)('by the keyboard alone', () => {
  let world: World;

  beforeAll(async () => {
    world = await openWorld();
  });
  afterAll(async () => {
    await world?.clear();
    await world?.stop();
  });

  it('a phone is set up, a login approved and one declined, a language chosen, and the app locked', async () => {
    const desk = (await world.newPage()).page;
    const { text, code } = await world.activate(desk);
    const { page } = await world.newPhone({ permissions: [] });
    await at(page, 'welcome');
    await choose(page, 'Enter it as text instead');
    await at(page, 'paste');
    await type(page, text);
    await page.keyboard.press('Enter');
    await at(page, 'name');
    await type(page, 'Keyboard phone');
    await page.keyboard.press('Enter');
    await at(page, 'code');
    await type(page, code);
    await page.keyboard.press('Enter');
    await at(page, 'choose');
    await enterMpin(page);
    await at(page, 'repeat');
    await enterMpin(page);
    await at(page, 'registered');
    await choose(page, 'Done');
    await at(page, 'home');

    for (const [decision, screen] of [
      ['Approve', 'approved'],
      ['Decline', 'declined'],
    ] as const) {
      const desktop = (await world.newPage()).page;
      await desktop.goto(world.demo.portalUrl);
      await choose(desktop, /Log in/);
      await desktop.waitForSelector('#qr svg');
      await choose(desktop, 'I cannot scan');
      await desktop.waitForFunction(() =>
        /^[0-9 ]{14}$/.test(document.querySelector('#typed-shown')?.textContent ?? ''),
      );
      const digits = await desktop.locator('#typed-shown').innerText();
      await choose(page, 'Enter a short code');
      await at(page, 'typed');
      await type(page, digits);
      await page.keyboard.press('Enter');
      await at(page, 'confirm');
      // Approving is open half a second after the question has appeared.
      await page.locator('button:not([disabled])', { hasText: 'Approve' }).waitFor();
      await choose(page, decision);
      await at(page, screen);
      if (decision === 'Approve') await desktop.waitForSelector('#logged-in');
      await choose(page, 'Done');
      await at(page, 'home');
    }

    await choose(page, 'Settings');
    await at(page, 'settings');
    for (let presses = 0; presses < 20; presses += 1) {
      await page.keyboard.press('Tab');
      if (await page.evaluate(`document.activeElement.matches('select')`)) break;
    }
    // One letter: each further one would choose anew.
    await page.keyboard.press('f');
    await page.waitForFunction(() => document.documentElement.lang === 'fr');
    expect(await page.evaluate(`document.activeElement.tagName`)).toBe('SELECT');
    const { t } = textsFor('app', ['fr']);
    await choose(page, t('act.back'));
    await at(page, 'home');
    await choose(page, t('home.lock'));
    await at(page, 'unlock');
    await enterMpin(page);
    await at(page, 'home');
  });
});
