import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeBase64url, sha256 } from '../../../src/crypto/bytes.ts';
import { checkDeviceKey } from '../../../src/crypto/jwk.ts';
import { verifyCompactJws } from '../../../src/crypto/jws.ts';
import { claimOrder } from '../../../src/orders/claim.ts';
import { startOrderProof } from '../../../src/orders/decide.ts';
import type { FieldsOf } from '../../../src/protocol/templates/templates.ts';
import { createSigningOrder, redeemSigning, type SigningRequest, signingFrame } from '../../../src/signing/signing.ts';
import { render } from '../../../src/signing/wording.ts';
import { addPhone, clientEphemeral, insertUser, type Phone, proofOf, refusalOf } from '../mpin/world.ts';
import {
  callOf,
  createOrderWorld,
  decide,
  descriptorOf,
  newBinding,
  type OrderWorld,
  scanned,
  signed,
  statementOf,
} from '../orders/order-world.ts';
import { samples } from './samples.ts';

let world: OrderWorld;
let phone: Phone;
beforeEach(async () => {
  world = await createOrderWorld();
  phone = await addPhone(world);
});
afterEach(async () => world.close());

const unavailable = { code: 'order_unavailable', members: {} };
const { text } = render('payment', samples.payment as FieldsOf<'payment'>, 'en').display;

const request = (changes: Partial<SigningRequest> = {}): SigningRequest => ({
  client: { id: 'bank', name: 'Example Bank', domain: 'bank.example' },
  origin: 'https://bank.example',
  browser: { name: 'Firefox on Linux', address: '198.51.100.0/24', place: null },
  userId: world.user.id,
  template: 'payment',
  version: 1,
  fields: samples.payment,
  locale: 'en',
  reference: 'payment-1',
  ...changes,
});

const words = (text: string) => ({ template: 'text', fields: { words: text } });

async function claimSigning(orderId: string, resultToken: string, by = phone) {
  const frame = await signingFrame(world.orders, orderId, { resultToken });
  return claimOrder(world.orders, scanned(frame), await callOf(world, by));
}

describe('signing order', () => {
  it('passes the same machine: claimed by its owner, proved afresh, signed, fetched once, verifiable offline (T-05, T-09)', async () => {
    const { orderId, resultToken, endsAt } = await createSigningOrder(world.orders, request());
    expect(endsAt).toBe(world.clock.now() + 300_000);
    const claimed = await claimSigning(orderId, resultToken);
    const shown = descriptorOf(world, claimed);
    expect(shown).toMatchObject({
      purpose: 'signing',
      freshProof: true,
      display: { text, locale: 'en', template: { name: 'payment', version: 1 } },
    });
    expect(claimed.expiresInSeconds).toBe(300);
    const ephemeral = clientEphemeral();
    const call = await callOf(world, phone);
    const challenge = await startOrderProof(world.orders, { orderId, clientEphemeral: ephemeral.public }, call);
    const { proof } = proofOf(phone, challenge, ephemeral);
    const decided = await decide(world, phone, { claimed, proof: { handshake: challenge.handshake, proof } });
    expect(decided.state).toBe('approved');
    const { terms, state } = await redeemSigning(world.orders, orderId, resultToken);
    expect(terms.context).toBe('payment-1');
    expect(state).toMatchObject({ claim: { userId: world.user.id, deviceId: phone.id }, outcome: { factor: 'pin' } });
    const { payload } = verifyCompactJws({
      token: state.outcome.approval,
      typ: 'mtoken-approval+jws',
      key: checkDeviceKey(phone.publicJwk),
    });
    expect(payload).toMatchObject({
      decision: 'approve',
      purpose: 'signing',
      displayHash: encodeBase64url(sha256(text)),
      descriptorHash: encodeBase64url(sha256(state.claim.descriptor)),
    });
    expect(await refusalOf(redeemSigning(world.orders, orderId, resultToken))).toEqual(unavailable);
  });

  it('is not approved by an open session alone (RTS art. 5)', async () => {
    const { orderId, resultToken } = await createSigningOrder(world.orders, request());
    const claimed = await claimSigning(orderId, resultToken);
    expect((await refusalOf(decide(world, phone, { claimed }))).code).toBe('proof_required');
    expect(await refusalOf(redeemSigning(world.orders, orderId, resultToken))).toEqual(unavailable);
  });

  it('cannot be approved as a login, nor a login as a signing (T-10)', async () => {
    const { orderId, resultToken } = await createSigningOrder(world.orders, request());
    const claimed = await claimSigning(orderId, resultToken);
    const approval = signed(phone.key, { ...statementOf(world, claimed, 'approve'), purpose: 'login' });
    expect((await refusalOf(decide(world, phone, { claimed, approval }))).code).toBe('invalid_request');
  });

  it('shows frames and outcome to nobody but its client (T17)', async () => {
    const { orderId } = await createSigningOrder(world.orders, request());
    expect(await refusalOf(signingFrame(world.orders, orderId, { resultToken: newBinding() }))).toEqual(unavailable);
    expect(await refusalOf(redeemSigning(world.orders, orderId, newBinding()))).toEqual(unavailable);
  });

  it('cannot be claimed by another user (T-09)', async () => {
    const stranger = await addPhone(world, { user: await insertUser(world.deps, world.company.id) });
    const { orderId, resultToken } = await createSigningOrder(world.orders, request());
    expect(await refusalOf(claimSigning(orderId, resultToken, stranger))).toEqual(unavailable);
  });

  it('refuses text that could be read otherwise than it is written (T-08)', async () => {
    const bad = {
      empty: ' \n ',
      'right-to-left override': 'Pay 10\u202e00 EUR',
      isolate: 'Pay \u20661\u2069',
      'zero-width space': 'Pay 1\u200b000',
      'byte order mark': '\ufeffPay',
      'control character': 'Pay\u0007',
      'carriage return': 'Pay 1\rPay 2',
      'line separator': 'Pay\u2028more',
      'soft hyphen': 'Jan\u00adsen',
      'tag character': 'Pay\u{e0041}',
      'private use': 'Pay \ue000',
      'hangul filler': 'Pay \u3164',
      'lone surrogate': 'Pay \ud800',
      'not NFC': 'Cafe\u0301',
      'look-alike letters': 'P\u0430y',
      'greek within latin': 'P\u03b1y',
      'piled marks': 'a\u0316\u0317\u0318\u0319\u031c',
      long: 'x'.repeat(1001),
    };
    for (const [name, value] of Object.entries(bad)) {
      expect((await refusalOf(createSigningOrder(world.orders, request(words(value))))).code, name).toBe(
        'invalid_request',
      );
    }
    const good = [
      'Café Zürich',
      'Плати 10 €',
      'Πληρωμή 10 €',
      'ادفع ١٠',
      'שלם 10',
      '支払い 10',
      'สวัสดี',
      'x'.repeat(1000),
      'a\nb',
    ];
    for (const value of good) await createSigningOrder(world.orders, request(words(value)));
  });

  it('refuses a portal’s own name for it that could be read otherwise, for it stands in the receipt (T-08)', async () => {
    const odd = ['inv\u202eoice', 'inv\u3164', 'p\u0430yment', 'invoice １', ' ', '\u0301x', 'Cafe\u0301', '1٢'];
    for (const reference of odd) {
      const refusal = await refusalOf(createSigningOrder(world.orders, { ...request(), reference }));
      expect(refusal, reference).toMatchObject({ code: 'invalid_request' });
      expect(refusal.message, reference).toMatch(/^body\/reference: the text /);
    }
    await createSigningOrder(world.orders, { ...request(), reference: 'payment-4711/Zürich' });
  });
});
