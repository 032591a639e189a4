/** Payments of the demo portal: what is typed, what is asked, and what its pages make of hostile words. */
import { describe, expect, it } from 'vitest';
import { Refused, signingApi } from '../../../src/demo/portal-pay-api.ts';
import { outcomePage, paymentFormPage, waitingPage } from '../../../src/demo/portal-pay-pages.ts';
import { outcomeOfDenial } from '../../../src/demo/portal-pay-redirect.ts';
import {
  createPayments,
  detailOf,
  exampleForm,
  exampleIbans,
  fieldsOf,
  type Payment,
  type PaymentForm,
  problemOf,
  readForm,
} from '../../../src/demo/portal-payments.ts';
import { judgeReceipts } from '../../../src/demo/portal-receipts.ts';
import type { Portal } from '../../../src/demo/portal-session.ts';
import { readDetails } from '../../../src/oidc/rar.ts';
import { checkFields } from '../../../src/signing/check.ts';
import { createSigningWorld, historyOf, signedReceipt } from '../signing/signed.ts';

const now = Date.parse('2026-11-21T23:59:59Z');
const hostile = `"><script>alert(1)</script>'&`;

function fieldsFor(form: PaymentForm) {
  const fields = fieldsOf(form, now);
  if ('message' in fields) throw new Error(fields.message);
  return fields;
}

const payment: Payment = {
  id: 'A'.repeat(22),
  door: 'api',
  userId: 'usr_x',
  session: 's',
  fields: fieldsFor(exampleForm),
  startedAt: now,
};

describe('a redirect that ends without tokens', () => {
  it('is told as it ended: only what somebody declined on a phone is called so (O-11)', () => {
    expect(outcomeOfDenial('declined')).toEqual({ state: 'declined' });
    expect(outcomeOfDenial('declined: payee')).toEqual({ state: 'declined', reason: 'payee' });
    for (const state of ['reported', 'cancelled', 'expired']) expect(outcomeOfDenial(state)).toEqual({ state });
    for (const detail of ['risk', 'approvers', 'blocked', 'declined by nobody', '<script>']) {
      expect(outcomeOfDenial(detail)).toEqual({ state: 'refused', detail });
    }
    expect(outcomeOfDenial()).toEqual({ state: 'refused' });
    const page = outcomePage(payment, { outcome: outcomeOfDenial('risk'), receipts: [], issuer: 'https://id.example' });
    expect(page).toContain('Not permitted');
    expect(page).not.toContain('on the phone');
  });
});

describe('what is typed into the payment form', () => {
  it('becomes minor units without a calculation in between (T-01)', () => {
    const amounts = { '1250': 125_000, '0,1': 10, '0.01': 1, ' 19.99 ': 1_999, '999999999999.99': 99_999_999_999_999 };
    for (const [amount, expected] of Object.entries(amounts)) {
      expect(fieldsFor({ ...exampleForm, amount }).amount, amount).toBe(expected);
    }
  });

  it('is refused where the amount could be read in two ways, and by the portal itself (T-01)', () => {
    const unclear = [
      '',
      '1e3',
      '-1',
      '+1',
      '1,250.00',
      '1.250,00',
      '0.001',
      'NaN',
      '0x10',
      '١٢',
      '1 000',
      '9'.repeat(13),
    ];
    for (const amount of unclear) {
      const problem = fieldsOf({ ...exampleForm, amount }, now);
      expect(problem, amount).toMatchObject({ input: 'amount', isTemporary: false });
    }
  });

  it('is what the server takes, by each of its doors, with every account number that is offered', () => {
    for (const iban of [exampleForm.iban, ...exampleIbans]) {
      const fields = fieldsFor({ ...exampleForm, iban });
      expect(checkFields({ template: 'payment', version: 1, fields: { ...fields } }).name).toBe('payment');
      const { asked } = readDetails(JSON.stringify([detailOf({ ...payment, fields })]));
      expect(asked).toEqual({ template: 'payment', version: 1, fields, reference: payment.id });
    }
  });

  it('comes back beside the field that the server names (X-01)', () => {
    const beside: Readonly<Record<string, string | undefined>> = {};
    for (const [input, form] of Object.entries({
      payee: { payee: 'Jansen \u202e' },
      iban: { iban: 'BE71096123456760' },
      amount: { amount: '0' },
      reference: { reference: 'a  b' },
    })) {
      const fields = fieldsFor({ ...exampleForm, ...form });
      try {
        checkFields({ template: 'payment', version: 1, fields: { ...fields } });
      } catch (error) {
        Object.assign(beside, { [input]: problemOf((error as { publicMessage: string }).publicMessage).input });
      }
    }
    expect(beside).toEqual({ payee: 'payee', iban: 'iban', amount: 'amount', reference: 'reference' });
    expect(problemOf('body/user there is no such user').input).toBeUndefined();
  });

  it('keeps a name of its own, unless that is none', () => {
    const id = 'abcdefghijklmnopqrst_-';
    expect(readForm({ id, payee: 'x', amount: ['1'] })).toEqual({
      id,
      form: { payee: 'x', iban: '', amount: '', reference: '' },
    });
    for (const other of [undefined, { id: '../../x' }, { id: ['a'] }, 'text', null]) {
      expect(readForm(other).id).toMatch(/^[\w-]{22}$/);
    }
  });
});

