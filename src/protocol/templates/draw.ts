/**
 * How the fields of a template are drawn: the lines that a person reads, and the exact text that is hashed and signed. Server, app and
 * verifier use these very functions, so that none can show what another did not sign (T-05). Nothing here depends on an engine's `Intl`.
 */
import { formatIban } from './iban.ts';
import { formatAmount, formatCount } from './money.ts';
import type { FieldsOf, TemplateName } from './templates.ts';

/** Words that stand for a value. */
export type WordName = 'anyPart' | 'once' | 'recurring' | 'balances' | 'transactions' | 'details';

/** What a line tells: its label is the language's text of this name. */
export type LineName =
  | 'account'
  | 'access'
  | 'act'
  | 'amount'
  | 'count'
  | 'creditorId'
  | 'date'
  | 'debtor'
  | 'fingerprint'
  | 'frequency'
  | 'list'
  | 'mandateId'
  | 'maximum'
  | 'mediaType'
  | 'payee'
  | 'payeeAccount'
  | 'reason'
  | 'recipient'
  | 'reference'
  | 'size'
  | 'taken'
  | 'target'
  | 'title'
  | 'total'
  | 'until'
  | 'upTo'
  | 'viewer'
  | 'words';

/** One line before it has its label. */
export interface DrawnLine {
  readonly name: LineName;
  readonly value: string | readonly WordName[];
  /** `main` is what the person decides by, and is shown largest: amount and payee. */
  readonly emphasis: 'main' | 'plain';
  /** Whose words the value is: what the portal wrote freely is shown as quoted. */
  readonly by: 'server' | 'portal';
}

/** One line as a person reads it. */
export interface Line {
  readonly name: LineName;
  readonly label: string;
  readonly value: string;
  readonly emphasis: 'main' | 'plain';
  readonly by: 'server' | 'portal';
}

type Drawing<Name extends TemplateName> = (fields: FieldsOf<Name>, locale: string) => readonly DrawnLine[];

const main = (name: LineName, value: string): DrawnLine => ({ name, value, emphasis: 'main', by: 'server' });
const plain = (name: LineName, value: string | readonly WordName[]): DrawnLine => ({
  name,
  value,
  emphasis: 'plain',
  by: 'server',
});
const quoted = (name: LineName, value: string | undefined): readonly DrawnLine[] =>
  value === undefined ? [] : [{ name, value, emphasis: 'plain', by: 'portal' }];

const drawings: { readonly [Name in TemplateName]: Drawing<Name> } = {
  payment: (fields, locale) => [
    main('amount', formatAmount(fields.amount, fields.currency, locale)),
    main('payee', fields.creditorName),
    main('payeeAccount', formatIban(fields.creditorIban)),
    plain('debtor', formatIban(fields.debtorIban)),
    plain('date', fields.date),
    ...quoted('reference', fields.reference),
  ],
  'payment-batch': (fields, locale) => [
    main('total', formatAmount(fields.total, fields.currency, locale)),
    main('count', formatCount(fields.count, locale)),
    plain('debtor', formatIban(fields.debtorIban)),
    plain('date', fields.date),
    ...quoted('reference', fields.reference),
    plain('list', fields.paymentsHash),
  ],
  // Nobody takes it for a payment of that amount: the label says "up to", and a line of its own says what that means (T-07).
  reservation: (fields, locale) => [
    main('upTo', formatAmount(fields.maximum, fields.currency, locale)),
    main('payee', fields.creditorName),
    main('payeeAccount', formatIban(fields.creditorIban)),
    plain('taken', ['anyPart']),
    plain('debtor', formatIban(fields.debtorIban)),
    plain('until', fields.until),
    ...quoted('reference', fields.reference),
  ],
  'payee-add': ({ payeeName, payeeIban, reference }) => [
    main('payee', payeeName),
    main('payeeAccount', formatIban(payeeIban)),
    ...quoted('reference', reference),
  ],
  mandate: ({ maximum, ...fields }, locale) => [
    main('payee', fields.creditorName),
    ...(maximum === undefined ? [] : [main('maximum', formatAmount(maximum.amount, maximum.currency, locale))]),
    plain('frequency', [fields.frequency]),
    plain('debtor', formatIban(fields.debtorIban)),
    plain('creditorId', fields.creditorId),
    plain('mandateId', fields.mandateId),
  ],
  consent: (fields) => [
    main('recipient', fields.recipientName),
    plain('access', fields.access),
    ...fields.accountIbans.map((iban) => plain('account', formatIban(iban))),
    plain('until', fields.until),
  ],
  document: ({ title, mediaType, size, sha256, viewer }, locale) => [
    { name: 'title', value: title, emphasis: 'main', by: 'portal' },
    plain('mediaType', mediaType),
    plain('size', formatCount(size, locale)),
    plain('fingerprint', sha256),
    ...quoted('viewer', viewer),
  ],
  'admin-act': ({ act, target, reason }) => [
    { name: 'act', value: act, emphasis: 'main', by: 'portal' },
    { name: 'target', value: target, emphasis: 'main', by: 'portal' },
    ...quoted('reason', reason),
  ],
  text: ({ words }) => [{ name: 'words', value: words, emphasis: 'main', by: 'portal' }],
};

/** The lines of one template in their order. Throws `RangeError` for a currency that is none; fields were checked against their schema. */
export function draw<Name extends TemplateName>(
  name: Name,
  fields: FieldsOf<Name>,
  locale: string,
): readonly DrawnLine[] {
  return (drawings[name] as Drawing<Name>)(fields, locale);
}

/** The texts of one language that a drawing needs: labels by line, words by value. */
export type Wording = Readonly<Record<string, string>>;

/** The names under which a drawing's texts are found. */
export function wordingNames(lines: readonly DrawnLine[]): readonly string[] {
  return [...new Set(lines.flatMap(({ name, value }) => [name, ...(typeof value === 'string' ? [] : value)]))];
}

/** The lines with their labels. Throws `RangeError` where `wording` lacks one. */
export function label(lines: readonly DrawnLine[], wording: Wording): readonly Line[] {
  const said = (name: string): string => {
    const text = Object.hasOwn(wording, name) ? wording[name] : undefined;
    if (text === undefined) throw new RangeError(`there is no text for ${name}`);
    return text;
  };
  return lines.map(({ value, ...line }) => ({
    ...line,
    label: said(line.name),
    value: typeof value === 'string' ? value : value.map(said).join(', '),
  }));
}

/**
 * The exact text that is shown, hashed and signed: the title, then a line for each. What the portal wrote stands in quotation marks, or
 * behind `> ` where it has lines of its own, so that nothing in it can pass for a line of the server's (T-08).
 */
export function displayText(title: string, lines: readonly Line[]): string {
  return [title, ...lines.map(lineText)].join('\n');
}

function lineText({ name, label: said, value, by }: Line): string {
  if (name === 'words') return `${said}:\n${value.replace(/^/gm, '> ')}`;
  return by === 'portal' ? `${said}: “${value}”` : `${said}: ${value}`;
}
