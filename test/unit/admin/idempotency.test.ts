/** Creations that are sent more than once: what comes of each when requests, servers and answers are lost. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createIdempotency,
  type Idempotency,
  idempotencyKeyOf,
  purgeIdempotency,
} from '../../../src/admin/idempotency.ts';
import type { RecordStore } from '../../../src/store/records.ts';
import { fixedClock, type TestClock } from '../../clock.ts';
import { sampleCompany } from '../../contracts/samples.ts';
import { type TestStores, testStores } from '../../stores.ts';

let clock: TestClock;
let stores: TestStores;
let idempotency: Idempotency;
let lost: unknown[];

beforeEach(async () => {
  clock = fixedClock();
  stores = await testStores(clock);
  lost = [];
  idempotency = withRecords(stores.records);
});
afterEach(() => stores.close());

function withRecords(records: RecordStore): Idempotency {
  return createIdempotency({ records, clock, onLost: (error) => lost.push(error) });
}

const request = { caller: 'client:one', key: 'order-0001', asked: ['createCompany', { name: 'Northwind' }] };

/** Makes a company over the records that it is given, and answers its id. */
async function make({ records }: Pick<Idempotency, 'records'> = idempotency): Promise<{ id: string }> {
  const company = sampleCompany();
  await records.transaction((inside) => inside.companies.insert(company));
  return { id: company.id };
}

const companies = async (): Promise<number> => (await stores.records.companies.list({ limit: 200 })).length;

describe('a creation with a key', () => {
  it('is done once, and the same answer is given again, to the same words in another order', async () => {
    const first = await idempotency.once({ ...request, asked: { a: 1, b: { c: 2, d: 3 } } }, make);
    const again = await idempotency.once({ ...request, asked: { b: { d: 3, c: 2 }, a: 1 } }, make);
    expect(first.isReplayed).toBe(false);
    expect(again).toEqual({ answer: first.answer, isReplayed: true });
    expect(await companies()).toBe(1);
  });

  it('is refused where the key belongs to another request (replayed key with another body)', async () => {
    await idempotency.once(request, make);
    const other = idempotency.once({ ...request, asked: ['createCompany', { name: 'Southwind' }] }, make);
    await expect(other).rejects.toMatchObject({ code: 'idempotency_mismatch', status: 422 });
    expect(await companies()).toBe(1);
  });

  it('is another creation for another caller', async () => {
    await idempotency.once(request, make);
    expect(await idempotency.once({ ...request, caller: 'client:two' }, make)).toMatchObject({ isReplayed: false });
    expect(await companies()).toBe(2);
  });

  it('sent many times at once is done once; the others are told to come again', async () => {
    const all = await Promise.allSettled(Array.from({ length: 20 }, () => idempotency.once(request, make)));
    const done = all.filter(({ status }) => status === 'fulfilled');
    expect(done.length).toBeGreaterThan(0);
    for (const one of all) {
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'in_progress', status: 409 });
    }
    expect(await companies()).toBe(1);
  });

  it('that is refused leaves the key free, so that it can be sent again once it may', async () => {
    const refused = idempotency.once(request, () => Promise.reject(new Error('the limit is reached')));
    await expect(refused).rejects.toThrow('the limit is reached');
    expect(await idempotency.once(request, make)).toMatchObject({ isReplayed: false });
  });

  it('leaves nothing behind after a day, its answer least of all (GDPR)', async () => {
    await idempotency.once(request, make);
    await idempotency.once({ ...request, key: 'order-0002' }, make);
    clock.advance(24 * 3_600_000);
    expect(await purgeIdempotency({ records: stores.records, clock })).toBe(0);
    clock.advance(1);
    expect(await purgeIdempotency({ records: stores.records, clock })).toBe(2);
    expect(await stores.durable.query('select * from idempotency_keys')).toEqual([]);
  });

  it('is forgotten after a day', async () => {
    await idempotency.once(request, make);
    clock.advance(24 * 3_600_000 - 1);
    expect(await idempotency.once(request, make)).toMatchObject({ isReplayed: true });
    clock.advance(2);
    expect(await idempotency.once(request, make)).toMatchObject({ isReplayed: false });
    expect(await companies()).toBe(2);
  });
});

describe('a server that dies, or loses its store,', () => {
  it('before the act leaves the key taken for a minute, and then it can be done', async () => {
    void idempotency.once(request, () => new Promise(() => {}));
    await expect
      .poll(() => idempotency.once(request, make).catch((error: unknown) => error))
      .toMatchObject({
        code: 'in_progress',
        members: { retryAfterSeconds: 2 },
      });
    clock.advance(60_001);
    expect(await idempotency.once(request, make)).toMatchObject({ isReplayed: false });
    expect(await companies()).toBe(1);
  });

  it('and comes back to a creation that was taken over does not do it a second time', async () => {
    let goOn = (): void => {};
    const slept = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const slow = idempotency.once(request, async () => {
      await slept;
      return make();
    });
    await expect
      .poll(() => idempotency.once(request, make).catch((error: unknown) => error))
      .toMatchObject({
        code: 'in_progress',
      });
    clock.advance(60_001);
    const taken = await idempotency.once(request, make);
    goOn();
    await expect(slow).rejects.toMatchObject({ code: 'in_progress' });
    expect(await companies()).toBe(1);
    expect(await idempotency.once(request, make)).toEqual({ answer: taken.answer, isReplayed: true });
  });

  it('after the act and before its answer was kept says that it was done, and never does it again', async () => {
    const dying = idempotency.once(request, async () => {
      await make();
      throw new Error('killed');
    });
    await expect(dying).rejects.toThrow('killed');
    clock.advance(3_600_000);
    await expect(idempotency.once(request, make)).rejects.toMatchObject({ code: 'conflict' });
    expect(await companies()).toBe(1);
  });

  it('while it keeps the answer has answered all the same', async () => {
    const { records } = stores;
    const unable = { ...records.idempotency, answer: () => Promise.reject(new Error('disk full')) };
    const limping = withRecords({ ...records, idempotency: unable });
    expect(await limping.once(request, () => make(limping))).toMatchObject({ isReplayed: false });
    expect(lost).toHaveLength(1);
    clock.advance(60_001);
    await expect(limping.once(request, make)).rejects.toMatchObject({ code: 'conflict' });
    expect(await companies()).toBe(1);
  });
});

it.each([['short'], ['with a space'], ['x'.repeat(129)], ['line\nbreak'], [['two', 'headers']]])(
  'a key is 8 to 128 visible ASCII characters, and %j is not',
  (header) => {
    expect(() => idempotencyKeyOf(header)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  },
);

it('a request without a key is an ordinary one', () => {
  expect(idempotencyKeyOf(undefined)).toBeUndefined();
  expect(idempotencyKeyOf('order-0001')).toBe('order-0001');
});