describe('the pages of payments', () => {
  it('show what came from people as text, wherever it stands (T26)', () => {
    const form = { payee: hostile, iban: hostile, amount: hostile, reference: hostile };
    const fields = { ...payment.fields, creditorName: hostile, creditorIban: hostile, reference: hostile };
    const one = { ...payment, id: hostile, fields, progress: hostile };
    const facts = {
      title: hostile,
      lines: [{ name: 'payee', label: hostile, value: hostile, emphasis: 'main', by: 'portal' }],
      user: { id: 'usr_x', name: hostile },
      device: { id: 'dev_x', name: hostile, thumbprint: hostile },
      factor: 'pin',
      approvedAt: 1,
    } as never;
    const pages = [
      paymentFormPage(hostile, form, { input: undefined, message: hostile, isTemporary: true }),
      paymentFormPage(hostile, form, { input: 'iban', message: hostile, isTemporary: false }),
      waitingPage(one, { code: true, mayCancel: true }),
      outcomePage(one, { outcome: { state: 'failed', detail: hostile }, receipts: [], issuer: hostile }),
      outcomePage(one, { outcome: { state: 'approved' }, receipts: [{ facts }], issuer: hostile }),
    ];
    for (const page of pages) {
      expect(page).not.toContain('<script>');
      expect(page).toContain('&lt;script&gt;');
    }
  });

  it('say “approved” of receipts alone that were found genuine (T-14)', () => {
    const outcome = { state: 'approved' } as const;
    for (const receipts of [[], [{ facts: undefined }]]) {
      const page = outcomePage(payment, { outcome, receipts, issuer: 'https://id.example' });
      expect(page).toContain('data-state="doubtful"');
      expect(page).toContain('Not paid');
    }
  });
});

describe('the portal’s own part', () => {
  it('lets an end stand, whatever is told after it', () => {
    const payments = createPayments();
    payments.add(payment);
    payments.note(payment.id, { isClaimed: true });
    payments.note(payment.id, { outcome: { state: 'declined', reason: 'payee' } });
    payments.note(payment.id, { isClaimed: false, outcome: { state: 'approved' } });
    payments.note('unknown', { isClaimed: true });
    expect(payments.find(payment.id)).toMatchObject({ isClaimed: true, outcome: { state: 'declined' } });
    expect(payments.find('unknown')).toBeUndefined();
    payments.add({ ...payment, id: 'later', startedAt: now + 3_600_001 });
    expect(payments.find(payment.id)).toBeUndefined();
  });

  it('has no payment replaced by another one under its name, which a receipt tells to others (T-12)', () => {
    const payments = createPayments();
    payments.add(payment);
    payments.note(payment.id, { outcome: { state: 'declined' } });
    payments.add({ ...payment, session: 'of another browser', fields: { ...payment.fields, amount: 1 } });
    expect(payments.find(payment.id)).toEqual({ ...payment, outcome: { state: 'declined' } });
  });

  it('pays by a receipt of this very payment alone: one bit of it changed afterwards, and there is none (T-03, T-14)', async () => {
    const world = await createSigningWorld();
    const receipt = await signedReceipt(world, 'payment', { ...payment.fields });
    const history = await historyOf(world);
    const options = { issuer: world.orders.issuer, fetch: async () => Response.json(history) };
    const isPaid = async (change: Partial<Payment['fields']>, more: Partial<Payment> = {}): Promise<boolean> => {
      const one = { ...payment, id: 'my payment', ...more, fields: { ...payment.fields, ...change } };
      return (await judgeReceipts(options, one, [receipt]))[0]?.facts !== undefined;
    };
    expect(await isPaid({})).toBe(true);
    for (const change of [
      { amount: 125_001 },
      { currency: 'USD' },
      { creditorName: 'Jansen & Co' },
      { creditorIban: exampleIbans[0] },
      { debtorIban: exampleIbans[1] },
      { date: '2026-11-22' },
      { reference: 'Invoice 2026/119' },
    ]) {
      expect(await isPaid(change), JSON.stringify(change)).toBe(false);
    }
    expect(await isPaid({}, { id: 'another payment' })).toBe(false);
    const other = { ...options, issuer: 'https://other.example' };
    expect(await judgeReceipts(other, { ...payment, id: 'my payment' }, [receipt])).toEqual([{ facts: undefined }]);
  });

  it('tells a server that does not answer from one that refuses, so that sending again is safe (X-03)', async () => {
    // Nothing listens there.
    const portal = {
      options: { issuer: 'http://127.0.0.1:1' },
      discover: () => Promise.reject(new TypeError('fetch failed')),
    } as unknown as Portal;
    const asked = { id: payment.id, userId: 'usr_x', template: 'payment', fields: payment.fields } as const;
    const refusal = await signingApi(portal)
      .create(asked)
      .catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(Refused);
    expect(refusal).toMatchObject({ isTemporary: true });
    await expect(judgeReceipts({ issuer: 'http://127.0.0.1:1' }, payment, [{} as never])).rejects.toThrow();
  });
});
