/** A person with a phone and a computer: what tests of the app do again and again, by what is to be seen and pressed. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { expect } from 'vitest';
import { type FakeCamera, fakeCamera } from './camera.ts';
import { launchChromium, openPage } from './chromium.ts';
import { type Demo, type DemoOptions, startDemo } from './demo.ts';

export const mpin = '83920';
export const phoneSize = { width: 360, height: 740 };
/** Kept when asked for: one picture of each screen, size and theme. */
const pictures = process.env['MTOKEN_TEST_PICTURES'];

/** A page, and what went wrong on it. */
export interface Seen {
  readonly page: Page;
  readonly faults: string[];
}

/** The demo, a browser, and a camera that sees what another page shows. */
export interface World {
  readonly demo: Demo;
  readonly browser: Browser;
  readonly camera: FakeCamera;
  readonly directory: string;
  readonly newPage: (options?: BrowserContextOptions) => Promise<Seen>;
  /** A page of the size of a phone, with the app opened. */
  readonly newPhone: (options?: BrowserContextOptions) => Promise<Seen>;
  /** Makes an activation at the desk; gives its text and the code from the mailbox. */
  readonly activate: (desk: Page) => Promise<{ text: string; code: string }>;
  /** From the first start to the home screen, by camera. */
  readonly register: (page: Page, seen?: (name: string) => Promise<void>) => Promise<void>;
  readonly toLoginPage: () => Promise<Seen>;
  /** From the home screen to the question. As a person would: where a code went stale under way, the camera is held up again. */
  readonly scan: (page: Page, desktop: Page) => Promise<void>;
  /** Closes all pages; fails where one of them had a fault that `isExpected` does not know. */
  readonly clear: (isExpected?: (fault: string) => boolean) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Starts everything. `flags` are added to the browser's, `options` are the demo's. */
export async function openWorld(flags: readonly string[] = [], options: DemoOptions = {}): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), 'mtoken-app-'));
  const camera = fakeCamera(directory);
  const [demo, browser] = await Promise.all([startDemo(options), launchChromium([...camera.flags, ...flags])]);
  const open: Seen[] = [];
  const newPage: World['newPage'] = async (options = {}) => {
    const made = await openPage(browser, options);
    open.push(made);
    return made;
  };
  const world = { demo, browser, camera, directory, newPage };
  return {
    ...world,
    newPhone: async (options = {}) => {
      const phone = await newPage({ viewport: phoneSize, permissions: ['camera'], ...options });
      await phone.page.goto(`${demo.issuer}/app`);
      return phone;
    },
    activate: async (desk) => activate(desk, demo),
    register: async (page, seen) => register(world, page, seen),
    toLoginPage: async () => {
      const desktop = await newPage();
      await desktop.page.goto(demo.portalUrl);
      await desktop.page.click('#login');
      await desktop.page.waitForSelector('#qr svg');
      return desktop;
    },
    scan: async (page, desktop) => scan(world, page, desktop),
    clear: async (isExpected = () => false) => {
      for (const context of browser.contexts()) await context.close();
      // An answer that refuses is what some of these tests ask for; Chromium writes each of them down.
      const isRefusal = (fault: string) => /status of 4\d\d .*\/(app\/v1|callback\?error)/.test(fault);
      const faults = open.splice(0).flatMap((page) => page.faults);
      expect(faults.filter((fault) => !isRefusal(fault) && !isExpected(fault))).toEqual([]);
    },
    stop: async () => {
      await browser.close();
      await demo.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

type Begun = Pick<World, 'demo' | 'camera' | 'newPage'>;

async function activate(desk: Page, demo: Demo): Promise<{ text: string; code: string }> {
  await desk.goto(`${demo.portalUrl}/desk`);
  await desk.click('#activate');
  await desk.waitForSelector('.qr svg');
  const command = await desk.locator('pre').innerText();
  const [, text = '', code = ''] = /register '([^']+)' --confirmation ([0-9]{8})/.exec(command) ?? [];
  return { text, code };
}

