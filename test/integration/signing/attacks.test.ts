/** Attacks on requests to sign: by whoever writes the short-lived store, and by a portal that asks without end. */
import { createHash } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { randomId } from '../../../src/crypto/random.ts';
import { pushingRecords } from '../../../src/notify/push.ts';
import { claimOrder } from '../../../src/orders/claim.ts';
import type { OrderClaimed } from '../../../src/protocol/orders.ts';
import { createRiskPort } from '../../../src/risk/risk.ts';
import { alarmingRecords } from '../../../src/signing/altered.ts';
import { captureReservation } from '../../../src/signing/capture.ts';
import type { SigningDeps } from '../../../src/signing/deps.ts';
import { listHistory, listInbox } from '../../../src/signing/inbox.ts';
import { portalLimits } from '../../../src/signing/limits.ts';
import { cancelPortalOrder, portalFrame, readPortalOrder } from '../../../src/signing/portal-orders.ts';
import { expireRequests } from '../../../src/signing/sweep.ts';
import { tellOfDelayed } from '../../../src/signing/wanted.ts';
import { fixedClock } from '../../clock.ts';
import { takeMessages } from '../../outbox.ts';
import { testStores } from '../../stores.ts';
import { addPhone, insertUser, refusalOf } from '../../unit/mpin/world.ts';
import { callOf, decide, descriptorOf, scanned, signed, statementOf } from '../../unit/orders/order-world.ts';
import { samples } from '../../unit/signing/samples.ts';
import {
  ask,
  claimWaiting,
  createSigningWorld,
  otherPortal,
  portal,
  proofFor,
  type SigningWorld,
} from '../../unit/signing/signed.ts';

const worlds: SigningWorld[] = [];
async function open(signing: Partial<SigningDeps> = {}): Promise<SigningWorld> {
  const world = await createSigningWorld({ signing });
  worlds.push(world);
  return world;
}
afterAll(async () => {
  for (const world of worlds) await world.close();
});

/** Writes an order as it stands in the short-lived store. */
async function tamper({ deps }: SigningWorld, { orderId }: OrderClaimed, change: (order: never) => object) {
  const key = `order:{${orderId}}`;
  const stored = (await deps.shortLived.get(key)) ?? expect.fail('no order');
  const value = JSON.stringify(change(JSON.parse(stored.value) as never));
  expect(await deps.shortLived.compareAndSet(key, stored.version, value)).toBe(true);
}

type Stored = { readonly terms: { readonly signing: object }; readonly state: { readonly claim: object } };

describe('whoever writes the short-lived store', () => {
  it('makes the approval of one payment no approval of another (T-04, T-12)', async () => {
    const world = await open();
    const small = await ask(world);
    const large = await ask(world, { fields: { ...samples.payment, amount: 99_999_999 } });
    const twin = await ask(world);
    for (const other of [large, twin]) {
      const claimed = await claimWaiting(world, small.signingId);
      const proof = await proofFor(world, claimed);
      const signingOf = (id: string) => (order: Stored) => ({
        ...order,
        terms: { ...order.terms, signing: { ...order.terms.signing, id } },
      });
      await tamper(world, claimed, signingOf(other.signingId));
      expect((await refusalOf(decide(world, world.phone, { claimed, proof }))).code).toBe('order_unavailable');
      expect((await refusalOf(decide(world, world.phone, { claimed, decision: 'decline' }))).code).toBe(
        'order_unavailable',
      );
      expect((await readPortalOrder(world.signing, portal, other.signingId)).state).not.toBe('approved');
      await tamper(world, claimed, signingOf(small.signingId));
    }
  });

  it('spares nobody the proof of this order, or the mPIN where it alone is asked (T-10, T-12, A-08)', async () => {
    const engine = async () => ({ verdict: 'step-up', reasons: ['other'], grounds: {} }) as const;
    const world = await open({ risk: createRiskPort(engine) });
    const { signingId } = await ask(world);
    const claimed = await claimWaiting(world, signingId);
    await tamper(world, claimed, (order: Stored) => ({ ...order, terms: { ...order.terms, freshProof: false } }));
    // With the proof that opened the session.
    expect((await refusalOf(decide(world, world.phone, { claimed }))).code).toBe('order_unavailable');
    await tamper(world, claimed, (order: Stored) => ({
      terms: { ...order.terms, freshProof: true, mpinOnly: false },
      state: { ...order.state, claim: { ...order.state.claim, mpinOnly: false } },
    }));
    const approval = signed(world.phone.key, statementOf(world, claimed, 'approve', 'biometric'));
    const said = {
      iss: world.orders.issuer,
      deviceId: world.phone.id,
      purpose: 'order',
      subject: claimed.orderId,
      nonce: descriptorOf(world, claimed).challenge,
      boundHash: createHash('sha256').update(approval).digest('base64url'),
      iat: Math.floor(world.clock.now() / 1000),
    };
    const proof = { signature: signed(world.phone.biometricKey, said, 'mtoken-biometric+jws') };
    expect((await refusalOf(decide(world, world.phone, { claimed, approval, proof }))).code).toBe('order_unavailable');
    expect((await readPortalOrder(world.signing, portal, signingId)).state).toBe('claimed');
    // The very same finger, where it is enough: nothing else was wrong.
    const free = { ...world, orders: { ...world.orders, signing: undefined } };
    expect(await decide(free, world.phone, { claimed, approval, proof })).toMatchObject({ state: 'approved' });
  });

  it('makes one person no second approver (T-15)', async () => {
    const world = await open({ approversFor: () => 2 });
    const colleague = await insertUser(world.deps, world.company.id);
    const extra = await addPhone(world);
    const { signingId } = await ask(world);
    await addPhone(world, { user: colleague });
    const claimed = await claimWaiting(world, signingId, extra);
    const proof = await proofFor(world, claimed, extra);
    await tamper(world, claimed, (order: Stored) => ({
      ...order,
      state: { ...order.state, claim: { ...order.state.claim, userId: colleague.id } },
    }));
    expect((await refusalOf(decide(world, extra, { claimed, proof }))).code).toBe('order_unavailable');
    expect(await readPortalOrder(world.signing, portal, signingId)).toMatchObject({ approvers: { given: 0 } });
  });
});

