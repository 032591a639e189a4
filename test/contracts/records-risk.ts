/** What the records of risk must do on every durable engine. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditEvent } from '../../src/audit/events.ts';
import type { Sql, SqlValue } from '../../src/store/ports.ts';
import { riskStore } from '../../src/store/risk.ts';
import type { DurableEngine } from '../engines.ts';
import { type FreshRecords, freshRecords, insertedUser, noon, parallel, sampleCompany } from './samples.ts';

const iban = 'BE71096123456769';
const day = 86_400_000;

export function riskRecordsContract(engine: DurableEngine): void {
  describe(`records of risk: ${engine.name}`, () => {
    let open: FreshRecords;
    beforeAll(async () => {
      open = await freshRecords(engine);
    });
    afterAll(() => open.fresh.close());

    async function insertedCompany(): Promise<string> {
      const company = sampleCompany();
      await open.records.companies.insert(company);
      return company.id;
    }
    const fresh = async (companyId: string, ...accounts: string[]) => [
      ...(await open.other.risk.newPayees(companyId, accounts)),
    ];

    it('knows a payee from the commit on, and in that company alone (T31)', async () => {
      const [company, other] = [await insertedCompany(), await insertedCompany()];
      expect(await fresh(company, iban, 'other', iban)).toEqual([iban, 'other']);
      await open.records.risk.rememberPayees(company, [iban, iban], noon);
      expect(await fresh(company, iban, 'other')).toEqual(['other']);
      expect(await fresh(other, iban)).toEqual([iban]);
      expect(await fresh(company)).toEqual([]);
      const undone = open.records.transaction(async (records) => {
        await records.risk.rememberPayees(company, ['other'], noon);
        throw new Error('undone');
      });
      await expect(undone).rejects.toThrow('undone');
      expect(await fresh(company, 'other')).toEqual(['other']);
    });

    it('keeps no account number, and no value that two companies share (C-13)', async () => {
      const [company, other] = [await insertedCompany(), await insertedCompany()];
      for (const id of [company, other]) await open.records.risk.rememberPayees(id, [iban], noon);
      const rows = await open.fresh.store.query<{ company_id: string; payee_lookup: string }>('select * from payees');
      expect(JSON.stringify(rows)).not.toContain(iban);
      const lookups = rows.filter(({ company_id: id }) => id === company || id === other);
      expect(new Set(lookups.map(({ payee_lookup: lookup }) => lookup)).size).toBe(2);
    });

    it('forgets whom nobody has paid for two years, and of nobody else', async () => {
      const [company, other] = [await insertedCompany(), await insertedCompany()];
      await open.records.risk.rememberPayees(company, ['old', 'used'], noon);
      await open.records.risk.rememberPayees(other, ['old'], noon);
      await open.records.risk.rememberPayees(company, ['used'], noon + day);
      await open.records.risk.rememberPayees(company, ['new'], noon + 730 * day + 1);
      expect(await fresh(company, 'old', 'used', 'new')).toEqual(['old']);
      expect(await fresh(other, 'old')).toEqual([]);
    });

    it('takes ten thousand payees, and the same ones from several sides at once', async () => {
      const company = await insertedCompany();
      const accounts = Array.from({ length: 10_000 }, (_, index) => `account ${index}`);
      await open.records.risk.rememberPayees(company, accounts, noon);
      expect(await fresh(company, ...accounts, 'another')).toEqual(['another']);
      const few = accounts.slice(0, 1_200);
      await parallel(6, open, (records, index) =>
        records.transaction((inside) =>
          inside.risk.rememberPayees(company, index % 2 === 0 ? few : few.toReversed(), noon + index),
        ),
      );
    });

    it('counts what happened to that user lately, each kind by itself', async () => {
      const user = await insertedUser(open.records);
      const stranger = await insertedUser(open.records);
      const note = (event: AuditEvent, at: number, userId = user.id) =>
        open.records.audit.append({ event, actor: 'test', userId }, at);
      for (const event of ['order.declined', 'mpin.wrong', 'signing.requested', 'order.reported'] as const) {
        await note(event, noon - 1);
        await note(event, noon);
        await note(event, noon + 2, stranger.id);
      }
      await note('order.declined', noon + 5);
      await note('order.approved', noon + 6);
      await note('order.reported', noon - day);
      expect(await open.other.risk.recentUse(user.id, { from: noon, reportedFrom: noon - day })).toEqual({
        declinedAt: [noon + 5, noon],
        reportedAt: [noon, noon - 1, noon - day],
        wrongMpinAt: [noon],
        askedAt: [noon],
      });
      // Two hundred requests do not push the report out of sight.
      for (let index = 0; index < 201; index += 1) await note('signing.requested', noon + 10 + index);
      const { askedAt, reportedAt } = await open.other.risk.recentUse(user.id, { from: noon, reportedFrom: noon });
      expect([askedAt.length, askedAt[0], reportedAt]).toEqual([200, noon + 210, [noon]]);
      expect(await open.other.risk.recentUse('usr_unknown', { from: 0, reportedFrom: 0 })).toEqual({
        declinedAt: [],
        reportedAt: [],
        wrongMpinAt: [],
        askedAt: [],
      });
    });

    it('is asked of the small index, however long the trail is (X-10)', async () => {
      if (engine.name !== 'sqlite') return;
      const asked: [text: string, values: readonly unknown[] | undefined][] = [];
      const recording = {
        dialect: 'sqlite',
        query: async (text: string, values?: readonly SqlValue[]) => {
          asked.push([text, values]);
          return [];
        },
        run: () => Promise.reject(new Error('nothing is written')),
      } as Sql;
      await riskStore(recording, open.sealing).recentUse('usr_1', { from: noon, reportedFrom: noon });
      const [text = '', values] = asked[0] ?? [];
      const plan = await open.fresh.store.query<{ detail: string }>(`explain query plan ${text}`, values as SqlValue[]);
      const searches = plan.filter(({ detail }) => detail.startsWith('SEARCH'));
      expect(searches).toHaveLength(4);
      for (const { detail } of searches) expect(detail).toContain('audit_events_risk (user_id=? AND at>?)');
    });
  });
}
