/** The login page in Firefox: the second engine that portals' users have. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CliPhone, registeredPhone } from './cli-phone.ts';
import { type Demo, startDemo } from './demo.ts';
import { hasFirefox, launchFirefox, openFirefoxPage } from './firefox.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

describe.skipIf(!hasFirefox)('the login page in Firefox', () => {
  let demo: Demo;
  let browser: Browser;
  let phone: CliPhone;

  beforeAll(async () => {
    [demo, browser] = await Promise.all([startDemo(), launchFirefox()]);
    phone = await registeredPhone(demo);
  });
  beforeEach(() => phone.unlock());
  afterAll(async () => {
    await browser?.close();
    await phone?.close();
    await demo?.stop();
  });

  const toLoginPage = async (page: Page): Promise<void> => {
    await page.goto(demo.portalUrl);
    await page.click('#login');
    await page.waitForSelector('#qr svg');
  };
  const textOf = (page: Page, selector: string): Promise<string> =>
    page.$eval(selector, (element) => element.textContent ?? '');

  it('logs in by the pixels of its screen (P-08, O-14)', async () => {
    const { page, faults } = await openFirefoxPage(browser);
    await toLoginPage(page);
    await phone.scan((path) => page.screenshot({ path: path as `${string}.png` }), '--approve');
    await page.waitForSelector('#logged-in');
    expect(await textOf(page, '[data-claim="name"]')).toBe('Ada Example');
    expect(faults).toEqual([]);
  });

  it('follows the phone live and comes back to the portal after a refusal (P-03, P-09)', async () => {
    const { page } = await openFirefoxPage(browser);
    await toLoginPage(page);
    await phone.scan((path) => page.screenshot({ path: path as `${string}.png` }));
    await page.waitForSelector('[data-panel="claimed"]:not([hidden])');
    const declined = await phone.run('decline');
    expect(declined, declined.output).toMatchObject({ code: 0 });
    await page.waitForFunction((portal) => location.href.startsWith(portal), {}, demo.portalUrl);
    expect(await textOf(page, '[role="alert"]')).toContain('declined');
  });

  it('changes the code and keeps it black on white', async () => {
    const { page, faults } = await openFirefoxPage(browser);
    await toLoginPage(page);
    const first = await page.$eval('#qr', (element) => (element as HTMLElement).dataset['frame']);
    await page.waitForFunction(
      (old) => document.querySelector<HTMLElement>('#qr')?.dataset['frame'] !== old,
      { timeout: 10_000 },
      first,
    );
    const fills = await page.$$eval('#qr rect, #qr path', (parts) => parts.map((part) => getComputedStyle(part).fill));
    expect(fills).toEqual(['rgb(255, 255, 255)', 'rgb(0, 0, 0)']);
    expect(faults).toEqual([]);
  });

  it('gives a code to type, which leads to the portal', async () => {
    const { page, faults } = await openFirefoxPage(browser);
    await toLoginPage(page);
    await page.click('#typed-show');
    await page.waitForFunction(() => /^[0-9 ]{14}$/.test(document.querySelector('#typed-shown')?.textContent ?? ''));
    const approved = await phone.run('scan', await textOf(page, '#typed-shown'), '--approve');
    expect(approved, approved.output).toMatchObject({ code: 0 });
    await page.waitForSelector('#logged-in');
    expect(faults).toEqual([]);
  });

  it('speaks another language at a choice, from right to left too, with the same code', async () => {
    const { page, faults } = await openFirefoxPage(browser);
    await toLoginPage(page);
    const tokenOf = (): Promise<string | undefined> =>
      page.$eval('#qr', (element) => /\/q\/([^.]+)\./.exec((element as HTMLElement).dataset['frame'] ?? '')?.[1]);
    const token = await tokenOf();
    await Promise.all([page.waitForNavigation(), page.select('select', 'ar')]);
    await page.waitForSelector('#qr svg');
    expect(await page.$eval('html', ({ lang, dir }) => ({ lang, dir }))).toEqual({ lang: 'ar', dir: 'rtl' });
    expect(await tokenOf()).toBe(token);
    expect(faults).toEqual([]);
  });

  it('is clean to axe', async () => {
    const { page, faults } = await openFirefoxPage(browser);
    await toLoginPage(page);
    await page.evaluate(axe);
    const violations = await page.evaluate(
      `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' ')))`,
    );
    expect(violations).toEqual([]);
    expect(faults).toEqual([]);
  });
});
