import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeBase64url, sha256 } from '../../../src/crypto/bytes.ts';
import { deactivateDevice } from '../../../src/devices/devices.ts';
import { AuthError } from '../../../src/errors.ts';
import { claimOrder } from '../../../src/orders/claim.ts';
import { listPart } from '../../../src/orders/list.ts';
import { readOrder } from '../../../src/orders/live.ts';
import type { FieldsOf } from '../../../src/protocol/templates/templates.ts';
import { verifyReceipt } from '../../../src/sdk/receipt.ts';
import {
  cancelPortalOrder,
  createPortalOrder,
  portalFrame,
  readPortalOrder,
} from '../../../src/signing/portal-orders.ts';
import { whenChanged } from '../../../src/signing/wait.ts';
import { render } from '../../../src/signing/wording.ts';
import { addPhone, insertUser, refusalOf } from '../mpin/world.ts';
import { callOf, claim, decide, newLogin, scanned, signed, statementOf } from '../orders/order-world.ts';
import { samples } from './samples.ts';
import { approve, ask, createSigningWorld, historyOf, otherPortal, portal, type SigningWorld } from './signed.ts';

let world: SigningWorld;
beforeEach(async () => {
  world = await createSigningWorld();
});
afterEach(async () => world.close());

const by = { address: '192.0.2.1', requestId: 'req_2' };
const stateOf = async (orderId: string) => (await readPortalOrder(world.orders, portal, orderId)).state;

async function lastOf(orderId: string) {
  const records = await world.deps.records.audit.search({ orderId }, { after: 0, order: 'oldest', limit: 100 });
  return records.slice(-1);
}

async function claimed(orderId: string) {
  const { qr } = await portalFrame(world.orders, portal, orderId);
  return claimOrder(world.orders, scanned(qr), await callOf(world, world.phone));
}

