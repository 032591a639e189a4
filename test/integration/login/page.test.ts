import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deactivateDevice } from '../../../src/devices/devices.ts';
import { lifetimeSeconds } from '../../../src/oidc/lifetimes.ts';
import { claimOrder } from '../../../src/orders/claim.ts';
import { decideOrder } from '../../../src/orders/decide.ts';
import type { Decision, OrderClaimed } from '../../../src/protocol/orders.ts';
import { addPhone, eventsOf, type Phone } from '../../unit/mpin/world.ts';
import { callOf, descriptorOf, scanned, signed, statementOf } from '../../unit/orders/order-world.ts';
import { Browser, type PageServer, startPage } from './page-server.ts';

let server: PageServer;
let browser: Browser;
let phone: Phone;

beforeEach(async () => {
  server = await startPage();
  server.begin('uid1');
  browser = new Browser(server, 'uid1');
  phone = await addPhone(server.world);
});
afterEach(async () => server.close());

const page404 = { headers: { accept: 'text/html' } };
const state = async (who = browser): Promise<unknown> => (await who.call('status')).body['state'];

async function claimShown(by = phone): Promise<OrderClaimed> {
  const { body } = await browser.call('status');
  return claimOrder(server.world.orders, scanned(String(body['frame'])), await callOf(server.world, by));
}

async function decideShown(decision: Decision): Promise<void> {
  const claimed = await claimShown();
  const approval = signed(phone.key, statementOf(server.world, claimed, decision));
  const body = { orderId: claimed.orderId, approval, proof: null };
  await decideOrder(server.world.orders, body, await callOf(server.world, phone));
}

