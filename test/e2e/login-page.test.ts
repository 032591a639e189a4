import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import type { Browser as Chromium, Page } from 'playwright-core';
import { PNG } from 'pngjs';
import decode from 'qr/decode.js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { deactivateDevice } from '../../src/devices/devices.ts';
import { claimOrder } from '../../src/orders/claim.ts';
import { decideOrder } from '../../src/orders/decide.ts';
import type { Order } from '../../src/orders/order.ts';
import { cancelOrder, expireOrder } from '../../src/orders/orders.ts';
import { plainName } from '../../src/orders/text.ts';
import type { Decision, FrameClaim, OrderClaimed } from '../../src/protocol/orders.ts';
import { type PageServer, startPage } from '../integration/login/page-server.ts';
import { addPhone, eventsOf, type Phone } from '../unit/mpin/world.ts';
import { callOf, signed, statementOf } from '../unit/orders/order-world.ts';
import { hasChromium, launchShell } from './chromium.ts';

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
  script = await bundled('main.ts');
  styles = await bundled('page.css');
  const sheet = await build({ entryPoints: [`${root}src/web/login/page.css`], bundle: true, write: false });
  styles = sheet.outputFiles[0]?.contents ?? new Uint8Array();
  chrome = await launchShell();
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

async function bundled(name: string): Promise<Uint8Array> {
  const entryPoints = [`${root}src/web/login/${name}`];
  const built = await build({ entryPoints, bundle: true, minify: true, format: 'esm', target: 'es2022', write: false });
  return built.outputFiles[0]?.contents ?? new Uint8Array();
}

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

interface PageOptions {
  readonly width?: number;
  readonly colorScheme?: 'dark' | 'light';
  readonly reducedMotion?: 'reduce';
  readonly locale?: string;
}

async function openPage({ width = 800, ...options }: PageOptions = {}): Promise<Page> {
  server.begin('uid1', { name: 'Bank "<img src=x onerror=alert(1)>"' });
  const context = await chrome.newContext({ viewport: { width, height: 900 }, locale: 'en-GB', ...options });
  await context.addCookies([{ name: 'op_i', value: 'uid1', url: issuer }]);
  const page = await context.newPage();
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) problems.push(message.text());
  });
  await page.goto(`${issuer}/interaction/uid1`);
  await page.waitForSelector('#qr svg', { state: 'attached' });
  return page;
}

/** A tab that nobody looks at, as browsers tell it. */
async function setHidden(page: Page, isHidden: boolean): Promise<void> {
  await page.evaluate(`
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => '${isHidden ? 'hidden' : 'visible'}' });
    document.dispatchEvent(new Event('visibilitychange'));
  `);
}

/** Makes the page believe that so much time has passed, as after a sleep. */
async function passTime(page: Page, seconds: number): Promise<void> {
  await page.evaluate(`{
    const before = performance.now.bind(performance);
    performance.now = () => before() + ${seconds * 1000};
  }`);
}

const typedCode = async (page: Page): Promise<string> => {
  await expect.poll(() => page.textContent('#typed-shown')).toMatch(/^\d{4} \d{4} \d{4}$/);
  return (await page.textContent('#typed-shown')) ?? '';
};

async function typeCode(shown: string): Promise<OrderClaimed> {
  const code = shown.replaceAll(' ', '');
  return claimOrder(server.world.orders, { via: 'code', code }, await callOf(server.world, phone));
}

/** The orders that wait for a phone, oldest first. */
async function liveOrders(): Promise<string[]> {
  const trail = await server.world.deps.records.audit.read(0, 100);
  const created = trail.filter(({ event }) => event === 'order.created').map(({ orderId }) => orderId ?? '');
  const ended = new Set(trail.filter(({ event }) => event !== 'order.created').map(({ orderId }) => orderId));
  return created.filter((id) => !ended.has(id));
}

