import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { deactivateDevice } from '../../../src/devices/devices.ts';
import { startOrderFeed } from '../../../src/login/feed.ts';
import { claimOrder } from '../../../src/orders/claim.ts';
import { decideOrder } from '../../../src/orders/decide.ts';
import { findByToken, readOrder } from '../../../src/orders/live.ts';
import type { OrderClaimed } from '../../../src/protocol/orders.ts';
import { addPhone, type Phone } from '../../unit/mpin/world.ts';
import { callOf, scanned, signed, statementOf } from '../../unit/orders/order-world.ts';
import { Browser, type PageServer, startPage } from './page-server.ts';

let server: PageServer;
let browser: Browser;
let phone: Phone;
/** Streams. */
let open: number;

beforeEach(async () => {
  open = 0;
  const metrics = { streamOpened: () => (open += 1), streamClosed: () => (open -= 1) };
  server = await startPage({ clock: systemClock, deps: { metrics } });
  server.begin('uid1');
  browser = new Browser(server, 'uid1');
  phone = await addPhone(server.world);
  await browser.call('order');
});
afterEach(async () => server.close());

async function claimShown(): Promise<OrderClaimed> {
  const { body } = await browser.call('status');
  return claimOrder(server.world.orders, scanned(String(body['frame'])), await callOf(server.world, phone));
}

async function approve(claimed: OrderClaimed): Promise<void> {
  const iat = Math.floor(Date.now() / 1000);
  const approval = signed(phone.key, { ...statementOf(server.world, claimed, 'approve'), iat });
  await decideOrder(
    server.world.orders,
    { orderId: claimed.orderId, approval, proof: null },
    await callOf(server.world, phone),
  );
}

/** The events asked for on a connection of one's own; whoever holds it may send what no browser does. */
async function rawEvents(
  request = requestOf('events'),
): Promise<{ socket: Socket; until(text: string): Promise<string>; ended: Promise<string> }> {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(server.url).port) });
  let heard = '';
  let look = (): void => undefined;
  socket.setEncoding('latin1');
  socket.on('data', (data) => {
    heard += String(data);
    look();
  });
  // A reset is an end too.
  socket.on('error', () => undefined);
  const ended = new Promise<string>((resolve) => {
    socket.once('close', () => resolve(heard));
  });
  const until = (text: string): Promise<string> =>
    new Promise((resolve) => {
      look = () => {
        if (heard.includes(text)) resolve(heard);
      };
      look();
    });
  socket.write(request);
  return { socket, until, ended };
}

function requestOf(name: string): string {
  const path = `/interaction/uid1/${name}`;
  return `GET ${path} HTTP/1.1\r\nhost: localhost\r\nsec-fetch-site: same-origin\r\ncookie: ${browser.cookieHeader}\r\n\r\n`;
}