describe('an order of a portal’s server', () => {
  it('passes from pending to approved, and keeps one receipt for a day (T-14)', async () => {
    const { orderId, state, expiresAt } = await ask(world);
    expect([state, expiresAt]).toEqual(['pending', world.clock.now() + 300_000]);
    expect(await stateOf(orderId)).toBe('pending');
    await approve(world, orderId);
    const [one, other] = await Promise.all([
      readPortalOrder(world.orders, portal, orderId),
      readPortalOrder(world.orders, portal, orderId),
    ]);
    expect(one).toMatchObject({ state: 'approved', reference: 'my payment', receipt: { format: 'mtoken-receipt' } });
    expect(other).toEqual(one);
    world.clock.advance(23 * 3_600_000);
    expect(await readPortalOrder(world.orders, portal, orderId)).toEqual(one);
    world.clock.advance(3_600_001);
    expect((await refusalOf(readPortalOrder(world.orders, portal, orderId))).code).toBe('not_found');
  });

  it('is nobody else’s: another portal sees, shows, cancels and fetches nothing (T-09, T17)', async () => {
    const { orderId } = await ask(world);
    await approve(world, orderId);
    for (const work of [
      readPortalOrder(world.orders, otherPortal, orderId),
      portalFrame(world.orders, otherPortal, orderId),
      cancelPortalOrder(world.orders, otherPortal, { orderId, ...by }),
    ]) {
      expect((await refusalOf(work)).code).toBe('not_found');
    }
    expect(await stateOf(orderId)).toBe('approved');
  });

  it('cannot be claimed by another user’s phone (T-09)', async () => {
    const stranger = await addPhone(world, { user: await insertUser(world.deps, world.company.id) });
    const { orderId } = await ask(world);
    const { qr } = await portalFrame(world.orders, portal, orderId);
    const refused = claimOrder(world.orders, scanned(qr), await callOf(world, stranger));
    expect((await refusalOf(refused)).code).toBe('order_unavailable');
    expect(await stateOf(orderId)).toBe('pending');
  });

  it('approved, releases no other: neither the next payment nor a login, and a login releases no payment (T-10, T-12)', async () => {
    const [first, second] = [await ask(world), await ask(world, { template: 'text' })];
    const [one, other] = [await claimed(first.orderId), await claimed(second.orderId)];
    const foreign = signed(world.phone.key, statementOf(world, one, 'approve'));
    expect((await refusalOf(decide(world, world.phone, { claimed: other, approval: foreign }))).code).toBe(
      'invalid_request',
    );
    const login = await claim(world, world.phone, { order: await newLogin(world) });
    const ofLogin = signed(world.phone.key, statementOf(world, login, 'approve'));
    expect((await refusalOf(decide(world, world.phone, { claimed: other, approval: ofLogin }))).code).toBe(
      'invalid_request',
    );
    expect((await refusalOf(decide(world, world.phone, { claimed: login, approval: foreign }))).code).toBe(
      'invalid_request',
    );
    expect([await stateOf(first.orderId), await stateOf(second.orderId)]).toEqual(['claimed', 'claimed']);
  });

  it('is refused an approval of the text with any field changed: amount, currency, payee, account, date (T-02, T-03, T-04)', async () => {
    const order = await claimed((await ask(world)).orderId);
    const statement = statementOf(world, order, 'approve');
    const changes = {
      amount: 125_001,
      currency: 'USD',
      creditorName: 'Mallory',
      creditorIban: 'NL91ABNA0417164300',
      debtorIban: 'GB29NWBK60161331926819',
      date: '2026-11-24',
      reference: 'Invoice 2026/119',
    };
    expect(Object.keys(changes).sort()).toEqual(Object.keys(samples.payment).sort());
    for (const [name, value] of Object.entries(changes)) {
      const fields = { ...samples.payment, [name]: value } as FieldsOf<'payment'>;
      const displayHash = encodeBase64url(sha256(render('payment', fields, 'en').display.text));
      expect(displayHash).not.toBe(statement.displayHash);
      const approval = signed(world.phone.key, { ...statement, displayHash });
      const proof = { handshake: `hs_${'a'.repeat(22)}`, proof: 'a'.repeat(64) };
      expect(await refusalOf(decide(world, world.phone, { claimed: order, approval, proof })), name).toMatchObject({
        code: 'invalid_request',
        message: 'the signed statement does not fit the order',
      });
    }
    expect(await stateOf(order.orderId)).toBe('claimed');
  });

  it('takes a proof of its own: the session that is open approves nothing (T-13)', async () => {
    const { orderId } = await ask(world);
    expect((await refusalOf(decide(world, world.phone, { claimed: await claimed(orderId) }))).code).toBe(
      'proof_required',
    );
  });

  it.each([
    ['decline', 'declined'],
    ['report', 'reported'],
  ] as const)('is over with a %s, for good (T-17)', async (decision, state) => {
    const { orderId } = await ask(world);
    const order = await claimed(orderId);
    await decide(world, world.phone, { claimed: order, decision });
    expect((await refusalOf(decide(world, world.phone, { claimed: order }))).code).toBe('order_unavailable');
    const ended = await readPortalOrder(world.orders, portal, orderId);
    expect(ended).toMatchObject({ state });
    expect(ended).not.toHaveProperty('receipt');
  });

  it('is declined with a reason, which phone signs, trail keeps and portal reads; no other statement has one (T-17)', async () => {
    const { orderId } = await ask(world);
    const order = await claimed(orderId);
    for (const decision of ['approve', 'report'] as const) {
      const odd = signed(world.phone.key, { ...statementOf(world, order, decision), reason: 'amount' });
      expect((await refusalOf(decide(world, world.phone, { claimed: order, approval: odd }))).code).toBe(
        'invalid_request',
      );
    }
    const login = await claim(world, world.phone, { order: await newLogin(world) });
    const ofLogin = signed(world.phone.key, { ...statementOf(world, login, 'decline'), reason: 'payee' });
    expect((await refusalOf(decide(world, world.phone, { claimed: login, approval: ofLogin }))).code).toBe(
      'invalid_request',
    );
    const approval = signed(world.phone.key, { ...statementOf(world, order, 'decline'), reason: 'payee' });
    await decide(world, world.phone, { claimed: order, approval });
    expect(await readPortalOrder(world.orders, portal, orderId)).toMatchObject({ state: 'declined', reason: 'payee' });
    const records = await world.deps.records.audit.search({ orderId }, { after: 0, order: 'oldest', limit: 100 });
    expect(records.at(-1)).toMatchObject({ event: 'order.declined', data: { reason: 'payee' } });
  });

  it('expires after 300 seconds, and then shows nothing (T-09)', async () => {
    const { orderId } = await ask(world);
    world.clock.advance(299_000);
    await portalFrame(world.orders, portal, orderId);
    world.clock.advance(1_001);
    expect(await stateOf(orderId)).toBe('expired');
    expect((await refusalOf(portalFrame(world.orders, portal, orderId))).code).toBe('order_unavailable');
  });

  it('is cancelled by its portal once, also while the phone shows it; what is approved stays approved', async () => {
    const [first, second] = [await ask(world), await ask(world)];
    const order = await claimed(first.orderId);
    for (const _ of [1, 2]) {
      const cancelled = await cancelPortalOrder(world.orders, portal, { orderId: first.orderId, ...by });
      expect(cancelled.state).toBe('cancelled');
    }
    expect((await refusalOf(decide(world, world.phone, { claimed: order }))).code).toBe('order_unavailable');
    await approve(world, second.orderId);
    expect((await cancelPortalOrder(world.orders, portal, { orderId: second.orderId, ...by })).state).toBe('approved');
  });

  it('approved on a phone that ends before the portal looks is cancelled: one clear state, and no receipt (T8, S-07)', async () => {
    const { orderId } = await ask(world);
    await approve(world, orderId);
    await deactivateDevice(world.deps, { deviceId: world.phone.id, actor: 'cli', reason: 'stolen' });
    for (const _ of [1, 2]) {
      const ended = await readPortalOrder(world.orders, portal, orderId);
      expect(ended.state).toBe('cancelled');
      expect(ended).not.toHaveProperty('receipt');
    }
    expect((await lastOf(orderId)).map(({ event, actor }) => [event, actor])).toEqual([['order.cancelled', 'server']]);
  });

  it('approved and fetched gives its receipt though the process died before it was made and the phone has ended since (S-07, T-14)', async () => {
    const { orderId } = await ask(world);
    await approve(world, orderId);
    const dying = { ...world.orders, signCompact: () => Promise.reject(new Error('the process ended')) };
    await expect(readPortalOrder(dying, portal, orderId)).rejects.toThrow('the process ended');
    expect((await readOrder(world.orders, orderId))?.state.name).toBe('redeemed');
    await deactivateDevice(world.deps, { deviceId: world.phone.id, actor: 'cli', reason: 'lost' });
    const { state, receipt } = await readPortalOrder(world.orders, portal, orderId);
    expect(state).toBe('approved');
    expect((await verifyReceipt(receipt, await historyOf(world))).isGenuine).toBe(true);
  });

  it('approved stays so when the company’s rules change before the portal looks: they were asked at the decision (T-14)', async () => {
    const { orderId } = await ask(world);
    await approve(world, orderId);
    const company = await world.deps.records.companies.find(world.company.id);
    if (company === undefined) throw new Error('no company');
    // No network of the portal's server, and no day on which anybody may log in.
    const hours = { days: [], from: '00:00', until: '23:59', timeZone: 'UTC' };
    const rules = { ...company.rules, networks: ['198.51.100.0/24'], hours };
    await world.deps.records.companies.update({ ...company, rules });
    expect(await readPortalOrder(world.orders, portal, orderId)).toMatchObject({
      state: 'approved',
      receipt: { format: 'mtoken-receipt' },
    });
    expect((await lastOf(orderId)).map(({ event, actor }) => [event, actor])).toEqual([
      ['order.redeemed', `client:${portal.id}`],
    ]);
  });

  it('gives a store that is down as such, and not as an end: the order is still there afterwards (A-11)', async () => {
    const { orderId } = await ask(world);
    await approve(world, orderId);
    const down = { ...world.orders, assertUsable: () => Promise.reject(new AuthError('unavailable')) };
    expect((await refusalOf(readPortalOrder(down, portal, orderId))).code).toBe('unavailable');
    expect(await stateOf(orderId)).toBe('approved');
  });

  it('names no page that the portal is not registered with, and asks nobody whom there is not (P-08)', async () => {
    const body = {
      user: world.user.id,
      template: 'payment',
      version: 1,
      fields: samples.payment,
      locale: 'en',
      reference: 'r',
    };
    const create = (changed: object) =>
      refusalOf(createPortalOrder(world.orders, portal, { body: { ...body, ...changed }, requestId: 'req_1' }));
    expect((await create({ origin: 'https://evil.example' })).code).toBe('invalid_request');
    expect((await create({ user: `usr_${'a'.repeat(22)}` })).code).toBe('not_found');
    const suspended = await insertUser(world.deps, world.company.id);
    await world.deps.records.users.update({ ...suspended, status: 'suspended' });
    expect((await create({ user: suspended.id })).code).toBe('not_found');
  });

  it('gives the list of a batch to the phone that claimed it and to no other (T-06, T-09)', async () => {
    const { orderId } = await ask(world, { template: 'payment-batch' });
    const call = await callOf(world, world.phone);
    expect((await refusalOf(listPart(world.orders, { orderId, part: 0 }, call))).code).toBe('order_unavailable');
    await claimed(orderId);
    const { bytes, parts } = await listPart(world.orders, { orderId, part: 0 }, call);
    expect(parts).toBe(1);
    expect(JSON.parse(Buffer.from(bytes, 'base64url').toString())).toHaveLength(2);
    const other = await callOf(world, await addPhone(world));
    expect((await refusalOf(listPart(world.orders, { orderId, part: 0 }, other))).code).toBe('order_unavailable');
    expect((await refusalOf(listPart(world.orders, { orderId, part: 1 }, call))).code).toBe('order_unavailable');
  });
});

