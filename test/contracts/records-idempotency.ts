/** What the records of idempotency keys must do on every durable engine. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { IdempotencyAttempt } from '../../src/admin/store.ts';
import type { RecordStore } from '../../src/store/records.ts';
import type { DurableEngine } from '../engines.ts';
import { type FreshRecords, freshRecords, noon, parallel, sampleCompany } from './samples.ts';

const unique = (): string => randomBytes(12).toString('hex');

export function idempotencyRecordsContract(engine: DurableEngine): void {
  describe(`records of idempotency keys: ${engine.name}`, () => {
    let open: FreshRecords;
    beforeAll(async () => {
      open = await freshRecords(engine);
    });
    afterAll(() => open.fresh.close());

    const attemptOf = (changes: Partial<IdempotencyAttempt> = {}): IdempotencyAttempt => ({
      caller: 'client:one',
      key: unique(),
      attempt: unique(),
      ...changes,
    });
    const claim = (attempt: IdempotencyAttempt, { at = noon, request = 'request', records = open.records } = {}) =>
      records.idempotency.claim({ ...attempt, request, at, abandonedBefore: at - 60, forgottenBefore: at - 1000 });

    it('of many attempts at once, over two processes, exactly one takes the key', async () => {
      const name = attemptOf();
      const taken = await parallel(20, open, (records: RecordStore) =>
        claim({ ...name, attempt: unique() }, { records }),
      );
      expect(taken.filter(Boolean)).toHaveLength(1);
    });

    it('a key of one caller is another key for another caller (T31)', async () => {
      const name = attemptOf();
      expect(await claim(name)).toBe(true);
      expect(await claim({ ...name, caller: 'client:two' })).toBe(true);
      await open.records.idempotency.answer(name, '"mine"');
      expect(await open.records.idempotency.find({ ...name, caller: 'client:two' }, 'request')).toMatchObject({
        state: 'begun',
      });
    });

    it('answers what was kept to the same request, and says so where it is another', async () => {
      const name = attemptOf();
      await claim(name);
      expect(await open.records.idempotency.done(name)).toBe(true);
      expect(await open.records.idempotency.find(name, 'request')).toEqual({
        state: 'done',
        isSameRequest: true,
        begunAt: noon,
      });
      await open.records.idempotency.answer(name, '{"secret":"s3cret"}');
      expect(await open.other.idempotency.find(name, 'request')).toEqual({
        state: 'answered',
        isSameRequest: true,
        answer: '{"secret":"s3cret"}',
      });
      expect(await open.other.idempotency.find(name, 'another')).toMatchObject({ isSameRequest: false });
    });

    it('keeps neither request nor answer readable (C-13)', async () => {
      const name = attemptOf();
      await claim(name, { request: 'ada@example.com' });
      await open.records.idempotency.answer(name, '{"secret":"s3cret"}');
      const rows = await open.fresh.store.query('select * from idempotency_keys');
      expect(JSON.stringify(rows)).not.toMatch(/ada@example|s3cret/);
    });

    it('an abandoned attempt is taken over by the same request alone, and can then not commit any more', async () => {
      const name = attemptOf();
      await claim(name);
      const next = { ...name, attempt: unique() };
      expect(await claim(next, { at: noon + 60 })).toBe(false);
      expect(await claim(next, { at: noon + 61, request: 'another' })).toBe(false);
      expect(await claim(next, { at: noon + 61 })).toBe(true);
      const company = sampleCompany();
      await open.records.transaction(async (records) => {
        expect(await records.idempotency.done(name)).toBe(false);
        expect(await records.idempotency.done(next)).toBe(true);
        await records.companies.insert(company);
      });
      await open.records.idempotency.answer(name, '"late"');
      expect(await open.records.idempotency.find(name, 'request')).toEqual({
        state: 'done',
        isSameRequest: true,
        begunAt: noon + 61,
      });
    });

    it('what is done is never taken over while it is remembered, and is another request after', async () => {
      const name = attemptOf();
      await claim(name);
      await open.records.idempotency.done(name);
      expect(await claim({ ...name, attempt: unique() }, { at: noon + 1000 })).toBe(false);
      const anew = { ...name, attempt: unique() };
      expect(await claim(anew, { at: noon + 1001, request: 'another' })).toBe(true);
      expect(await open.records.idempotency.find(anew, 'another')).toEqual({
        state: 'begun',
        isSameRequest: true,
        begunAt: noon + 1001,
      });
    });

    it('done is undone with the act that does not commit', async () => {
      const name = attemptOf();
      await claim(name);
      const failing = open.records.transaction(async (records) => {
        await records.idempotency.done(name);
        throw new Error('the act failed');
      });
      await expect(failing).rejects.toThrow('the act failed');
      expect(await open.records.idempotency.find(name, 'request')).toMatchObject({ state: 'begun' });
    });

    it('gives a key back only where nothing was done', async () => {
      const [begun, done] = [attemptOf(), attemptOf()];
      await claim(begun);
      await claim(done);
      await open.records.idempotency.done(done);
      await open.records.idempotency.release({ ...begun, attempt: unique() });
      expect(await open.records.idempotency.find(begun, 'request')).toBeDefined();
      await open.records.idempotency.release(begun);
      await open.records.idempotency.release(done);
      expect(await open.records.idempotency.find(begun, 'request')).toBeUndefined();
      expect(await open.records.idempotency.find(done, 'request')).toBeDefined();
    });

    it('removes what is old, a few at a time', async () => {
      const old = [attemptOf(), attemptOf(), attemptOf()];
      for (const name of old) await claim(name, { at: 5 });
      expect(await open.records.idempotency.purge(6, 2)).toBe(2);
      expect(await open.records.idempotency.purge(6, 20)).toBe(1);
      expect(await open.records.idempotency.purge(5, 20)).toBe(0);
    });
  });
}
