/** Requests to sign under attack and in races, over every pair of stores: of whatever happens at once exactly one thing has happened. */
import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { User } from '../../../src/companies/store.ts';
import { createSealing } from '../../../src/crypto/sealing.ts';
import { pushingRecords } from '../../../src/notify/push.ts';
import { claimOrder } from '../../../src/orders/claim.ts';
import type { OrderClaimed } from '../../../src/protocol/orders.ts';
import type { RiskVerdict } from '../../../src/risk/port.ts';
import { createRiskPort } from '../../../src/risk/risk.ts';
import { verifyReceipt } from '../../../src/sdk/receipt.ts';
import type { SigningDeps } from '../../../src/signing/deps.ts';
import { signingParts } from '../../../src/signing/parts.ts';
import { readPortalOrder } from '../../../src/signing/portal-orders.ts';
import { cancelRequest, frameOf, readRequest } from '../../../src/signing/requests.ts';
import { expireRequests } from '../../../src/signing/sweep.ts';
import { tellOfDelayed } from '../../../src/signing/wanted.ts';
import { openRecords } from '../../../src/store/open.ts';
import type { RecordStore } from '../../../src/store/records.ts';
import { durableEngines, shortLivedEngines } from '../../engines.ts';
import { takeMessages } from '../../outbox.ts';
import { addPhone, insertCompany, insertUser, type Phone, refusalOf, type WorldStores } from '../../unit/mpin/world.ts';
import { callOf, decide, descriptorOf, scanned } from '../../unit/orders/order-world.ts';
import {
  approve,
  approveClaimed,
  ask,
  claimShown,
  claimWaiting,
  createSigningWorld,
  historyOf,
  payloadOf,
  portal,
  proofFor,
  type SigningWorld,
} from '../../unit/signing/signed.ts';

const [sqlite, ...servers] = durableEngines();
const [memory, ...redis] = shortLivedEngines();
if (sqlite === undefined || memory === undefined) throw new Error('no engine');
const pairs = [[sqlite, memory] as const, ...servers.flatMap((one) => redis.map((other) => [one, other] as const))];

async function openWorld(
  [durable, short]: (typeof pairs)[number],
  { signing = {}, isPushing = false }: { signing?: Partial<SigningDeps>; isPushing?: boolean } = {},
): Promise<SigningWorld> {
  const [sql, keys] = [await durable.fresh(), await short.fresh()];
  const sealing = createSealing([{ id: 'test', key: new Uint8Array(randomBytes(32)) }]);
  const records = openRecords(sql.store, sealing);
  const stores: WorldStores = {
    records: isPushing ? pushingRecords(records) : records,
    shortLived: keys.store,
    sealing,
    close: async () => {
      await keys.close();
      await sql.close();
    },
  };
  return createSigningWorld({ stores, signing });
}

const by = { actor: `client:${portal.id}`, reason: 'client' };
const stateOf = async (world: SigningWorld, id: string) => (await readPortalOrder(world.signing, portal, id)).state;

/** What the trail says of the end of a request. */
async function endsOf({ deps }: SigningWorld, signingId: string): Promise<string[]> {
  const records = await deps.records.audit.search({ orderId: signingId }, { after: 0, order: 'oldest', limit: 100 });
  return records.map(({ event }) => event).filter((event) => !['signing.requested', 'signing.signed'].includes(event));
}

/** Its code, where it was refused. */
const outcomeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'taken',
    (error: { code: string }) => error.code,
  );