describe('the trail', () => {
  it('names the portal that asked, the user who was asked and the phone that decided, step by step (A-01)', async () => {
    const { orderId } = await ask(world);
    await approve(world, orderId);
    await readPortalOrder(world.orders, portal, orderId);
    const records = await world.deps.records.audit.search({ orderId }, { after: 0, order: 'oldest', limit: 100 });
    expect(records.map(({ event, actor, userId }) => [event, actor, userId])).toEqual([
      ['order.created', `client:${portal.id}`, world.user.id],
      ['order.claimed', `device:${world.phone.id}`, world.user.id],
      ['order.approved', `device:${world.phone.id}`, world.user.id],
      ['order.redeemed', `client:${portal.id}`, world.user.id],
    ]);
  });
});

describe('a long poll', () => {
  const never = new AbortController().signal;

  it('ends with the change, or at once where it came before (T-12)', async () => {
    const { orderId } = await ask(world);
    const waiting = whenChanged(world.orders, orderId, { since: 'pending', milliseconds: 60_000, signal: never });
    await claimed(orderId);
    await waiting;
    await whenChanged(world.orders, orderId, { since: 'pending', milliseconds: 60_000, signal: never });
    expect(await stateOf(orderId)).toBe('claimed');
  });

  it('ends when the caller has gone, and where there is nothing to wait for', async () => {
    const { orderId } = await ask(world);
    const gone = new AbortController();
    const waiting = whenChanged(world.orders, orderId, { milliseconds: 60_000, signal: gone.signal });
    gone.abort();
    await waiting;
    await whenChanged(world.orders, 'ord_none', { milliseconds: 60_000, signal: never });
    await cancelPortalOrder(world.orders, portal, { orderId, ...by });
    await whenChanged(world.orders, orderId, { milliseconds: 60_000, signal: never });
    expect(await stateOf(orderId)).toBe('cancelled');
  });
});
