/** What the audit trail and the outbox must do on every durable engine. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditHash } from '../../src/audit/chain.ts';
import type { AuditEntry } from '../../src/audit/store.ts';
import type { DurableEngine } from '../engines.ts';
import { type FreshRecords, freshRecords, noon, parallel, sampleCompany } from './samples.ts';

/** The positions at which the chain does not hold. */
function brokenAt(entries: readonly AuditEntry[]): number[] {
  return entries.flatMap((entry, index) => {
    const previous = index === 0 ? { seq: 0, hash: '' } : entries[index - 1];
    const isLinked = entry.seq === (previous?.seq ?? 0) + 1 && entry.previousHash === previous?.hash;
    return isLinked && auditHash(entry) === entry.hash ? [] : [entry.seq];
  });
}

export function auditRecordsContract(engine: DurableEngine): void {
  describe(`audit trail: ${engine.name}`, () => {
    let open: FreshRecords;
    beforeAll(async () => {
      open = await freshRecords(engine);
    });
    afterAll(() => open.fresh.close());

    it('returns what was appended, absent fields absent and empty ones empty', async () => {
      const record = {
        event: 'device.deactivated',
        actor: 'operator',
        companyId: 'co_a',
        userId: 'usr_a',
        deviceId: 'dev_a',
        address: '',
        data: { reason: 'lost "phone" é', count: 3, urgent: true, none: null },
      } as const;
      const entry = await open.records.audit.append(record, noon);
      expect(entry).toMatchObject(record);
      expect(entry.orderId).toBeUndefined();
      expect(await open.other.audit.read(entry.seq - 1, 1)).toEqual([entry]);
      expect(await open.other.audit.head()).toEqual({ seq: entry.seq, hash: entry.hash });
    });

    it('stays one unbroken chain under 60 parallel writers, in and out of transactions (A-05)', async () => {
      await parallel(60, open, async (records, index) => {
        const record = { event: 'mpin.wrong', actor: `usr_${index}`, data: { index } } as const;
        if (index % 3 === 0) {
          await records.transaction(async (inner) => {
            await inner.audit.append(record, noon + index);
            await inner.audit.append(record, noon + index);
          });
        } else if (index % 3 === 1) {
          await records.audit.append(record, noon + index);
        } else {
          const failing = records.transaction(async (inner) => {
            await inner.audit.append(record, noon + index);
            throw new Error('rolled back');
          });
          await expect(failing).rejects.toThrow('rolled back');
        }
      });
      const entries = await open.records.audit.read(0, 1000);
      expect(entries.length).toBeGreaterThanOrEqual(60);
      expect(brokenAt(entries)).toEqual([]);
      const last = entries.at(-1);
      expect(await open.records.audit.head()).toEqual({ seq: last?.seq, hash: last?.hash });
    });

    it.each([
      ['another time', { at: 1 }],
      ['another actor', { actor: 'someone' }],
      ['another user', { user_id: 'usr_other' }],
      ['an emptied field', { address: '' }],
      ['other data', { data: '{"index":2}' }],
    ])('shows a record with %s as broken (A-05)', async (_, change) => {
      const company = sampleCompany();
      const entry = await open.records.audit.append(
        { event: 'mpin.wrong', actor: 'usr', companyId: company.id, data: { index: 1 } },
        noon,
      );
      const [column, value] = Object.entries(change)[0] as [string, string | number];
      const before = await open.records.audit.read(0, 10_000);
      const [original] = await open.fresh.store.query<Record<string, string>>(
        `select ${column} as v from audit_events where seq = $1`,
        [entry.seq],
      );
      await open.fresh.store.run(`update audit_events set ${column} = $1 where seq = $2`, [value, entry.seq]);
      expect(brokenAt(before)).toEqual([]);
      expect(brokenAt(await open.records.audit.read(0, 10_000))).toEqual([entry.seq]);
      await open.fresh.store.run(`update audit_events set ${column} = $1 where seq = $2`, [original?.['v'], entry.seq]);
    });

    it('hashes the same data alike in whatever order it was given', async () => {
      const base = { event: 'mpin.wrong', actor: 'a', seq: 1, at: 1, previousHash: '' } as const;
      expect(auditHash({ ...base, data: { a: 1, b: 2 } })).toBe(auditHash({ ...base, data: { b: 2, a: 1 } }));
      expect(auditHash({ ...base, userId: 'x' })).not.toBe(auditHash({ ...base, deviceId: 'x' }));
    });

    it('reads page by page, and only what the filter allows (T31)', async () => {
      const company = sampleCompany();
      const written: number[] = [];
      for (const userId of ['usr_p', 'usr_q', 'usr_p']) {
        const { seq } = await open.records.audit.append(
          { event: 'session.opened', actor: userId, companyId: company.id, userId },
          noon,
        );
        written.push(seq);
      }
      const first = await open.records.audit.read(0, 2, { companyId: company.id });
      expect(first.map(({ seq }) => seq)).toEqual(written.slice(0, 2));
      const rest = await open.records.audit.read(first.at(-1)?.seq ?? 0, 2, { companyId: company.id });
      expect(rest.map(({ seq }) => seq)).toEqual(written.slice(2));
      const ofUser = await open.records.audit.read(0, 10, { companyId: company.id, userId: 'usr_q' });
      expect(ofUser.map(({ seq }) => seq)).toEqual([written[1]]);
    });
  });
}