describe.each(pairs.map((pair) => ({ pair, name: pair.map(({ name }) => name).join(' and ') })))(
  'requests to sign with $name',
  ({ pair }) => {
    let world: SigningWorld;
    let second: Phone;
    beforeAll(async () => {
      world = await openWorld(pair);
      second = await addPhone(world);
    });
    afterAll(() => world.close());

    it('are opened by one of two phones of their user, and the other one ends nothing (T-09, T-12)', async () => {
      const { signingId } = await ask(world);
      const phones = [world.phone, second];
      const outcomes = await Promise.all(phones.map((phone) => outcomeOf(claimWaiting(world, signingId, phone))));
      expect(outcomes.sort()).toEqual(['order_unavailable', 'taken']);
      expect(await stateOf(world, signingId)).toBe('claimed');
      const orders = await world.deps.records.audit.search({}, { after: 0, order: 'oldest', limit: 200 });
      const open = orders.filter(({ event, data }) => event === 'order.created' && data?.['signingId'] === signingId);
      const gone = orders.filter(({ event, data }) => event === 'order.cancelled' && data?.['signingId'] === signingId);
      expect(open.length - gone.length).toBe(1);
      // What nobody decided about, the other phone may open then.
      world.clock.advance(301_000);
      const late = await ask(world);
      expect(await outcomeOf(claimWaiting(world, late.signingId, second))).toBe('taken');
    });

    it('take one of ten decisions at once, and say one end (P-03, T-12)', async () => {
      const { signingId } = await ask(world);
      const claimed = await claimShown(world, signingId);
      const proof = await proofFor(world, claimed);
      const outcomes = await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          outcomeOf(
            index === 4
              ? decide(world, world.phone, { claimed, proof })
              : decide(world, world.phone, { claimed, decision: 'decline' }),
          ),
        ),
      );
      expect(outcomes.filter((outcome) => outcome === 'taken')).toHaveLength(1);
      const { request, approvals } = await readRequest(world.signing, signingId);
      expect(approvals).toHaveLength(request.status === 'approved' ? 1 : 0);
      expect(await endsOf(world, signingId)).toEqual([`signing.${request.status}`]);
    });

    it('are approved or cancelled where both come at once, never both and never neither (P-03, T-14)', async () => {
      for (let round = 0; round < 3; round += 1) {
        const { signingId } = await ask(world);
        const claimed = await claimShown(world, signingId);
        const proof = await proofFor(world, claimed);
        const [decision, { status }] = await Promise.all([
          outcomeOf(decide(world, world.phone, { claimed, proof })),
          cancelRequest(world.signing, signingId, by),
        ]);
        const { state, receipts } = await readPortalOrder(world.signing, portal, signingId);
        expect(status).toBe(state);
        expect([decision === 'taken', receipts.length]).toEqual(state === 'approved' ? [true, 1] : [false, 0]);
        expect(await endsOf(world, signingId)).toEqual([`signing.${state}`]);
      }
    });

    it('are approved or expired where both come at once: who looks at it in time may decide as long as was said (P-03, T-09)', async () => {
      const { signingId } = await ask(world);
      world.clock.advance(299_000);
      const claimed = await claimShown(world, signingId);
      const proof = await proofFor(world, claimed);
      world.clock.advance(2_000);
      const decided = Promise.all([
        outcomeOf(decide(world, world.phone, { claimed, proof })),
        expireRequests(world.signing),
      ]);
      expect((await decided)[0]).toBe('taken');
      expect(await endsOf(world, signingId)).toEqual(['signing.approved']);
      const late = await ask(world);
      const shown = await claimShown(world, late.signingId);
      const proved = await proofFor(world, shown);
      world.clock.advance(300_001);
      const [refused] = await Promise.all([
        outcomeOf(decide(world, world.phone, { claimed: shown, proof: proved })),
        ...[1, 2, 3].map(() => expireRequests(world.signing)),
      ]);
      expect(refused).toBe('order_unavailable');
      expect(await endsOf(world, late.signingId)).toEqual(['signing.expired']);
    });

    it('are not approved by a person who is suspended while the approval is written down: first one, then the other (S-07, T-14)', async () => {
      const { records } = world.deps;
      const user = await insertUser(world.deps, world.company.id);
      const phone = await addPhone(world, { user });
      const { signingId } = await ask(world, { user: user.id });
      const claimed = await claimWaiting(world, signingId, phone);
      const proof = await proofFor(world, claimed, phone);
      const happened: string[] = [];
      let begin = (): void => undefined;
      const suspended = new Promise<void>((resolve) => {
        begin = resolve;
      }).then(async () => {
        await records.transaction(async (within) => {
          await within.users.hold(user.id);
          const { version } = (await within.users.find(user.id)) ?? user;
          await within.users.update({ ...user, version, status: 'suspended' });
        });
        happened.push('suspended');
      });
      // Suspended between the look at the person and the count.
      const slow: RecordStore['transaction'] = (work) =>
        records.transaction(async (within) => {
          const answer = await work({
            ...within,
            signings: {
              ...within.signings,
              approve: async (approval) => {
                begin();
                await wait(300);
                return within.signings.approve(approval);
              },
            },
          });
          happened.push('approved');
          return answer;
        });
      const slowly = { ...world, orders: { ...world.orders, records: { ...records, transaction: slow } } };
      expect(await outcomeOf(decide(slowly, phone, { claimed, proof }))).toBe('taken');
      await suspended;
      expect(happened).toEqual(['approved', 'suspended']);
    });

    it('take several people, each once, all over the same bytes, and a receipt of each (T-14, T-15)', async () => {
      const approversFor = () => 3;
      const several = await openWorld(pair, { signing: { approversFor } });
      const { company, deps, phone } = several;
      const people = [await insertUser(deps, company.id), await insertUser(deps, company.id)];
      const phones = [phone, ...(await Promise.all(people.map((user) => addPhone(several, { user }))))];
      const extra = await addPhone(several);
      const { signingId, approvers, expiresAt } = await ask(several);
      expect([approvers, expiresAt - several.clock.now()]).toEqual([{ needed: 3, given: 0 }, 86_400_000]);
      await approve(several, signingId);
      // Nobody twice: not by the page, not by the inbox, not with another phone (T-15).
      expect(
        (
          await refusalOf(
            frameOf(several.signing, (await readRequest(several.signing, signingId)).request, several.user.id),
          )
        ).code,
      ).toBe('order_unavailable');
      for (const own of [phone, extra])
        expect(await outcomeOf(claimWaiting(several, signingId, own))).toBe('order_unavailable');
      const claimed = await Promise.all(phones.slice(1).map((one) => claimWaiting(several, signingId, one)));
      for (const one of claimed) expect(descriptorOf(several, one).signing?.approvers).toEqual({ needed: 3, given: 1 });
      expect(await stateOf(several, signingId)).toBe('claimed');
      await Promise.all(claimed.map((one, index) => approveClaimed(several, one, phones[index + 1])));
      const { state, receipts, approvers: counted } = await readPortalOrder(several.signing, portal, signingId);
      expect([state, counted]).toEqual(['approved', { needed: 3, given: 3 }]);
      const texts = new Set<unknown>();
      for (const receipt of receipts) {
        expect((await verifyReceipt(receipt, await historyOf(several))).isGenuine).toBe(true);
        expect(payloadOf(receipt.countersignature)['signingId']).toBe(signingId);
        texts.add(JSON.stringify(payloadOf(receipt.order)['display']));
      }
      expect([receipts.length, texts.size]).toEqual([3, 1]);
      const signers = receipts.map(
        ({ countersignature }) => (payloadOf(countersignature)['user'] as { id: string }).id,
      );
      expect(new Set(signers)).toEqual(new Set([several.user.id, ...people.map(({ id }) => id)]));
      expect(await endsOf(several, signingId)).toEqual(['signing.approved']);
      await several.close();
    });
  },
);