describe('a portal that is switched off', () => {
  it('gets no approval of what a phone shows already, nor of the code that a page shows (S-07, T-12)', async () => {
    const world = await open();
    const { clients } = world.deps.records;
    const [claimable, shown] = [await ask(world), await ask(world)];
    const claimed = await claimWaiting(world, shown.signingId);
    const proof = await proofFor(world, claimed);
    const { qr } = await portalFrame(world.signing, portal, claimable.signingId);
    const now = (await clients.find(portal.id)) ?? expect.fail('no portal');
    await clients.update({ ...now, status: 'disabled' });
    expect((await refusalOf(decide(world, world.phone, { claimed, proof }))).code).toBe('order_unavailable');
    const scanning = claimOrder(world.orders, scanned(qr), await callOf(world, world.phone));
    expect((await refusalOf(scanning)).code).toBe('order_unavailable');
    for (const { signingId } of [claimable, shown]) {
      expect(await world.deps.records.signings.find(signingId)).toMatchObject({ status: 'pending', given: 0 });
    }
  });
});

describe('a portal that asks without end', () => {
  it('has one order of a person, and one list of its batch, however many frames it asks for at once (X-10)', async () => {
    const world = await open();
    const { signingId } = await ask(world, { template: 'payment-batch' });
    const kept: string[] = [];
    const { shortLived } = world.deps;
    const counting = {
      ...shortLived,
      create: (...args: Parameters<typeof shortLived.create>) => {
        kept.push(args[0]);
        return shortLived.create(...args);
      },
    };
    const deps = { ...world.signing, shortLived: counting };
    const frames = await Promise.all(Array.from({ length: 50 }, () => portalFrame(deps, portal, signingId)));
    expect(new Set(frames.map(({ qr }) => qr)).size).toBe(1);
    expect(kept.filter((key) => key.startsWith('order-list:'))).toHaveLength(1);
    expect(kept.filter((key) => key.startsWith('order:'))).toHaveLength(1);
  });

  it('leaves room in the inbox of a user for what other portals ask, and wears nobody down by nudges (O-18, X-10)', async () => {
    const world = await open();
    const { deps, clock } = world;
    const records = pushingRecords(deps.records);
    const flooding = { ...world, signing: { ...world.signing, records } };
    const asked = async () => (await ask(flooding, { template: 'document', expiresInSeconds: 86_400 })).signingId;
    const ids: string[] = [];
    for (let count = 0; count < portalLimits.openOfUser; count += 1) ids.push(await asked());
    expect((await refusalOf(asked())).code).toBe('too_many_requests');
    // Cancelled and asked anew, again and again.
    for (const signingId of ids.slice(0, 10)) {
      await cancelPortalOrder(world.signing, portal, { signingId, address: '192.0.2.1', requestId: 'req_1' });
      await asked();
    }
    expect(await takeMessages(deps.records, clock.now())).toHaveLength(10);
    const { signingId } = await ask(flooding, { client: otherPortal });
    const who = { userId: world.user.id, companyId: world.company.id, mayCosign: true };
    const waiting = await deps.records.signings.waiting(who, clock.now());
    expect(waiting.map(({ id }) => id)).toContain(signingId);
    // Neither is another person kept from being asked by the same portal.
    await ask(flooding, { user: (await insertUser(deps, world.company.id)).id });
    clock.advance(600_001);
    await asked().catch(() => undefined);
    await ask(flooding, { client: otherPortal });
    expect((await takeMessages(deps.records, clock.now())).length).toBeGreaterThan(0);
  });

  it('hides nothing of a person behind what others of the company are asked (X-10, T-09)', async () => {
    const world = await open();
    const { deps, clock } = world;
    const colleague = await insertUser(deps, world.company.id);
    const sample = (await deps.records.signings.find((await ask(world)).signingId)) ?? expect.fail('no request');
    for (let count = 0; count < 120; count += 1) {
      const id = randomId('sig');
      await deps.records.signings.insert({ ...sample, id, userId: colleague.id, approvers: 2, createdAt: 1 });
    }
    const who = { userId: world.user.id, companyId: world.company.id, mayCosign: true };
    const waiting = await deps.records.signings.waiting(who, clock.now());
    expect(waiting).toHaveLength(100);
    expect(waiting.map(({ id }) => id)).toContain(sample.id);
  });
});

