/** What the outbox and the webhooks must do on every durable engine. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WebhookEndpoint } from '../../src/notify/store.ts';
import type { DurableEngine } from '../engines.ts';
import { type FreshRecords, freshRecords, parallel, sampleCompany } from './samples.ts';

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
          records.outbox.claim({ worker: `worker ${round}.${index}`, at: 2000, leaseMs: 60_000, limit: 5 }),
        );
        for (const messages of rounds) {
          expect(messages.length).toBeLessThanOrEqual(5);
          claimed.push(...messages.map(({ id }) => id));
        }
      }
      expect(claimed.sort()).toEqual(ids.sort());
      expect(await open.records.outbox.claim({ worker: 'late', at: 2000, leaseMs: 60_000, limit: 100 })).toEqual([]);
      await open.fresh.store.run('delete from outbox');
    });

    it('returns what was enqueued and keeps it sealed at rest (C-13)', async () => {
      const id = await enqueue('code 12345678', 100_000);
      const [row] = await open.fresh.store.query('select * from outbox where id = $1', [id]);
      expect(JSON.stringify(row)).not.toContain('12345678');
      const [message] = await open.records.outbox.claim({ worker: 'w', at: 100_000, leaseMs: 1000, limit: 1 });
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
        (await open.records.outbox.claim({ worker, at, leaseMs: 1000, limit: 10 })).map((message) => message.id);
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
      await open.records.outbox.claim({ worker: 'w', at: 300_000, leaseMs: 1000, limit: 10 });
      await open.records.outbox.markSent(id, 'w', 300_001);
      expect(await open.fresh.store.query('select payload_sealed, status from outbox where id = $1', [id])).toEqual([
        { payload_sealed: '', status: 'sent' },
      ]);
    });

    it('counts failures, waits until the next time, and gives up when told', async () => {
      const id = await enqueue('failing', 400_000);
      const dead = await open.records.outbox.count('dead');
      await open.records.outbox.claim({ worker: 'w', at: 400_000, leaseMs: 1000, limit: 10 });
      await open.records.outbox.markFailed(id, 'w', 'refused \0 \ud800 by the server', 410_000);
      expect(
        (await open.records.outbox.claim({ worker: 'w', at: 409_999, leaseMs: 1000, limit: 10 })).map(
          (message) => message.id,
        ),
      ).not.toContain(id);
      const [again] = await open.records.outbox.claim({ worker: 'w', at: 410_000, leaseMs: 1000, limit: 10 });
      expect(again).toMatchObject({ id, attempts: 1 });
      await open.records.outbox.markFailed(id, 'w', 'refused', undefined);
      expect(await open.records.outbox.claim({ worker: 'w', at: 999_000, leaseMs: 1000, limit: 10 })).toEqual([]);
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

    it('has of an order only the first that is neither delivered nor given up due, whoever asks, by position and not by clock', async () => {
      await open.fresh.store.run('delete from outbox');
      const { outbox } = open.records;
      const ids: string[] = [];
      // The clocks of servers differ: the second is written later by an earlier clock.
      for (const at of [500_000, 499_000, 499_000]) {
        const message = {
          kind: 'webhook',
          recipient: 'whk_a',
          payload: `${ids.length}`,
          about: 'x',
          isOrdered: true,
        } as const;
        ids.push(await open.records.transaction((records) => records.outbox.enqueue(message, at)));
      }
      const other = await outbox.enqueue(
        { kind: 'webhook', recipient: 'whk_b', payload: 'b', isOrdered: true },
        500_000,
      );
      const claim = async (worker: string, at: number): Promise<string[]> =>
        (await open.records.outbox.claim({ worker, at, leaseMs: 1000, limit: 10, kind: 'webhook' })).map(
          ({ id }) => id,
        );
      const claimed = await parallel(8, open, (records, index) =>
        records.outbox.claim({ worker: `w${index}`, at: 500_000, leaseMs: 1000, limit: 10 }),
      );
      expect(
        claimed
          .flat()
          .map(({ id }) => id)
          .toSorted(),
      ).toEqual([ids[0], other].toSorted());
      const holder = `w${claimed.findIndex((messages) => messages.some(({ id }) => id === ids[0]))}`;
      await outbox.markFailed(ids[0] ?? '', holder, 'later', 600_000);
      expect(await claim('w', 550_000)).toEqual([other]);
      expect(await claim('w', 600_000)).toContain(ids[0]);
      await outbox.markFailed(ids[0] ?? '', 'w', 'never', undefined);
      expect(await claim('w', 600_000)).toEqual([ids[1]]);
      await outbox.markSent(ids[1] ?? '', 'w', 600_001);
      expect(await outbox.revive(ids[0] ?? '', 600_002)).toBe(true);
      expect(await claim('w', 600_002)).toEqual([ids[0]]);
      await outbox.markSent(ids[0] ?? '', 'w', 600_003);
      expect(await claim('w', 600_003)).toEqual([ids[2]]);
    });

    it('claims one kind where told, and holds no kind back for another', async () => {
      await open.fresh.store.run('delete from outbox');
      const kinds = ['email', 'webhook', 'backchannel_logout', 'push'] as const;
      for (const kind of kinds) {
        await open.records.outbox.enqueue({ kind, recipient: 'same', payload: kind, isOrdered: true }, 1000);
      }
      for (const kind of kinds) {
        const messages = await open.records.outbox.claim({ worker: 'w', at: 1000, leaseMs: 10, limit: 10, kind });
        expect(messages.map(({ payload }) => payload)).toEqual([kind]);
      }
    });

    it('keeps dead letters with the last error and what they are about, and shows nothing of what they say (C-13)', async () => {
      await open.fresh.store.run('delete from outbox');
      const { outbox } = open.records;
      for (const about of ['mpin.blocked', 'mpin.changed', 'mpin.blocked']) {
        await outbox.enqueue({ kind: 'email', recipient: 'usr_a', payload: 'code 12345678', about }, 1000);
      }
      await outbox.enqueue({ kind: 'webhook', recipient: 'whk_a', payload: '{}' }, 900);
      for (const { id } of await outbox.claim({ worker: 'w', at: 1000, leaseMs: 10, limit: 10, kind: 'email' })) {
        await outbox.markFailed(id, 'w', 'refused', undefined);
      }
      const first = await outbox.deadLetters({ limit: 2 });
      const rest = await outbox.deadLetters({ after: first[1]?.id ?? '', limit: 2 });
      expect([first.length, rest.length]).toEqual([2, 1]);
      expect([...first, ...rest].map(({ about }) => about).toSorted()).toEqual([
        'mpin.blocked',
        'mpin.blocked',
        'mpin.changed',
      ]);
      expect(first[0]).toMatchObject({
        kind: 'email',
        recipient: 'usr_a',
        attempts: 1,
        lastError: 'refused',
        createdAt: 1000,
      });
      expect(JSON.stringify(first)).not.toContain('12345678');
      expect(await outbox.summary()).toEqual([
        { kind: 'email', pending: 0, dead: 3 },
        { kind: 'webhook', pending: 1, dead: 0 },
      ]);
      expect(await outbox.oldestPendingAt()).toBe(900);
      expect(await outbox.revive(first[0]?.id ?? '', 2000)).toBe(true);
      expect(await outbox.revive(first[0]?.id ?? '', 2000)).toBe(false);
      expect(await outbox.reviveAll(2000, 'webhook')).toBe(0);
      expect(await outbox.reviveAll(2000, 'email')).toBe(2);
      const again = await outbox.claim({ worker: 'w', at: 2000, leaseMs: 10, limit: 10, kind: 'email' });
      expect(again.map(({ attempts, payload }) => [attempts, payload])).toEqual(
        Array.from({ length: 3 }, () => [0, 'code 12345678']),
      );
    });

    it('removes delivered and dead messages beyond their time, a few at a time, and never one that waits (A-13)', async () => {
      await open.fresh.store.run('delete from outbox');
      const { outbox } = open.records;
      for (const [at, end] of [
        [1000, 'sent'],
        [1000, 'sent'],
        [5000, 'sent'],
        [1000, 'dead'],
        [5000, 'dead'],
        [1000, 'pending'],
      ] as const) {
        const id = await outbox.enqueue({ kind: 'email', recipient: 'usr_a', payload: 'x' }, at);
        if (end === 'pending') continue;
        await outbox.claim({ worker: 'w', at, leaseMs: 1, limit: 10 });
        if (end === 'sent') await outbox.markSent(id, 'w', at);
        else await outbox.markFailed(id, 'w', 'refused', undefined);
      }
      const counts = async () =>
        Promise.all((['sent', 'dead', 'pending'] as const).map((status) => outbox.count(status)));
      expect(await outbox.purge({ sentBefore: 1000, deadBefore: 1000, limit: 10 })).toBe(0);
      expect(await outbox.purge({ sentBefore: 1001, deadBefore: 0, limit: 1 })).toBe(1);
      expect(await counts()).toEqual([2, 2, 1]);
      expect(await outbox.purge({ sentBefore: 1001, deadBefore: 1001, limit: 10 })).toBe(2);
      expect(await counts()).toEqual([1, 1, 1]);
      expect(await outbox.purge({ sentBefore: 9000, deadBefore: 9000, limit: 10 })).toBe(2);
      expect(await counts()).toEqual([0, 0, 1]);
    });
  });
}

export function webhookRecordsContract(engine: DurableEngine): void {
  describe(`webhooks: ${engine.name}`, () => {
    let open: FreshRecords;
    beforeAll(async () => {
      open = await freshRecords(engine);
    });
    afterAll(() => open.fresh.close());

    let count = 0;
    const add = async (given: Partial<WebhookEndpoint> = {}): Promise<WebhookEndpoint> => {
      count += 1;
      const endpoint: WebhookEndpoint = {
        id: `whk_${count}`,
        companyId: undefined,
        name: 'Fraud desk',
        url: 'https://bank.example/hook?key=1',
        events: ['mpin.blocked'],
        status: 'active',
        secret: 'whsec_now',
        previous: undefined,
        createdAt: 1000,
        version: 1,
        ...given,
      };
      await open.records.webhooks.insert(endpoint);
      return endpoint;
    };

    it('returns an endpoint as it was written, with both secrets sealed at rest (C-13)', async () => {
      const endpoint = await add({ previous: { secret: 'whsec_before', until: 2000 } });
      expect(await open.other.webhooks.find(endpoint.id)).toEqual(endpoint);
      const [row] = await open.fresh.store.query('select * from webhook_endpoints where id = $1', [endpoint.id]);
      expect(JSON.stringify(row)).not.toContain('whsec_');
      await open.records.webhooks.forgetPrevious(1999);
      expect((await open.records.webhooks.find(endpoint.id))?.previous).toBeDefined();
      await open.records.webhooks.forgetPrevious(2000);
      expect(await open.records.webhooks.find(endpoint.id)).toEqual({ ...endpoint, previous: undefined, version: 2 });
      expect(await open.records.webhooks.find('whk_none')).toBeUndefined();
    });

    it('writes a change on the newest version only, so that of two rotations at once one is refused', async () => {
      const endpoint = await add();
      const outcomes = await parallel(6, open, (records, index) =>
        records.webhooks.update({ ...endpoint, secret: `whsec_${index}` }),
      );
      expect(outcomes.filter(Boolean)).toHaveLength(1);
      expect(await open.records.webhooks.find(endpoint.id)).toMatchObject({
        secret: `whsec_${outcomes.indexOf(true)}`,
        version: 2,
      });
    });

    it('has a company heard by its own endpoints and by those of every company, active ones alone (T31)', async () => {
      await open.fresh.store.run('delete from webhook_endpoints');
      const companies = [sampleCompany(), sampleCompany()];
      for (const company of companies) await open.records.companies.insert(company);
      const [a, b] = companies.map(({ id }) => id);
      const all = await add();
      const ofA = await add({ companyId: a });
      const ofB = await add({ companyId: b });
      await add({ status: 'disabled' });
      await add({ companyId: a, status: 'disabled' });
      const heard = async (companyId: string | undefined) =>
        (await open.records.webhooks.listening(companyId)).map(({ id }) => id).toSorted();
      expect(await heard(a)).toEqual([all.id, ofA.id].toSorted());
      expect(await heard(b)).toEqual([all.id, ofB.id].toSorted());
      expect(await heard(undefined)).toEqual([all.id]);
      const first = await open.records.webhooks.list(undefined, 3);
      const rest = await open.records.webhooks.list(first.at(-1)?.id, 3);
      expect([first.length, rest.length]).toEqual([3, 2]);
    });
  });
}