describe('requests to sign', () => {
  const pair = pairs[0] ?? expect.fail('no engines');
  const worlds: SigningWorld[] = [];
  const open = async (...more: [Parameters<typeof openWorld>[1]?]): Promise<SigningWorld> => {
    const world = await openWorld(pair, ...more);
    worlds.push(world);
    return world;
  };
  afterAll(async () => {
    for (const world of worlds) await world.close();
  });

  it('that take several are nobody’s who may not act for the company; one who declines ends it for all (T-09, T-15)', async () => {
    const world = await open({ signing: { approversFor: () => 2 } });
    const { deps, company } = world;
    const phoneOf = async (changes: Partial<User>, companyId = company.id): Promise<Phone> => {
      const user = await insertUser(deps, companyId);
      await deps.records.users.update({ ...user, ...changes });
      return addPhone(world, { user });
    };
    const strangers = [await phoneOf({ permissions: 'mtoken' }), await phoneOf({}, (await insertCompany(deps)).id)];
    const { signingId } = await ask(world);
    for (const phone of strangers)
      expect(await outcomeOf(claimWaiting(world, signingId, phone))).toBe('order_unavailable');
    const colleague = await phoneOf({});
    const claimed = await claimWaiting(world, signingId, colleague);
    // The right may go while the phone shows it.
    const { userId } = (await deps.records.devices.find(colleague.id)) ?? expect.fail('no device');
    const user = (await deps.records.users.find(userId)) ?? expect.fail('no user');
    const proof = await proofFor(world, claimed, colleague);
    await deps.records.users.update({ ...user, permissions: 'mtoken' });
    expect((await refusalOf(decide(world, colleague, { claimed, proof }))).code).toBe('access_denied');
    await approve(world, signingId);
    const other = await phoneOf({});
    await decide(world, other, { claimed: await claimWaiting(world, signingId, other), decision: 'decline' });
    expect(await readPortalOrder(world.signing, portal, signingId)).toMatchObject({
      state: 'declined',
      approvers: { given: 1 },
    });
  });

  it('end with a code that comes up on two phones where one person signs, and not where several do (P-03, T-12)', async () => {
    for (const needed of [1, 2]) {
      const world = await open({ signing: { approversFor: () => needed } });
      const thief = await addPhone(world);
      const { signingId } = await ask(world);
      const { request } = await readRequest(world.signing, signingId);
      const { qr } = await frameOf(world.signing, request, world.user.id);
      await claimOrder(world.orders, scanned(qr), await callOf(world, world.phone));
      expect(await outcomeOf(claimOrder(world.orders, scanned(qr), await callOf(world, thief)))).toBe(
        'order_unavailable',
      );
      expect(await stateOf(world, signingId)).toBe(needed === 1 ? 'cancelled' : 'pending');
      if (needed === 2) await claimShown(world, signingId);
    }
  });

  it('that are reported end what the user has open in phones and portals, with the alarm, all or nothing (T-17)', async () => {
    const world = await open();
    const other = await addPhone(world);
    const generation = async (phone: Phone) =>
      (await world.deps.records.devices.standing(phone.id))?.pinGeneration ?? 0;
    const { signingId } = await ask(world);
    const claimed = await claimShown(world, signingId);
    const before = [await generation(world.phone), await generation(other)];
    const ended = () => Promise.reject(new Error('a portal’s message could not be written'));
    const failing = failingWorld(world, { ended: [ended] });
    await expect(decide(failing, world.phone, { claimed, decision: 'report' })).rejects.toThrow('could not be written');
    expect([await stateOf(world, signingId), await generation(other), world.endedLogins]).toEqual([
      'claimed',
      before[1],
      [],
    ]);
    await decide(world, world.phone, { claimed, decision: 'report' });
    expect(await stateOf(world, signingId)).toBe('reported');
    expect([await generation(world.phone), await generation(other)]).toEqual(before.map((one) => one + 1));
    expect(world.endedLogins).toEqual([{ userId: world.user.id }]);
    expect((await takeMessages(world.deps.records, world.clock.now())).map(({ kind }) => kind)).toEqual(['email']);
  });

  it('live as long as their portal says, within what template and approvers allow (T-09)', async () => {
    const world = await open();
    const asked = (template: 'payment' | 'document', expiresInSeconds: number) =>
      ask(world, { template, expiresInSeconds });
    expect((await asked('payment', 60)).expiresAt).toBe(world.clock.now() + 60_000);
    expect((await refusalOf(asked('payment', 301))).message).toBe('expiresInSeconds must be 60 to 300');
    expect((await refusalOf(asked('document', 2_592_001))).code).toBe('invalid_request');
    const { signingId } = await asked('document', 2_592_000);
    const first = await claimWaiting(world, signingId);
    // Looked at and laid aside; a week later it is opened again, by an order of its own.
    world.clock.advance(7 * 86_400_000);
    await expireRequests(world.signing);
    expect(await stateOf(world, signingId)).toBe('pending');
    const second: OrderClaimed = await claimWaiting(world, signingId);
    expect(second.orderId).not.toBe(first.orderId);
    await approveClaimed(world, second);
    expect(await stateOf(world, signingId)).toBe('approved');
  });

  it('are cancelled when user, company or portal ends, and nobody opens them any more (T8, S-07)', async () => {
    for (const end of ['user', 'company', 'portal'] as const) {
      const world = await open();
      const { records } = world.deps;
      const { signingId } = await ask(world);
      if (end === 'user') await records.users.update({ ...world.user, status: 'suspended' });
      if (end === 'company') await records.companies.update({ ...world.company, status: 'closed' });
      if (end === 'portal') await records.clients.update({ ...portal, status: 'disabled' });
      expect(await outcomeOf(claimWaiting(world, signingId)), end).not.toBe('taken');
      expect(await stateOf(world, signingId), end).toBe(end === 'portal' ? 'pending' : 'cancelled');
    }
  });

  it('nudge the phones of all who may sign, with no word of what it is and no e-mail (M-08)', async () => {
    const world = await open({ isPushing: true, signing: { approversFor: () => 2 } });
    const { deps, company, phone, clock } = world;
    const colleague = await addPhone(world, { user: await insertUser(deps, company.id) });
    const clerk = await insertUser(deps, company.id);
    await deps.records.users.update({ ...clerk, permissions: 'mtoken' });
    await addPhone(world, { user: clerk });
    await ask(world);
    const messages = await takeMessages(deps.records, clock.now());
    expect(new Set(messages.map(({ recipient }) => recipient))).toEqual(new Set([phone.id, colleague.id]));
    for (const { kind, recipient, payload } of messages) {
      expect(kind).toBe('push');
      expect(JSON.parse(payload)).toEqual({
        type: 'push',
        timestamp: new Date(clock.now()).toISOString(),
        data: { deviceId: recipient, event: 'signing.wanted' },
      });
    }
  });

  it('wait where the risk port delays them, are opened by the mPIN alone where it asks for it, and are not made where it denies them (T-16)', async () => {
    let verdict: RiskVerdict = 'delay';
    const engine = async () => ({ verdict, reasons: ['known_fraud'] as const, delaySeconds: 3_600, grounds: {} });
    const world = await open({ isPushing: true, signing: { risk: createRiskPort(engine) } });
    // Long enough ago to be no new phone.
    world.clock.advance(30 * 86_400_000);
    const { signingId, askableAt, expiresAt } = await ask(world);
    expect([askableAt, expiresAt]).toEqual([world.clock.now() + 3_600_000, world.clock.now() + 3_900_000]);
    await tellOfDelayed(world.signing);
    expect(await outcomeOf(claimWaiting(world, signingId))).toBe('order_unavailable');
    expect(await takeMessages(world.deps.records, world.clock.now())).toEqual([]);
    world.clock.advance(3_600_000);
    await Promise.all([tellOfDelayed(world.signing), tellOfDelayed(world.signing)]);
    expect(await takeMessages(world.deps.records, world.clock.now())).toHaveLength(1);
    expect(descriptorOf(world, await claimWaiting(world, signingId)).signing?.warnings).toContain('known_fraud');
    verdict = 'step-up';
    const stepped = await claimWaiting(world, (await ask(world)).signingId);
    expect(descriptorOf(world, stepped).mpinOnly).toBe(true);
    await approveClaimed(world, stepped);
    verdict = 'deny';
    const before = await world.deps.records.signings.everyOf(world.user.id, { limit: 100 });
    expect((await refusalOf(ask(world))).code).toBe('risk_denied');
    expect(await world.deps.records.signings.everyOf(world.user.id, { limit: 100 })).toHaveLength(before.length);
  });
});

/** The same world, in which something of signing is another. */
function failingWorld(world: SigningWorld, signing: Partial<SigningDeps>): SigningWorld {
  return { ...world, orders: { ...world.orders, signing: signingParts({ ...world.signing, ...signing }) } };
}