async function register(
  { demo, camera, newPage }: Begun,
  page: Page,
  seen: (name: string) => Promise<void> = async () => undefined,
): Promise<void> {
  const desk = (await newPage()).page;
  const { code } = await activate(desk, demo);
  await camera.pointAt(desk);
  await at(page, 'welcome');
  await seen('welcome');
  await press(page, 'Scan the activation code');
  await at(page, 'name');
  await seen('name');
  await page.fill('#phone-name', 'Test phone');
  await press(page, 'Continue');
  await at(page, 'code');
  await seen('code');
  await page.fill('#confirmation', code);
  await press(page, 'Continue');
  await at(page, 'choose');
  await seen('choose');
  await enter(page, mpin);
  await at(page, 'repeat');
  await seen('repeat');
  await enter(page, mpin);
  await at(page, 'registered');
  await seen('registered');
  await press(page, 'Done');
  await at(page, 'home');
  await desk.context().close();
}

async function scan({ camera }: Begun, page: Page, desktop: Page): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    await camera.pointAt(desktop);
    await press(page, 'Scan');
    await page.locator('main[data-screen="confirm"], main[data-screen="scan"] .trouble p').first().waitFor();
    if ((await page.getAttribute('main', 'data-screen')) === 'confirm') return;
    const said = await page.locator('.trouble').innerText();
    if (tries === 4 || !said.includes('too old')) throw new Error(said);
    await press(page, 'Back');
  }
}

/** Waits for a screen that has finished what it began. */
export async function at(page: Page, screen: string): Promise<void> {
  try {
    await page.locator(`main[data-screen="${screen}"][aria-busy="false"]`).waitFor({ timeout: 15_000 });
  } catch (cause) {
    throw new Error(`no ${screen} but: ${await page.locator('main').innerText()}`, { cause });
  }
}

export async function press(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name, exact: true }).click();
}

/** On the pad. */
export async function enter(page: Page, digits: string): Promise<void> {
  for (const digit of digits) await press(page, digit);
  await page.locator('.keys .submit').click();
}

/** What is said to be wrong. */
export async function trouble(page: Page): Promise<string> {
  await page.locator('main[aria-busy="false"] .trouble p').waitFor({ timeout: 25_000 });
  return page.locator('.trouble').innerText();
}

/** Looks at a screen in both themes and three widths: nothing is cut off, nothing too small to press, the checker finds nothing. */
export async function look(page: Page, name: string): Promise<void> {
  // What the pointer is over looks different.
  await page.mouse.move(0, 0);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    for (const viewport of [{ width: 320, height: 640 }, phoneSize, { width: 1280, height: 800 }]) {
      await page.setViewportSize(viewport);
      expect(await page.evaluate('document.documentElement.scrollWidth'), name).toBeLessThanOrEqual(viewport.width);
      if (pictures !== undefined && viewport.width !== 320) {
        await page.screenshot({ path: join(pictures, `app-${name}-${viewport.width}-${colorScheme}.png`) });
      }
    }
    await page.setViewportSize(phoneSize);
    expect(await violations(page, name), `${name}, ${colorScheme}`).toEqual([]);
  }
  const small = await page.evaluate(`[...document.querySelectorAll('button, input:not(.only-heard), select, a')]
    .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 44).map((one) => one.outerHTML)`);
  expect(small, name).toEqual([]);
}

async function violations(page: Page, name: string): Promise<unknown> {
  // The checker reads the page's own colours where the system's are shown.
  const rules = name.includes('forced') ? { 'color-contrast': { enabled: false } } : {};
  if ((await page.evaluate('typeof axe')) === 'undefined') await page.evaluate(axe.source);
  return page.evaluate(
    `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'], rules: ${JSON.stringify(rules)} })
      .then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map((node) => node.html + node.any.map(({ message }) => message)).join(' ')))`,
  );
}
