/** What the records of requests to sign must do on every durable engine. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { User } from '../../src/companies/store.ts';
import { randomId } from '../../src/crypto/random.ts';
import type { SigningRequest } from '../../src/signing/store.ts';
import type { DurableEngine } from '../engines.ts';
import {
  type FreshRecords,
  freshRecords,
  insertedUser,
  noon,
  parallel,
  sampleReceipt,
  sampleSigned,
  sampleSigning,
  sampleUser,
} from './samples.ts';

const list = '[{"creditorName":"secret of a list"}]';

export function signingRecordsContract(engine: DurableEngine): void {
  describe(`records of requests to sign: ${engine.name}`, () => {
    let open: FreshRecords;
    let user: User;
    beforeAll(async () => {
      open = await freshRecords(engine);
      user = await insertedUser(open.records);
    });
    afterAll(() => open.fresh.close());

    const colleague = async (changes: Partial<User> = {}): Promise<User> => {
      const other = sampleUser(user.companyId, { permissions: 'full', ...changes });
      await open.records.users.insert(other);
      return other;
    };
    const inserted = async (changes: Partial<SigningRequest> = {}, more: { list?: string; isTold?: boolean } = {}) => {
      const request = sampleSigning(user, changes);
      await open.records.signings.insert(request, more);
      return request;
    };
    const idsOf = (requests: readonly Pick<SigningRequest, 'id'>[]) => requests.map(({ id }) => id);

    it('returns what was inserted, and keeps text, name, list and receipts sealed (S-04)', async () => {
      const request = await inserted({}, { list });
      expect(await open.other.signings.find(request.id)).toEqual(request);
      expect(await open.other.signings.list(request.id)).toBe(list);
      expect(await open.other.signings.find('sig_unknown')).toBeUndefined();
      await open.records.signings.approve(sampleSigned(request, user, { receipt: { ...sampleReceipt, list } }));
      expect(await open.other.signings.approvals(request.id)).toEqual([
        { ...sampleSigned(request, user), orderId: expect.any(String), receipt: { ...sampleReceipt, list } },
      ]);
      for (const table of ['signings', 'signing_approvals']) {
        expect(JSON.stringify(await open.fresh.store.query(`select * from ${table}`))).not.toContain('secret');
      }
    });

    it('ends once, whoever ends it: of ten at once one is first (P-03)', async () => {
      const { id } = await inserted();
      const ends = ['declined', 'cancelled', 'expired', 'reported'] as const;
      const outcomes = await parallel(10, open, async (records, index) => {
        const status = ends[index % 4] ?? 'expired';
        return (await records.signings.end(id, { status, at: noon + index })) ? status : undefined;
      });
      const [first, ...others] = outcomes.filter((outcome) => outcome !== undefined);
      expect(others).toEqual([]);
      expect(await open.records.signings.find(id)).toMatchObject({ status: first, version: 2 });
    });

    it('counts every approver once, also when all come at once; the last one ends it (T-15)', async () => {
      const people = [user, ...(await Promise.all([1, 2, 3, 4].map(() => colleague())))];
      const request = await inserted({ approvers: 5 });
      // Each person on two phones at the same time.
      const outcomes = await parallel(10, open, (records, index) =>
        records.signings.approve(sampleSigned(request, people[index % 5] ?? user)),
      );
      const counted = outcomes.filter(({ isFirst }) => isFirst).map(({ given }) => given);
      expect(counted.sort()).toEqual([1, 2, 3, 4, 5]);
      expect(await open.other.signings.find(request.id)).toMatchObject({
        status: 'approved',
        given: 5,
        endedAt: noon + 1000,
      });
      expect(await open.other.signings.approvals(request.id)).toHaveLength(5);
    });

    it('keeps no approval that came after the end or beyond the number, and none twice (T-15)', async () => {
      const other = await colleague();
      const over = await inserted({ approvers: 2 });
      expect(await open.records.signings.approve(sampleSigned(over, user))).toEqual({ isFirst: true, given: 1 });
      expect(await open.other.signings.approve(sampleSigned(over, user))).toEqual({ isFirst: false, given: 1 });
      expect(await open.records.signings.find(over.id)).toMatchObject({
        status: 'pending',
        given: 1,
        endedAt: undefined,
      });
      await open.records.signings.end(over.id, { status: 'cancelled', at: noon + 2 });
      expect(await open.other.signings.approve(sampleSigned(over, other))).toEqual({ isFirst: false, given: 1 });
      const done = await inserted();
      await open.records.signings.approve(sampleSigned(done, user));
      expect(await open.records.signings.approve(sampleSigned(done, other))).toEqual({ isFirst: false, given: 1 });
      expect(
        idsOf(await Promise.all([over, done].map(async ({ id }) => (await open.records.signings.find(id)) ?? over))),
      ).toEqual([over.id, done.id]);
      for (const { id } of [over, done]) expect(await open.records.signings.approvals(id)).toHaveLength(1);
      expect(await open.records.signings.approve(sampleSigned({ ...done, id: 'sig_none' }, user))).toEqual({
        isFirst: false,
        given: 0,
      });
    });

    it('is approved or cancelled, never both, when both come at once (P-03)', async () => {
      for (let round = 0; round < 5; round += 1) {
        const request = await inserted();
        const [approved, cancelled] = await Promise.all([
          open.records.signings.approve(sampleSigned(request, user)),
          open.other.signings.end(request.id, { status: 'cancelled', at: noon + 1 }),
        ]);
        const { status } = (await open.records.signings.find(request.id)) ?? request;
        expect([approved.isFirst, cancelled]).toEqual(status === 'approved' ? [true, false] : [false, true]);
        expect(await open.records.signings.approvals(request.id)).toHaveLength(approved.isFirst ? 1 : 0);
      }
    });

    it('finds what waits for a person: theirs, and their company’s that takes several, once and in its time (T-09)', async () => {
      const [one, other, stranger] = [await colleague(), await colleague(), await insertedUser(open.records)];
      const theirs = { userId: one.id };
      const own = await inserted({ ...theirs, createdAt: noon + 1 });
      const several = await inserted({ userId: other.id, approvers: 2, createdAt: noon + 2 });
      const both = await inserted({ ...theirs, approvers: 2, createdAt: noon + 3 });
      await inserted({ ...theirs, askableAt: noon + 10_000 });
      await inserted({ ...theirs, expiresAt: noon + 100 });
      const ended = await inserted(theirs);
      await open.records.signings.end(ended.id, { status: 'declined', at: noon });
      await inserted({ userId: stranger.id, companyId: stranger.companyId, approvers: 2 });
      const waiting = (mayCosign: boolean, at = noon + 100) =>
        open.other.signings.waiting({ userId: one.id, companyId: one.companyId, mayCosign }, at);
      const mine = [own.id, several.id, both.id];
      expect(idsOf(await waiting(false))).toEqual([own.id, both.id]);
      expect(idsOf(await waiting(true)).filter((id) => mine.includes(id))).toEqual(mine);
      expect(new Set((await waiting(true)).map(({ request }) => request?.companyId))).toEqual(
        new Set([user.companyId]),
      );
      await open.records.signings.approve(sampleSigned(several, one));
      await open.records.signings.approve(sampleSigned(both, one));
      expect(idsOf(await waiting(true)).filter((id) => mine.includes(id))).toEqual([own.id]);
      expect(await waiting(true, noon + 300_000)).toEqual([]);
    });

    it('pages through a person’s history from the newest, with what they approved for others, none twice or left out', async () => {
      const [one, other] = [await colleague(), await colleague()];
      const requests: SigningRequest[] = [];
      for (let index = 0; index < 7; index += 1) {
        const isOther = index % 2 === 1;
        // Several of one moment: the id decides.
        const at = noon + Math.floor(index / 3);
        const request = await inserted({
          userId: (isOther ? other : one).id,
          approvers: isOther ? 2 : 1,
          createdAt: at,
        });
        if (isOther) await open.records.signings.approve(sampleSigned(request, one));
        if (index !== 3) await open.records.signings.end(request.id, { status: 'declined', at: noon + 9 });
        requests.push(request);
      }
      const newest = [...requests].sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1));
      const paged = async (kind: 'history' | 'everyOf') => {
        const found: string[] = [];
        for (let before: string | undefined; ; before = found.at(-1)) {
          const page = await open.other.signings[kind](one.id, { before, limit: 2 });
          found.push(...idsOf(page));
          if (page.length < 2) return found;
        }
      };
      expect(await paged('everyOf')).toEqual(idsOf(newest));
      expect(await paged('history')).toEqual(idsOf(newest).filter((id) => id !== requests[3]?.id));
    });

    it('tells of one person’s approval and of no other’s, and keeps the list that somebody signed, however it ended (T-06, T17)', async () => {
      const [one, other] = [await colleague(), await colleague()];
      const signed = await inserted({ userId: one.id, approvers: 2 }, { list });
      const unsigned = await inserted({ userId: one.id, approvers: 2 }, { list });
      await open.records.signings.approve(sampleSigned(signed, one, { receipt: { ...sampleReceipt, list } }));
      const { signings } = open.other;
      expect(await signings.approvalOf(signed.id, one.id)).toMatchObject({ userId: one.id, receipt: { list } });
      expect(await signings.approvalOf(signed.id, other.id)).toBeUndefined();
      expect(await signings.approvalOf(unsigned.id, one.id)).toBeUndefined();
      const ids = [signed.id, unsigned.id];
      expect([...(await signings.signedBy(one.id, ids))]).toEqual([signed.id]);
      expect([...(await signings.signedBy(other.id, ids)), ...(await signings.signedBy(one.id, []))]).toEqual([]);
      for (const { id } of [signed, unsigned]) await open.records.signings.end(id, { status: 'declined', at: noon });
      expect(await signings.list(unsigned.id)).toBeUndefined();
      expect((await signings.approvalOf(signed.id, one.id))?.receipt.list).toBe(list);
      // A place in time that is another's is none.
      expect(await signings.history(one.id, { limit: 5 })).toHaveLength(2);
      const foreign = await inserted({ userId: other.id, createdAt: noon + 1_000_000 });
      expect(await signings.history(one.id, { before: foreign.id, limit: 5 })).toEqual([]);
      expect(await signings.everyOf(other.id, { before: signed.id, limit: 5 })).toEqual([]);
    });

    it('finds what has expired, what nobody was told of, and what a portal has open', async () => {
      const clientId = randomId('client');
      const at = noon - 50_000_000;
      const old = await inserted({ clientId, expiresAt: at - 1, createdAt: at - 2 });
      const young = await inserted({ clientId, expiresAt: at + 1, createdAt: at }, { list });
      expect(idsOf(await open.other.signings.expired(at, 10))).toEqual([old.id]);
      expect(await open.other.signings.use(clientId, at, at)).toEqual({ open: 1, bytes: list.length });
      expect(await open.other.signings.use(clientId, at + 1, at + 1)).toEqual({ open: 0, bytes: 0 });
      expect(await open.other.signings.use('nobody', at, at)).toEqual({ open: 0, bytes: 0 });
      expect(await open.other.signings.openOf(user.id, clientId, at)).toBe(1);
      expect(await open.other.signings.openOf(user.id, clientId, at + 1)).toBe(0);
      expect(await open.other.signings.openOf(user.id, 'nobody', at)).toBe(0);
      const later = await inserted({ askableAt: at, expiresAt: noon }, { isTold: false });
      expect(await open.other.signings.untold(at - 1, 10)).toEqual([]);
      expect(idsOf(await open.other.signings.untold(at, 10))).toEqual([later.id]);
      const told = await parallel(6, open, (records) => records.signings.markTold(later.id, at));
      expect(told.filter(Boolean)).toHaveLength(1);
      expect(await open.other.signings.untold(at, 10)).toEqual([]);
      for (const { id } of [old, young, later]) await open.records.signings.end(id, { status: 'expired', at: noon });
    });

    it('lists what somebody changed past the server without a word of it, with all the rest, and answers it to nobody (T-04)', async () => {
      const { id: userId } = await colleague();
      const at = noon - 60_000_000;
      const due = { userId, createdAt: at - 3, askableAt: at - 3, expiresAt: at - 1 };
      const rows = [
        await inserted(due, { isTold: false }),
        await inserted({ ...due, expiresAt: at }, { isTold: false }),
      ];
      const [changed, intact] = rows as [SigningRequest, SigningRequest];
      await open.fresh.store.run('update signings set warnings = $2 where id = $1', [changed.id, '["new_payee"]']);
      const { signings } = open.other;
      const found = [
        { id: changed.id, request: undefined },
        { id: intact.id, request: intact },
      ];
      const who = { userId, companyId: user.companyId, mayCosign: false };
      expect(await signings.waiting(who, at - 2)).toEqual(expect.arrayContaining(found));
      expect(await signings.everyOf(userId, { limit: 5 })).toEqual(expect.arrayContaining(found));
      expect(await signings.expired(at, 10)).toEqual(found);
      expect(await signings.untold(at, 10)).toEqual(expect.arrayContaining(found));
      // Page by page, behind whichever row.
      expect(await signings.expired(at, 1, changed.id)).toEqual(found.slice(1));
      expect(await signings.expired(at, 1, intact.id)).toEqual([]);
      await expect(signings.find(changed.id)).rejects.toMatchObject({ code: 'internal' });
      for (const { id } of rows) await open.records.signings.end(id, { status: 'expired', at: noon });
      expect(await signings.history(userId, { limit: 5 })).toMatchObject(
        [changed.id, intact.id]
          .sort()
          .reverse()
          .map((id) => ({ id })),
      );
    });

    it('erases what a person was asked and what they approved, with all receipts of it, and counts none that is gone (GDPR, T-15)', async () => {
      const [one, other] = [await colleague(), await colleague()];
      const theirs = await inserted({ userId: one.id, approvers: 2 });
      await open.records.signings.approve(sampleSigned(theirs, other));
      const others = await inserted({ userId: other.id, approvers: 3 });
      await open.records.signings.approve(sampleSigned(others, one));
      await open.records.signings.approve(sampleSigned(others, other));
      expect(await open.records.signings.eraseOf(one.id)).toBe(3);
      expect(await open.other.signings.find(theirs.id)).toBeUndefined();
      expect((await open.other.signings.approvals(others.id)).map(({ userId }) => userId)).toEqual([other.id]);
      expect(await open.records.signings.everyOf(one.id, { limit: 10 })).toEqual([]);
      // Two more have to: of the person erased nothing proves that they approved.
      const third = await open.records.signings.approve(sampleSigned(others, await colleague()));
      expect(third).toEqual({ isFirst: true, given: 2 });
      expect(await open.records.signings.find(others.id)).toMatchObject({ status: 'pending' });
    });

    it('removes what ended long ago with its approvals, and nothing else', async () => {
      const [done, pending, young] = [await inserted(), await inserted(), await inserted()];
      await open.records.signings.approve(sampleSigned(done, user, { approvedAt: noon - 90_000_000 }));
      await open.records.signings.end(young.id, { status: 'declined', at: noon });
      expect(await open.other.signings.prune(noon - 80_000_000)).toBe(1);
      expect(await open.records.signings.find(done.id)).toBeUndefined();
      expect(await open.records.signings.approvals(done.id)).toEqual([]);
      for (const { id } of [pending, young]) expect(await open.records.signings.find(id)).toBeDefined();
    });

    it('ends all that is pending, and nothing twice (X-05)', async () => {
      const [one, other] = [await inserted(), await inserted({ approvers: 2 })];
      const done = await inserted();
      await open.records.signings.approve(sampleSigned(done, user));
      expect(await open.records.signings.endPending({ status: 'cancelled', at: noon + 5 })).toBeGreaterThanOrEqual(2);
      for (const { id } of [one, other]) {
        expect(await open.other.signings.find(id)).toMatchObject({ status: 'cancelled', endedAt: noon + 5 });
      }
      expect((await open.other.signings.find(done.id))?.status).toBe('approved');
      expect(await open.other.signings.endPending({ status: 'cancelled', at: noon + 6 })).toBe(0);
    });

    it('looks at no row but those of an index, however many there are', async () => {
      const plan = async (text: string, values: readonly (string | number)[]): Promise<string> => {
        const { store } = open.fresh;
        if (store.dialect === 'sqlite') return JSON.stringify(await store.query(`explain query plan ${text}`, values));
        // The table of a test is small, and PostgreSQL would rather read it whole.
        return store.transaction(async (sql) => {
          await sql.run('set local enable_seqscan = off');
          return JSON.stringify(await sql.query(`explain ${text}`, values));
        });
      };
      const isOpen = "status = 'pending' and expires_at";
      for (const [where, values] of [
        [`${isOpen} <= $1 order by expires_at, id limit 10`, [noon]],
        [`user_id = $1 and ${isOpen} > $2`, [user.id, noon]],
        [`company_id = $1 and approvers > 1 and ${isOpen} > $2`, [user.companyId, noon]],
        ["user_id = $1 and status <> 'pending' order by created_at desc, id desc limit 10", [user.id]],
        ["status = 'pending' and told_at is null and askable_at <= $1", [noon]],
        [`client_id = $1 and ${isOpen} > $2`, ['portal', noon]],
        ['ended_at < $1 order by ended_at, id limit 1000', [noon]],
      ] as const) {
        const found = await plan(`select id from signings where ${where}`, values);
        expect(found, where).toMatch(/signings_[a-z]+/);
        expect(found, where).not.toMatch(/Seq Scan|SCAN signings(?! USING)/);
      }
    });
  });
}