describe('whoever writes the database', () => {
  it('changes one request and hides no other: lists and sweep go on, nobody opens it, and polling alarms once (T-04, T-09, X-10)', async () => {
    const told: object[] = [];
    const log = { error: (fields: object) => void told.push(fields) };
    const stores = await testStores();
    const records = alarmingRecords(stores.records, { clock: fixedClock(), log });
    const world = await createSigningWorld({ stores: { ...stores, records } });
    worlds.push(world);
    const write = (id: string) => stores.durable.run('update signings set approvers = 2 where id = $1', [id]);
    const { signingId: older } = await ask(world);
    await cancelPortalOrder(world.signing, portal, { signingId: older, address: '192.0.2.1', requestId: 'req_1' });
    world.clock.advance(1_000);
    const [changed, intact] = [(await ask(world)).signingId, (await ask(world)).signingId];
    await write(changed);
    const call = await callOf(world, world.phone);
    for (let polls = 0; polls < 5; polls += 1) {
      const { waiting } = await listInbox(world.orders, call);
      expect(waiting.map(({ signingId }) => signingId)).toEqual([intact]);
    }
    for (const opened of [claimWaiting(world, changed), readPortalOrder(world.signing, portal, changed)])
      expect((await refusalOf(opened)).code).toBe('internal');
    world.clock.advance(400_000);
    expect(await expireRequests(world.signing)).toBe(1);
    expect(await readPortalOrder(world.signing, portal, intact)).toMatchObject({ state: 'expired' });
    // A whole page of the history: what lies behind it is there.
    await stores.durable.run("update signings set status = 'expired', ended_at = expires_at where id = $1", [changed]);
    const sample = (await records.signings.find(intact)) ?? expect.fail('no request');
    for (let count = 0; count < 26; count += 1) {
      const id = randomId('sig');
      await records.signings.insert({ ...sample, id, createdAt: sample.createdAt - 1 });
      await write(id);
    }
    await stores.durable.run('update signings set ended_at = null where id = $1', [intact]);
    const { past, hasMore } = await listHistory(world.orders, {}, call);
    expect([past.map(({ signingId }) => signingId), hasMore]).toEqual([[older], false]);
    expect(told).toHaveLength(28);
    const trail = await records.audit.search({ event: 'signing.altered' }, { order: 'oldest', limit: 100 });
    expect(trail.map(({ orderId }) => orderId)).toEqual(told.map((fields) => (fields as { orderId: string }).orderId));
    expect(trail[0]).toMatchObject({ actor: 'server', orderId: changed, data: { signingId: changed } });
  });

  it('changes a thousand and more, and neither keeps others from their end and their nudge nor fills log and trail (T-04, X-10)', async () => {
    const told: object[] = [];
    const stores = await testStores();
    const log = { error: (fields: object) => void told.push(fields) };
    const records = pushingRecords(alarmingRecords(stores.records, { clock: fixedClock(), log }));
    const world = await createSigningWorld({ stores: { ...stores, records } });
    worlds.push(world);
    const sample = (await records.signings.find((await ask(world)).signingId)) ?? expect.fail('no request');
    await records.transaction(async ({ signings }) => {
      for (let count = 0; count < 1_010; count += 1) {
        const times = { askableAt: 1, expiresAt: sample.expiresAt - 1 };
        await signings.insert({ ...sample, id: randomId('sig'), clientId: 'flood', ...times }, { isTold: false });
      }
    });
    await stores.durable.run("update signings set approvers = 2 where client_id = 'flood'");
    await records.signings.insert({ ...sample, id: randomId('sig') }, { isTold: false });
    await takeMessages(records, world.clock.now());
    await tellOfDelayed(world.signing);
    expect(await takeMessages(records, world.clock.now())).toHaveLength(1);
    world.clock.advance(400_000);
    expect(await expireRequests(world.signing)).toBe(2);
    expect(told).toHaveLength(1_000);
    expect(await records.audit.read(0, 5_000, { event: 'signing.altered' })).toHaveLength(1_000);
  });
});

