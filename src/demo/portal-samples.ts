/** One example of everything that can be signed, beside payments: the fields of its template, as a portal sends them (docs/signing.md). */
import { createHash } from 'node:crypto';
import type { TemplateName } from '../protocol/templates/templates.ts';

/** What the portal's page offers, in its words. */
export const things = {
  document: 'A document',
  reservation: 'A reservation',
  'payment-batch': 'Several payments',
  'payee-add': 'A new payee',
  mandate: 'A direct debit mandate',
  consent: 'Access to accounts',
  'admin-act': 'An administrator’s act',
  text: 'A few words',
} as const satisfies Partial<Record<TemplateName, string>>;

export type ThingName = keyof typeof things;

/** Whether the page offers it. */
export const isThing = (name: unknown): name is ThingName => typeof name === 'string' && Object.hasOwn(things, name);

/** Most that the example of a reservation lets the portal take, in minor units. */
export const reservedMaximum = 40_000;

export interface Sample {
  /** As the server is asked. */
  readonly fields: object;
  /** As it is drawn and signed: of a batch, its list by its hash. */
  readonly signed: object;
}

export interface SampleOptions {
  /** Epoch-milliseconds. */
  readonly now: number;
  /** What is to be read, and where the server fetches it. */
  readonly document: Uint8Array;
  readonly viewer: string;
}

const ownIban = 'DE89370400440532013000';
/** Members in the order in which the server writes the list that is hashed. */
const payments = [
  { creditorName: 'Ana Novak', creditorIban: 'SI56191000000123438', amount: 100_000 },
  { creditorName: 'Jansen & Zn', creditorIban: 'BE71096123456769', amount: 25_050, reference: 'November' },
];

/** The example of one template. */
export function sampleOf(name: ThingName, options: SampleOptions): Sample {
  const fields = samples[name](options);
  if (name !== 'payment-batch') return { fields, signed: fields };
  const paymentsHash = createHash('sha256').update(JSON.stringify(payments)).digest('base64url');
  return { fields: { ...fields, payments }, signed: { ...fields, paymentsHash } };
}

const samples: Readonly<Record<ThingName, (options: SampleOptions) => object>> = {
  document: ({ document, viewer }) => ({
    title: 'Framework agreement 4711',
    mediaType: 'text/plain',
    size: document.length,
    sha256: createHash('sha256').update(document).digest('hex'),
    viewer,
  }),
  reservation: ({ now }) => ({
    maximum: reservedMaximum,
    currency: 'EUR',
    creditorName: 'Hotel Aurora',
    creditorIban: 'NL91ABNA0417164300',
    debtorIban: ownIban,
    until: dayAfter(now, 30),
    reference: 'Room 12',
  }),
  'payment-batch': ({ now }) => ({
    total: payments.reduce((sum, { amount }) => sum + amount, 0),
    currency: 'EUR',
    count: payments.length,
    debtorIban: ownIban,
    date: dayAfter(now, 1),
    reference: 'Salaries',
  }),
  'payee-add': () => ({ payeeName: 'Water Company', payeeIban: 'NL91ABNA0417164300' }),
  mandate: () => ({
    creditorName: 'Power Ltd',
    creditorId: 'DE98ZZZ09999999999',
    mandateId: 'M-2026-1',
    debtorIban: ownIban,
    frequency: 'recurring',
    maximum: { amount: 15_000, currency: 'EUR' },
  }),
  consent: ({ now }) => ({
    recipientName: 'Budget App',
    accountIbans: [ownIban],
    access: ['balances', 'transactions'],
    until: dayAfter(now, 90),
  }),
  'admin-act': () => ({ act: 'Raise the daily limit', target: 'Otto Own', reason: 'Fair in Hannover' }),
  text: () => ({ words: 'I have read the notice of the bank.\nI agree to it.' }),
};

const dayAfter = (now: number, days: number): string => new Date(now + days * 86_400_000).toISOString().slice(0, 10);
