/** The console in every language at 320 pixels and at a desk: nothing is cut, nothing scrolls sideways, and the page says which language it speaks. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { User } from '../../src/companies/store.ts';
import { languages } from '../../src/texts/languages.ts';
import { hasChromium } from './chromium.ts';
import { type Counter, openCounter, settled } from './counter.ts';
import { cutTexts, desk, narrow } from './inspect.ts';

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

  const spoken = () => page.evaluate(() => [document.documentElement.lang, document.documentElement.dir]);

  it.each(languages)('has room for its words in $code', async ({ code, direction }) => {
    const open = async (path: string): Promise<void> => {
      await page.goto(`${counter.origin}/console${path}`);
      await settled(page);
    };
    await open('/');
    await page.locator('.toggle').click();
    if ((await page.locator('#language').inputValue()) !== code) {
      await page.locator('#language').selectOption(code);
      await page.waitForURL(`**/?lang=${code}`);
      await settled(page);
      await page.locator('.toggle').click();
    }
    expect(await cutTexts(page), 'menu').toEqual([]);
    for (const path of [
      `/companies/${counter.company.id}`,
      '/users',
      '/audit',
      '/notifications',
      '/keys',
      '/terms/new',
    ]) {
      await open(path);
      expect(await spoken(), path).toEqual([code, direction]);
      expect(await cutTexts(page), path).toEqual([]);
    }
    await page.setViewportSize(desk);
    for (const path of ['/users', '/devices']) {
      await open(path);
      expect(await cutTexts(page), `${path} at a desk`).toEqual([]);
    }
    await page.setViewportSize(narrow);
    await open(`/users/${user.id}`);
    for (const folded of await page.locator('summary').all()) await folded.click();
    await page.locator('main [data-act="users.remove"]').click();
    expect(await cutTexts(page), 'question').toEqual([]);
  });
});
