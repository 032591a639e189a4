import { createHash, generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { signCompactJws } from '../../../src/crypto/jws.ts';
import type { Receipt } from '../../../src/protocol/receipt.ts';
import { verifyReceipt } from '../../../src/sdk/receipt.ts';
import { signingParts } from '../../../src/signing/parts.ts';
import { readPortalOrder } from '../../../src/signing/portal-orders.ts';
import { templateNames } from './samples.ts';
import { shownWords } from './shown.ts';
import {
  approveClaimed,
  ask,
  claimShown,
  createSigningWorld,
  historyOf,
  payloadOf,
  portal,
  type SigningWorld,
  signedAnew,
  signedReceipt,
} from './signed.ts';

let world: SigningWorld;
let history: unknown;
beforeEach(async () => {
  world = await createSigningWorld();
  history = await historyOf(world);
});
afterEach(async () => world.close());

const failedOf = async (receipt: unknown, under = history): Promise<string[]> =>
  (await verifyReceipt(receipt, under)).checks.flatMap(({ name, isPassed }) => (isPassed ? [] : [name]));

const resigned = (jws: string, change: object, key = world.serverPrivateKey): string => signedAnew(jws, change, key);

describe('a receipt', () => {
  it.each(templateNames)(
    'of a %s verifies offline and says what was signed, by whom and when (T-14)',
    async (template) => {
      const { isGenuine, facts, checks } = await verifyReceipt(await signedReceipt(world, template), history);
      expect(checks.filter(({ isPassed }) => !isPassed)).toEqual([]);
      expect(isGenuine).toBe(true);
      expect(facts).toMatchObject({
        reference: `my ${template}`,
        user: { id: world.user.id, name: world.user.name },
        device: { id: world.phone.id },
        portal: { name: 'Business portal', domain: 'portal.example' },
        factor: 'pin',
        approvedAt: Math.floor(world.clock.now() / 1000),
      });
      expect(facts?.payments.length).toBe(template === 'payment-batch' ? 2 : 0);
    },
  );

  it('verifies years later, with the server’s key long retired and the phone ended (T-14)', async () => {
    const receipt = await signedReceipt(world);
    const now = Math.floor(world.clock.now() / 1000);
    const retired = await historyOf(world, { from: now - 86_400, until: now + 86_400 });
    expect((await verifyReceipt(receipt, retired)).isGenuine).toBe(true);
  });

  it('is refused where the server’s key was not in use then: whoever found it later signs nothing of the past (T-14)', async () => {
    const receipt = await signedReceipt(world);
    const now = Math.floor(world.clock.now() / 1000);
    for (const times of [{ from: now - 9000, until: now - 3600 }, { from: now + 3600 }, { from: null }]) {
      expect(await failedOf(receipt, await historyOf(world, times))).toEqual(
        expect.arrayContaining(['order', 'countersignature']),
      );
    }
  });

  it('is never dated before the approval that it confirms, where two processes’ clocks differ (T-14)', async () => {
    const { signingId } = await ask(world);
    const order = await claimShown(world, signingId);
    const now = world.clock.now();
    const behind = { ...world.signing, clock: { ...world.clock, now: () => now - 1500 } };
    const orders = { ...world.orders, signing: signingParts(behind) };
    await approveClaimed({ ...world, orders }, order);
    const { receipts } = await readPortalOrder(world.signing, portal, signingId);
    const [receipt] = receipts;
    const { iat, approvedAt } = payloadOf(receipt?.countersignature ?? '');
    expect([iat, approvedAt]).toEqual([Math.floor(now / 1000), Math.floor(now / 1000)]);
    expect((await verifyReceipt(receipt, history)).isGenuine).toBe(true);
  });

  it('is refused under the history of another server (T-14)', async () => {
    const receipt = await signedReceipt(world);
    expect(await failedOf(receipt, await historyOf(world, { iss: 'https://evil.example' }))).toEqual(['same']);
    const stranger = await createSigningWorld();
    expect(await failedOf(receipt, await historyOf(stranger))).toContain('order');
    await stranger.close();
  });

  it('is refused with one character changed, wherever it stands (T-04, T-14)', async () => {
    const receipt = await signedReceipt(world);
    for (const member of ['order', 'approval', 'countersignature'] as const) {
      const text = receipt[member];
      for (let at = 0; at < text.length; at += 37) {
        const flipped = `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
        expect((await verifyReceipt({ ...receipt, [member]: flipped }, history)).isGenuine, `${member} ${at}`).toBe(
          false,
        );
      }
    }
  });

  it('is refused without any of its parts, with one more, and where it is no receipt at all (T-14)', async () => {
    const receipt = await signedReceipt(world);
    for (const name of Object.keys(receipt)) {
      const { [name as keyof Receipt]: _, ...rest } = receipt;
      expect(await failedOf(rest), name).toContain('form');
    }
    for (const odd of [{ ...receipt, more: 1 }, { ...receipt, version: 2 }, null, 'x', [], 7, {}]) {
      expect(await failedOf(odd)).toContain('form');
    }
  });

  it('is refused with parts of another receipt, each of them genuine (T-12, T-14)', async () => {
    const [one, other] = [await signedReceipt(world), await signedReceipt(world, 'document')];
    for (const member of ['order', 'approval', 'countersignature'] as const) {
      expect((await verifyReceipt({ ...one, [member]: other[member] }, history)).isGenuine, member).toBe(false);
    }
  });

  it('is refused where its own server signed another text than the phone did (T-05, T-14)', async () => {
    const receipt = await signedReceipt(world, 'text');
    const order = resigned(receipt.order, { display: shownWords('Something else') });
    expect(await failedOf({ ...receipt, order })).toEqual(['same', 'text']);
  });

  it('is refused where text and fields do not say the same, though all of it is signed (T-05)', async () => {
    const receipt = await signedReceipt(world, 'text');
    const display = { ...shownWords('Pay 1'), text: shownWords('Pay 2').text };
    expect(await failedOf({ ...receipt, order: resigned(receipt.order, { display }) })).toContain('text');
  });

  it('is refused with a key of somebody else in place of the phone’s (T-14)', async () => {
    const receipt = await signedReceipt(world);
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const approval = resigned(receipt.approval, {}, privateKey);
    expect(await failedOf({ ...receipt, approval })).toContain('approval');
    const { kty, crv, x, y } = publicKey.export({ format: 'jwk' });
    const device = { ...(payloadOf(receipt.countersignature)['device'] as object), jwk: { kty, crv, x, y } };
    const own = signCompactJws({
      payload: { ...payloadOf(receipt.countersignature), device },
      typ: 'mtoken-receipt+jws',
      key: { key: privateKey, alg: 'ES256' },
      header: { kid: world.kid },
    });
    expect(await failedOf({ ...receipt, approval, countersignature: own })).toContain('countersignature');
  });

  it.each([
    ['a decline', { decision: 'decline' }, 'approval'],
    ['a report', { decision: 'report' }, 'approval'],
    ['a login', { purpose: 'login' }, 'same'],
    ['another proof', { factors: ['biometric'] }, 'same'],
    ['another portal', { clientId: 'other' }, 'same'],
    ['another origin', { origin: 'https://evil.example' }, 'same'],
    ['another time', { iat: 1 }, 'times'],
  ])('is refused where the phone signed %s (T-10, T-12)', async (_what, change, check) => {
    const receipt = await signedReceipt(world);
    const approval = resigned(receipt.approval, change, world.phone.key);
    expect(await failedOf({ ...receipt, approval })).toContain(check);
  });

  it.each([
    ['a device that had ended', { device: { status: 'deactivated' } }, 'countersignature'],
    ['an approval after its time', { approvedAt: 4_000_000_000, iat: 4_000_000_000 }, 'countersignature'],
    ['a proof before it was asked', { provedAt: 1 }, 'times'],
    ['another order', { orderId: `ord_${'a'.repeat(22)}` }, 'same'],
    ['another request', { signingId: `sig_${'a'.repeat(22)}` }, 'same'],
  ])('is refused where the server countersigned %s (T-14)', async (_what, change, check) => {
    const receipt = await signedReceipt(world);
    const until = Math.floor(world.clock.now() / 1000) + 60;
    const countersignature = resigned(receipt.countersignature, change);
    expect(await failedOf({ ...receipt, countersignature }, await historyOf(world, { until }))).toContain(check);
  });

  it('is refused where a finger proved what was to be proved by the mPIN, all of it signed (T-14, A-08)', async () => {
    const receipt = await signedReceipt(world);
    const hashOf = (jws: string) => createHash('sha256').update(jws).digest('base64url');
    const withOrder = (change: object) => {
      const order = resigned(receipt.order, change);
      const said = { descriptorHash: hashOf(order), factors: ['biometric'] };
      const approval = resigned(receipt.approval, said, world.phone.key);
      const counter = { orderHash: hashOf(order), approvalHash: hashOf(approval), factor: 'fpt' };
      return failedOf({
        ...receipt,
        order,
        approval,
        countersignature: resigned(receipt.countersignature, counter),
      });
    };
    expect(await withOrder({})).toEqual([]);
    expect(await withOrder({ mpinOnly: true })).toEqual(['same']);
  });

  it.each(['provedAt', 'approvedAt', 'iat'] as const)(
    'of processes whose clocks differ verifies with %s out of order by two minutes, and by no second more (T-14)',
    async (name) => {
      const receipt = await signedReceipt(world);
      const order = payloadOf(receipt.order) as { iat: number };
      const counter = payloadOf(receipt.countersignature) as Record<typeof name, number>;
      const before = { provedAt: order.iat, approvedAt: counter.provedAt, iat: counter.approvedAt }[name];
      const failedWith = (time: number) =>
        failedOf({ ...receipt, countersignature: resigned(receipt.countersignature, { [name]: time }) });
      expect(await failedWith(before - 120)).toEqual([]);
      expect(await failedWith(before - 121)).toEqual(['times']);
    },
  );

  it('is refused where the approval is later than the order lasts, or the phone younger than the order (T-14)', async () => {
    const receipt = await signedReceipt(world);
    const { iat } = payloadOf(receipt.order) as { iat: number };
    const { approvedAt, device } = payloadOf(receipt.countersignature) as { approvedAt: number; device: object };
    const late = resigned(receipt.order, { exp: approvedAt - 121 });
    expect(await failedOf({ ...receipt, order: late })).toContain('times');
    const young = { device: { ...device, registeredAt: iat + 121 } };
    const countersignature = resigned(receipt.countersignature, young);
    expect(await failedOf({ ...receipt, countersignature })).toEqual(['times']);
  });

  it('of a batch is refused without its list, with two payees swapped, and with one payment more (T-06)', async () => {
    const receipt = await signedReceipt(world, 'payment-batch');
    const payments = JSON.parse(receipt.list ?? '') as object[];
    const { list: _, ...without } = receipt;
    expect(await failedOf(without)).toEqual(['list']);
    for (const list of [[...payments].reverse(), [...payments, payments[0]], []]) {
      expect(await failedOf({ ...receipt, list: JSON.stringify(list) })).toEqual(['list']);
    }
    expect(await failedOf({ ...(await signedReceipt(world)), list: '[]' })).toEqual(['list']);
  });
});

describe('a key history', () => {
  it('that is none, or signed by none of its keys, verifies nothing (C-12)', async () => {
    const receipt = await signedReceipt(world);
    const foreign = await historyOf(await createSigningWorld());
    const mixed = { ...(history as object), signatures: (foreign as { signatures: unknown }).signatures };
    for (const bad of [undefined, {}, [], 'x', { keys: [] }, mixed]) {
      await expect(verifyReceipt(receipt, bad)).rejects.toMatchObject({ code: 'server_not_authentic' });
    }
  });

  it('that was verified once vouches for no other: not for its like with one part changed, nor for itself when changed (C-12, T-14)', async () => {
    const receipt = await signedReceipt(world);
    const document = structuredClone(history) as { payload: string; signatures: { signature: string }[] };
    const foreign = (await historyOf(await createSigningWorld())) as typeof document;
    expect((await verifyReceipt(receipt, document)).isGenuine).toBe(true);
    const { payload, signatures } = document;
    for (const change of [
      { payload: foreign.payload },
      { signatures: foreign.signatures },
      { payload: `${payload}A` },
    ]) {
      await expect(verifyReceipt(receipt, Object.assign(document, change))).rejects.toMatchObject({
        code: 'server_not_authentic',
      });
      Object.assign(document, { payload, signatures });
    }
    // What says it is the one that was verified is taken for that one alone, whatever else it holds.
    const disguised = { ...foreign, toJSON: () => document };
    expect((await verifyReceipt(receipt, disguised)).isGenuine).toBe(true);
    expect(await failedOf(receipt, foreign)).toContain('order');
  });

  it.each([
    'https://bank.example@evil.example',
    'https://id.example/',
    'https://id.example/evil',
    'https://ID.example',
    'https://id.example:443',
    'id.example',
    'null',
    '',
  ])('that names its server in another way than by its origin verifies nothing: %j (T-14)', async (iss) => {
    const receipt = await signedReceipt(world);
    await expect(verifyReceipt(receipt, await historyOf(world, { iss }))).rejects.toMatchObject({
      code: 'server_not_authentic',
    });
  });
});
