import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeBase64url, sha256 } from '../../../src/crypto/bytes.ts';
import { deactivateDevice } from '../../../src/devices/devices.ts';
import { AuthError } from '../../../src/errors.ts';
import { decideOrder } from '../../../src/orders/decide.ts';
import { cancelOrder } from '../../../src/orders/orders.ts';
import type { OrderClaimed } from '../../../src/protocol/orders.ts';
import type { RecordStore } from '../../../src/store/records.ts';
import { assertionOf, newCredential } from '../devices/authenticator.ts';
import { addPhone, deviceOf, eventsOf, noticesOf, type Phone, prepare, refusalOf } from '../mpin/world.ts';
import {
  callOf,
  claim,
  createOrderWorld,
  decide,
  newLogin,
  type OrderWorld,
  signed,
  statementOf,
  stateOf,
} from './order-world.ts';

let world: OrderWorld;
let phone: Phone;
beforeEach(async () => {
  world = await createOrderWorld();
  phone = await addPhone(world);
});
afterEach(async () => world.close());

const unavailable = { code: 'order_unavailable', members: {} };
const unfit = { code: 'invalid_request', message: 'the signed statement does not fit the order', members: {} };

/** A biometric statement of the phone for an approval. */
function fingerFor(
  claimed: OrderClaimed,
  approval: string,
  changes: Record<string, unknown> = {},
  key = phone.biometricKey,
) {
  const { challenge } = statementOf(world, claimed, 'approve');
  const statement = {
    iss: world.orders.issuer,
    deviceId: phone.id,
    purpose: 'order',
    subject: claimed.orderId,
    nonce: challenge,
    boundHash: encodeBase64url(sha256(approval)),
    iat: Math.floor(world.clock.now() / 1000),
    ...changes,
  };
  return { signature: signed(key, statement, 'mtoken-biometric+jws') };
}

