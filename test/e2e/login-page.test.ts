import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { build } from 'esbuild';
import type { Browser as Chromium, Page } from 'playwright-core';
import { PNG } from 'pngjs';
import decode from 'qr/decode.js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { claimOrder } from '../../src/orders/claim.ts';
import { decideOrder } from '../../src/orders/decide.ts';
import type { Decision, FrameClaim, OrderClaimed } from '../../src/protocol/orders.ts';
import { type PageServer, startPage } from '../integration/login/page-server.ts';
import { addPhone, type Phone } from '../unit/mpin/world.ts';
import { callOf, signed, statementOf } from '../unit/orders/order-world.ts';
import { hasChromium, launchChromium } from './chromium.ts';

const root = new URL('../..', import.meta.url).pathname;
let styles: Uint8Array;
let script: Uint8Array;
let chrome: Chromium;
let server: PageServer;
let phone: Phone;
let issuer: string;
let port: number;
let problems: string[];

const integrityOf = (bytes: Uint8Array): string => `sha384-${createHash('sha384').update(bytes).digest('base64')}`;

beforeAll(async () => {
  if (!hasChromium) return;
  const entryPoints = [`${root}src/web/login/main.ts`];
  const built = await build({ entryPoints, bundle: true, minify: true, format: 'esm', target: 'es2022', write: false });
  script = built.outputFiles[0]?.contents ?? new Uint8Array();
  const sheet = await build({ entryPoints: [`${root}src/web/login/page.css`], bundle: true, write: false });
  styles = sheet.outputFiles[0]?.contents ?? new Uint8Array();
  chrome = await launchChromium();
});
afterAll(async () => {
  if (hasChromium) await chrome.close();
});

beforeEach(async () => {
  port = await freePort();
  issuer = `http://localhost:${port}`;
  problems = [];
  server = await start();
  phone = await addPhone(server.world);
});
afterEach(async () => {
  for (const context of chrome.contexts()) await context.close();
  await server.close();
});

function start(): Promise<PageServer> {
  return startPage({
    issuer,
    port,
    clock: systemClock,
    deps: {
      assets: {
        script: { url: '/login.js', integrity: integrityOf(script) },
        style: { url: '/page.css', integrity: integrityOf(styles) },
      },
    },
    extend: (app) => {
      app.get('/login.js', (_request, reply) => reply.type('text/javascript').send(Buffer.from(script)));
      app.get('/page.css', (_request, reply) => reply.type('text/css').send(Buffer.from(styles)));
      app.get('/favicon.ico', (_request, reply) => reply.status(204).send());
      for (const path of ['/callback', '/oauth2/*']) {
        app.get(path, (_request, reply) => reply.type('text/html').send('<!doctype html><h1>portal</h1>'));
      }
    },
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

async function openPage(options: { width?: number; colorScheme?: 'dark' | 'light' } = {}): Promise<Page> {
  server.begin('uid1', { name: 'Bank "<img src=x onerror=alert(1)>"' });
  const { width = 800, colorScheme = 'light' } = options;
  const context = await chrome.newContext({ viewport: { width, height: 900 }, colorScheme });
  await context.addCookies([{ name: 'op_i', value: 'uid1', url: issuer }]);
  const page = await context.newPage();
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) problems.push(message.text());
  });
  await page.goto(`${issuer}/interaction/uid1`);
  await page.waitForSelector('#qr svg');
  return page;
}

function scanned(text: string): FrameClaim {
  const [, via, token = '', step = '', tag = ''] = /\/([qsl])\/([^.]+)\.(\d+)\.(.+)$/.exec(text) ?? [];
  return { via: via === 'q' ? 'qr' : via === 's' ? 'steady' : 'link', token, step: Number(step), tag };
}

const claimFrame = async (frame: string | null): Promise<OrderClaimed> =>
  claimOrder(server.world.orders, scanned(frame ?? ''), await callOf(server.world, phone));

