/** What belongs together is accepted together only: a signature without its order, for another server, or of another step is worth nothing. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { signStatement } from '../../../src/sdk/jws.ts';
import { type SystemStores, systemEngines } from './engines.ts';
import { createHand, type Hand } from './hand.ts';
import { openLoginPage, scan, type WaitingLogin } from './login.ts';
import { activate, deviceIdOf, mpin, type System, startSystem } from './rig.ts';

let stores: SystemStores;
let system: System;
let hand: Hand;

beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('no engine');
  stores = await engine.open();
  system = await startSystem(stores);
});

/** A phone for each test: one may claim ten orders a minute. */
beforeEach(async () => {
  hand = createHand();
  const { activationText, confirmationCode } = await activate(system, system.user);
  const device = { name: 'Hand', platform: 'Test', appVersion: '1.0' };
  await hand.phone.beginRegistration(activationText, { device });
  await hand.phone.finishRegistration({ confirmationCode, mpin });
  await hand.phone.unlockWithMpin(mpin);
});

afterAll(async () => {
  await system.close();
  await stores.close();
});

/** A right approval of the claimed order, but for what is changed, signed by the device key. */
async function approvalOf(
  order: Awaited<ReturnType<typeof scan>>,
  changed: Record<string, unknown> = {},
  typ = 'mtoken-approval+jws',
): Promise<string> {
  const { descriptor, signedDescriptor, orderId } = order;
  const hash = async (text: string) =>
    Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(text))).toString('base64url');
  const claims = {
    aud: system.issuer,
    orderId,
    deviceId: descriptor.deviceId,
    purpose: descriptor.purpose,
    decision: 'approve',
    clientId: descriptor.client.id,
    origin: descriptor.origin,
    challenge: descriptor.challenge,
    displayHash: await hash(descriptor.display.text),
    descriptorHash: await hash(signedDescriptor),
    factors: ['mpin'],
    iat: descriptor.iat,
    ...changed,
  };
  return signStatement(hand.keyStore, 'device', { typ: typ as 'mtoken-approval+jws', claims });
}

async function claimed(): Promise<{ login: WaitingLogin; order: Awaited<ReturnType<typeof scan>> }> {
  const login = await openLoginPage(system.portal);
  return { login, order: await scan(login, hand.phone) };
}

describe('an approval', () => {
  it.each([
    ['another server', { aud: 'https://login.other.example' }],
    ['another order', { orderId: `ord_${'A'.repeat(22)}` }],
    ['another device', { deviceId: `dev_${'A'.repeat(22)}` }],
    ['another purpose', { purpose: 'signing' }],
    ['another portal', { clientId: 'another-portal' }],
    ['another origin', { origin: 'https://evil.example' }],
    ['another text than was shown', { displayHash: 'A'.repeat(43) }],
    ['another description', { descriptorHash: 'A'.repeat(43) }],
    ['another challenge', { challenge: 'A'.repeat(43) }],
    ['another factor than opened the session', { factors: ['biometric'] }],
    ['another time', { iat: 1 }],
  ])('for %s is refused, signed by the right key and sealed anew as it is (C-06, P-20, T-10)', async (_, changed) => {
    const { login, order } = await claimed();
    const approval = await approvalOf(order, changed);
    const answer = await hand.call('orders/decide', { orderId: order.orderId, approval, proof: null }, 'session');
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect((await login.status()).state).not.toBe('approved');
  });

  it('of another type of statement is refused, and the right one is taken (C-06, T-10)', async () => {
    const { order } = await claimed();
    const decide = async (typ?: string) => {
      const approval = await approvalOf(order, {}, typ);
      return hand.call('orders/decide', { orderId: order.orderId, approval, proof: null }, 'session');
    };
    for (const typ of ['mtoken-registration+jws', 'mtoken-mpin-change+jws', 'mtoken-biometric+jws', 'JWT']) {
      const refused = await decide(typ);
      expect([refused.status, refused.code], typ).toEqual([400, 'invalid_request']);
    }
    const taken = await decide();
    expect([taken.status, taken.code, taken.body]).toEqual([200, undefined, { state: 'approved', serverProof: null }]);
  });

  it('without the code from the screen is impossible: right key, right mPIN and the order’s id are not enough (P-05)', async () => {
    const { order } = await claimed();
    const login = await openLoginPage(system.portal);
    const frame = await login.frame();
    const [, token = '', step = '', tag = ''] = /\/q\/([^.]+)\.([0-9]+)\.(.+)$/.exec(frame) ?? [];
    const elsewhere = [
      { via: 'qr', token, step: Number(step), tag: 'A'.repeat(16) },
      { via: 'link', token, step: Number(step), tag },
      { via: 'qr', token: 'A'.repeat(22), step: Number(step), tag },
      { via: 'qr', token, step: Number(step) + 1, tag },
    ];
    for (const body of elsewhere) {
      expect((await hand.call('orders/claim', body, 'session')).status).toBeGreaterThanOrEqual(400);
    }
    // A decision without a claim, with everything else as in a right one.
    const unclaimed = await openLoginPage(system.portal);
    const orders = await system.server.stores.records.audit.read(0, 10_000);
    const orderId = orders.findLast(({ event }) => event === 'order.created')?.orderId ?? '';
    const approval = await approvalOf(order, { orderId });
    const decided = await hand.call('orders/decide', { orderId, approval, proof: null }, 'session');
    expect(decided.status).toBeGreaterThanOrEqual(400);
    expect(await unclaimed.status()).toMatchObject({ state: 'pending' });
    expect(await deviceIdOf(hand.phone)).toBe(order.descriptor.deviceId);
  });
});
