/** The console in every language at 320 pixels and at a desk: nothing is cut, nothing scrolls sideways, and the page says which language it speaks. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { User } from '../../src/companies/store.ts';
import { hasChromium } from './chromium.ts';
import { type Counter, openCounter, settled } from './counter.ts';
import { cutTexts, desk, narrow } from './inspect.ts';
import { inEveryLanguage } from './other-words.ts';

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

  const open = async (path: string): Promise<void> => {
    await page.goto(`${counter.origin}/console${path}`);
    await settled(page);
  };

  it('speaks what is chosen, from then on and in its direction', async () => {
    for (const [code, direction] of [
      ['de', 'ltr'],
      ['ar', 'rtl'],
      ['en', 'ltr'],
    ] as const) {
      await open('/');
      await page.locator('.toggle').click();
      if ((await page.locator('#language').inputValue()) !== code) {
        await page.locator('#language').selectOption(code);
        await page.waitForURL(`**/?lang=${code}`);
      }
      await open('/users');
      expect(await spoken()).toEqual([code, direction]);
    }
  });

  it('has room for its words in every language', async () => {
    const found: string[] = [];
    const spokenTexts: number[] = [];
    const look = async (name: string): Promise<void> => {
      const fits = async (code: string) => {
        found.push(...(await cutTexts(page)).map((fault) => `${code} ${name}: ${fault}`));
      };
      spokenTexts.push(await inEveryLanguage(page, 'console', fits));
    };
    await open('/');
    await page.locator('.toggle').click();
    await look('menu');
    for (const path of [
      `/companies/${counter.company.id}`,
      '/users',
      '/audit',
      '/notifications',
      '/keys',
      '/terms/new',
    ]) {
      await open(path);
      await look(path);
    }
    await open(`/users/${user.id}`);
    for (const folded of await page.locator('summary').all()) await folded.click();
    await page.locator('main [data-act="users.remove"]').click();
    await look('question');
    await page.setViewportSize(desk);
    for (const path of ['/users', '/devices']) {
      await open(path);
      await look(`${path} at a desk`);
    }
    expect(found).toEqual([]);
    expect(Math.min(...spokenTexts)).toBeGreaterThanOrEqual(10);
  });
});
