/** Every field of every template, changed alone: no text, phone or verifier takes it for what was signed. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BatchPayment, FieldsOf, TemplateName } from '../../../src/protocol/templates/templates.ts';
import { readDisplay, readList } from '../../../src/sdk/display.ts';
import { verifyReceipt } from '../../../src/sdk/receipt.ts';
import { checkFields } from '../../../src/signing/check.ts';
import { render } from '../../../src/signing/wording.ts';
import { samples, templateNames } from './samples.ts';
import { createSigningWorld, historyOf, type SigningWorld, signedAnew, signedReceipt } from './signed.ts';

type Path = readonly (string | number)[];

/** Another value that may stand there, by the name of the field. */
const others: Readonly<Record<string, unknown>> = {
  currency: 'USD',
  creditorName: 'Jansen & Zoon',
  creditorIban: 'MT84MALT011000012345MTLCAST001S',
  debtorIban: 'IE29AIBK93115212345678',
  date: '2026-11-24',
  reference: 'Invoice 2026/119',
  paymentsHash: 'x'.repeat(43),
  payeeName: 'Water Companies',
  payeeIban: 'BE71096123456769',
  creditorId: 'DE98ZZZ09999999998',
  mandateId: 'M-2026-2',
  frequency: 'once',
  recipientName: 'Budget Apps',
  accountIbans: 'NO9386011117947',
  until: '2026-12-30',
  title: 'Loan agreement 4712',
  mediaType: 'application/pdf',
  sha256: '0'.repeat(64),
  viewer: 'https://portal.example/documents/4712?as=file',
  act: 'Restore a user',
  target: 'Otto Own II',
  reason: 'came back',
  words: 'I have read the notice of 21 November. I agree.',
};

function* leaves(value: unknown, path: Path = []): Generator<Path> {
  if (typeof value !== 'object' || value === null) yield path;
  else if (Array.isArray(value)) for (const [index, one] of value.entries()) yield* leaves(one, [...path, index]);
  else for (const [name, one] of Object.entries(value)) yield* leaves(one, [...path, name]);
}

/** A copy in which one leaf is another. */
function changed<T>(value: T, [first, ...rest]: Path, name = ''): T {
  if (first === undefined) return other(value, name) as T;
  const field = typeof first === 'string' ? first : name;
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string | number, unknown>;
  copy[first] = changed(copy[first], rest, field);
  return copy as T;
}

function other(value: unknown, name: string): unknown {
  if (typeof value === 'number') return value + 1;
  if (name === 'access') return value === 'details' ? 'balances' : 'details';
  expect(others[name], name).not.toBe(value);
  expect(others[name], name).toBeDefined();
  return others[name];
}

function shown<Name extends TemplateName>(template: Name, fields = samples[template]) {
  const { fields: checked, list } = checkFields({ template, version: 1, fields });
  const { display } = render(template, checked as FieldsOf<Name>, 'en');
  return { display, list };
}

let world: SigningWorld;
beforeAll(async () => {
  world = await createSigningWorld();
});
afterAll(() => world.close());

describe('one field that is changed', () => {
  it.each(templateNames)(
    'in %s makes another text, and the phone refuses it under the old one (T-02, T-04)',
    (name) => {
      const { display } = shown(name);
      const { fields } = display.template;
      const paths = [...leaves(fields)];
      expect(paths.length).toBeGreaterThan(0);
      for (const path of paths) {
        const bent = changed(fields, path);
        expect(render(name, bent as FieldsOf<typeof name>, 'en').display.text, path.join()).not.toBe(display.text);
        const lying = { ...display, template: { ...display.template, fields: bent } };
        expect(() => readDisplay(lying), path.join()).toThrowError(
          expect.objectContaining({ code: 'server_not_authentic' }),
        );
      }
      for (const field of Object.keys(fields)) {
        const { [field]: _, ...rest } = fields;
        const lacking = { ...display, template: { ...display.template, fields: rest } };
        expect(() => readDisplay(lacking), field).toThrowError(
          expect.objectContaining({ code: 'server_not_authentic' }),
        );
      }
    },
  );

  it.each(templateNames)(
    'in %s after the approval voids its receipt, though the server itself signs the lie (T-03, T-04, T-14)',
    async (name) => {
      const receipt = await signedReceipt(world, name);
      const history = await historyOf(world);
      expect((await verifyReceipt(receipt, history)).isGenuine).toBe(true);
      const { fields } = shown(name).display.template;
      for (const path of leaves(fields)) {
        const { display } = render(name, changed(fields, path) as FieldsOf<typeof name>, 'en');
        const order = signedAnew(receipt.order, { display }, world.serverPrivateKey);
        const orderHash = createHash('sha256').update(order).digest('base64url');
        const countersignature = signedAnew(receipt.countersignature, { orderHash }, world.serverPrivateKey);
        const { isGenuine } = await verifyReceipt({ ...receipt, order, countersignature }, history);
        expect(isGenuine, path.join()).toBe(false);
      }
    },
  );

  it('in one payment of a batch is not the list that is signed (T-04, T-06)', async () => {
    const { display, list = '' } = shown('payment-batch');
    const batch = display.template.fields as FieldsOf<'payment-batch'>;
    const payments = JSON.parse(list) as readonly BatchPayment[];
    expect(await readList(list, batch)).toEqual(payments);
    for (const path of leaves(payments)) {
      expect(await readList(JSON.stringify(changed(payments, path)), batch), path.join()).toBeUndefined();
    }
  });
});
