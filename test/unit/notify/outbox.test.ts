import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type Deliver,
  type OutboxDeps,
  type OutboxOptions,
  type OutboxWorker,
  startOutboxWorker,
  UndeliverableError,
  wakeOutbox,
} from '../../../src/notify/outbox.ts';
import { fixedClock, type TestClock } from '../../clock.ts';
import { type TestStores, testStores } from '../../stores.ts';

let clock: TestClock;
let stores: TestStores;
let workers: OutboxWorker[];
let logged: { level: string; fields: object }[];
beforeEach(async () => {
  clock = fixedClock();
  stores = await testStores(clock);
  workers = [];
  logged = [];
});
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  await stores.close();
});

const log = {
  warn: (fields: object) => void logged.push({ level: 'warn', fields }),
  error: (fields: object) => void logged.push({ level: 'error', fields }),
};
const never: Deliver = async () => {
  throw new Error('not for this test');
};

function start(
  email: Deliver,
  options: OutboxOptions = {},
  others: Partial<OutboxDeps['deliverers']> = {},
): OutboxWorker {
  const deliverers = {
    email,
    backchannel_logout: never,
    backchannel_request: never,
    backchannel_ping: never,
    portal_webhook: never,
    webhook: never,
    push: never,
    ...others,
  };
  const { records, shortLived } = stores;
  const worker = startOutboxWorker({ records, shortLived, clock, deliverers, log }, { pollMs: 5, ...options });
  workers.push(worker);
  return worker;
}

const enqueue = (payload: string) =>
  stores.records.outbox.enqueue({ kind: 'email', recipient: 'usr_x', payload }, clock.now());
const enqueueInOrder = (recipient: string, payload: string) =>
  stores.records.outbox.enqueue({ kind: 'email', recipient, payload, isOrdered: true }, clock.now());
const count = (status: 'pending' | 'sent' | 'dead') => stores.records.outbox.count(status);

