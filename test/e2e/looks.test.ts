/** How it looks to everybody: every screen in light, dark and forced colours, narrow and wide, large, still, and by keyboard. */
import { PNG } from 'pngjs';
import decode from 'qr/decode.js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { languages } from '../../src/texts/languages.ts';
import { hasChromium } from './chromium.ts';
import { cutTexts, inspect, type Mode, narrow, useMode } from './inspect.ts';
import { inEveryLanguage } from './other-words.ts';
import { openWorld, press, type World } from './phone.ts';
import {
  appTexts,
  isHeldBack,
  stillLoginPage,
  type Visit,
  visitChoice,
  visitHome,
  visitLock,
  visitLoginStates,
  visitOrder,
  visitSettings,
  visitWelcome,
} from './screens.ts';

const english = appTexts('en');
const minutes = 60_000;

describe.skipIf(!hasChromium)('every screen', () => {
  let world: World;
  let found: string[];

  const visit: Visit = async (name, page) => {
    found.push(...(await inspect(page)).map((fault) => `${name}, ${fault}`));
  };
  const fits: Visit = async (name, page) => {
    found.push(...(await cutTexts(page)).map((fault) => `${name}: ${fault}`));
  };

  beforeAll(async () => {
    // One address asks for all of them.
    const env = { MTOKEN_LIMIT_LOGINS_PER_ADDRESS: '10000', MTOKEN_LIMIT_PER_ADDRESS: '100000' };
    world = await openWorld([], { env });
  });
  afterEach(async () => world.clear((fault) => isHeldBack(fault) || /status of 40[0-9]/.test(fault)));
  afterAll(async () => world?.stop());

  const activation = async (): Promise<string> => {
    const desk = (await world.newPage()).page;
    const { text } = await world.activate(desk);
    await desk.context().close();
    return text;
  };

  it('of the login page, in every state that its document has', { timeout: 5 * minutes }, async () => {
    found = [];
    const page = await stillLoginPage(world);
    await visitLoginStates(page, visit);
    expect(found).toEqual([]);
  });

  it('of the login page as it lives, with its code, which a camera reads in light, dark and forced colours (T26)', async () => {
    found = [];
    const { page } = await world.toLoginPage();
    await visit('login', page);
    for (const mode of ['light', 'dark', 'forced'] satisfies Mode[]) {
      await useMode(page, mode);
      const { width, height, data } = PNG.sync.read(await page.screenshot({ fullPage: true }));
      expect(decode({ width, height, data }), mode).toMatch(/^http:\/\/localhost:\d+\/[qs]\//);
      const size = await page.locator('.code').evaluate((code) => code.getBoundingClientRect().width);
      expect(size).toBeGreaterThanOrEqual(240);
      expect(size).toBeLessThanOrEqual(320);
    }
    expect(found).toEqual([]);
  });

  it('of the provider and of addresses that lead nowhere', { timeout: 3 * minutes }, async () => {
    found = [];
    const { page } = await world.newPage();
    for (const [name, path] of [
      ['landing', '/l/AAAAAAAAAAAAAAAAAAAAAA.1.AAAAAAAAAAAAAAAA'],
      ['refusal', '/interaction/unknown'],
      ['nothing', '/nothing'],
      ['provider-error', '/oauth2/authorize?client_id=nobody'],
      ['logged-out', '/oauth2/logout/success'],
    ] as const) {
      await page.goto(`${world.demo.issuer}${path}`);
      await visit(name, page);
    }
    expect(found).toEqual([]);
  });

  it('of the app: setting up, using, changing, refusing', { timeout: 10 * minutes }, async () => {
    found = [];
    const fresh = (await world.newPhone()).page;
    await visitWelcome(fresh, { activation: await activation(), t: english, visit });
    await press(fresh, english('act.continue'));
    await visitChoice(fresh, { t: english, visit });
    const { page } = await world.newPhone();
    await world.register(page);
    for (const answer of ['approve', 'decline', 'report'] as const)
      await visitOrder(world, page, { t: english, visit, answer });
    await visitHome(page, { t: english, visit });
    await visitSettings(page, { t: english, visit });
    await visitLock(page, { t: english, visit });
    expect(found).toEqual([]);
  });

  it('of the login page has texts that fit their controls at 320 pixels, in every language', {
    timeout: 5 * minutes,
  }, async () => {
    found = [];
    const page = await stillLoginPage(world);
    const address = page.url();
    await page.setViewportSize(narrow);
    for (const { code, direction } of languages) {
      await page.goto(`${address}?lang=${code}`);
      expect(await page.getAttribute('html', 'lang')).toBe(code);
      expect(await page.getAttribute('html', 'dir')).toBe(direction);
      await visitLoginStates(page, (name) => fits(`${code} ${name}`, page));
    }
    expect(found).toEqual([]);
  });

  it('of the app has texts that fit their controls at 320 pixels, in every language', {
    timeout: 5 * minutes,
  }, async () => {
    found = [];
    const spoken: number[] = [];
    const everywhere: Visit = async (name, page) => {
      spoken.push(await inEveryLanguage(page, 'app', (code) => fits(`${code} ${name}`, page)));
    };
    const visited = { t: english, visit: everywhere };
    const fresh = (await world.newPhone({ viewport: narrow })).page;
    await visitWelcome(fresh, { activation: await activation(), ...visited });
    await press(fresh, english('act.continue'));
    await visitChoice(fresh, visited);
    const used = (await world.newPhone({ viewport: narrow })).page;
    await world.register(used);
    await visitOrder(world, used, { ...visited, answer: 'report' });
    await visitHome(used, visited);
    await visitSettings(used, visited);
    await visitLock(used, visited);
    expect(found).toEqual([]);
    // Each screen did speak: its heading, its button and more.
    expect(Math.min(...spoken)).toBeGreaterThanOrEqual(3);
  });
});