describe('event stream of the login page', () => {
  it('has the headers that proxies need and begins with the full state', async () => {
    const events = await browser.events();
    expect(events.response.status).toBe(200);
    expect(events.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(events.response.headers.get('cache-control')).toBe('no-store, no-transform');
    expect(events.response.headers.get('x-accel-buffering')).toBe('no');
    expect(events.response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await events.next()).toMatchObject({ event: 'state', data: { state: 'pending', canRenew: true } });
    events.close();
  });

  it('brings a new frame for every step, each of which claims', async () => {
    const events = await browser.events();
    const first = await events.next();
    let last = scanned(String(first?.data['frame']));
    const { token } = last;
    // A machine that is busy may leave one out, not one after the other.
    const apart: number[] = [];
    while (apart.length < 5 && !(apart.length > 1 && apart.includes(1))) {
      const event = await events.next();
      expect(event?.event).toBe('frame');
      const frame = scanned(String(event?.data['frame']));
      expect(frame.token).toBe(token);
      apart.push(frame.step - last.step);
      last = frame;
    }
    expect(Math.min(...apart)).toBe(1);
    await claimOrder(server.world.orders, last, await callOf(server.world, phone));
    expect(await events.nextState()).toMatchObject({ event: 'state', data: { state: 'claimed', frame: null } });
    events.close();
  });

  it('tells of claim and approval at once and then closes (S-15)', async () => {
    const events = await browser.events();
    await events.nextState();
    const claimed = await claimShown();
    expect(await events.nextState()).toMatchObject({ data: { state: 'claimed' } });
    await approve(claimed);
    expect(await events.nextState()).toMatchObject({ data: { state: 'approved' } });
    expect(await events.nextState()).toBeUndefined();
    expect((await browser.call('finish')).status).toBe(200);
  });

  it('closes when the order ends, and says how to whoever comes again (S-15)', async () => {
    const events = await browser.events();
    await events.nextState();
    await browser.call('cancel');
    expect(await events.nextState()).toMatchObject({ data: { state: 'cancelled' } });
    expect(await events.nextState()).toBeUndefined();
    const again = await browser.events();
    expect(await again.nextState()).toMatchObject({ data: { state: 'cancelled' } });
    expect(await again.nextState()).toBeUndefined();
  });

  it('takes a page up again where it is after its connection was lost', async () => {
    const lost = await browser.events();
    await lost.nextState();
    lost.close();
    await approve(await claimShown());
    const again = await browser.events();
    expect(await again.nextState()).toMatchObject({ data: { state: 'approved' } });
  });

  it('tells the page at once when the device that claimed is deactivated (S-07)', async () => {
    const events = await browser.events();
    await events.nextState();
    await claimShown();
    expect(await events.nextState()).toMatchObject({ data: { state: 'claimed' } });
    await deactivateDevice(server.world.deps, { deviceId: phone.id, actor: 'cli', reason: 'stolen' });
    expect(await events.nextState()).toMatchObject({ data: { state: 'cancelled' } });
    expect(await events.nextState()).toBeUndefined();
  });

  it('keeps two streams of an order: a third takes the place of the oldest, which is told', async () => {
    const streams = [await browser.events(), await browser.events(), await browser.events()];
    expect(await streams[0]?.nextState()).toMatchObject({ event: 'state' });
    expect(await streams[0]?.nextState()).toMatchObject({ event: 'replaced' });
    expect(await streams[0]?.nextState()).toBeUndefined();
    await claimShown();
    for (const open of streams.slice(1)) {
      expect(await open.nextState()).toMatchObject({ data: { state: 'pending' } });
      expect(await open.nextState()).toMatchObject({ data: { state: 'claimed' } });
      open.close();
    }
  });

  it('puts no answer to a second request of the connection into the events: it ends (X-11)', async () => {
    const stream = await rawEvents();
    const head = await stream.until('event: state');
    expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(head).toMatch(/\r\nconnection: close\r\n/i);
    expect(head).not.toMatch(/\r\n(transfer-encoding|content-length):/i);
    stream.socket.write(requestOf('status'));
    const heard = await stream.ended;
    expect(heard.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  it('keeps no answers to requests of the same packet for as long as a stream would last: it ends at once (X-10, X-11)', async () => {
    const flood = await rawEvents(`${requestOf('events')}${requestOf('status').repeat(50)}`);
    const heard = await flood.ended;
    expect(heard.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(heard).toMatch(/\r\nconnection: close\r\n/i);
    expect(heard).not.toContain('event: state');
    expect(open).toBe(0);
  });

  it('answers events that were asked for behind another request after its answer, or not at all (X-11)', async () => {
    const stream = await rawEvents(`${requestOf('status')}${requestOf('events')}`);
    const heard = await stream.until('text/event-stream');
    expect(heard.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    expect(heard.indexOf('application/json')).toBeLessThan(heard.indexOf('text/event-stream'));
    stream.socket.end();
    await stream.ended;
    await expect.poll(() => open).toBe(0);
  });

  it('lets a connection go whose browser has gone, be it by half', async () => {
    const stream = await rawEvents();
    await stream.until('event: state');
    expect(open).toBe(1);
    stream.socket.end();
    expect(await stream.ended).toContain('event: state');
    await expect.poll(() => open).toBe(0);
  });

  it('ends its streams when the server shuts down', async () => {
    const other = await startPage({ clock: systemClock });
    other.begin('uid1');
    const waiting = new Browser(other, 'uid1');
    await waiting.call('order');
    const events = await waiting.events();
    await events.nextState();
    await other.close();
    expect(await events.nextState()).toBeUndefined();
  });

  it('holds up no shutdown with a stream that was asked for before and begins after it (X-11)', async () => {
    const { orders } = server.world;
    const { body } = await browser.call('status');
    const orderId = await findByToken(orders, scanned(String(body['frame'])).token);
    const order = orderId === undefined ? undefined : await readOrder(orders, orderId);
    if (order === undefined) throw new Error('no order');
    const feed = await startOrderFeed({ ...orders, onFault: () => undefined });
    const listener = createServer((_, response) => feed.open(response, order, 'qr'));
    await new Promise<void>((resolve) => {
      listener.listen(0, '127.0.0.1', resolve);
    });
    feed.close();
    const late = await fetch(`http://127.0.0.1:${(listener.address() as AddressInfo).port}/`);
    expect(await late.text()).toBe('');
    expect(feed.size).toBe(0);
    await new Promise((resolve) => {
      listener.close(resolve);
    });
  });
});
