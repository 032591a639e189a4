/** A payment as the portal knows it: what was typed, what is asked to be signed, and what has come of it. */
import { randomBytes } from 'node:crypto';
import type { DeclineReason } from '../protocol/orders.ts';
import type { Receipt } from '../protocol/receipt.ts';

/** How the portal asks: with a session of its own, by sending the browser away, or by the back channel. */
export type Door = 'api' | 'redirect' | 'backchannel';

/** What somebody typed, letter for letter. */
export interface PaymentForm {
  readonly payee: string;
  readonly iban: string;
  readonly amount: string;
  readonly reference: string;
}

/** The fields of the template `payment` (docs/signing.md). */
export interface PaymentFields {
  /** Minor units. */
  readonly amount: number;
  readonly currency: string;
  readonly creditorName: string;
  readonly creditorIban: string;
  readonly debtorIban: string;
  readonly date: string;
  readonly reference?: string;
}

/** How it ended. `refused`: the server lets no phone decide it. `failed`: the server could not be asked, or its answer was none. */
export interface Outcome {
  readonly state: 'approved' | 'declined' | 'reported' | 'expired' | 'cancelled' | 'refused' | 'failed';
  readonly reason?: DeclineReason | undefined;
  readonly receipts?: readonly Receipt[];
  /** What went wrong, in the server's words. */
  readonly detail?: string | undefined;
}

export interface Payment {
  /** Of the portal; nobody else can guess it. It is the reference that stands in the receipt too. */
  readonly id: string;
  readonly door: Door;
  /** `sub` of whoever made it. */
  readonly userId: string;
  /** The portal's cookie of the browser in which it was made: no other one sees it, and this one does when its session has ended. */
  readonly session: string;
  readonly fields: PaymentFields;
  /** Epoch-milliseconds. */
  readonly startedAt: number;
  /** By which the server knows it, once the portal was told. */
  readonly signingId?: string | undefined;
  /** Whether a phone shows it at the moment. */
  readonly isClaimed?: boolean;
  /** What else is known while it waits, in words. */
  readonly progress?: string | undefined;
  readonly outcome?: Outcome | undefined;
}

/** What is wrong, and beside which of the inputs it is said; undefined: above them. */
export interface FormProblem {
  readonly input: keyof PaymentForm | undefined;
  readonly message: string;
  /** Whether sending the same again may succeed. */
  readonly isTemporary: boolean;
}

/** The account that money goes from. A real portal lets its user choose among their own. */
const debtorIban = 'DE89370400440532013000';

export const exampleForm: PaymentForm = {
  payee: 'Jansen & Zn',
  iban: 'BE71 0961 2345 6769',
  amount: '1250.00',
  reference: 'Invoice 2026/118',
};

/** Account numbers to try, beside the first. */
export const exampleIbans = ['NL91ABNA0417164300', 'FR1420041010050500013M02606', 'GB29NWBK60161331926819'] as const;

const idPattern = /^[\w-]{22}$/;

/** A name for one payment: sent again under the same one, it stays one payment. */
export function newPaymentId(): string {
  return randomBytes(16).toString('base64url');
}

/** What came from the form, and the name that the page gave it. What is missing or no text counts as empty. */
export function readForm(body: unknown): { readonly form: PaymentForm; readonly id: string } {
  const sent = (body ?? {}) as Readonly<Record<string, unknown>>;
  const text = (name: string): string => (typeof sent[name] === 'string' ? sent[name] : '');
  const form = { payee: text('payee'), iban: text('iban'), amount: text('amount'), reference: text('reference') };
  return { form, id: idPattern.test(text('id')) ? text('id') : newPaymentId() };
}

/**
 * The form as the server takes it. The portal reads the amount, because it knows what its users mean by a point and a comma; everything
 * else the server judges, and its words are shown.
 */
export function fieldsOf(form: PaymentForm, now: number): PaymentFields | FormProblem {
  const [, whole, fraction = ''] = /^(\d{1,12})(?:[.,](\d{1,2}))?$/.exec(form.amount.trim()) ?? [];
  if (whole === undefined) {
    return { input: 'amount', message: 'Write the amount as 1250 or 1250.00, without a sign.', isTemporary: false };
  }
  return {
    amount: Number(`${whole}${fraction.padEnd(2, '0')}`),
    currency: 'EUR',
    creditorName: form.payee,
    creditorIban: form.iban.replaceAll(' ', ''),
    debtorIban,
    date: new Date(now).toISOString().slice(0, 10),
    ...(form.reference === '' ? {} : { reference: form.reference }),
  };
}

/** Beside which input the server's message belongs: it names the field. */
export function problemOf(message: string, isTemporary = false): FormProblem {
  const inputs = [
    [/creditorName/, 'payee'],
    [/creditorIban/, 'iban'],
    [/amount/, 'amount'],
    [/fields\W+reference/, 'reference'],
  ] as const;
  const [, input] = inputs.find(([pattern]) => pattern.test(message)) ?? [];
  return { input, message, isTemporary };
}

/** The payment as the one member of `authorization_details` (RFC 9396 §2), for the two doors of OAuth. */
export function detailOf({ fields, id }: Pick<Payment, 'fields' | 'id'>) {
  return { type: 'urn:mtoken:signing:payment:v1', reference: id, fields };
}

const keptMs = 3_600_000;
const maxKept = 1_000;

/** The payments of the last hour. A real portal has a database for them, and keeps the receipts for years. */
export interface Payments {
  find(id: string): Payment | undefined;
  /** One of a name that is known changes nothing. */
  add(payment: Payment): void;
  /** Notes what is new. An end stays: what comes after it changes nothing. */
  note(id: string, news: Partial<Pick<Payment, 'signingId' | 'isClaimed' | 'progress' | 'outcome'>>): void;
}

export function createPayments(): Payments {
  const kept = new Map<string, Payment>();
  return {
    find: (id) => kept.get(id),
    add: (payment) => {
      if (kept.has(payment.id)) return;
      for (const [id, { startedAt }] of kept) {
        if (kept.size >= maxKept || payment.startedAt - startedAt > keptMs) kept.delete(id);
      }
      kept.set(payment.id, payment);
    },
    note: (id, news) => {
      const payment = kept.get(id);
      if (payment !== undefined && payment.outcome === undefined) kept.set(id, { ...payment, ...news });
    },
  };
}