describe('whoever writes how it stands', () => {
  it('makes of one person no two, and no approval that nobody gave: nothing is told, and nothing captured (T-04, T-07, T-15)', async () => {
    const ended: string[] = [];
    const stores = await testStores();
    const world = await createSigningWorld({
      stores,
      signing: {
        approversFor: (_company, template) => (template === 'payment' ? 2 : 1),
        ended: [async (_records, { status }) => void ended.push(status)],
      },
    });
    worlds.push(world);
    const { signingId } = await ask(world);
    const write = (given: number) =>
      stores.durable.run('update signings set given = $2 where id = $1', [signingId, given]);
    const claimed = await claimWaiting(world, signingId);
    const proof = await proofFor(world, claimed);
    await write(1);
    expect((await refusalOf(decide(world, world.phone, { claimed, proof }))).code).toBe('internal');
    await write(0);
    expect(await readPortalOrder(world.signing, portal, signingId)).toMatchObject({ receipts: [] });
    const { signingId: reserved } = await ask(world, { template: 'reservation' });
    const id = await world.deps.records.signings.find(reserved);
    await stores.durable.run("update signings set status = 'approved', given = 1, ended_at = $2 where id = $1", [
      reserved,
      id?.createdAt ?? 0,
    ]);
    const body = { amount: 100 };
    const capture = { id: reserved, body, address: '192.0.2.1', requestId: 'req_1' };
    for (const opened of [
      readPortalOrder(world.signing, portal, reserved),
      captureReservation(world.signing, portal, capture),
    ])
      expect((await refusalOf(opened)).code).toBe('internal');
    expect(ended).toEqual([]);
  });
});

describe('one request that cannot be ended', () => {
  it('keeps no other from its end (T-09, X-03)', async () => {
    const broken = new Set<string>();
    const world = await open({
      ended: [
        async (_records, { id }) => {
          if (broken.has(id)) throw new Error('its end could not be told');
        },
      ],
    });
    const first = await ask(world);
    broken.add(first.signingId);
    world.clock.advance(1_000);
    const second = await ask(world);
    world.clock.advance(400_000);
    await expect(expireRequests(world.signing)).rejects.toThrow('could not be told');
    const states = [first, second].map(
      async ({ signingId }) => (await world.deps.records.signings.find(signingId))?.status,
    );
    expect(await Promise.all(states)).toEqual(['pending', 'expired']);
  });

  it('or told of, keeps no other from its nudge (T-09, X-03)', async () => {
    const stores = await testStores();
    const records = pushingRecords(stores.records);
    const world = await createSigningWorld({ stores: { ...stores, records } });
    worlds.push(world);
    const { signing, deps, company, clock } = world;
    const broken = await insertUser(deps, company.id);
    const sample = (await records.signings.find((await ask(world)).signingId)) ?? expect.fail('no request');
    for (const [userId, askableAt] of [
      [broken.id, 1],
      [sample.userId, 2],
    ] as const)
      await records.signings.insert({ ...sample, id: randomId('sig'), userId, askableAt }, { isTold: false });
    await takeMessages(records, clock.now());
    const hit: typeof signing.shortLived.hit = async (key, windowMs) => {
      if (key.includes(broken.id)) throw new Error('this one fails');
      return signing.shortLived.hit(key, windowMs);
    };
    const failing = { ...signing, shortLived: { ...signing.shortLived, hit } };
    await expect(tellOfDelayed(failing)).rejects.toThrow('this one fails');
    expect(await takeMessages(records, clock.now())).toHaveLength(1);
  });
});