const shownFrame = (page: Page): Promise<string | null> => page.getAttribute('#qr', 'data-frame');

async function decide(claimed: OrderClaimed, decision: Decision): Promise<void> {
  const iat = Math.floor(systemClock.now() / 1000);
  const approval = signed(phone.key, { ...statementOf(server.world, claimed, decision), aud: issuer, iat });
  const body = { orderId: claimed.orderId, approval, proof: null };
  await decideOrder(server.world.orders, body, await callOf(server.world, phone));
}

describe.skipIf(!hasChromium)('login page in a browser', () => {
  it('shows a code that a camera reads from 320 pixels on, in light and dark, and nothing runs that is not ours (T26, S-11)', async () => {
    for (const options of [{ width: 320 }, { width: 1200, colorScheme: 'dark' }] as const) {
      const page = await openPage(options);
      const { width, height, data } = PNG.sync.read(await page.screenshot({ fullPage: true }));
      expect(decode({ width, height, data })).toMatch(new RegExp(`^${issuer}/q/`));
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(options.width);
      expect(await page.textContent('.portal-name')).toBe('Bank "<img src=x onerror=alert(1)>"');
      await page.context().close();
    }
    expect(problems).toEqual([]);
  });

  it('changes the code, hides it when it is scanned, and goes on by itself after the approval', async () => {
    const page = await openPage();
    const first = await shownFrame(page);
    await expect.poll(() => shownFrame(page), { timeout: 10_000 }).not.toBe(first);
    const claimed = await claimFrame(await shownFrame(page));
    await page.waitForSelector('[data-state=claimed]');
    expect(await page.isVisible('#qr')).toBe(false);
    expect(await page.textContent('#live')).toBe('Continue on your phone');
    await decide(claimed, 'approve');
    await page.waitForURL('**/oauth2/authorize/uid1');
    expect(server.completed).toHaveLength(1);
    expect(problems).toEqual([]);
  });

  it('says that it was reported and returns to the portal (P-09)', async () => {
    const page = await openPage();
    await decide(await claimFrame(await shownFrame(page)), 'report');
    await page.waitForSelector('[data-state=reported]');
    await page.waitForURL('**/callback?error=access_denied');
    expect(server.refused).toEqual(['reported']);
  });

  it('is used by keyboard alone: link for this device, then cancel', async () => {
    const page = await openPage();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#link-open:not([hidden])');
    expect(await page.evaluate('document.activeElement.id')).toBe('link-open');
    expect(await page.getAttribute('#link-open', 'href')).toMatch(/\/l\//);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/callback?error=access_denied');
    expect(server.refused).toEqual(['cancelled']);
  });

  it('goes on where it was after a reload', async () => {
    const page = await openPage();
    await claimFrame(await shownFrame(page));
    await page.reload();
    await page.waitForSelector('[data-state=claimed]');
  });

  it('marks a code as stale while the server is away and ends in a clear state when it is back without the order', async () => {
    const page = await openPage();
    await server.close();
    await page.waitForSelector('#stale:not([hidden])');
    expect(await page.isVisible('#qr svg')).toBe(true);
    server = await start();
    server.begin('uid1');
    await page.waitForSelector('[data-state=lost]');
  });

  it('has no finding of the accessibility checker in any state', async () => {
    const page = await openPage({ width: 320 });
    await page.evaluate(readFileSync(`${root}node_modules/axe-core/axe.min.js`, 'utf8'));
    const tags = ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const findings = async (): Promise<unknown> =>
      page.evaluate(
        `axe.run(document, { runOnly: ${JSON.stringify(tags)} }).then(({ violations }) => violations.map(({ id }) => id))`,
      );
    expect(await findings()).toEqual([]);
    const claimed = await claimFrame(await shownFrame(page));
    await page.waitForSelector('[data-state=claimed]');
    expect(await findings()).toEqual([]);
    await decide(claimed, 'decline');
    await page.waitForSelector('[data-state=declined]');
    expect(await findings()).toEqual([]);
  });
});
