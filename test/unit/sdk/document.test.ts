/** The file of a document's order, from a server that is honest and from one that lies. */
import { createHash, randomBytes } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ClaimedOrder, isSignedDocument, type Phone } from '../../../src/sdk/index.ts';
import { checkFields } from '../../../src/signing/check.ts';
import { render } from '../../../src/signing/wording.ts';
import { samples } from '../signing/samples.ts';
import { type Bank, mpin, openBankWithPhone } from './bank.ts';
import { b64, Refusal } from './protocol-server.ts';

const partBytes = 196_608;
const file = randomBytes(partBytes * 2 + 17);
const fields = { ...samples.document, size: file.length, sha256: createHash('sha256').update(file).digest('hex') };

let bank: Bank;
let phone: Phone;

beforeAll(async () => {
  ({ bank, phone } = await openBankWithPhone());
});
beforeEach(async () => {
  bank.tamper.document = partsOf(file);
  const state = await phone.state();
  if (state.kind === 'registered' && state.session === null) await phone.unlockWithMpin(mpin);
});

const partsOf =
  (bytes: Uint8Array, parts = Math.ceil(bytes.length / partBytes)) =>
  (part: number) => ({ bytes: b64(bytes.subarray(part * partBytes, (part + 1) * partBytes)), parts });

async function claimed(): Promise<ClaimedOrder> {
  const { name, fields: checked } = checkFields({ template: 'document', version: 1, fields });
  bank.tamper.descriptorClaims = (honest) => ({ ...honest, display: render(name, checked, 'en').display });
  const order = await phone.claimWaiting(bank.inbox.add());
  delete bank.tamper.descriptorClaims;
  return order;
}

describe('the document of an order', () => {
  it('is the one whose size and SHA-256 are signed, joined from its parts (T-05)', async () => {
    const document = await phone.document(await claimed());
    expect(document).toMatchObject({ title: 'Loan agreement 4711', mediaType: 'text/plain' });
    expect(file.equals(document.bytes)).toBe(true);
  });

  const bent = Buffer.from(file);
  bent[0] = (bent[0] ?? 0) ^ 1;
  it.each([
    ['a file with one bit changed', partsOf(bent)],
    ['a shorter file', partsOf(file.subarray(1))],
    ['a longer file', partsOf(Buffer.concat([file, Buffer.from([0])]))],
    ['fewer parts', partsOf(file, 2)],
    ['a part twice', (part: number) => ({ ...partsOf(file)(part % 3), parts: 4 })],
    ['its parts in another order', (part: number) => partsOf(file)([1, 0, 2][part] ?? 0)],
    ['parts whose number changes', (part: number) => partsOf(file, 3 - part)(part)],
    ['parts without end', (part: number) => partsOf(file, 1000)(part % 3)],
    ['no bytes', () => ({ bytes: '', parts: 3 })],
    ['what is no base64url', () => ({ bytes: '!', parts: 1 })],
    ['something else', () => ({ parts: 3 })],
  ])('is refused where the server hands out %s (T-05)', async (_what, lie) => {
    bank.tamper.document = lie;
    await expect(phone.document(await claimed())).rejects.toMatchObject({ code: 'server_not_authentic' });
  });

  it('is told apart where the portal has another one, or none (T-05)', async () => {
    for (const [status, code] of [
      [409, 'document_changed'],
      [424, 'document_unreachable'],
    ] as const) {
      bank.tamper.document = () => {
        throw new Refusal(status, code);
      };
      await expect(phone.document(await claimed())).rejects.toMatchObject({ code });
    }
  });

  it('is that of the signed description, whatever an app made of its copy (T-05)', async () => {
    const order = await claimed();
    const other = structuredClone(order);
    Object.assign(other.descriptor.display.template?.fields ?? {}, { sha256: '0'.repeat(64) });
    expect((await phone.document(other)).bytes.length).toBe(file.length);
    await expect(phone.document({ ...order, orderId: 'ord_aaaaaaaaaaaaaaaaaaaaaa' })).rejects.toMatchObject({
      code: 'server_not_authentic',
    });
  });

  it('is asked for by no order of another template, and not while the phone is locked', async () => {
    await expect(phone.document(await phone.claimWaiting(bank.inbox.add()))).rejects.toMatchObject({
      code: 'not_found',
    });
    const order = await claimed();
    await phone.logout();
    await expect(phone.document(order)).rejects.toMatchObject({ code: 'locked' });
  });

  it('is compared with a receipt by size and SHA-256 alone (T-14)', async () => {
    const signed = { size: file.length, sha256: fields.sha256 };
    expect(await isSignedDocument(new Uint8Array(file), signed)).toBe(true);
    expect(await isSignedDocument(new Uint8Array(bent), signed)).toBe(false);
    expect(await isSignedDocument(new Uint8Array(file), { ...signed, size: file.length + 1 })).toBe(false);
    expect(await isSignedDocument(new Uint8Array(), signed)).toBe(false);
  });
});
