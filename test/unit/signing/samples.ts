/** The file that the document's example is about. */
export const sampleDocument = Buffer.from('Loan agreement 4711\nThe bank lends 10,000.00 EUR.\n');

/** One asked-for example of every template, as a portal sends it. */
import type { TemplateName } from '../../../src/protocol/templates/templates.ts';

export const samples: Readonly<Record<TemplateName, Readonly<Record<string, unknown>>>> = {
  payment: {
    amount: 125_000,
    currency: 'EUR',
    creditorName: 'Jansen & Zn',
    creditorIban: 'BE71096123456769',
    debtorIban: 'DE89370400440532013000',
    date: '2036-11-23',
    reference: 'Invoice 2026/118',
  },
  'payment-batch': {
    total: 1_250_001,
    currency: 'EUR',
    count: 2,
    debtorIban: 'DE89370400440532013000',
    date: '2036-11-30',
    reference: 'Salaries',
    payments: [
      { amount: 1_000_000, creditorName: 'Ana Novak', creditorIban: 'SI56191000000123438' },
      { amount: 250_001, creditorName: 'Zoë Peeters', creditorIban: 'BE71096123456769', reference: 'November' },
    ],
  },
  reservation: {
    maximum: 40_000,
    currency: 'EUR',
    creditorName: 'Hotel Aurora',
    creditorIban: 'NL91ABNA0417164300',
    debtorIban: 'DE89370400440532013000',
    until: '2026-12-31',
    reference: 'Room 12',
  },
  'payee-add': { payeeName: 'Water Company', payeeIban: 'NL91ABNA0417164300', reference: 'Water' },
  mandate: {
    creditorName: 'Power Ltd',
    creditorId: 'DE98ZZZ09999999999',
    mandateId: 'M-2026-1',
    debtorIban: 'DE89370400440532013000',
    frequency: 'recurring',
    maximum: { amount: 15_000, currency: 'EUR' },
  },
  consent: {
    recipientName: 'Budget App',
    accountIbans: ['DE89370400440532013000', 'GB29NWBK60161331926819'],
    access: ['details', 'balances', 'transactions'],
    until: '2036-02-19',
  },
  document: {
    title: 'Loan agreement 4711',
    mediaType: 'text/plain',
    size: 50,
    sha256: 'ee31ba267ec8150994d57c1e757b6c6b3efaf0e26a2b596df4db2ae50582e2c2',
    viewer: 'https://portal.example/documents/4711?as=file',
  },
  'admin-act': { act: 'Suspend a user', target: 'Otto Own', reason: 'left the company' },
  text: { words: 'I have read the notice of 21 November.\nI agree.' },
};

export const templateNames = Object.keys(samples) as TemplateName[];

/** The same, as a portal at that address can ask it today: its document is there, and its reservation not over. */
export function samplesOf(portalUrl: string): typeof samples {
  const day = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10);
  return {
    ...samples,
    reservation: { ...samples.reservation, until: day },
    document: { ...samples.document, viewer: `${new URL(portalUrl).origin}/documents/4711` },
  };
}
