/** What the look for a restored backup, and the drill after one, need of every durable engine. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyChain } from '../../src/audit/verify.ts';
import type { DurableEngine } from '../engines.ts';
import { type FreshRecords, freshRecords, noon, parallel } from './samples.ts';

export function restoreRecordsContract(engine: DurableEngine): void {
  describe(`restore: ${engine.name}`, () => {
    let open: FreshRecords;
    let lost: FreshRecords;
    beforeAll(async () => {
      [open, lost] = [await freshRecords(engine), await freshRecords(engine)];
    });
    afterAll(async () => {
      await open.fresh.close();
      await lost.fresh.close();
    });

    it('gives a trail one name, of all who would name it at once', async () => {
      expect(await open.records.restore.trailName()).toBeUndefined();
      const names = await parallel(20, open, (records, index) => records.restore.nameTrail(`name ${index}`, noon));
      expect(new Set(names).size).toBe(1);
      expect(await open.other.restore.trailName()).toBe(names[0]);
    });

    it('takes back the record that follows, once, and no other: none that was altered, skipped or of another trail (X-05, A-05)', async () => {
      const record = (index: number) => ({ event: 'mpin.wrong', actor: `a${index}`, data: { spent: index } }) as const;
      const entries = [];
      for (let index = 1; index <= 3; index += 1) entries.push(await lost.records.audit.append(record(index), noon));
      const [first, second, third] = entries;
      if (first === undefined || second === undefined || third === undefined) throw new Error('nothing was written');
      const { audit } = open.records;
      expect(await audit.extend(second)).toBe(false);
      expect(await audit.extend({ ...first, actor: 'somebody else' })).toBe(false);
      expect(await audit.head()).toEqual({ seq: 0, hash: '' });
      const taken = await parallel(10, open, (records) => records.audit.extend(first));
      expect(taken.filter(Boolean)).toHaveLength(1);
      expect(await audit.extend({ ...second, previousHash: third.hash })).toBe(false);
      expect(await audit.extend(second)).toBe(true);
      expect(await audit.read(0, 10)).toEqual([first, second]);
      await audit.append(record(4), noon);
      expect(await audit.extend(third)).toBe(false);
      expect(await verifyChain(audit)).toMatchObject({ outcome: 'intact', count: 3 });
    });

    it('keeps a key registered whose device is not there, and changes none that is (R-10)', async () => {
      const key = { thumbprint: 'thumbprint of a lost device', deviceId: 'dev_lost', purpose: 'device' } as const;
      await open.records.restore.keepKey(key);
      await open.records.restore.keepKey({ ...key, deviceId: 'dev_other' });
      const rows = await open.fresh.store.query('select device_id from registered_keys where thumbprint = $1', [
        key.thumbprint,
      ]);
      expect(rows).toEqual([{ device_id: 'dev_lost' }]);
    });
  });
}
