/** A server that dies while a page waits: the page says so, waits, and goes on by itself when the server is back. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasRedisServer, type RedisServer, startRedisServer } from '../redis-server.ts';
import { hasChromium, launchShell, openPage } from './chromium.ts';
import { type CliPhone, registeredPhone } from './cli-phone.ts';
import { type Demo, startDemo } from './demo.ts';

if (!hasRedisServer() && process.env['CI'] === 'true' && hasChromium) {
  throw new Error('no redis-server: what a page waits for must outlive the server');
}

describe.skipIf(!hasChromium || !hasRedisServer())('a server killed while a page waits', () => {
  let redis: RedisServer;
  let demo: Demo;
  let browser: Browser;
  let phone: CliPhone;

  beforeAll(async () => {
    redis = await startRedisServer();
    [demo, browser] = await Promise.all([startDemo({ env: { REDIS_URL: redis.url } }), launchShell()]);
    phone = await registeredPhone(demo);
  });

  afterAll(async () => {
    await browser?.close();
    await phone?.close();
    await demo?.stop();
    await redis?.close();
  });

  /** The demo's portal died with the server and remembers no login: what counts is that the browser came with a code. */
  const backAtPortal = async (page: Page): Promise<string> =>
    (await page.waitForRequest((request) => request.url().startsWith(`${demo.portalUrl}/callback`))).url();

  it('is waited for, and the same login ends on the portal without a press (X-03, X-06)', async () => {
    const { page } = await openPage(browser);
    await page.goto(demo.portalUrl);
    await page.click('#login');
    await page.waitForSelector('#qr svg');
    const address = page.url();

    await demo.kill();
    await page.locator('#trouble').waitFor({ state: 'visible', timeout: 40_000 });
    expect(await page.locator('#qr').getAttribute('class')).toContain('is-stale');

    await demo.start();
    await page.locator('#trouble').waitFor({ state: 'hidden', timeout: 40_000 });
    await page.waitForFunction(() => !document.querySelector('#qr')?.classList.contains('is-stale'));
    expect(page.url()).toBe(address);
    await phone.unlock();
    const wayBack = backAtPortal(page);
    await phone.scan((path) => page.screenshot({ path }), '--approve');
    expect(await wayBack).toMatch(/[?&]code=[\w-]+/);
  });

  it('dies between the scan and the approval, and the login still ends (X-03)', async () => {
    const { page } = await openPage(browser);
    await page.goto(demo.portalUrl);
    await page.click('#login');
    await page.waitForSelector('#qr svg');
    await phone.unlock();
    await phone.scan((path) => page.screenshot({ path }));
    await page.locator('[data-panel="claimed"]').waitFor({ state: 'visible' });

    await demo.kill();
    await demo.start();
    // The phone's session is in Redis too: the decision is made on the new process.
    const wayBack = backAtPortal(page);
    const approved = await phone.run('approve');
    expect(approved, approved.output).toMatchObject({ code: 0 });
    expect(await wayBack).toMatch(/[?&]code=[\w-]+/);
  });
});
