/** The console in every language at 320 pixels: nothing is cut, nothing scrolls sideways, and the page says which language it speaks. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { User } from '../../src/companies/store.ts';
import { languages } from '../../src/texts/languages.ts';
import { hasChromium } from './chromium.ts';
import { type Counter, openCounter, settled } from './counter.ts';
import { cutTexts, narrow } from './inspect.ts';

let counter: Counter;
let page: Page;
let user: User;

describe.skipIf(!hasChromium)('the console', () => {
  beforeAll(async () => {
    counter = await openCounter();
    const operator = await counter.phoneOf(counter.operator.id);
    user = await counter.addUser({ name: 'Ursula User', email: 'ursula@northwind.example' });
    await counter.phoneOf(user.id);
    page = await counter.enter(operator, '/', { viewport: narrow });
  });

  afterAll(async () => {
    await counter.clear();
    await counter.stop();
  });

  it.each(languages)('has room for its words in $code', async ({ code, direction }) => {
    await page.goto(`${counter.origin}/console/?lang=${code}`);
    await settled(page);
    const spoken = await page.evaluate(() => [document.documentElement.lang, document.documentElement.dir]);
    expect(spoken).toEqual([code, direction]);
    await page.locator('.toggle').click();
    expect(await cutTexts(page), 'menu').toEqual([]);
    for (const path of [
      `/companies/${counter.company.id}`,
      '/users',
      '/audit',
      '/notifications',
      '/keys',
      '/terms/new',
    ]) {
      await page.goto(`${counter.origin}/console${path}`);
      await settled(page);
      expect(await cutTexts(page), path).toEqual([]);
    }
    await page.goto(`${counter.origin}/console/users/${user.id}`);
    await settled(page);
    for (const folded of await page.locator('summary').all()) await folded.click();
    await page.locator('main [data-act="users.remove"]').click();
    expect(await cutTexts(page), 'question').toEqual([]);
  });
});