describe('decision about an order', () => {
  it('approves by a statement of the device key and writes down who, how and where (A-01)', async () => {
    const order = await newLogin(world);
    const claimed = await claim(world, phone, { order });
    expect(await decide(world, phone, { claimed })).toEqual({ state: 'approved', serverProof: null });
    expect(await stateOf(world, order)).toBe('approved');
    const entry = (await world.deps.records.audit.read(0, 100)).find(({ event }) => event === 'order.approved');
    expect(entry).toMatchObject({
      actor: `device:${phone.id}`,
      deviceId: phone.id,
      userId: world.user.id,
      companyId: world.company.id,
      orderId: order.terms.id,
      clientId: 'portal',
      address: '192.0.2.1',
      requestId: 'req_1',
      data: { purpose: 'login', method: 'mpin', factor: 'pin', via: 'qr', userAgent: 'test' },
    });
  });

  it('declines at once and for good (P-09, T-17)', async () => {
    const order = await newLogin(world);
    const claimed = await claim(world, phone, { order });
    expect((await decide(world, phone, { claimed, decision: 'decline' })).state).toBe('declined');
    expect(await refusalOf(decide(world, phone, { claimed }))).toEqual(unavailable);
    expect(await stateOf(world, order)).toBe('declined');
    expect(await noticesOf(world)).toEqual([]);
  });

  it('raises the alarm when the user reports that it was not them (P-09)', async () => {
    const order = await newLogin(world);
    const claimed = await claim(world, phone, { order });
    expect((await decide(world, phone, { claimed, decision: 'report' })).state).toBe('reported');
    expect(await noticesOf(world)).toEqual([{ event: 'login.reported', recipient: world.user.id }]);
    expect(await eventsOf(world)).toContain('order.reported');
  });

  it('refuses a statement with any member that is not that of the order, and takes the right one afterwards (T-05, T-10)', async () => {
    const order = await newLogin(world);
    const claimed = await claim(world, phone, { order });
    const right = statementOf(world, claimed, 'approve');
    const other = await newLogin(world);
    const changes = [
      { aud: 'https://evil.example' },
      { orderId: other.terms.id },
      { deviceId: (await addPhone(world)).id },
      { purpose: 'signing' },
      { clientId: 'other' },
      { origin: 'https://evil.example' },
      { challenge: other.terms.challenge },
      { displayHash: encodeBase64url(sha256('Log in to Evil Bank')) },
      { descriptorHash: encodeBase64url(sha256('another descriptor')) },
      { decision: 'approved' },
      { factors: [] },
      { factors: ['mpin', 'biometric'] },
      { iat: right.iat + 61 },
      { iat: right.iat - 61 },
      { extra: true },
    ];
    for (const change of changes) {
      const approval = signed(phone.key, { ...right, ...change });
      expect(await refusalOf(decide(world, phone, { claimed, approval })), JSON.stringify(change)).toEqual(unfit);
    }
    for (const name of Object.keys(right)) {
      const without = Object.fromEntries(Object.entries(right).filter(([member]) => member !== name));
      const approval = signed(phone.key, without);
      expect(await refusalOf(decide(world, phone, { claimed, approval })), `without ${name}`).toEqual(unfit);
    }
    expect((await decide(world, phone, { claimed })).state).toBe('approved');
  });

  it('refuses statements of another kind or another key: no proof stands for another (T-10)', async () => {
    const order = await newLogin(world);
    const claimed = await claim(world, phone, { order });
    const statement = statementOf(world, claimed, 'approve');
    const thief = await addPhone(world);
    const approvals = [
      ...[
        'mtoken-registration+jws',
        'mtoken-biometric+jws',
        'mtoken-mpin-change+jws',
        'mtoken-order+jws',
        'dpop+jwt',
      ].map((typ) => signed(phone.key, statement, typ)),
      signed(thief.key, statement),
      signed(phone.biometricKey, statement),
    ];
    for (const approval of approvals) {
      expect(await refusalOf(decide(world, phone, { claimed, approval }))).toEqual(unfit);
    }
    expect(await stateOf(world, order)).toBe('claimed');
  });

  it('lets no other device decide what this one claimed, even with this one’s statement (T17)', async () => {
    const order = await newLogin(world);
    const claimed = await claim(world, phone, { order });
    const other = await addPhone(world);
    const approval = signed(phone.key, statementOf(world, claimed, 'approve'));
    expect(await refusalOf(decide(world, other, { claimed, approval }))).toEqual(unavailable);
    const stolen = await callOf(world, phone, { deviceId: other.id });
    const body = { orderId: claimed.orderId, approval, proof: null };
    expect(await refusalOf(decideOrder(world.orders, body, stolen))).toEqual(unavailable);
    expect(await stateOf(world, order)).toBe('claimed');
  });

  it('never releases one order by the approval of another (T-12)', async () => {
    const [first, second] = [await newLogin(world), await newLogin(world, { context: 'interaction-2' })];
    const one = await claim(world, phone, { order: first });
    const two = await claim(world, phone, { order: second });
    const approval = signed(phone.key, statementOf(world, one, 'approve'));
    expect(await refusalOf(decide(world, phone, { claimed: two, approval }))).toEqual(unfit);
    await decide(world, phone, { claimed: one, approval });
    expect(await stateOf(world, second)).toBe('claimed');
    expect(await stateOf(world, first)).toBe('approved');
  });

  it('says how the session was opened, and refuses a statement that says otherwise (S-13)', async () => {
    const order = await newLogin(world);
    const claimed = await claim(world, phone, { order });
    const approval = signed(phone.key, statementOf(world, claimed, 'approve', 'biometric'));
    expect((await refusalOf(decide(world, phone, { claimed, approval }))).code).toBe('invalid_request');
    const call = await callOf(world, phone, { method: 'biometric', factor: 'face' });
    const body = { orderId: claimed.orderId, approval, proof: null };
    expect(await decideOrder(world.orders, body, call)).toEqual({ state: 'approved', serverProof: null });
  });

  it('takes exactly one of fifty parallel decisions, with one record of it (P-03)', async () => {
    const order = await newLogin(world);
    const claimed = await claim(world, phone, { order });
    const kinds = ['approve', 'decline', 'report'] as const;
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, (_, index) =>
        decide(world, phone, { claimed, decision: kinds[index % 3] ?? 'approve' }),
      ),
    );
    const [won, ...more] = results.filter((result) => result.status === 'fulfilled');
    expect(more).toEqual([]);
    expect(await stateOf(world, order)).toBe(won?.value.state);
    const decided = (await eventsOf(world)).filter((event) => /^order\.(approved|declined|reported)$/.test(event));
    expect(decided).toEqual([`order.${won?.value.state}`]);
    const refusals = results
      .filter((result) => result.status === 'rejected')
      .map(({ reason }) => (reason as AuthError).code);
    expect(new Set(refusals)).toEqual(new Set(['order_unavailable']));
  });

  it('is over 120 seconds after the claim (P-02, T-09)', async () => {
    const order = await newLogin(world);
    const claimed = await claim(world, phone, { order });
    world.clock.advance(119_999);
    const late = await newLogin(world);
    const other = await claim(world, phone, { order: late });
    expect((await decide(world, phone, { claimed })).state).toBe('approved');
    world.clock.advance(120_000);
    expect(await refusalOf(decide(world, phone, { claimed: other }))).toEqual(unavailable);
    expect(await stateOf(world, late)).toBe('expired');
  });

  it('refuses the decision of a device that ended meanwhile, and ends the order (S-07)', async () => {
    const order = await newLogin(world);
    const claimed = await claim(world, phone, { order });
    const call = await callOf(world, phone);
    const approval = signed(phone.key, statementOf(world, claimed, 'approve'));
    await deactivateDevice(world.deps, { deviceId: phone.id, actor: 'cli', reason: 'stolen' });
    const body = { orderId: claimed.orderId, approval, proof: null };
    expect((await refusalOf(decideOrder(world.orders, body, call))).code).toBe('access_denied');
    expect(await stateOf(world, order)).toBe('cancelled');
  });

  it('does not approve what cannot be written down (A-11)', async () => {
    const order = await newLogin(world);
    const claimed = await claim(world, phone, { order });
    const records: RecordStore = {
      ...world.deps.records,
      transaction: async () => {
        throw new AuthError('unavailable');
      },
    };
    const body = {
      orderId: claimed.orderId,
      approval: signed(phone.key, statementOf(world, claimed, 'approve')),
      proof: null,
    };
    const call = await callOf(world, phone);
    expect((await refusalOf(decideOrder({ ...world.orders, records }, body, call))).code).toBe('unavailable');
    expect(await stateOf(world, order)).toBe('claimed');
    // The store is back: nothing is stuck.
    expect((await decideOrder(world.orders, body, call)).state).toBe('approved');
  });

  it('does not count when the browser cancelled while it was being written down', async () => {
    const order = await newLogin(world);
    const claimed = await claim(world, phone, { order });
    const records: RecordStore = {
      ...world.deps.records,
      transaction: async (work) => {
        await cancelOrder(world.orders, order.terms.id, { reason: 'browser', actor: 'browser' });
        return world.deps.records.transaction(work);
      },
    };
    const body = {
      orderId: claimed.orderId,
      approval: signed(phone.key, statementOf(world, claimed, 'approve')),
      proof: null,
    };
    expect(await refusalOf(decideOrder({ ...world.orders, records }, body, await callOf(world, phone)))).toEqual(
      unavailable,
    );
    expect(await stateOf(world, order)).toBe('cancelled');
    expect((await eventsOf(world)).at(-1)).toBe('order.decision_refused');
  });
});

