/** What requests by CIBA and the secrets of portals' webhooks must do on every durable engine. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackchannelRow } from '../../src/oidc/store.ts';
import type { DurableEngine } from '../engines.ts';
import { type FreshRecords, freshRecords, noon, parallel } from './samples.ts';

const unique = (): string => randomBytes(12).toString('hex');

export function backchannelRecordsContract(engine: DurableEngine): void {
  describe(`requests by CIBA: ${engine.name}`, () => {
    let open: FreshRecords;
    beforeAll(async () => {
      open = await freshRecords(engine);
    });
    afterAll(() => open.fresh.close());

    const add = async (changes: Partial<BackchannelRow> = {}): Promise<BackchannelRow> => {
      const row: BackchannelRow = {
        idLookup: unique(),
        clientId: 'desk',
        userId: 'usr_nobody',
        payload: '{"words":"secret words"}',
        signingId: undefined,
        askedAt: undefined,
        settledAt: undefined,
        createdAt: noon,
        endsAt: noon + 300_000,
        consumedAt: undefined,
        ...changes,
      };
      await open.records.backchannel.insert(row);
      return row;
    };

    it('are found as they were written by another process, sealed at rest, whether their user exists or not (C-13, O-18)', async () => {
      const row = await add();
      expect(await open.other.backchannel.find(row.idLookup)).toEqual(row);
      const [stored] = await open.fresh.store.query('select * from backchannel_requests where id_lookup = $1', [
        row.idLookup,
      ]);
      expect(JSON.stringify(stored)).not.toContain('secret words');
      expect(await open.records.backchannel.find('another')).toBeUndefined();
    });

    it('are redeemed by exactly one of twenty, and ask the phone about one thing (O-17)', async () => {
      const { idLookup } = await add();
      const consumed = await parallel(20, open, (records) => records.backchannel.consume(idLookup, noon));
      expect(consumed.filter(Boolean)).toHaveLength(1);
      const linked = await parallel(20, open, (records, index) =>
        records.backchannel.link(idLookup, `sig_${idLookup}_${index}`, noon),
      );
      expect(linked.filter(Boolean)).toHaveLength(1);
      const { signingId = '', consumedAt, askedAt } = (await open.records.backchannel.find(idLookup)) ?? {};
      expect([consumedAt, askedAt]).toEqual([noon, noon]);
      const settled = await parallel(20, open, (records) => records.backchannel.settle(signingId, noon + 7));
      expect(settled.filter(Boolean)).toHaveLength(1);
      expect(await open.records.backchannel.findBySigning(signingId)).toMatchObject({ idLookup, settledAt: noon + 7 });
    });

    it('lead to nothing once they are closed, and are closed or settled by one alone (O-17, O-18)', async () => {
      for (const isAsked of [true, false]) {
        const { idLookup } = await add();
        const signingId = `sig_${idLookup}`;
        if (isAsked) await open.records.backchannel.link(idLookup, signingId, noon);
        const ended = await parallel(20, open, (records, index) =>
          index % 2 === 0 && isAsked
            ? records.backchannel.settle(signingId, noon)
            : records.backchannel.close(idLookup, noon),
        );
        expect(ended.filter(Boolean)).toHaveLength(1);
        expect(await open.records.backchannel.close(idLookup, noon + 1)).toBe(false);
        expect(await open.records.backchannel.settle(signingId, noon + 1)).toBe(false);
        expect(await open.records.backchannel.link(idLookup, unique(), noon + 1)).toBe(false);
        expect(await open.records.backchannel.find(idLookup)).toMatchObject({ settledAt: noon });
      }
    });

    it('count as asked of one user from the time they were, and only those that were; and go when they are over (O-18)', async () => {
      const userId = `usr_${unique()}`;
      const [early, late] = [await add({ userId }), await add({ userId, endsAt: noon + 1 })];
      await add({ userId });
      await open.records.backchannel.link(early.idLookup, unique(), noon);
      await open.records.backchannel.link(late.idLookup, unique(), noon + 5);
      const asked = async (since: number) =>
        (await open.records.backchannel.asked(userId, since)).map(({ idLookup }) => idLookup);
      expect(await asked(noon)).toEqual([early.idLookup, late.idLookup]);
      expect(await asked(noon + 1)).toEqual([late.idLookup]);
      expect(await open.records.backchannel.purge(noon + 2)).toBe(1);
      expect(await asked(noon)).toEqual([early.idLookup]);
    });

    it('secrets of portals’ webhooks are sealed, replaced, and forgotten with their overlap (C-13)', async () => {
      const clientId = `portal-${unique()}`;
      const metadata = { redirect_uris: ['https://portal.example/callback'] };
      await open.records.clients.insert({
        id: clientId,
        kind: 'portal',
        name: 'Portal',
        companyId: undefined,
        metadata,
        secret: undefined,
        status: 'active',
        createdAt: noon,
        version: 1,
      });
      const webhook = { clientId, secret: 'whsec_now', previous: undefined };
      await open.records.portalWebhooks.save(webhook);
      const next = { clientId, secret: 'whsec_next', previous: { secret: 'whsec_now', until: noon + 10 } };
      await open.records.portalWebhooks.save(next);
      expect(await open.other.portalWebhooks.find(clientId)).toEqual(next);
      const rows = await open.fresh.store.query('select * from portal_webhooks', []);
      expect(JSON.stringify(rows)).not.toContain('whsec_');
      await open.records.portalWebhooks.forgetPrevious(noon + 9);
      expect(await open.records.portalWebhooks.find(clientId)).toEqual(next);
      await open.records.portalWebhooks.forgetPrevious(noon + 10);
      expect((await open.records.portalWebhooks.find(clientId))?.previous).toBeUndefined();
      await open.records.portalWebhooks.remove(clientId);
      expect(await open.records.portalWebhooks.find(clientId)).toBeUndefined();
    });
  });
}
