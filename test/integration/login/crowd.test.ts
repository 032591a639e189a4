/** Thousands of waiting pages: each gets its frames half as often, none waits for longer than a frame is accepted. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { type OrderFeed, startOrderFeed } from '../../../src/login/feed.ts';
import { frameLifetimeMs, stepMs } from '../../../src/orders/frames.ts';
import { createOrderWorld, newLogin, type OrderWorld, scanned } from '../../unit/orders/order-world.ts';

const pages = 6;

describe('a feed with a crowd of pages', () => {
  let world: OrderWorld;
  let feed: OrderFeed;
  let server: Server;
  const faults: unknown[] = [];

  beforeEach(async () => {
    world = await createOrderWorld({ orders: { clock: systemClock } });
    feed = await startOrderFeed({ ...world.orders, crowd: pages, onFault: (error) => faults.push(error) });
    const orders = await Promise.all(Array.from({ length: pages }, () => newLogin(world)));
    server = createServer((request, response) => {
      const order = orders[Number(request.url?.slice(1))];
      if (order !== undefined) feed.open(response, order, 'qr');
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
  });

  afterEach(async () => {
    feed.close();
    server.closeAllConnections();
    server.close();
    await world.close();
  });

  /** The steps of the frames that page `index` is sent within `milliseconds`. */
  async function watch(index: number, milliseconds: number): Promise<number[]> {
    const { port } = server.address() as AddressInfo;
    const response = await fetch(`http://127.0.0.1:${port}/${index}`, { signal: AbortSignal.timeout(milliseconds) });
    const seen: number[] = [];
    try {
      for await (const chunk of response.body ?? []) {
        const frame = /"frame":"([^"]+)"/.exec(Buffer.from(chunk).toString('utf8'))?.[1];
        if (frame !== undefined) seen.push(scanned(frame).step);
      }
    } catch {
      // The time is over.
    }
    return seen;
  }

  it('sends each page every second frame, in turns, and none that is about to be refused', async () => {
    const seen = await Promise.all(Array.from({ length: pages }, (_, index) => watch(index, 11_500)));
    expect(faults).toEqual([]);
    const turns = new Set<number>();
    const gaps = new Set<number>();
    for (const frames of seen) {
      const [, ...later] = frames;
      expect(later.length).toBeGreaterThanOrEqual(2);
      for (const [index, step] of later.entries()) {
        const before = later[index - 1];
        if (before !== undefined) gaps.add(step - before);
        turns.add(step % 2);
      }
    }
    // A machine that is held up may miss a turn; nobody has another's.
    expect([...gaps].filter((gap) => gap % 2 !== 0)).toEqual([]);
    expect(Math.min(...gaps)).toBe(2);
    // What is on the screen when the next one comes is still accepted.
    expect(2 * stepMs).toBeLessThan(frameLifetimeMs.qr);
    expect(turns).toEqual(new Set([0, 1]));
  });
});
