import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeBase64url, sha256 } from '../../../src/crypto/bytes.ts';
import { checkDeviceKey } from '../../../src/crypto/jwk.ts';
import { verifyCompactJws } from '../../../src/crypto/jws.ts';
import type { FieldsOf } from '../../../src/protocol/templates/templates.ts';
import { type NewSigning, openRequest, readRequest } from '../../../src/signing/requests.ts';
import { render } from '../../../src/signing/wording.ts';
import { refusalOf } from '../mpin/world.ts';
import { decide, descriptorOf, signed, statementOf } from '../orders/order-world.ts';
import { samples } from './samples.ts';
import { claimShown, createSigningWorld, payloadOf, portal, proofFor, type SigningWorld } from './signed.ts';

let world: SigningWorld;
beforeEach(async () => {
  world = await createSigningWorld();
});
afterEach(async () => world.close());

const { text } = render('payment', samples.payment as FieldsOf<'payment'>, 'en').display;

const open = (changes: Partial<NewSigning> = {}) =>
  openRequest(world.signing, {
    client: { id: portal.id, name: portal.name, domain: 'portal.example' },
    origin: 'https://portal.example',
    userId: world.user.id,
    template: 'payment',
    version: 1,
    fields: samples.payment,
    locale: 'en',
    reference: 'payment-1',
    door: 'api',
    ...changes,
  });

const words = (text: string) => ({ template: 'text', fields: { words: text } });

describe('what is to be signed', () => {
  it('passes the same machine: claimed by its owner, proved afresh, signed, kept, verifiable offline (T-05, T-09)', async () => {
    const { id, expiresAt } = await open();
    expect(expiresAt).toBe(world.clock.now() + 300_000);
    const claimed = await claimShown(world, id);
    const shown = descriptorOf(world, claimed);
    expect(shown).toMatchObject({
      purpose: 'signing',
      freshProof: true,
      display: { text, locale: 'en', template: { name: 'payment', version: 1 } },
      signing: { id, approvers: { needed: 1, given: 0 }, warnings: [] },
    });
    expect(claimed.expiresInSeconds).toBe(300);
    const decided = await decide(world, world.phone, { claimed, proof: await proofFor(world, claimed) });
    expect(decided.state).toBe('approved');
    const { request, approvals } = await readRequest(world.signing, id);
    expect(request).toMatchObject({ status: 'approved', given: 1, endedAt: world.clock.now() });
    const [approval] = approvals;
    expect(approval).toMatchObject({ userId: world.user.id, deviceId: world.phone.id });
    const { order = '', approval: token = '', countersignature = '' } = approval?.receipt ?? {};
    expect(payloadOf(countersignature)).toMatchObject({ reference: 'payment-1', factor: 'pin' });
    const key = checkDeviceKey(world.phone.publicJwk);
    expect(verifyCompactJws({ token, typ: 'mtoken-approval+jws', key }).payload).toMatchObject({
      decision: 'approve',
      purpose: 'signing',
      displayHash: encodeBase64url(sha256(text)),
      descriptorHash: encodeBase64url(sha256(order)),
    });
  });

  it('is not approved by an open session alone (RTS art. 5)', async () => {
    const { id } = await open();
    const claimed = await claimShown(world, id);
    expect((await refusalOf(decide(world, world.phone, { claimed }))).code).toBe('proof_required');
    expect((await readRequest(world.signing, id)).request.status).toBe('pending');
  });

  it('cannot be approved as a login, nor a login as a signing (T-10)', async () => {
    const claimed = await claimShown(world, (await open()).id);
    const approval = signed(world.phone.key, { ...statementOf(world, claimed, 'approve'), purpose: 'login' });
    expect((await refusalOf(decide(world, world.phone, { claimed, approval }))).code).toBe('invalid_request');
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
      expect((await refusalOf(open(words(value)))).code, name).toBe('invalid_request');
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
    for (const value of good) await open(words(value));
  });

  it('refuses a portal’s own name for it that could be read otherwise, for it stands in the receipt (T-08)', async () => {
    const odd = ['inv\u202eoice', 'inv\u3164', 'p\u0430yment', 'invoice １', ' ', '\u0301x', 'Cafe\u0301', '1٢'];
    for (const reference of odd) {
      const refusal = await refusalOf(open({ reference }));
      expect(refusal, reference).toMatchObject({ code: 'invalid_request' });
      expect(refusal.message, reference).toMatch(/^body\/reference: the text /);
    }
    await open({ reference: 'payment-4711/Zürich' });
  });
});
