import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeBase64url, sha256 } from '../../../src/crypto/bytes.ts';
import { deactivateDevice } from '../../../src/devices/devices.ts';
import { AuthError } from '../../../src/errors.ts';
import { listPart } from '../../../src/orders/list.ts';
import { readOrder } from '../../../src/orders/live.ts';
import type { FieldsOf } from '../../../src/protocol/templates/templates.ts';
import { verifyReceipt } from '../../../src/sdk/receipt.ts';
import { liveOrderOf } from '../../../src/signing/live.ts';
import { signingParts } from '../../../src/signing/parts.ts';
import {
  assertOwnOrder,
  cancelPortalOrder,
  createPortalOrder,
  portalFrame,
  readPortalOrder,
} from '../../../src/signing/portal-orders.ts';
import { languageFor } from '../../../src/signing/requests.ts';
import { pruneRequests } from '../../../src/signing/sweep.ts';
import { whenRequestChanged } from '../../../src/signing/wait.ts';
import { render } from '../../../src/signing/wording.ts';
import { addPhone, insertUser, refusalOf } from '../mpin/world.ts';
import { callOf, claim, decide, newLogin, signed, statementOf } from '../orders/order-world.ts';
import { samples } from './samples.ts';
import {
  approve,
  approveClaimed,
  ask,
  claimShown,
  claimWaiting,
  createSigningWorld,
  historyOf,
  otherPortal,
  payloadOf,
  portal,
  proofFor,
  type SigningWorld,
} from './signed.ts';

let world: SigningWorld;
beforeEach(async () => {
  world = await createSigningWorld();
});
afterEach(async () => world.close());

const by = { address: '192.0.2.1', requestId: 'req_2' };
const stateOf = async (signingId: string) => (await readPortalOrder(world.signing, portal, signingId)).state;

/** The trail of the request itself. */
async function trailOf(signingId: string) {
  return world.deps.records.audit.search({ orderId: signingId }, { after: 0, order: 'oldest', limit: 100 });
}

const claimed = (signingId: string) => claimShown(world, signingId);