/** As when the order's time is over: its page is told, and nothing can happen to it any more. */
async function expireNow(orderId: string): Promise<void> {
  const key = `order:{${orderId}}`;
  const { shortLived } = server.world.orders;
  const stored = await shortLived.get(key);
  if (stored === undefined) throw new Error('there is no such order');
  const order = JSON.parse(stored.value) as Order;
  const state = { name: 'pending', pageEndsAt: systemClock.now() - 1 };
  await shortLived.compareAndSet(key, stored.version, JSON.stringify({ ...order, state }));
  await expireOrder(server.world.orders, orderId);
}

const createdOrders = async (): Promise<number> =>
  (await eventsOf(server.world)).filter((event) => event === 'order.created').length;

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
    for (const id of ['typed-show', 'more', 'cancel']) {
      await page.keyboard.press('Tab');
      expect(await page.evaluate('document.activeElement.id')).toBe(id);
    }
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
    await page.click('#typed-show');
    await typedCode(page);
    await page.click('summary');
    expect(await findings()).toEqual([]);
    await page.click('#typed-back');
    const claimed = await claimFrame(await shownFrame(page));
    await page.waitForSelector('[data-state=claimed]');
    expect(await findings()).toEqual([]);
    await decide(claimed, 'decline');
    await page.waitForSelector('[data-state=declined]');
    expect(await findings()).toEqual([]);
  });

  it('weighs 25 KB at most on the way, everything together', async () => {
    const page = await openPage();
    const document = await (await page.request.get(`${issuer}/interaction/uid1`)).body();
    const weights = [script, styles, document].map((part) => gzipSync(part).length);
    expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeLessThanOrEqual(25 * 1024);
  });

  it('gives a code to type instead, digit by digit to whoever listens, and the way back', async () => {
    const page = await openPage();
    await page.click('#typed-show');
    const shown = await typedCode(page);
    expect(await page.isVisible('#qr')).toBe(false);
    expect(await page.textContent('#typed-heard')).toBe(
      shown
        .split(' ')
        .map((group) => [...group].join(' '))
        .join(', '),
    );
    expect(await page.textContent('#typed-time')).toMatch(/^This code works for [12]:\d\d\.$/);
    await page.click('#typed-back');
    expect(await page.isVisible('#qr')).toBe(true);
    await page.click('#typed-show');
    await expect.poll(() => page.textContent('#typed-shown')).not.toBe(shown);
    const claimed = await typeCode(await typedCode(page));
    await page.waitForSelector('[data-state=claimed]');
    expect(await page.textContent('#typed-shown')).toBe('');
    await decide(claimed, 'approve');
    await page.waitForURL('**/oauth2/authorize/uid1');
    expect(problems).toEqual([]);
  });

  it('replaces a typed code that is over by itself, and says so', async () => {
    const page = await openPage();
    await page.click('#typed-show');
    const first = await typedCode(page);
    await passTime(page, 121);
    await expect.poll(() => page.textContent('#typed-shown'), { timeout: 5_000 }).not.toBe(first);
    const second = await typedCode(page);
    expect(second).not.toBe(first);
    await expect.poll(() => page.textContent('#live')).toBe('A new code is shown.');
    await expect(typeCode(first)).rejects.toMatchObject({ code: 'order_unavailable' });
    await typeCode(second);
  });

  it('counts down its own five minutes, gives five more three times, says so once, and ends', async () => {
    const page = await openPage();
    const timer = (): Promise<string | null> => page.textContent('.time [data-timer]');
    expect(await timer()).toMatch(/^Time left: (5:00|4:5\d)$/);
    for (const minutes of [9, 14, 19]) {
      expect(await page.isVisible('#more-limit')).toBe(false);
      await page.click('#more');
      expect(await page.textContent('#live')).toContain('You have 5 more minutes.');
      expect(await timer()).toMatch(new RegExp(`^Time left: (${minutes + 1}:00|${minutes}:5\\d)$`));
    }
    expect(await page.textContent('#live')).toContain('This is the longest time possible.');
    expect(await page.isVisible('#more')).toBe(false);
    expect(await page.isVisible('#more-limit')).toBe(true);
    await passTime(page, 19 * 60 + 10);
    await expect.poll(() => page.textContent('#live')).toMatch(/^Time left: 0:\d\d$/);
    const warned = await page.textContent('#live');
    await page.waitForTimeout(2_500);
    expect(await page.textContent('#live')).toBe(warned);
    await passTime(page, 60);
    await page.waitForSelector('[data-state=expired]');
    expect(await page.isVisible('[data-act=again]')).toBe(true);
  });

  it('goes on with a new order where the first one has had its time, without a word (P-02)', async () => {
    const page = await openPage();
    const said = await page.textContent('#live');
    const first = scanned((await shownFrame(page)) ?? '').token;
    const [own] = await liveOrders();
    await expireNow(own ?? '');
    await expect.poll(async () => scanned((await shownFrame(page)) ?? '').token, { timeout: 15_000 }).not.toBe(first);
    expect(await page.getAttribute('#login', 'data-state')).toBe('pending');
    expect(await page.textContent('#live')).toBe(said);
    expect(await createdOrders()).toBe(2);
    await claimFrame(await shownFrame(page));
    await page.waitForSelector('[data-state=claimed]');
  });

  it('works in seven tabs at once: a tab that nobody sees holds no connection', async () => {
    const first = await openPage();
    await setHidden(first, true);
    const openTab = async (uid: string): Promise<Page> => {
      if (!server.interactions.has(uid)) server.begin(uid);
      const path = `/interaction/${uid}`;
      await first.context().addCookies([{ name: 'op_i', value: uid, domain: 'localhost', path }]);
      const page = await first.context().newPage();
      await page.goto(`${issuer}${path}`, { timeout: 15_000 });
      await page.waitForSelector('#qr svg');
      return page;
    };
    // Three logins, as many as a browser may have, in two windows each: six streams, if they were kept.
    for (const uid of ['uid1', 'uid2', 'uid2', 'uid3', 'uid3']) await setHidden(await openTab(uid), true);
    const seventh = await openTab('uid4');
    const frame = await shownFrame(seventh);
    await expect.poll(() => shownFrame(seventh), { timeout: 10_000 }).not.toBe(frame);
    await claimFrame(await shownFrame(seventh));
    await seventh.waitForSelector('[data-state=claimed]');
    await setHidden(seventh, true);
    // The oldest login had to give its order up; looked at again, it gets another.
    const old = scanned((await shownFrame(first)) ?? '').token;
    await setHidden(first, false);
    await expect.poll(async () => scanned((await shownFrame(first)) ?? '').token, { timeout: 10_000 }).not.toBe(old);
    expect(await first.isVisible('#qr')).toBe(true);
  });

  it('collects an approval also where nobody looks at it', async () => {
    const page = await openPage();
    const claimed = await claimFrame(await shownFrame(page));
    await setHidden(page, true);
    await decide(claimed, 'approve');
    await page.waitForURL('**/oauth2/authorize/uid1', { timeout: 20_000 });
  });

  it('stands still for ten seconds for whoever asked for less movement, and each of its codes claims', async () => {
    const page = await openPage({ reducedMotion: 'reduce' });
    const frames = new Set<string | null>();
    for (let half = 0; half < 44; half += 1) {
      frames.add(await shownFrame(page));
      await page.waitForTimeout(500);
    }
    // Twenty-two seconds: two changes, three where the first was about to come.
    expect(frames.size).toBeGreaterThanOrEqual(3);
    expect(frames.size).toBeLessThanOrEqual(4);
    for (const frame of frames) expect(frame).toContain('/s/');
    await claimFrame(await shownFrame(page));
    await page.waitForSelector('[data-state=claimed]');
  });

  it('says that the browser refuses cookies where the one of the order does not come back', async () => {
    server.begin('uid1');
    const context = await chrome.newContext({ locale: 'en-GB' });
    await context.addCookies([{ name: 'op_i', value: 'uid1', url: issuer }]);
    await context.route('**/order?*', async (route) => {
      const response = await route.fetch({ headers: { ...route.request().headers(), cookie: 'op_i=uid1' } });
      const { 'set-cookie': _refused, ...headers } = response.headers();
      await context.clearCookies({ name: 'mt_bb' });
      await route.fulfill({ response, headers });
      await context.clearCookies({ name: 'mt_bb' });
    });
    const page = await context.newPage();
    await page.goto(`${issuer}/interaction/uid1`);
    await page.waitForSelector('[data-state=cookies]');
    expect(await page.textContent('[data-panel=cookies]')).toContain(`Allow cookies for localhost:${port}`);
    await context.unroute('**/order?*');
    await page.click('[data-panel=cookies] button');
    await page.waitForSelector('[data-state=pending]');
  });

  it('says "not permitted" and leads back where the phone ended after its approval (T8)', async () => {
    const page = await openPage();
    const claimed = await claimFrame(await shownFrame(page));
    await page.waitForSelector('[data-state=claimed]');
    await page.route('**/finish?*', async (route) => {
      await deactivateDevice(server.world.deps, { deviceId: phone.id, actor: 'cli', reason: 'stolen' });
      await route.continue();
    });
    await decide(claimed, 'approve');
    await page.waitForSelector('[data-state=blocked]');
    await page.waitForURL('**/callback?error=access_denied', { timeout: 15_000 });
    expect(server.refused).toEqual(['blocked']);
    expect(server.completed).toEqual([]);
  });

  it('says "not permitted" where a rule ends the login', async () => {
    const page = await openPage();
    const [own] = await liveOrders();
    await cancelOrder(server.world.orders, own ?? '', { reason: 'policy', actor: 'server' });
    await page.waitForSelector('[data-state=blocked]');
    await page.click('[data-panel=blocked] [data-act=leave]');
    await page.waitForURL('**/callback?error=access_denied');
    expect(server.refused).toEqual(['blocked']);
  });

  it('changes its language on itself, from right to left too, and goes on with the same order', async () => {
    const page = await openPage({ width: 360 });
    await page.click('#more');
    const token = scanned((await shownFrame(page)) ?? '').token;
    await page.selectOption('#language', 'ar');
    await page.waitForSelector('html[lang=ar][dir=rtl] #qr svg');
    expect(scanned((await shownFrame(page)) ?? '').token).toBe(token);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    expect(await page.textContent('.time [data-timer]')).toMatch(/(10:00|9:\d\d)/);
    expect(await createdOrders()).toBe(1);
  });

  it('shows hostile names as text: markup, turned writing, nothing to see, ten thousand characters (T26, T-08)', async () => {
    const context = await chrome.newContext({ viewport: { width: 320, height: 900 }, locale: 'en-GB' });
    const names = [
      '<script>document.title="owned"</script>',
      '\u202eknaB ruoY\u202c',
      '\u200b\u2066\ufeff',
      'W'.repeat(10_000),
      '{domain}{portal}{host}',
      '${alert(1)}',
      '\u0645\u0635\u0631\u0641 Bank 123',
    ];
    for (const name of names) {
      server.begin('uid1', { name });
      await context.addCookies([{ name: 'op_i', value: 'uid1', url: issuer }]);
      const page = await context.newPage();
      page.on('pageerror', (error) => problems.push(error.message));
      await page.goto(`${issuer}/interaction/uid1`);
      await page.waitForSelector('#qr svg');
      const shown = (await page.textContent('.portal-name')) ?? '';
      expect(shown).toBe(plainName(name, 'portal.example'));
      expect([...shown].length).toBeLessThanOrEqual(80);
      expect(await page.evaluate('document.documentElement.scrollWidth'), name).toBe(320);
      expect(await page.title()).not.toBe('owned');
      await page.close();
    }
    expect(problems).toEqual([]);
  });

  it('explains itself, and says which address is the right one', async () => {
    const page = await openPage();
    await page.click('summary');
    expect(await page.textContent('details')).toContain(`it must show localhost:${port}`);
  });
});
