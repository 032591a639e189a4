/** A person's login, nothing cut short: the simulated phone reads the pixels that the browser shows. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hasChromium, launchShell, openPage } from './chromium.ts';
import { type Demo, mtoken, startDemo } from './demo.ts';

const mpin = '83920';

describe.skipIf(!hasChromium)('a login in a real browser', () => {
  let demo: Demo;
  let browser: Browser;
  let directory: string;
  /** Where screenshots go; kept when asked for. */
  const pictures = process.env['MTOKEN_TEST_PICTURES'];
  const shot = async (page: Page, name: string): Promise<string> => {
    const path = join(pictures ?? directory, `${name}.png`);
    await page.screenshot({ path });
    return path;
  };
  const phone = (...args: string[]) => mtoken(['phone', ...args, '--home', join(directory, 'phone')]);

  /** As a person would: a code that went stale under way is scanned again from the screen as it is now. */
  const scanScreen = async (page: Page, name: string, ...args: string[]): Promise<string> => {
    for (let tries = 1; ; tries += 1) {
      const scanned = await phone('scan', await shot(page, name), ...args);
      if (scanned.code === 0) return scanned.output;
      if (tries === 4 || !/too old|no QR code/.test(scanned.output)) throw new Error(scanned.output);
    }
  };

  const registerAtDesk = async (page: Page): Promise<void> => {
    await page.goto(`${demo.portalUrl}/desk`);
    await page.click('#activate');
    const command = await page.locator('pre').innerText();
    await shot(page, 'desk-activation');
    const [, text = '', code = ''] = /register '([^']+)' --confirmation ([0-9]{8})/.exec(command) ?? [];
    const registered = await phone('register', text, '--confirmation', code, '--mpin', mpin, '--name', 'Test phone');
    expect(registered, registered.output).toMatchObject({ code: 0 });
  };

  const toLoginPage = async (page: Page): Promise<void> => {
    await page.goto(demo.portalUrl);
    await page.click('#login');
    await page.waitForSelector('[data-frame]');
  };

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mtoken-login-'));
    [demo, browser] = await Promise.all([startDemo(), launchShell()]);
    const { page } = await openPage(browser);
    await registerAtDesk(page);
    await page.context().close();
  });

  beforeEach(async () => {
    const unlocked = await phone('unlock', '--mpin', mpin);
    expect(unlocked, unlocked.output).toMatchObject({ code: 0 });
  });

  afterAll(async () => {
    await browser?.close();
    await demo?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it('ends on the portal with the claims shown, from the pixels of the screen and a logout ends it (P-08, O-14, S-06, S-11)', async () => {
    const { page, faults } = await openPage(browser);
    await toLoginPage(page);
    expect(await scanScreen(page, 'login-waiting', '--approve')).toContain('Demo portal');
    await page.waitForSelector('#logged-in');
    await shot(page, 'portal-logged-in');
    expect(await page.locator('[data-claim="name"]').innerText()).toBe('Ada Example');
    expect(await page.locator('[data-claim="amr"]').innerText()).toContain('mPIN');
    expect(await page.locator('[data-claim="acr"]').innerText()).toBe('urn:mtoken:acr:sca');
    await page.click('#logout');
    await page.getByRole('heading', { name: 'Log out?' }).waitFor();
    await shot(page, 'log-out');
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.waitForSelector('#login');
    await toLoginPage(page);
    expect(faults).toEqual([]);
  });

  it('shows the phone’s progress and hides the code once it is scanned (P-03)', async () => {
    const { page, faults } = await openPage(browser);
    await toLoginPage(page);
    await scanScreen(page, 'login-before-scan');
    await page.waitForFunction(() => !document.querySelector('[data-frame]')?.checkVisibility());
    await shot(page, 'login-scanned');
    const declined = await phone('decline');
    expect(declined, declined.output).toMatchObject({ code: 0 });
    await page.waitForURL((url) => url.href.startsWith(demo.portalUrl));
    await shot(page, 'portal-declined');
    expect(await page.locator('[role="alert"]').innerText()).toContain('declined');
    expect(faults.filter((fault) => !fault.includes('403'))).toEqual([]);
  });

  it('cancels from the page, and the portal is told (P-09)', async () => {
    const { page } = await openPage(browser, { viewport: { width: 360, height: 740 }, colorScheme: 'dark' });
    await toLoginPage(page);
    await shot(page, 'login-small-dark');
    await page.getByRole('button', { name: /cancel/i }).click();
    await page.waitForURL((url) => url.href.startsWith(demo.portalUrl));
    await shot(page, 'portal-cancelled');
    expect(await page.locator('[role="alert"]').innerText()).toContain('cancelled');
  });
});