describe('an order of a portal’s server', () => {
  it('passes from pending to approved, and keeps one receipt for 90 days (T-14)', async () => {
    const { signingId, state, expiresAt } = await ask(world);
    expect([state, expiresAt]).toEqual(['pending', world.clock.now() + 300_000]);
    expect(await stateOf(signingId)).toBe('pending');
    await approve(world, signingId);
    const [one, other] = await Promise.all([
      readPortalOrder(world.signing, portal, signingId),
      readPortalOrder(world.signing, portal, signingId),
    ]);
    expect(one).toMatchObject({ state: 'approved', reference: 'my payment', receipts: [{ format: 'mtoken-receipt' }] });
    expect(other).toEqual(one);
    world.clock.advance(90 * 86_400_000);
    expect(await pruneRequests(world.signing)).toBe(0);
    expect(await readPortalOrder(world.signing, portal, signingId)).toEqual(one);
    world.clock.advance(1);
    expect(await pruneRequests(world.signing)).toBe(1);
    expect((await refusalOf(readPortalOrder(world.signing, portal, signingId))).code).toBe('not_found');
  });

  it.each([
    ['payment', 'date'],
    ['payment-batch', 'date'],
    ['consent', 'until'],
  ] as const)(
    'is none for a day that is over, of a %s: wherever on earth it may still be, it is asked (T-01, T-08)',
    async (template, field) => {
      // By this clock it is the 20th.
      for (const day of ['2020-01-01', '2025-11-20', '2026-11-18']) {
        const refused = await refusalOf(ask(world, { template, fields: { ...samples[template], [field]: day } }));
        expect([refused.code, refused.message]).toEqual([
          'invalid_request',
          `fields/${field} must be a day that is not over`,
        ]);
      }
      for (const day of ['2026-11-19', '2026-11-20', '2026-11-21']) {
        const { state } = await ask(world, { template, fields: { ...samples[template], [field]: day } });
        expect(state).toBe('pending');
      }
    },
  );

  it('is drawn in the person’s own language where there are no texts in the one that is asked for (T-01)', async () => {
    const { users, signings } = world.deps.records;
    await users.setLanguage(world.user.id, 'de');
    const shown = async (locale: string) => {
      const body = {
        user: world.user.id,
        template: 'payment',
        version: 1,
        fields: samples.payment,
        locale,
        reference: 'r',
      };
      const { signingId } = await createPortalOrder(world.signing, portal, { body, requestId: 'req_1' });
      return (await signings.find(signingId))?.display.locale;
    };
    expect([await shown('xx'), await shown('tlh-AQ'), await shown('FR-be')]).toEqual(['de', 'de', 'fr']);
    expect(languageFor({ language: undefined, locale: 'xx' }, ['tlh', 'ga', 'de'])).toBe('ga');
    expect(languageFor({ language: undefined, locale: 'xx' }, ['tlh'])).toBe('en');
  });

  it('is nobody else’s: another portal sees, shows, cancels and fetches nothing (T-09, T17)', async () => {
    const { signingId } = await ask(world);
    await approve(world, signingId);
    for (const work of [
      readPortalOrder(world.signing, otherPortal, signingId),
      portalFrame(world.signing, otherPortal, signingId),
      cancelPortalOrder(world.signing, otherPortal, { signingId, ...by }),
    ]) {
      expect((await refusalOf(work)).code).toBe('not_found');
    }
    expect(await stateOf(signingId)).toBe('approved');
  });

  it('cannot be claimed by another user’s phone (T-09)', async () => {
    const stranger = await addPhone(world, { user: await insertUser(world.deps, world.company.id) });
    const { signingId } = await ask(world);
    for (const claim of [claimShown, claimWaiting]) {
      expect((await refusalOf(claim(world, signingId, stranger))).code).toBe('order_unavailable');
    }
    expect(await stateOf(signingId)).toBe('pending');
  });

  it('approved, releases no other: neither the next payment nor a login, and a login releases no payment (T-10, T-12)', async () => {
    const [first, second] = [await ask(world), await ask(world, { template: 'text' })];
    const [one, other] = [await claimed(first.signingId), await claimed(second.signingId)];
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
    expect([await stateOf(first.signingId), await stateOf(second.signingId)]).toEqual(['claimed', 'claimed']);
  });

  it('is refused an approval of the text with any field changed: amount, currency, payee, account, date (T-02, T-03, T-04)', async () => {
    const { signingId } = await ask(world);
    const order = await claimed(signingId);
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
    expect(await stateOf(signingId)).toBe('claimed');
  });

  it('takes a proof of its own: the session that is open approves nothing (T-13)', async () => {
    const { signingId } = await ask(world);
    expect((await refusalOf(decide(world, world.phone, { claimed: await claimed(signingId) }))).code).toBe(
      'proof_required',
    );
  });

  it.each([
    ['decline', 'declined'],
    ['report', 'reported'],
  ] as const)('is over with a %s, for good (T-17)', async (decision, state) => {
    const { signingId } = await ask(world);
    const order = await claimed(signingId);
    await decide(world, world.phone, { claimed: order, decision });
    expect((await refusalOf(decide(world, world.phone, { claimed: order }))).code).toBe('order_unavailable');
    const ended = await readPortalOrder(world.signing, portal, signingId);
    expect(ended).toMatchObject({ state });
    expect(ended.receipts).toEqual([]);
  });

  it('is declined with a reason, which phone signs, trail keeps and portal reads; no other statement has one (T-17)', async () => {
    const { signingId } = await ask(world);
    const order = await claimed(signingId);
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
    expect(await readPortalOrder(world.signing, portal, signingId)).toMatchObject({
      state: 'declined',
      reason: 'payee',
    });
    expect((await trailOf(signingId)).at(-1)).toMatchObject({ event: 'signing.declined', data: { reason: 'payee' } });
    const records = await trailOf(order.orderId);
    expect(records.at(-1)).toMatchObject({ event: 'order.declined', data: { reason: 'payee', signingId } });
  });

  it('expires after 300 seconds, and then shows nothing (T-09)', async () => {
    const { signingId } = await ask(world);
    world.clock.advance(299_000);
    await portalFrame(world.signing, portal, signingId);
    world.clock.advance(1_001);
    expect(await stateOf(signingId)).toBe('expired');
    expect((await refusalOf(portalFrame(world.signing, portal, signingId))).code).toBe('order_unavailable');
  });

  it('is cancelled by its portal once, also while the phone shows it; what is approved stays approved', async () => {
    const [first, second] = [await ask(world), await ask(world)];
    const order = await claimed(first.signingId);
    for (const _ of [1, 2]) {
      const cancelled = await cancelPortalOrder(world.signing, portal, { signingId: first.signingId, ...by });
      expect(cancelled.state).toBe('cancelled');
    }
    expect((await refusalOf(decide(world, world.phone, { claimed: order }))).code).toBe('order_unavailable');
    await approve(world, second.signingId);
    expect((await cancelPortalOrder(world.signing, portal, { signingId: second.signingId, ...by })).state).toBe(
      'approved',
    );
  });

  it('approved stays so, with the receipt of that moment, when phone, user or rules of the company end or change before the portal looks (S-07, T-14)', async () => {
    const { signingId } = await ask(world);
    await approve(world, signingId);
    await deactivateDevice(world.deps, { deviceId: world.phone.id, actor: 'cli', reason: 'stolen' });
    const company = await world.deps.records.companies.find(world.company.id);
    if (company === undefined) throw new Error('no company');
    // No network of the portal's server, and no day on which anybody may log in.
    const hours = { days: [], from: '00:00', until: '23:59', timeZone: 'UTC' };
    const rules = { ...company.rules, networks: ['198.51.100.0/24'], hours };
    await world.deps.records.companies.update({ ...company, rules, status: 'suspended' });
    const { state, receipts } = await readPortalOrder(world.signing, portal, signingId);
    expect(state).toBe('approved');
    expect((await verifyReceipt(receipts[0], await historyOf(world))).isGenuine).toBe(true);
  });

  it('is not approved by a phone that ends while it decides: what ended a moment ago is countersigned no more (S-07)', async () => {
    const { signingId } = await ask(world);
    const order = await claimed(signingId);
    const proof = await proofFor(world, order);
    const signCompact = async (typ: string, payload: object): Promise<string> => {
      await deactivateDevice(world.deps, { deviceId: world.phone.id, actor: 'cli', reason: 'stolen' });
      return world.orders.signCompact(typ, payload);
    };
    const signing = signingParts({ ...world.signing, signCompact });
    const late = { ...world, orders: { ...world.orders, signing } };
    expect((await refusalOf(decide(late, world.phone, { claimed: order, proof }))).code).toBe('access_denied');
    expect(await readPortalOrder(world.signing, portal, signingId)).toMatchObject({ state: 'claimed', receipts: [] });
    expect((await trailOf(order.orderId)).at(-1)?.event).toBe('order.decision_refused');
  });

  it('is decided by what is written down: the process that ends before the order says so takes nothing back (A-11, T-14)', async () => {
    const { signingId } = await ask(world);
    const order = await claimed(signingId);
    const proof = await proofFor(world, order);
    let isCommitted = false;
    const { records } = world.orders;
    const transaction: typeof records.transaction = async (work) => {
      const result = await records.transaction(work);
      isCommitted = true;
      return result;
    };
    const { shortLived } = world.orders;
    const compareAndSet: typeof shortLived.compareAndSet = (...call) =>
      isCommitted ? Promise.reject(new AuthError('unavailable')) : shortLived.compareAndSet(...call);
    const orders = {
      ...world.orders,
      records: { ...records, transaction },
      shortLived: { ...shortLived, compareAndSet },
    };
    await decide({ ...world, orders }, world.phone, { claimed: order, proof });
    expect((await readOrder(world.orders, order.orderId))?.state.name).toBe('claimed');
    const { state, receipts } = await readPortalOrder(world.signing, portal, signingId);
    expect([state, receipts.length]).toEqual(['approved', 1]);
    // The order says nothing yet, and takes no second decision.
    world.clock.advance(16_000);
    const again = decide(world, world.phone, { claimed: order, decision: 'report' });
    expect((await refusalOf(again)).code).toBe('order_unavailable');
    expect(await stateOf(signingId)).toBe('approved');
  });

  it('gives a store that is down as such, and not as an end: the request is still there afterwards (A-11)', async () => {
    const { signingId } = await ask(world);
    const order = await claimed(signingId);
    const proof = await proofFor(world, order);
    const transaction = () => Promise.reject(new AuthError('unavailable'));
    const down = { ...world, orders: { ...world.orders, records: { ...world.orders.records, transaction } } };
    expect((await refusalOf(decide(down, world.phone, { claimed: order, proof }))).code).toBe('unavailable');
    expect(await stateOf(signingId)).toBe('claimed');
    await approveClaimed(world, order);
    expect(await stateOf(signingId)).toBe('approved');
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
      refusalOf(createPortalOrder(world.signing, portal, { body: { ...body, ...changed }, requestId: 'req_1' }));
    expect((await create({ origin: 'https://evil.example' })).code).toBe('invalid_request');
    expect((await create({ user: `usr_${'a'.repeat(22)}` })).code).toBe('not_found');
    const suspended = await insertUser(world.deps, world.company.id);
    await world.deps.records.users.update({ ...suspended, status: 'suspended' });
    expect((await create({ user: suspended.id })).code).toBe('not_found');
  });

  it('gives the list of a batch to the phone that claimed it and to no other (T-06, T-09)', async () => {
    const { signingId } = await ask(world, { template: 'payment-batch' });
    const call = await callOf(world, world.phone);
    await portalFrame(world.signing, portal, signingId);
    const orderId = await liveOrderOf(
      world.signing,
      await assertOwnOrder(world.signing, portal, signingId),
      world.user.id,
    );
    expect((await refusalOf(listPart(world.orders, { orderId, part: 0 }, call))).code).toBe('order_unavailable');
    expect((await claimed(signingId)).orderId).toBe(orderId);
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
    const { signingId } = await ask(world);
    await approve(world, signingId);
    const facts = async (id: string) => (await trailOf(id)).map(({ event, actor, userId }) => [event, actor, userId]);
    expect(await facts(signingId)).toEqual([
      ['signing.requested', `client:${portal.id}`, world.user.id],
      ['signing.approved', `device:${world.phone.id}`, world.user.id],
    ]);
    const orderId = String((await trailOf(signingId)).at(-1)?.data?.['orderId']);
    expect(await facts(orderId)).toEqual([
      ['order.created', `client:${portal.id}`, world.user.id],
      ['order.claimed', `device:${world.phone.id}`, world.user.id],
      ['order.approved', `device:${world.phone.id}`, world.user.id],
    ]);
  });

  it('is followed by one id from the portal’s request to the signature (A-07)', async () => {
    const { signingId } = await ask(world);
    await approve(world, signingId);
    const records = await world.deps.records.audit.search({}, { after: 0, order: 'oldest', limit: 100 });
    const followed = records.filter(({ data }) => data?.['signingId'] === signingId).map(({ event }) => event);
    expect(followed).toEqual([
      'signing.requested',
      'order.created',
      'order.claimed',
      'order.approved',
      'signing.approved',
    ]);
    const { receipts } = await readPortalOrder(world.signing, portal, signingId);
    const { order = '', countersignature = '' } = receipts[0] ?? {};
    expect(payloadOf(countersignature)['signingId']).toBe(signingId);
    expect(payloadOf(order)['signing']).toMatchObject({ id: signingId });
  });
});

describe('a long poll', () => {
  const never = new AbortController().signal;

  it('ends with the change, or at once where it came before (T-12)', async () => {
    const { signingId } = await ask(world);
    const waiting = whenRequestChanged(world.signing, signingId, {
      since: 'pending',
      milliseconds: 60_000,
      signal: never,
    });
    await claimed(signingId);
    await waiting;
    await whenRequestChanged(world.signing, signingId, { since: 'pending', milliseconds: 60_000, signal: never });
    expect(await stateOf(signingId)).toBe('claimed');
  });

  it('ends when the caller has gone, and where there is nothing to wait for', async () => {
    const { signingId } = await ask(world);
    const gone = new AbortController();
    const waiting = whenRequestChanged(world.signing, signingId, { milliseconds: 60_000, signal: gone.signal });
    gone.abort();
    await waiting;
    await whenRequestChanged(world.signing, 'sig_none', { milliseconds: 60_000, signal: never });
    await cancelPortalOrder(world.signing, portal, { signingId, ...by });
    await whenRequestChanged(world.signing, signingId, { milliseconds: 60_000, signal: never });
    expect(await stateOf(signingId)).toBe('cancelled');
  });
});
