/** What the audit trail must do on every durable engine. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditHash } from '../../src/audit/chain.ts';
import type { AuditEntry, AuditFilter } from '../../src/audit/store.ts';
import { auditStore } from '../../src/store/audit.ts';
import type { DurableStore, Sql, SqlValue } from '../../src/store/ports.ts';
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

    it('searches by each member and by any of them together, oldest or newest first', async () => {
      const { id: companyId } = sampleCompany();
      const ids = { companyId, userId: 'usr_s', deviceId: 'dev_s', orderId: 'ord_s', clientId: 'cli_s' };
      const written: AuditEntry[] = [];
      for (const [index, change] of [{}, { actor: 'other' }, { userId: 'usr_t' }, { orderId: undefined }].entries()) {
        const record = { event: 'order.approved', actor: 'someone', ...ids, ...change } as const;
        written.push(await open.records.audit.append(record, noon + index));
      }
      const seqs = async (filter: AuditFilter, order: 'oldest' | 'newest' = 'oldest') =>
        (await open.other.audit.search(filter, { order, limit: 100 })).map(({ seq }) => seq - (written[0]?.seq ?? 0));
      expect(await seqs({ companyId })).toEqual([0, 1, 2, 3]);
      expect(await seqs({ companyId }, 'newest')).toEqual([3, 2, 1, 0]);
      expect(await seqs({ companyId, userId: 'usr_s' })).toEqual([0, 1, 3]);
      expect(await seqs({ companyId, deviceId: 'dev_s', actor: 'other' })).toEqual([1]);
      expect(await seqs({ orderId: 'ord_s', actor: 'someone' }, 'newest')).toEqual([2, 0]);
      expect(await seqs({ clientId: 'cli_s', event: 'order.approved', userId: 'usr_t' })).toEqual([2]);
      expect(await seqs({ companyId, event: 'order.declined' })).toEqual([]);
      expect(await seqs({ companyId, from: noon + 1, until: noon + 3 })).toEqual([1, 2]);
      expect(await seqs({ companyId, from: noon + 2, userId: 'usr_s' })).toEqual([3]);
    });

    it('finds what a time holds although clocks of servers differ, and pages through it from both ends', async () => {
      const { id: companyId } = sampleCompany();
      const later = noon + 86_400_000;
      const times = [5, 3, 9, 4, 100, 6, 2, 7].map((minutes) => later + minutes * 60_000);
      const written: AuditEntry[] = [];
      for (const at of times) {
        written.push(await open.records.audit.append({ event: 'session.opened', actor: 'clock', companyId }, at));
      }
      const filter = { from: later + 3 * 60_000, until: later + 8 * 60_000 };
      const wanted = written.filter(({ at }) => at >= filter.from && at < filter.until).map(({ seq }) => seq);
      expect(await open.records.audit.span(filter.from, filter.until)).toEqual({
        first: wanted[0],
        last: wanted.at(-1),
      });
      for (const order of ['oldest', 'newest'] as const) {
        const seen: number[] = [];
        for (let after: number | undefined; seen.length < 20; after = seen.at(-1)) {
          const page = await open.records.audit.search(filter, { order, after, limit: 2 });
          seen.push(...page.map(({ seq }) => seq));
          if (page.length < 2) break;
        }
        expect(seen, order).toEqual(order === 'oldest' ? wanted : [...wanted].reverse());
      }
      expect(await open.records.audit.span(later * 2, undefined)).toBeUndefined();
      expect(await open.records.audit.search({ from: later * 2 }, { order: 'oldest', limit: 5 })).toEqual([]);
    });

    it('looks nowhere through the whole of 100,000 records', { timeout: 120_000 }, async () => {
      await plantRecords(open.fresh.store, 100_000);
      const filters: AuditFilter[] = [
        { companyId: 'co_7' },
        { userId: 'usr_7' },
        { deviceId: 'dev_7' },
        { clientId: 'cli_5' },
        { orderId: 'ord_7' },
        { event: 'planted.event7' },
        { actor: 'actor_7' },
        { from: planted(50_000), until: planted(50_100) },
        { companyId: 'co_7', event: 'planted.event7' },
        { companyId: 'co_7', userId: 'usr_7', event: 'planted.event7', from: planted(99_000) },
      ];
      for (const filter of filters) {
        for (const order of ['oldest', 'newest'] as const) {
          const plans = await plansOf(open.fresh.store, async (sql) => {
            await auditStore(sql).search(filter, { order, limit: 50 });
          });
          const label = `${JSON.stringify(filter)} ${order}`;
          expect(plans.length, label).toBeGreaterThan(0);
          expect(
            plans.filter((line) => /Seq Scan|SCAN audit_events(?! USING)|TEMP B-TREE/.test(line)),
            label,
          ).toEqual([]);
        }
      }
    });
  });
}

const planted = (index: number): number => noon * 2 + index * 1000;

/** Records behind all others, as many as are told; their hashes are none, so it comes last. In parts: a statement has its time. */
async function plantRecords(store: DurableStore, count: number): Promise<void> {
  const part = 10_000;
  for (let first = 1; first <= count; first += part) {
    const last = first + part - 1;
    const numbers =
      store.dialect === 'postgres'
        ? `select i from generate_series(${first}, ${last}) as numbers (i)`
        : `with recursive numbers (i) as (select ${first} union all select i + 1 from numbers where i < ${last}) select i from numbers`;
    await store.run(
      `insert into audit_events
         (seq, at, event, actor, company_id, user_id, device_id, order_id, client_id, data, previous_hash, hash)
       select 1000000 + i, ${planted(0)} + i * 1000, 'planted.event' || (i % 50), 'actor_' || (i % 1000), 'co_' || (i % 100),
         'usr_' || (i % 1000), 'dev_' || (i % 2000), 'ord_' || i, case when i % 5 = 0 then 'cli_' || (i % 50) end, '{}', '', ''
       from (${numbers}) as planted`,
    );
  }
  await store.run('analyze audit_events');
}

/** How the engine goes about each query. */
async function plansOf(store: DurableStore, work: (sql: Sql) => Promise<void>): Promise<string[]> {
  const explain = store.dialect === 'postgres' ? 'explain' : 'explain query plan';
  const lines: string[] = [];
  await work({
    dialect: store.dialect,
    run: (text, values) => store.run(text, values),
    query: async <T>(text: string, values: readonly SqlValue[] = []) => {
      const plan = await store.query(`${explain} ${text}`, values);
      lines.push(...plan.map((row) => String(row['detail'] ?? row['QUERY PLAN'])));
      return store.query<T>(text, values);
    },
  });
  return lines;
}