export function outboxRecordsContract(engine: DurableEngine): void {
  describe(`outbox: ${engine.name}`, () => {
    let open: FreshRecords;
    beforeAll(async () => {
      open = await freshRecords(engine);
    });
    afterAll(() => open.fresh.close());

    const enqueue = (payload: string, at: number): Promise<string> =>
      open.records.outbox.enqueue({ kind: 'email', recipient: 'usr_a', payload }, at);

    it('gives every message to exactly one of eight workers who claim at once', async () => {
      const ids = await Promise.all(Array.from({ length: 50 }, (_, index) => enqueue(`message ${index}`, 1000)));
      const claimed: string[] = [];
      for (let round = 0; round < 20 && claimed.length < 50; round += 1) {
        const rounds = await parallel(8, open, (records, index) =>
          records.outbox.claim(`worker ${round}.${index}`, 2000, 60_000, 5),
        );
        for (const messages of rounds) {
          expect(messages.length).toBeLessThanOrEqual(5);
          claimed.push(...messages.map(({ id }) => id));
        }
      }
      expect(claimed.sort()).toEqual(ids.sort());
      expect(await open.records.outbox.claim('late', 2000, 60_000, 100)).toEqual([]);
      await open.fresh.store.run('delete from outbox');
    });

    it('returns what was enqueued and keeps it sealed at rest (C-13)', async () => {
      const id = await enqueue('code 12345678', 100_000);
      const [row] = await open.fresh.store.query('select * from outbox where id = $1', [id]);
      expect(JSON.stringify(row)).not.toContain('12345678');
      const [message] = await open.records.outbox.claim('w', 100_000, 1000, 1);
      await open.records.outbox.markSent(id, 'w', 100_001);
      expect(message).toEqual({
        id,
        kind: 'email',
        recipient: 'usr_a',
        payload: 'code 12345678',
        attempts: 0,
        createdAt: 100_000,
      });
    });

    it('lets a message be claimed again when its lease is over, and then only by its new worker be settled', async () => {
      const id = await enqueue('leased', 200_000);
      const claim = async (worker: string, at: number): Promise<string[]> =>
        (await open.records.outbox.claim(worker, at, 1000, 10)).map((message) => message.id);
      expect(await claim('first', 200_000)).toContain(id);
      expect(await claim('second', 200_999)).not.toContain(id);
      expect(await claim('second', 201_000)).toContain(id);
      await open.records.outbox.markSent(id, 'first', 201_001);
      expect(await claim('third', 202_000)).toContain(id);
      await open.records.outbox.markSent(id, 'third', 202_001);
      expect(await claim('fourth', 999_000)).not.toContain(id);
    });

    it('erases the text of what was sent', async () => {
      const id = await enqueue('gone', 300_000);
      await open.records.outbox.claim('w', 300_000, 1000, 10);
      await open.records.outbox.markSent(id, 'w', 300_001);
      expect(await open.fresh.store.query('select payload_sealed, status from outbox where id = $1', [id])).toEqual([
        { payload_sealed: '', status: 'sent' },
      ]);
    });

    it('counts failures, waits until the next time, and gives up when told', async () => {
      const id = await enqueue('failing', 400_000);
      const dead = await open.records.outbox.count('dead');
      await open.records.outbox.claim('w', 400_000, 1000, 10);
      await open.records.outbox.markFailed(id, 'w', 'refused \0 \ud800 by the server', 410_000);
      expect((await open.records.outbox.claim('w', 409_999, 1000, 10)).map((message) => message.id)).not.toContain(id);
      const [again] = await open.records.outbox.claim('w', 410_000, 1000, 10);
      expect(again).toMatchObject({ id, attempts: 1 });
      await open.records.outbox.markFailed(id, 'w', 'refused', undefined);
      expect(await open.records.outbox.claim('w', 999_000, 1000, 10)).toEqual([]);
      expect(await open.records.outbox.count('dead')).toBe(dead + 1);
    });

    it('commits a message with the event it tells of, or not at all', async () => {
      const before = await open.records.outbox.count('pending');
      const failing = open.records.transaction(async (records) => {
        await records.outbox.enqueue({ kind: 'backchannel_logout', recipient: 'cli', payload: 'x' }, 1);
        throw new Error('on purpose');
      });
      await expect(failing).rejects.toThrow('on purpose');
      expect(await open.records.outbox.count('pending')).toBe(before);
    });
  });
}
