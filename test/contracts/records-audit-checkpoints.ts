/** What kept checkpoints, cuts and positions of streams must do on every durable engine. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DurableEngine } from '../engines.ts';
import { type FreshRecords, freshRecords, noon, parallel } from './samples.ts';

export function auditCheckpointsContract(engine: DurableEngine): void {
  describe(`checkpoints of the audit trail: ${engine.name}`, () => {
    let open: FreshRecords;
    beforeAll(async () => {
      open = await freshRecords(engine);
      for (let index = 1; index <= 30; index += 1) {
        await open.records.audit.append({ event: 'order.created', actor: 'test', data: { index } }, noon + index);
      }
    });
    afterAll(() => open.fresh.close());

    const seqs = async (): Promise<number[]> => (await open.other.audit.read(0, 100)).map(({ seq }) => seq);

    it('returns what was kept, one for a record, sealed at rest and unreadable once it is altered or moved', async () => {
      const { checkpoints } = open.records;
      for (const seq of [5, 10, 20]) {
        expect(await checkpoints.insert('head', { seq, at: noon + seq, statement: `signed.${seq}.x` })).toBe(true);
      }
      expect(await checkpoints.insert('head', { seq: 10, at: 1, statement: 'another' })).toBe(false);
      const ten = { seq: 10, at: noon + 10, statement: 'signed.10.x' };
      expect(await open.other.checkpoints.list('head', 5, 1)).toEqual([ten]);
      expect(await open.other.checkpoints.before(19)).toEqual(ten);
      expect(await open.other.checkpoints.before(4)).toBeUndefined();
      expect(await open.other.checkpoints.last('head')).toMatchObject({ seq: 20 });
      expect(await open.other.checkpoints.last('cut')).toBeUndefined();
      const rows = await open.fresh.store.query('select * from audit_checkpoints');
      expect(JSON.stringify(rows)).not.toContain('signed');
      await open.fresh.store.run('update audit_checkpoints set seq = 21 where seq = 20');
      expect(await checkpoints.last('head')).toEqual({ seq: 21, at: noon + 20, statement: undefined });
      await open.fresh.store.run('update audit_checkpoints set seq = 20 where seq = 21');
    });

    it('holds the head until the transaction ends: nothing is appended meanwhile', async () => {
      const order: string[] = [];
      const holding = open.records.transaction(async ({ checkpoints }) => {
        const head = await checkpoints.lockHead();
        order.push(`held ${head.seq}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
        order.push('ended');
      });
      await new Promise((resolve) => setTimeout(resolve, 30));
      await open.other.audit.append({ event: 'order.created', actor: 'late' }, noon);
      order.push('appended');
      await holding;
      expect(order).toEqual(['held 30', 'ended', 'appended']);
    });

    it('removes records that a cut covers and no other, a few at a time, and the checkpoints before it', async () => {
      expect(await open.records.checkpoints.removeCut(100)).toBe(0);
      expect(await seqs()).toHaveLength(31);
      await open.records.checkpoints.insert('cut', { seq: 10, at: noon, statement: 'signed' });
      expect(await open.records.checkpoints.removeCut(4)).toBe(4);
      expect((await seqs())[0]).toBe(5);
      expect(await open.records.checkpoints.removeCut(100)).toBe(6);
      expect(await open.records.checkpoints.removeCut(100)).toBe(0);
      expect((await seqs())[0]).toBe(11);
      expect((await open.records.checkpoints.list('head', 0, 10)).map(({ seq }) => seq)).toEqual([10, 20]);
    });

    it('gives a stream to one of many workers, keeps its position, and lets another have it when the lease is over', async () => {
      const claims = await parallel(16, open, (records, index) =>
        records.auditStreams.claim('siem', `w${index}`, noon, 1_000),
      );
      expect(claims.filter((claim) => claim !== undefined)).toEqual([0]);
      const owner = `w${claims.indexOf(0)}`;
      const { auditStreams } = open.records;
      expect(await auditStreams.advance('siem', owner, 7)).toBe(true);
      expect(await auditStreams.advance('siem', 'stranger', 9)).toBe(false);
      expect(await auditStreams.advance('siem', owner, 6)).toBe(false);
      expect(await auditStreams.claim('siem', 'heir', noon + 999, 1_000)).toBeUndefined();
      expect(await auditStreams.claim('siem', 'heir', noon + 1_000, 1_000)).toBe(7);
      expect(await auditStreams.advance('siem', owner, 8)).toBe(false);
      await auditStreams.release('siem', owner);
      expect(await auditStreams.claim('siem', owner, noon + 1_001, 1_000)).toBeUndefined();
      await auditStreams.release('siem', 'heir');
      expect(await auditStreams.claim('siem', owner, noon + 1_001, 1_000)).toBe(7);
      expect(await auditStreams.position('siem')).toBe(7);
      expect(await auditStreams.position('unknown')).toBe(0);
    });
  });
}