describe('decision about an order that asks for a fresh proof', () => {
  const signing = { purpose: 'signing', freshProof: true } as const;

  it('is refused without one, and a login refuses one that it did not ask for (T-10)', async () => {
    const order = await newLogin(world, signing);
    const claimed = await claim(world, phone, { order });
    expect((await refusalOf(decide(world, phone, { claimed }))).code).toBe('proof_required');
    const login = await claim(world, phone, { order: await newLogin(world) });
    const proof = await prepare(world, phone, { purpose: `order:${login.orderId}` });
    expect((await refusalOf(decide(world, phone, { claimed: login, proof }))).code).toBe('invalid_request');
  });

  it('takes an mPIN proof bound to this order, and none of a session or of another order (T-10, T-12)', async () => {
    const order = await newLogin(world, signing);
    const claimed = await claim(world, phone, { order });
    const other = await claim(world, phone, { order: await newLogin(world, signing) });
    for (const purpose of ['session', 'change', `order:${other.orderId}`] as const) {
      const proof = await prepare(world, phone, { purpose: purpose as 'session' });
      expect((await refusalOf(decide(world, phone, { claimed, proof }))).code, purpose).toBe('authentication_failed');
    }
    expect((await deviceOf(world, phone)).pinAttempts).toBe(0);
    const proof = await prepare(world, phone, { purpose: `order:${claimed.orderId}` });
    const decided = await decide(world, phone, { claimed, proof });
    expect(decided.state).toBe('approved');
    expect(decided.serverProof).toMatch(/^[0-9a-f]{64}$/);
    expect(await stateOf(world, order)).toBe('approved');
  });

  it('counts a wrong mPIN, but none in a decision that could not count anyway (L-04, T11)', async () => {
    const order = await newLogin(world, signing);
    const claimed = await claim(world, phone, { order });
    const purpose = `order:${claimed.orderId}` as const;
    const forged = signed(phone.key, { ...statementOf(world, claimed, 'approve'), clientId: 'other' });
    const first = await prepare(world, phone, { purpose, mpin: '11111' });
    expect(await refusalOf(decide(world, phone, { claimed, proof: first, approval: forged }))).toEqual(unfit);
    expect((await deviceOf(world, phone)).pinAttempts).toBe(0);
    const wrong = await prepare(world, phone, { purpose, mpin: '11111' });
    expect((await refusalOf(decide(world, phone, { claimed, proof: wrong }))).code).toBe('authentication_failed');
    expect((await deviceOf(world, phone)).pinAttempts).toBe(1);
    expect(await stateOf(world, order)).toBe('claimed');
  });

  it('takes an assertion of a WebAuthn credential for this order and this approval only (R-17, T-04)', async () => {
    const key = newCredential();
    const { thumbprint, publicJwk } = key;
    const webauthn = { signCount: 0, backup: 'none' } as const;
    await world.deps.records.devices.setBiometric(phone.id, { thumbprint, publicJwk, kind: 'user', webauthn });
    const order = await newLogin(world, signing);
    const claimed = await claim(world, phone, { order });
    const approval = signed(phone.key, statementOf(world, claimed, 'approve', 'biometric'));
    const { challenge } = statementOf(world, claimed, 'approve');
    const prove = (changes: object = {}, options: object = {}) => {
      const boundHash = encodeBase64url(sha256(approval));
      const said = { iss: world.orders.issuer, deviceId: phone.id, purpose: 'order', subject: claimed.orderId };
      const statement = { ...said, nonce: challenge, boundHash, iat: Math.floor(world.clock.now() / 1000), ...changes };
      return { signature: assertionOf(key, statement, { origin: world.orders.issuer, ...options }) };
    };
    for (const proof of [
      prove({ purpose: 'session' }),
      prove({ subject: 'ord_AAAAAAAAAAAAAAAAAAAAAA' }),
      prove({ boundHash: 'A'.repeat(43) }),
      prove({}, { origin: 'https://evil.example' }),
      prove({}, { flags: 0x01 }),
    ]) {
      expect((await refusalOf(decide(world, phone, { claimed, approval, proof }))).code).toBe('authentication_failed');
    }
    expect(await decide(world, phone, { claimed, approval, proof: prove() })).toMatchObject({ state: 'approved' });
    const approved = (await world.deps.records.audit.read(0, 100)).find(({ event }) => event === 'order.approved');
    expect(approved?.data).toMatchObject({ method: 'biometric', factor: 'user' });
  });

  it('takes a biometric statement for this order and this approval only (P-24, T-04)', async () => {
    const order = await newLogin(world, signing);
    const claimed = await claim(world, phone, { order });
    const approval = signed(phone.key, statementOf(world, claimed, 'approve', 'biometric'));
    const another = signed(phone.key, {
      ...statementOf(world, claimed, 'approve', 'biometric'),
      iat: world.clock.now() / 1000 - 1,
    });
    const proofs = [
      fingerFor(claimed, another),
      fingerFor(claimed, approval, { purpose: 'session' }),
      fingerFor(claimed, approval, { subject: 'ord_AAAAAAAAAAAAAAAAAAAAAA' }),
      fingerFor(claimed, approval, { nonce: 'A'.repeat(43) }),
      fingerFor(claimed, approval, { iss: 'https://evil.example' }),
      fingerFor(claimed, approval, { iat: world.clock.now() / 1000 - 61 }),
      fingerFor(claimed, approval, {}, phone.key),
    ];
    for (const proof of proofs) {
      expect((await refusalOf(decide(world, phone, { claimed, approval, proof }))).code).toBe('authentication_failed');
    }
    expect((await decide(world, phone, { claimed, approval, proof: fingerFor(claimed, approval) })).state).toBe(
      'approved',
    );
    expect(await stateOf(world, order)).toBe('approved');
  });

  it('needs no proof to decline', async () => {
    const claimed = await claim(world, phone, { order: await newLogin(world, signing) });
    expect((await decide(world, phone, { claimed, decision: 'decline' })).state).toBe('declined');
  });
});
