/** One asked-for example of every template, as a portal sends it. */
import type { TemplateName } from '../../../src/protocol/templates/templates.ts';

export const samples: Readonly<Record<TemplateName, Readonly<Record<string, unknown>>>> = {
  payment: {
    amount: 125_000,
    currency: 'EUR',
    creditorName: 'Jansen & Zn',
    creditorIban: 'BE71096123456769',
    debtorIban: 'DE89370400440532013000',
    date: '2026-11-23',
    reference: 'Invoice 2026/118',
  },
  'payment-batch': {
    total: 1_250_001,
    currency: 'EUR',
    count: 2,
    debtorIban: 'DE89370400440532013000',
    date: '2026-11-30',
    reference: 'Salaries',
    payments: [
      { amount: 1_000_000, creditorName: 'Ana Novak', creditorIban: 'SI56191000000123438' },
      { amount: 250_001, creditorName: 'Zoë Peeters', creditorIban: 'BE71096123456769', reference: 'November' },
    ],
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
    until: '2027-02-19',
  },
  document: {
    title: 'Loan agreement 4711',
    sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  },
  'admin-act': { act: 'Suspend a user', target: 'Otto Own', reason: 'left the company' },
  text: { words: 'I have read the notice of 21 November.\nI agree.' },
};

export const templateNames = Object.keys(samples) as TemplateName[];