describe('login page', () => {
  it('takes a browser from the code to the portal', async () => {
    const opened = await browser.call('order');
    expect(opened).toMatchObject({ status: 200, body: { state: 'pending', secondsLeft: 120, canRenew: true } });
    expect(opened.body['frame']).toMatch(/^https:\/\/login\.example\.test\/q\//);
    await decideShown('approve');
    expect(await state()).toBe('approved');
    const finished = await browser.call('finish');
    const location = 'https://login.example.test/oauth2/authorize/uid1';
    expect(finished).toEqual({ status: 200, body: { location, outcome: 'redeemed' } });
    expect(server.completed).toMatchObject([{ userId: server.world.user.id, deviceId: phone.id, factor: 'pin' }]);
    expect(await eventsOf(server.world)).toEqual([
      'order.created',
      'order.claimed',
      'order.approved',
      'order.redeemed',
      'login.completed',
    ]);
  });

  it('finishes once, also for fifty at the same time (P-03)', async () => {
    await browser.call('order');
    await decideShown('approve');
    const results = await Promise.all(Array.from({ length: 50 }, () => browser.call('finish')));
    expect(results.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set([200, 410]));
    expect(server.completed).toHaveLength(1);
  });

  it('shows a page on GET and changes nothing by it (S-10)', async () => {
    const response = await browser.send('GET', '/interaction/uid1');
    expect(response.status).toBe(200);
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(await eventsOf(server.world)).toEqual([]);
    const page = await response.text();
    expect(page).toContain('Example Bank');
    expect(page).toContain('portal.example');
    expect(page).toMatch(/<script type="module" src="\/login\.js" integrity="sha384-AA"><\/script>/);
    expect(page).toContain('<link rel="stylesheet" href="/page.css" integrity="sha384-BB">');
  });

  it('carries a strict policy and no inline script, style or handler (S-11)', async () => {
    for (const path of ['/interaction/uid1', '/interaction/gone', '/q/anything.1.x', '/l/anything']) {
      const response = await browser.send('GET', path, { headers: { accept: 'text/html' } });
      const policy = response.headers.get('content-security-policy') ?? '';
      expect(policy).not.toContain('unsafe');
      for (const rule of [
        "default-src 'none'",
        "script-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
      ]) {
        expect(policy.split('; '), path).toContain(rule);
      }
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      expect(response.headers.get('referrer-policy')).toBe('no-referrer');
      expect(response.headers.get('cross-origin-opener-policy')).toBe('same-origin');
      expect(response.headers.get('strict-transport-security')).toContain('max-age=63072000');
      const page = await response.text();
      expect(page).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:/i);
    }
    await browser.call('order');
    const data = await browser.send('GET', '/interaction/uid1/status');
    expect(data.headers.get('cache-control')).toBe('no-store');
    expect(data.headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  it('shows a hostile client name as text and nothing else (T26)', async () => {
    server.begin('uid1', {
      name: '"><script>alert(1)</script><img src=x onerror=alert(1)>\u202eknaB',
      domain: '\'"><svg onload=alert(1)>',
    });
    const page = await (await browser.send('GET', '/interaction/uid1')).text();
    expect(page).not.toMatch(/<script>|<img|<svg/);
    expect(page).not.toContain('\u202e');
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    await browser.call('order');
    const claimed = await claimShown();
    expect(claimed.descriptor).toBeTruthy();
  });

  it('binds the order to the browser by a cookie that no script and no other host can reach (P-04, S-05)', async () => {
    const response = await browser.send('POST', '/interaction/uid1/order');
    const cookies = response.headers.getSetCookie();
    expect(cookies).toHaveLength(1);
    expect(cookies[0]).toMatch(/^__Host-mt_bb=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Lax; Secure$/);
    expect(await response.text()).not.toContain(browser.cookies.get('__Host-mt_bb'));
  });

  it('uses a plain cookie name where the issuer is http on this machine', async () => {
    const local = await startPage({ issuer: 'http://localhost:3000' });
    local.begin('uid1');
    const response = await new Browser(local, 'uid1').send('POST', '/interaction/uid1/order');
    expect(response.headers.getSetCookie()[0]).toMatch(/^mt_bb=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Lax$/);
    await local.close();
  });

  it('lets nobody watch, link, renew or finish without that cookie, whatever else they know (P-04, T17)', async () => {
    await browser.call('order');
    await decideShown('approve');
    const thief = new Browser(server, 'uid1');
    const guesser = new Browser(server, 'uid1');
    guesser.cookies.set('__Host-mt_bb', 'A'.repeat(43));
    server.begin('uid2');
    const neighbour = new Browser(server, 'uid2');
    await neighbour.call('order');
    const crossed = new Browser(server, 'uid1');
    crossed.cookies.set('__Host-mt_bb', neighbour.cookies.get('__Host-mt_bb') ?? '');
    for (const other of [thief, guesser, crossed]) {
      for (const name of ['status', 'link', 'code', 'renew', 'finish']) {
        expect((await other.call(name, 'uid1')).status, name).toBe(404);
      }
      expect((await other.events('uid1')).response.status).toBe(404);
    }
    expect(server.completed).toEqual([]);
    expect((await browser.call('finish')).status).toBe(200);
  });

  it('takes over no cookie that it did not give out (session fixation, S-03)', async () => {
    const planted = 'B'.repeat(43);
    browser.cookies.set('__Host-mt_bb', planted);
    await browser.call('order');
    expect(browser.cookies.get('__Host-mt_bb')).not.toBe(planted);
  });

  it('refuses state-changing calls that another site makes (S-10)', async () => {
    await browser.call('order');
    const foreign: Record<string, string>[] = [
      { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
      { origin: 'null', 'sec-fetch-site': 'cross-site' },
      { origin: 'https://sub.login.example.test', 'sec-fetch-site': 'same-site' },
      { origin: 'https://login.example.test', 'sec-fetch-site': 'cross-site' },
      { origin: 'https://login.example.test.evil.example', 'sec-fetch-site': 'same-origin' },
    ];
    for (const headers of foreign) {
      for (const name of ['order', 'link', 'code', 'renew', 'cancel', 'finish']) {
        const response = await browser.send('POST', `/interaction/uid1/${name}`, { headers });
        expect(response.status, `${name} ${headers['origin']}`).toBe(403);
      }
    }
    for (const name of ['status', 'events']) {
      const response = await browser.send('GET', `/interaction/uid1/${name}`, {
        headers: { 'sec-fetch-site': 'cross-site' },
      });
      expect(response.status).toBe(403);
    }
    expect(await state()).toBe('pending');
    expect(server.refused).toEqual([]);
  });

  it('goes on with the same order when the page is loaded again', async () => {
    await browser.call('order');
    const claimed = await claimShown();
    const again = await browser.call('order');
    expect(again.body).toMatchObject({ state: 'claimed', frame: null });
    expect(claimed.orderId).toMatch(/^ord_/);
    expect((await eventsOf(server.world)).filter((event) => event === 'order.created')).toHaveLength(1);
  });

  it('makes one order of fifty parallel openings', async () => {
    await browser.call('order');
    server.begin('uid2');
    const other = new Browser(server, 'uid2');
    other.cookies.set('__Host-mt_bb', browser.cookies.get('__Host-mt_bb') ?? '');
    await Promise.all(Array.from({ length: 8 }, () => other.call('order')));
    const list = await Promise.all([state(browser), state(other)]);
    expect(list).toEqual(['pending', 'pending']);
    const live = (await eventsOf(server.world)).reduce(
      (sum, event) => sum + (event === 'order.created' ? 1 : event === 'order.cancelled' ? -1 : 0),
      0,
    );
    expect(live).toBe(2);
  });

  it('keeps three live orders for a browser: the oldest that only waits gives way (P-07)', async () => {
    await browser.call('order');
    const tabs: Browser[] = [browser];
    for (const uid of ['uid2', 'uid3', 'uid4']) {
      server.begin(uid);
      const tab = new Browser(server, uid);
      tab.cookies.set('__Host-mt_bb', browser.cookies.get('__Host-mt_bb') ?? '');
      await tab.call('order');
      tabs.push(tab);
    }
    expect(await Promise.all(tabs.map((tab) => state(tab)))).toEqual(['cancelled', 'pending', 'pending', 'pending']);
  });

  it('creates ten orders a minute for one address and then says when to come back (P-07)', async () => {
    const statuses: number[] = [];
    for (let index = 0; index < 11; index += 1) {
      server.begin(`flood${index}`);
      statuses.push((await new Browser(server, `flood${index}`).call('order')).status);
    }
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 200), 429]);
  });

  it('gives a link for the same device that lives a minute and claims as a link', async () => {
    await browser.call('order');
    const { body } = await browser.call('link');
    expect(body['url']).toMatch(/^https:\/\/login\.example\.test\/l\/[A-Za-z0-9_-]{22}\.\d+\.[A-Za-z0-9_-]{16}$/);
    server.world.clock.advance(59_000);
    await claimOrder(server.world.orders, scanned(String(body['url'])), await callOf(server.world, phone));
    expect(await state()).toBe('claimed');
    expect((await browser.call('link')).status).toBe(410);
  });

  it('gives more time for five minutes and then offers a new order (P-02)', async () => {
    await browser.call('order');
    server.world.clock.advance(110_000);
    expect((await browser.call('renew')).body).toMatchObject({ state: 'pending', secondsLeft: 120 });
    server.world.clock.advance(120_000);
    expect((await browser.call('renew')).body).toMatchObject({ state: 'expired', frame: null, secondsLeft: null });
    expect(await eventsOf(server.world)).toContain('order.expired');
    expect((await browser.call('order')).body).toMatchObject({ state: 'pending' });
  });

  it('begins no order that the portal’s request would not outlive', async () => {
    server.world.clock.advance(lifetimeSeconds.interaction * 1000 - 180_000);
    expect((await browser.call('order')).status).toBe(404);
  });

  it('cancels, and sends the browser back with access_denied', async () => {
    await browser.call('order');
    expect((await browser.call('cancel')).body['location']).toContain('access_denied');
    expect(server.refused).toEqual(['cancelled']);
    expect(await state()).toBe('cancelled');
    const trail = await eventsOf(server.world);
    expect(trail).toEqual(['order.created', 'order.cancelled', 'login.refused']);
  });

  it('is refused again and again as often as one address may begin logins: nobody fills the trail with it (X-10, P-07)', async () => {
    await browser.call('order');
    const statuses: number[] = [];
    for (let index = 0; index < 12; index += 1) {
      statuses.push((await browser.call(index % 2 === 0 ? 'cancel' : 'finish')).status);
    }
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 200), 429, 429]);
    const trail = await eventsOf(server.world);
    expect(trail.filter((event) => event === 'login.refused')).toHaveLength(10);
  });

  it('ends the portal’s request with access_denied after a decline or a report (P-09)', async () => {
    for (const [decision, reason] of [
      ['decline', 'declined'],
      ['report', 'reported'],
    ] as const) {
      await browser.call('order');
      await decideShown(decision);
      expect(await state()).toBe(reason);
      expect((await browser.call('finish')).body['location']).toContain('access_denied');
      expect(server.refused.at(-1)).toBe(reason);
    }
    expect(server.completed).toEqual([]);
  });

  it('finishes nothing that is not approved (P-25)', async () => {
    expect((await browser.call('finish')).status).toBe(404);
    await browser.call('order');
    expect((await browser.call('finish')).status).toBe(409);
    await claimShown();
    expect((await browser.call('finish')).status).toBe(409);
  });

  it('refuses the login of a device that ended after the approval (T8)', async () => {
    await browser.call('order');
    await decideShown('approve');
    await deactivateDevice(server.world.deps, { deviceId: phone.id, actor: 'cli', reason: 'stolen' });
    const finished = await browser.call('finish');
    expect(finished).toMatchObject({ status: 200, body: { outcome: 'blocked' } });
    expect(finished.body['location']).toContain('access_denied');
    expect(server.refused).toEqual(['blocked']);
    expect(server.completed).toEqual([]);
  });

  it('tells nothing about who scanned before the approval', async () => {
    await browser.call('order');
    await claimShown();
    const text = JSON.stringify((await browser.call('status')).body);
    for (const secret of [server.world.user.id, server.world.user.name, phone.id, 'Phone'])
      expect(text).not.toContain(secret);
  });

  it('shows people a page and scripts a problem document when the login is gone', async () => {
    const page = await new Browser(server).send('GET', '/interaction/uid1', { headers: { accept: 'text/html,*/*' } });
    expect(page.status).toBe(404);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await page.text()).toContain('go back to the portal and start again');
    const data = await new Browser(server).send('GET', '/interaction/uid1/status');
    expect(data.status).toBe(404);
    expect(data.headers.get('content-type')).toContain('application/problem+json');
    expect(await data.json()).toMatchObject({ type: 'urn:mtoken:error:not_found', status: 404 });
  });

  it('answers bad input with a clear 4xx (X-10)', async () => {
    await browser.call('order');
    const json = { 'content-type': 'application/json' };
    const cases = [
      { path: '/interaction/uid1/order', init: { headers: json, body: `{"a":"${'x'.repeat(100_000)}"}` }, status: 413 },
      { path: '/interaction/uid1/order', init: { headers: json, body: '{"state":"approved"}' }, status: 400 },
      { path: '/interaction/uid1/order', init: { headers: json, body: '{' }, status: 400 },
      { path: '/interaction/uid1/order', init: { headers: { 'content-type': 'text/xml' }, body: '<a/>' }, status: 415 },
      { path: `/interaction/${'x'.repeat(200)}/order`, init: {}, status: 400 },
      { path: '/interaction/..%2f..%2fetc/order', init: {}, status: 400 },
      { path: '/interaction/uid1/unknown', init: {}, status: 404 },
    ];
    for (const { path, init, status } of cases) {
      expect((await browser.send('POST', path, init)).status, `${path} ${init.body?.slice(0, 20)}`).toBe(status);
    }
    expect((await browser.send('GET', '/interaction/uid1/finish')).status).toBe(405);
    const noisy = {
      cookie: `${browser.cookieHeader}; __Host-mt_bb=${'C'.repeat(43)}`,
      'user-agent': `\t${'M'.repeat(5000)}`,
    };
    expect((await browser.send('GET', '/interaction/uid1/status', { headers: noisy })).status).toBe(404);
  });

  it('comes in the language that is chosen on it, remembers it, and goes on with the same order', async () => {
    await browser.call('order');
    const plain = await browser.send('GET', '/interaction/uid1');
    expect(await plain.text()).toContain('<html lang="en" dir="ltr">');
    expect(plain.headers.getSetCookie()).toEqual([]);
    const chosen = await browser.send('GET', '/interaction/uid1?lang=ar');
    expect(chosen.headers.getSetCookie()).toEqual([
      'mtoken_lang=ar; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax; Secure',
    ]);
    const page = await chosen.text();
    expect(page).toContain('<html lang="ar" dir="rtl">');
    expect(page).toContain('<option value="ar" lang="ar" dir="rtl" selected>العربية</option>');
    expect(page).toContain('<option value="de" lang="de" dir="ltr">Deutsch</option>');
    expect(await (await browser.send('GET', '/interaction/uid1')).text()).toContain('<html lang="ar" dir="rtl">');
    expect(await (await browser.send('GET', '/interaction/gone', page404)).text()).toContain('<html lang="ar"');
    await browser.call('order');
    expect((await eventsOf(server.world)).filter((event) => event === 'order.created')).toHaveLength(1);
  });

  it('remembers no language that a link of another site chose: its warnings stay readable (S-10)', async () => {
    for (const path of ['/interaction/uid1', '/interaction/none', '/q/x']) {
      const headers = { accept: 'text/html', 'sec-fetch-site': 'cross-site' };
      const response = await browser.send('GET', `${path}?lang=ar`, { headers });
      expect(await response.text(), path).toContain('<html lang="ar"');
      expect(response.headers.getSetCookie(), path).toEqual([]);
    }
  });

  it('takes no language for one that there is not', async () => {
    for (const lang of ['xx', '__proto__', '"><script>alert(1)</script>', '', 'de&lang=fr']) {
      const response = await browser.send('GET', `/interaction/uid1?lang=${encodeURIComponent(lang)}`);
      expect(response.status, lang).toBe(200);
      expect(response.headers.getSetCookie(), lang).toEqual([]);
      expect(await response.text()).toContain('<html lang="en" dir="ltr">');
    }
  });

  it('tells the phone in the language that the page has', async () => {
    await browser.send('POST', '/interaction/uid1/order?lang=de');
    const claimed = await claimShown();
    expect(descriptorOf(server.world, claimed).display.locale).toBe('de');
  });

  it('gives a code to type that claims, and none for an order that no longer waits', async () => {
    expect((await browser.call('code')).status).toBe(404);
    await browser.call('order');
    const { status, body } = await browser.call('code');
    expect({ status, body }).toEqual({
      status: 200,
      body: { code: expect.stringMatching(/^[0-9]{12}$/), secondsLeft: 120 },
    });
    const call = await callOf(server.world, phone);
    const claimed = await claimOrder(server.world.orders, { via: 'code', code: String(body['code']) }, call);
    expect(descriptorOf(server.world, claimed).via).toBe('code');
    expect(await state()).toBe('claimed');
    expect((await browser.call('code')).status).toBe(410);
    expect(JSON.stringify((await browser.call('status')).body)).not.toContain(String(body['code']));
  });

  it('gives thirty codes to type a minute for one address and then says when to come back (P-07)', async () => {
    await browser.call('order');
    const statuses: number[] = [];
    for (let count = 0; count < 31; count += 1) statuses.push((await browser.call('code')).status);
    expect(statuses).toEqual([...Array.from({ length: 30 }, () => 200), 429]);
  });

  it('shows codes that stand still to whoever asks for them, from every call alike, and each claims', async () => {
    const frameOf = async (method: 'GET' | 'POST', name: string): Promise<string> => {
      const response = await browser.send(method, `/interaction/uid1/${name}?steady=1`);
      return String(((await response.json()) as { frame: string }).frame);
    };
    const frame = await frameOf('POST', 'order');
    expect(frame).toMatch(/^https:\/\/login\.example\.test\/s\//);
    expect(await frameOf('GET', 'status')).toBe(frame);
    expect(await frameOf('POST', 'renew')).toBe(frame);
    for (const query of ['', '?steady=0', '?steady=1&steady=1']) {
      const response = await browser.send('GET', `/interaction/uid1/status${query}`);
      expect(((await response.json()) as { frame: string }).frame).toContain('/q/');
    }
    server.world.clock.advance(15_000);
    const claimed = await claimOrder(server.world.orders, scanned(frame), await callOf(server.world, phone));
    expect(descriptorOf(server.world, claimed).via).toBe('steady');
  });

  it('says how long the portal’s request lets the page go on: twenty minutes at first', async () => {
    const first = await browser.call('order');
    expect(first.body['pageSecondsLeft']).toBeGreaterThanOrEqual(1_200);
    server.world.clock.advance(600_000);
    const second = await browser.call('order');
    expect(second.body['pageSecondsLeft']).toBe(Number(first.body['pageSecondsLeft']) - 600);
  });

  it('tells a browser that sent no cookie from one whose order is gone', async () => {
    await browser.call('order');
    expect((await browser.call('status')).status).toBe(200);
    expect((await new Browser(server, 'uid1').call('status')).body).toMatchObject({ status: 404, cookie: 'missing' });
    const other = new Browser(server, 'uid1');
    other.cookies.set('__Host-mt_bb', 'A'.repeat(43));
    expect((await other.call('status')).body).not.toHaveProperty('cookie');
  });

  it('ends a login that a rule forbids, says so on its page, and answers the portal with access_denied (P-10, P-09)', async () => {
    const placeOf = (address: string): string => (address.includes('127.0.0.1') ? 'BE' : 'FR');
    const proximity = { placeOf, onMismatch: 'refuse' } as const;
    const strict = await startPage({ deps: { proximity } });
    strict.begin('uid1');
    const tab = new Browser(strict, 'uid1');
    const own = await addPhone(strict.world);
    const { body } = await tab.call('order');
    const orders = { ...strict.world.orders, proximity };
    const claim = claimOrder(orders, scanned(String(body['frame'])), await callOf(strict.world, own));
    await expect(claim).rejects.toMatchObject({ code: 'order_unavailable' });
    expect((await tab.call('status')).body).toMatchObject({ state: 'cancelled', cause: 'rule', frame: null });
    const finished = await tab.call('finish');
    expect(finished).toMatchObject({ status: 200, body: { outcome: 'blocked' } });
    expect(finished.body['location']).toContain('access_denied');
    expect(strict.refused).toEqual(['blocked']);
    const trail = await strict.world.deps.records.audit.read(0, 100);
    expect(trail.find(({ event }) => event === 'order.cancelled')).toMatchObject({ data: { reason: 'policy' } });
    await strict.close();
  });

  it('lands a phone’s own camera on a page that says where to scan, without a word about the order', async () => {
    await browser.call('order');
    const { body } = await browser.call('status');
    const path = new URL(String(body['frame'])).pathname;
    const response = await new Browser(server).send('GET', path);
    expect(response.status).toBe(200);
    const page = await response.text();
    expect(page).toContain('Open the mToken app');
    expect(page).not.toContain('Example Bank');
    expect(page).not.toContain(path.slice(3, 25));
    expect(await state()).toBe('pending');
  });
});
