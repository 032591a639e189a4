/** What the records of the terms and of approvals must do on every durable engine. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Approval } from '../../src/approvals/store.ts';
import { randomId } from '../../src/crypto/random.ts';
import type { TermsText } from '../../src/terms/store.ts';
import type { DurableEngine } from '../engines.ts';
import {
  type FreshRecords,
  freshRecords,
  insertedUser,
  noon,
  parallel,
  sampleDevice,
  sampleSecrets,
  sampleUser,
} from './samples.ts';

const text = (language: string, body = `Terms in ${language}\n<b>as text</b>`): TermsText => ({
  language,
  title: `Title ${language}`,
  text: body,
  sha256: 'ab'.repeat(32),
});
const published = (version: string) => ({ version, publishedBy: 'cli', publishedAt: noon });

export function termsRecordsContract(engine: DurableEngine): void {
  describe(`records of the terms: ${engine.name}`, () => {
    let open: FreshRecords;
    beforeAll(async () => {
      open = await freshRecords(engine);
    });
    afterAll(() => open.fresh.close());

    it('has none in force at first', async () => {
      expect(await open.records.terms.current()).toBeUndefined();
      expect(await open.records.terms.list({ limit: 50 })).toEqual([]);
    });

    it('returns every byte of every language, and the newest as the one in force', async () => {
      const first = await open.records.terms.publish(published('v1'), [text('en'), text('de')]);
      const second = await open.records.terms.publish(published('v2'), [text('en', 'ä\n\u200e ')]);
      expect([first.seq, second.seq]).toEqual([1, 2]);
      expect(await open.other.terms.current()).toEqual({ seq: 2, ...published('v2') });
      expect(await open.other.terms.texts('v1')).toEqual([text('de'), text('en')]);
      expect(await open.other.terms.texts('v2')).toEqual([text('en', 'ä\n\u200e ')]);
      expect(await open.other.terms.texts('v9')).toEqual([]);
      expect(await open.other.terms.find('v1')).toEqual(first);
      expect(await open.other.terms.find('v9')).toBeUndefined();
      expect(await open.other.terms.list({ limit: 1 })).toEqual([second]);
      expect(await open.other.terms.list({ limit: 50, after: 2 })).toEqual([first]);
    });

    it('refuses a version that there is, with nothing of it written', async () => {
      await expect(open.records.terms.publish(published('v1'), [text('fr')])).rejects.toMatchObject({
        code: 'already_exists',
      });
      expect((await open.records.terms.texts('v1')).map(({ language }) => language)).toEqual(['de', 'en']);
    });

    it('gives each of several that are published at once a number of its own, or refuses it', async () => {
      const outcomes = await parallel(6, open, (records, index) =>
        records.terms.publish(published(`p${index}`), [text('en')]).then(
          ({ seq }) => seq,
          (error: { code: string }) => error.code,
        ),
      );
      const numbers = outcomes.filter((outcome) => typeof outcome === 'number');
      expect(numbers.length).toBeGreaterThan(0);
      expect(new Set(numbers).size).toBe(numbers.length);
      expect(outcomes.filter((outcome) => typeof outcome === 'string').every((code) => code === 'conflict')).toBe(true);
    });

    it('keeps each acceptance once, as it was first said', async () => {
      const user = await insertedUser(open.records);
      const device = sampleDevice(user);
      await open.records.devices.insert(device, sampleSecrets, new Uint8Array(32));
      const acceptance = {
        userId: user.id,
        companyId: user.companyId,
        deviceId: device.id,
        version: 'v1',
        language: 'de',
        sha256: 'ab'.repeat(32),
        acceptedAt: noon,
      };
      await open.records.terms.accept(acceptance);
      await open.other.terms.accept({ ...acceptance, language: 'en', acceptedAt: noon + 1 });
      expect(await open.other.terms.acceptances(user.id)).toEqual([acceptance]);
      const later = { ...acceptance, version: 'v2', language: 'en' };
      await open.records.terms.accept(later);
      expect(await open.other.terms.acceptances(user.id)).toEqual([later, acceptance]);
      expect(await open.other.terms.acceptances('usr_unknown')).toEqual([]);
    });
  });
}

const request = { params: { userId: 'usr_x' }, query: {}, body: { reason: 'secret reason text' } };

export function approvalRecordsContract(engine: DurableEngine): void {
  describe(`records of approvals: ${engine.name}`, () => {
    let open: FreshRecords;
    beforeAll(async () => {
      open = await freshRecords(engine);
    });
    afterAll(() => open.fresh.close());

    async function pending(changes: Partial<Approval> = {}): Promise<{ approval: Approval; decider: string }> {
      const user = await insertedUser(open.records);
      const decider = sampleUser(user.companyId, { name: 'Second Person' });
      await open.records.users.insert(decider);
      const approval: Approval = {
        id: randomId('apr'),
        companyId: user.companyId,
        requestedBy: user.id,
        requestedWith: 'dev_of_the_asker',
        permission: 'users.create',
        endpoint: 'POST /users',
        subjectId: undefined,
        reason: 'why',
        status: 'pending',
        decidedBy: undefined,
        decidedAt: undefined,
        decisionRequest: undefined,
        decisionReason: undefined,
        problem: undefined,
        createdAt: noon,
        expiresAt: noon + 1000,
        settledAt: undefined,
        ...changes,
      };
      await open.records.approvals.insert(approval, request);
      return { approval, decider: decider.id };
    }

    it('returns what was written with the names of the people, and the request that is sealed at rest (C-13)', async () => {
      const { approval } = await pending();
      expect(await open.other.approvals.find(approval.id)).toEqual({
        ...approval,
        requestedByName: 'Anna Example',
        subjectName: undefined,
        decidedByName: undefined,
      });
      expect(await open.other.approvals.request(approval.id)).toEqual(request);
      expect(await open.other.approvals.find('apr_unknown')).toBeUndefined();
      expect(await open.other.approvals.request('apr_unknown')).toBeUndefined();
      const rows = await open.fresh.store.query('select * from approvals');
      expect(JSON.stringify(rows)).not.toContain('secret reason text');
    });

    it('lets one of 20 parallel decisions of any kind through (T-15)', async () => {
      const { approval, decider } = await pending();
      const kinds = ['claimed', 'refused', 'withdrawn', 'failed'] as const;
      const made = await parallel(20, open, (records, index) =>
        records.approvals.decide({
          id: approval.id,
          status: kinds[index % 4] ?? 'claimed',
          by: decider,
          at: noon + 1,
          request: `req_${index}`,
          reason: `reason ${index}`,
        }),
      );
      expect(made.filter(Boolean)).toHaveLength(1);
      const winner = made.indexOf(true);
      expect(await open.records.approvals.find(approval.id)).toMatchObject({
        status: kinds[winner % 4],
        decidedBy: decider,
        decidedByName: 'Second Person',
        decidedAt: noon + 1,
        decisionRequest: `req_${winner}`,
        decisionReason: `reason ${winner}`,
      });
    });

    it('decides nothing that has expired, and lists it as such', async () => {
      const { approval, decider } = await pending();
      const decision = { id: approval.id, status: 'claimed', by: decider } as const;
      const { companyId } = approval;
      const ids = async (status: 'pending' | 'expired', at: number) =>
        (await open.records.approvals.list({ companyId, status, at }, { limit: 50 })).map(({ id }) => id);
      expect(await ids('pending', noon + 999)).toEqual([approval.id]);
      expect(await ids('expired', noon + 999)).toEqual([]);
      expect(await ids('pending', noon + 1000)).toEqual([]);
      expect(await ids('expired', noon + 1000)).toEqual([approval.id]);
      expect(await open.records.approvals.countPending(companyId, noon + 999)).toBe(1);
      expect(await open.records.approvals.countPending(companyId, noon + 1000)).toBe(0);
      expect(await open.records.approvals.decide({ ...decision, at: noon + 1000 })).toBe(false);
      expect(await open.records.approvals.decide({ ...decision, at: noon + 999 })).toBe(true);
    });

    it('settles a claim once, and nothing else', async () => {
      const { approval, decider } = await pending();
      const { id } = approval;
      const settle = (records: FreshRecords['records'], status: 'done' | 'failed') =>
        records.approvals.settle(id, { status, at: noon + 5, ...(status === 'failed' ? { problem: 'conflict' } : {}) });
      expect(await settle(open.records, 'done')).toBe(false);
      await open.records.approvals.decide({ id, status: 'claimed', by: decider, at: noon + 1 });
      expect((await open.records.approvals.unsettled(noon + 2)).map((one) => one.id)).toContain(id);
      expect((await open.records.approvals.unsettled(noon + 1)).map((one) => one.id)).not.toContain(id);
      const made = await parallel(10, open, (records, index) => settle(records, index % 2 === 0 ? 'done' : 'failed'));
      expect(made.filter(Boolean)).toHaveLength(1);
      expect((await open.records.approvals.unsettled(noon + 2)).map((one) => one.id)).not.toContain(id);
    });

    it('names the user whom it made from its end on, and forgets the request of one who is removed by then (A-13)', async () => {
      const [one, gone, known] = [await pending(), await pending(), await pending({ subjectId: 'usr_subject' })];
      const made = await insertedUser(open.records);
      const removed = await insertedUser(open.records);
      await open.records.users.update({ ...removed, status: 'removed' });
      for (const [{ approval, decider }, subjectId] of [
        [one, made.id],
        [gone, removed.id],
        [known, made.id],
      ] as const) {
        await open.records.approvals.decide({ id: approval.id, status: 'claimed', by: decider, at: noon + 1 });
        expect(await open.records.approvals.settle(approval.id, { status: 'done', subjectId, at: noon + 2 })).toBe(
          true,
        );
      }
      const after = (who: typeof one) => open.other.approvals.find(who.approval.id);
      expect(await after(one)).toMatchObject({ status: 'done', subjectId: made.id, subjectName: made.name });
      expect(await after(gone)).toMatchObject({ status: 'done', subjectId: removed.id });
      expect(await after(known)).toMatchObject({ status: 'done', subjectId: 'usr_subject' });
      expect(await open.other.approvals.request(one.approval.id)).toEqual(request);
      expect(await open.other.approvals.request(gone.approval.id)).toBeUndefined();
    });

    it('erases the requests of what is over, and of nothing that waits or is being done', async () => {
      const waits = await pending({ expiresAt: noon + 10_000 });
      const claimed = await pending();
      const refused = await pending();
      const expired = await pending({ expiresAt: noon + 5 });
      const decide = (one: Awaited<ReturnType<typeof pending>>, status: 'claimed' | 'refused') =>
        open.records.approvals.decide({ id: one.approval.id, status, by: one.decider, at: noon + 1 });
      await decide(claimed, 'claimed');
      await decide(refused, 'refused');
      expect(await open.other.approvals.eraseRequests(noon + 100)).toBeGreaterThanOrEqual(2);
      const left = (one: Awaited<ReturnType<typeof pending>>) => open.records.approvals.request(one.approval.id);
      expect(await left(waits)).toEqual(request);
      expect(await left(claimed)).toEqual(request);
      expect(await left(refused)).toBeUndefined();
      expect(await left(expired)).toBeUndefined();
      expect(await open.records.approvals.find(refused.approval.id)).toMatchObject({ status: 'refused' });
      await open.records.approvals.settle(claimed.approval.id, { status: 'done', at: noon + 2 });
      await open.records.approvals.eraseRequests(noon + 3);
      expect(await left(claimed)).toBeUndefined();
    });

    it('fails all that is open in one step after a restore, so that nobody decides it again, and nothing else (X-05, T-15)', async () => {
      const waits = await pending({ expiresAt: noon + 1_000_000 });
      const claimed = await pending();
      const refused = await pending();
      const expired = await pending({ expiresAt: noon });
      const decide = (one: Awaited<ReturnType<typeof pending>>, status: 'claimed' | 'refused') =>
        open.records.approvals.decide({ id: one.approval.id, status, by: one.decider, at: noon + 1 });
      await decide(claimed, 'claimed');
      await decide(refused, 'refused');
      const failed = await parallel(10, open, (records) => records.approvals.failOpen('restored', noon + 7));
      expect(failed.reduce((sum, one) => sum + one, 0)).toBeGreaterThanOrEqual(3);
      for (const { approval } of [waits, claimed, expired])
        expect(await open.other.approvals.find(approval.id)).toMatchObject({
          status: 'failed',
          problem: 'restored',
          settledAt: noon + 7,
        });
      expect(await open.other.approvals.find(refused.approval.id)).toMatchObject({ status: 'refused' });
      expect(await open.records.approvals.failOpen('restored', noon + 8)).toBe(0);
      expect(await decide(waits, 'claimed')).toBe(false);
      expect(await open.records.approvals.settle(claimed.approval.id, { status: 'done', at: noon + 9 })).toBe(false);
      // Their requests name people, and are erased in their time.
      await open.records.approvals.eraseRequests(noon + 10);
      expect(await open.records.approvals.request(waits.approval.id)).toBeUndefined();
    });

    it("lists a company's own and no other, page by page (T31)", async () => {
      const { approval } = await pending();
      await pending();
      const filter = { companyId: approval.companyId, at: noon };
      const own = await open.records.approvals.list(filter, { limit: 50 });
      expect(own.map(({ id }) => id)).toEqual([approval.id]);
      const all = await open.records.approvals.list({ at: noon }, { limit: 200 });
      const paged: string[] = [];
      for (;;) {
        const after = paged.at(-1);
        const page = await open.records.approvals.list(
          { at: noon },
          { limit: 2, ...(after === undefined ? {} : { after }) },
        );
        if (page.length === 0) break;
        paged.push(...page.map(({ id }) => id));
      }
      expect(paged).toEqual(all.map(({ id }) => id));
    });
  });
}