describe('the outbox worker', () => {
  it('delivers every message once though several workers run', async () => {
    const delivered: string[] = [];
    for (let index = 0; index < 60; index += 1) await enqueue(`${index}`);
    for (let index = 0; index < 3; index += 1) start(async ({ payload }) => void delivered.push(payload));
    await vi.waitFor(async () => expect(await count('sent')).toBe(60));
    expect(new Set(delivered).size).toBe(60);
    expect(delivered).toHaveLength(60);
  });

  it('hears of a new message without waiting for its next look', async () => {
    const delivered: string[] = [];
    start(async ({ payload }) => void delivered.push(payload), { pollMs: 3_600_000 });
    await enqueue('first');
    await wakeOutbox(stores.shortLived);
    await vi.waitFor(() => expect(delivered).toEqual(['first']));
    await enqueue('second');
    await wakeOutbox(stores.shortLived);
    await vi.waitFor(() => expect(delivered).toEqual(['first', 'second']));
  });

  it('tries again after pauses that double, and gives up after the last try', async () => {
    await enqueue('x');
    start(
      async () => {
        throw new Error('450 try again later');
      },
      { maxAttempts: 4, random: () => 1 },
    );
    for (const [failures, pauseMs] of [
      [1, 1_000],
      [2, 2_000],
      [3, 4_000],
    ] as const) {
      await vi.waitFor(() => expect(logged).toHaveLength(failures));
      const [row] = await stores.durable.query('select next_at from outbox');
      expect(row?.['next_at']).toBe(clock.now() + pauseMs);
      clock.advance(pauseMs);
    }
    await vi.waitFor(async () => expect(await count('dead')).toBe(1));
    expect(logged.map(({ level }) => level)).toEqual(['warn', 'warn', 'warn', 'error']);
  });

  it('writes no address that a mail server repeats, neither to the log nor to the record (C-13)', async () => {
    await enqueue('x');
    start(async () => {
      throw new Error('550 <anna@example.com>: no such user');
    });
    await vi.waitFor(() => expect(logged).toHaveLength(1));
    const rows = JSON.stringify(await stores.durable.query('select * from outbox'));
    expect(rows + JSON.stringify(logged)).not.toContain('anna@');
    expect(rows).toContain('no such user');
  });

  it('gives up at once where trying again cannot help', async () => {
    await enqueue('x');
    start(async () => {
      throw new UndeliverableError('the user is not known');
    });
    await vi.waitFor(async () => expect(await count('dead')).toBe(1));
  });

  it('delivers others while one delivery hangs', async () => {
    const delivered: string[] = [];
    let hasBegun = false;
    await enqueue('hangs');
    start(async ({ payload }) => {
      hasBegun = true;
      if (payload === 'hangs') await new Promise(() => undefined);
      delivered.push(payload);
    });
    await vi.waitFor(() => expect(hasBegun).toBe(true));
    for (let index = 0; index < 5; index += 1) await enqueue(`${index}`);
    await vi.waitFor(() => expect(delivered).toHaveLength(5));
    await workers.pop()?.stop(1);
  });

  it('counts a delivery that takes longer than its lease as failed', async () => {
    await enqueue('hangs');
    start(() => new Promise(() => undefined), { leaseMs: 20 });
    await vi.waitFor(() => expect(JSON.stringify(logged)).toContain('took too long'));
    await workers.pop()?.stop(1);
  });

  it('leaves a message whose worker died to the next worker, when its lease is over', async () => {
    await enqueue('x');
    expect(
      await stores.records.outbox.claim({ worker: 'dead worker', at: clock.now(), leaseMs: 60_000, limit: 10 }),
    ).toHaveLength(1);
    const delivered: string[] = [];
    start(async ({ payload }) => void delivered.push(payload));
    await enqueue('other');
    await vi.waitFor(() => expect(delivered).toEqual(['other']));
    clock.advance(60_000);
    await vi.waitFor(() => expect(delivered).toEqual(['other', 'x']));
  });

  it('goes on by itself after the store was down (X-03)', async () => {
    await stores.durable.run('alter table outbox rename to gone');
    const delivered: string[] = [];
    start(async ({ payload }) => void delivered.push(payload));
    await vi.waitFor(() => expect(logged.length).toBeGreaterThan(0));
    await stores.durable.run('alter table gone rename to outbox');
    await enqueue('x');
    await vi.waitFor(() => expect(delivered).toEqual(['x']));
  });

  it('lets a delivery under way finish when it is stopped, and claims nothing more', async () => {
    await enqueue('first');
    let finish: (() => void) | undefined;
    const worker = start(
      () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    );
    await vi.waitFor(() => expect(finish).toBeDefined());
    const stopped = worker.stop();
    await enqueue('second');
    finish?.();
    await stopped;
    expect(await count('sent')).toBe(1);
    expect(await count('pending')).toBe(1);
  });

  it('delivers to one recipient in the order in which it was written, though five workers run', async () => {
    const delivered: string[] = [];
    for (let index = 0; index < 40; index += 1) await enqueueInOrder(`${index % 4}`, `${index}`);
    for (let index = 0; index < 5; index += 1) start(async ({ payload }) => void delivered.push(payload));
    await vi.waitFor(async () => expect(await count('sent')).toBe(40));
    for (const recipient of [0, 1, 2, 3]) {
      const own = delivered.filter((payload) => Number(payload) % 4 === recipient);
      expect(own).toEqual(Array.from({ length: 10 }, (_, index) => `${index * 4 + recipient}`));
    }
  });

  it('holds back what follows a failing message to the same recipient, nobody else, and not for ever', async () => {
    const delivered: string[] = [];
    const failing = new Set(['first']);
    for (const payload of ['first', 'second', 'third']) await enqueueInOrder('usr_a', payload);
    await enqueueInOrder('usr_b', 'elsewhere');
    await enqueue('in no order');
    start(
      async ({ payload }) => {
        if (failing.has(payload)) throw new Error('450 try again later');
        delivered.push(payload);
      },
      { maxAttempts: 3, random: () => 1 },
    );
    await vi.waitFor(() => expect(delivered.toSorted()).toEqual(['elsewhere', 'in no order']));
    for (const pauseMs of [1_000, 2_000]) {
      await vi.waitFor(async () => expect((await stores.records.outbox.summary())[0]?.pending).toBe(3));
      const tries = logged.length;
      clock.advance(pauseMs);
      await vi.waitFor(() => expect(logged.length).toBeGreaterThan(tries));
    }
    await vi.waitFor(() => expect(delivered.slice(2)).toEqual(['second', 'third']));
    expect(await stores.records.outbox.deadLetters({ limit: 10 })).toMatchObject([{ attempts: 3 }]);
    failing.clear();
    expect(await stores.records.outbox.reviveAll(clock.now())).toBe(1);
    await vi.waitFor(() => expect(delivered.slice(4)).toEqual(['first']));
    expect(await count('dead')).toBe(0);
  });

  it('delivers logouts while every place for webhooks is taken by receivers that hang', async () => {
    const delivered: string[] = [];
    const hang = () => new Promise<void>(() => undefined);
    for (let index = 0; index < 10; index += 1) {
      await stores.records.outbox.enqueue({ kind: 'webhook', recipient: `whk_${index}`, payload: '{}' }, clock.now());
    }
    const logout: Deliver = async ({ payload }) => void delivered.push(payload);
    start(never, { concurrency: 2 }, { webhook: hang, backchannel_logout: logout });
    await stores.records.outbox.enqueue({ kind: 'backchannel_logout', recipient: 'portal', payload: 'x' }, clock.now());
    await vi.waitFor(() => expect(delivered).toEqual(['x']));
    await workers.pop()?.stop(1);
  });
});
