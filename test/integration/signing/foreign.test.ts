/** Whether the SDK and a foreign program, written from the same page, come to one verdict on receipts that are hard to judge. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyReceipt } from '../../../src/sdk/receipt.ts';
import {
  createSigningWorld,
  historyOf,
  payloadOf,
  type SigningWorld,
  signedAnew,
  signedReceipt,
} from '../../unit/signing/signed.ts';

const script = new URL('../../interop/receipt.py', import.meta.url).pathname;
const python = ['python3', '/usr/bin/python3'].find(
  (name) => spawnSync(name, ['-c', 'import cryptography']).status === 0,
);

let world: SigningWorld;
let directory: string;

beforeAll(async () => {
  world = await createSigningWorld();
  directory = mkdtempSync(join(tmpdir(), 'mtoken-foreign-'));
});
afterAll(async () => {
  await world.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Of the SDK and of the foreign program. */
async function verdicts(receipt: unknown, history: unknown): Promise<readonly boolean[]> {
  const [one, other] = [join(directory, 'receipt.json'), join(directory, 'history.json')];
  writeFileSync(one, JSON.stringify(receipt));
  writeFileSync(other, JSON.stringify(history));
  const own = await verifyReceipt(receipt, history).then(
    ({ isGenuine }) => isGenuine,
    () => false,
  );
  return [own, spawnSync(python ?? '', [script, one, other]).status === 0];
}

const [genuine, refused] = [
  [true, true],
  [false, false],
];

describe.skipIf(python === undefined)('the SDK and a foreign program', () => {
  it('pass a receipt whose times are out of order by two minutes, and refuse one second more (T-14)', async () => {
    const receipt = await signedReceipt(world);
    const history = await historyOf(world);
    const { approvedAt, device } = payloadOf(receipt.countersignature) as { approvedAt: number; device: object };
    const changed = (change: object) => ({
      ...receipt,
      countersignature: signedAnew(receipt.countersignature, change, world.serverPrivateKey),
    });
    const { iat } = payloadOf(receipt.order) as { iat: number };
    expect(await verdicts(receipt, history)).toEqual(genuine);
    expect(await verdicts(changed({ iat: approvedAt - 120 }), history)).toEqual(genuine);
    expect(await verdicts(changed({ iat: approvedAt - 121 }), history)).toEqual(refused);
    expect(await verdicts(changed({ device: { ...device, registeredAt: iat + 120 } }), history)).toEqual(genuine);
    expect(await verdicts(changed({ device: { ...device, registeredAt: iat + 121 } }), history)).toEqual(refused);
  });

  it('refuse a history whose issuer is no origin (T-14)', async () => {
    const receipt = await signedReceipt(world);
    for (const iss of [`${world.orders.issuer}/`, 'https://bank.example@evil.example']) {
      const order = signedAnew(receipt.order, { iss }, world.serverPrivateKey);
      expect(await verdicts({ ...receipt, order }, await historyOf(world, { iss })), iss).toEqual(refused);
    }
  });

  it('refuse a batch whose list says a member twice, though all hashes are right (T-06)', async () => {
    const receipt = await signedReceipt(world, 'payment-batch');
    const { display } = payloadOf(receipt.order) as {
      display: { text: string; template: { fields: { paymentsHash: string } } };
    };
    const told = (list: string) => {
      const { template, text } = display;
      const paymentsHash = createHash('sha256').update(list).digest('base64url');
      const fields = { ...template.fields, paymentsHash };
      const said = text.replace(template.fields.paymentsHash, paymentsHash);
      const change = { display: { ...display, text: said, template: { ...template, fields } } };
      const order = signedAnew(receipt.order, change, world.serverPrivateKey);
      const hashOf = (content: string) => createHash('sha256').update(content).digest('base64url');
      const bound = { descriptorHash: hashOf(order), displayHash: hashOf(said) };
      const approval = signedAnew(receipt.approval, bound, world.phone.key);
      const hashes = { orderHash: hashOf(order), approvalHash: hashOf(approval) };
      const countersignature = signedAnew(receipt.countersignature, hashes, world.serverPrivateKey);
      return { ...receipt, order, approval, countersignature, list };
    };
    const list = receipt.list ?? '';
    const history = await historyOf(world);
    expect(await verdicts(told(list), history)).toEqual(genuine);
    const twice = list.replace('"creditorName":', '"creditorName":"Mallory","creditorName":');
    expect(await verdicts(told(twice), history)).toEqual(refused);
  });
});
