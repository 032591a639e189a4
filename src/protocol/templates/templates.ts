/**
 * What can be signed: the templates, each with a version and the schema of its fields. A change of what a version holds or how it is
 * drawn is a new version: receipts of the old one must verify for ever.
 */
import { type Static, type TSchema, Type } from 'typebox';
import { Base64Url, PlainText, strict } from '../common.ts';
import { maxMinorUnits } from './money.ts';

/** An amount: a whole number of the currency's smallest unit. */
export const MinorUnits = Type.Integer({ minimum: 1, maximum: maxMinorUnits });
/** The form of a code of ISO 4217; whether there is such a currency, `money.ts` knows. */
export const Currency = Type.String({ pattern: '^[A-Z]{3}$' });
const Iban = Type.String({ pattern: '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$' });
/** Day of the Gregorian calendar, such as 2026-11-21. */
const IsoDate = Type.String({ pattern: '^20[0-9]{2}-[0-9]{2}-[0-9]{2}$' });
const PartyName = PlainText(70);
/**
 * What the drawing puts in quotation marks: none of its own that could pass for the closing one, so that all of it stands within (T-08).
 * “ ”, their look-alikes ‟ ″ ‶ ❝ ❞ 〝 〞, and the control and invisible characters of `PlainText`.
 */
const Quoted = (maxLength: number) =>
  Type.String({
    minLength: 1,
    maxLength,
    pattern:
      '^[^\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u201c\\u201d\\u201f\\u2028-\\u202e\\u2033\\u2036\\u2060-\\u206f\\u275d\\u275e\\u301d\\u301e\\ufeff]*$',
  });
const Reference = Quoted(140);
/** Several lines. */
const Words = Type.String({
  minLength: 1,
  maxLength: 1000,
  pattern: '^[^\\u0000-\\u0009\\u000b-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff]*$',
});

/** Most payments in a batch. */
export const maxBatch = 10_000;

/** One payment of a batch, as the list holds it. */
export const BatchPayment = strict({
  amount: MinorUnits,
  creditorName: PartyName,
  creditorIban: Iban,
  reference: Type.Optional(Reference),
});
export type BatchPayment = Static<typeof BatchPayment>;

/** The whole list of a batch: the text that `paymentsHash` is made of is its JSON. */
export const BatchList = Type.Array(BatchPayment, { minItems: 2, maxItems: maxBatch });

const Access = Type.Union([Type.Literal('balances'), Type.Literal('transactions'), Type.Literal('details')]);

/** Largest file that is fetched and shown, in bytes. */
export const maxDocumentBytes = 8 * 1024 * 1024;

/** What every phone can show without a program of somebody else's. */
const MediaType = Type.Union([Type.Literal('text/plain'), Type.Literal('application/pdf')]);

/** An address as browsers write it: host and path in plain ASCII, no user, no fragment, nothing that could end the quotation around it. */
const viewerPattern = "^https?://[a-z0-9.:\\[\\]-]+/[A-Za-z0-9._~:/?@!$&'()*+,;=%-]*$";

/** The fields of every template, by name; all are of version 1. */
export const templateFields = {
  payment: strict({
    amount: MinorUnits,
    currency: Currency,
    creditorName: PartyName,
    creditorIban: Iban,
    debtorIban: Iban,
    date: IsoDate,
    reference: Type.Optional(Reference),
  }),
  'payment-batch': strict({
    total: MinorUnits,
    currency: Currency,
    count: Type.Integer({ minimum: 2, maximum: maxBatch }),
    debtorIban: Iban,
    date: IsoDate,
    reference: Type.Optional(Reference),
    /** Base64url SHA-256 of the UTF-8 bytes of the list: every payee and amount in its place (T-06). */
    paymentsHash: Base64Url(43),
  }),
  /** Of the account that much is kept for the payee, who takes as much of it as is due, at once or in parts, until that day (T-07). */
  reservation: strict({
    maximum: MinorUnits,
    currency: Currency,
    creditorName: PartyName,
    creditorIban: Iban,
    debtorIban: Iban,
    until: IsoDate,
    reference: Type.Optional(Reference),
  }),
  'payee-add': strict({ payeeName: PartyName, payeeIban: Iban, reference: Type.Optional(Reference) }),
  mandate: strict({
    creditorName: PartyName,
    creditorId: Type.String({ pattern: '^[A-Z]{2}[0-9]{2}[A-Z0-9]{4,31}$' }),
    mandateId: Type.String({ pattern: '^[A-Za-z0-9+?/:().,-]{1,35}$' }),
    debtorIban: Iban,
    frequency: Type.Union([Type.Literal('once'), Type.Literal('recurring')]),
    /** Most that one collection may take. */
    maximum: Type.Optional(strict({ amount: MinorUnits, currency: Currency })),
  }),
  consent: strict({
    recipientName: PartyName,
    accountIbans: Type.Array(Iban, { minItems: 1, maxItems: 20 }),
    access: Type.Array(Access, { minItems: 1, maxItems: 3 }),
    until: IsoDate,
  }),
  document: strict({
    title: Quoted(200),
    mediaType: MediaType,
    /** In bytes. */
    size: Type.Integer({ minimum: 1, maximum: maxDocumentBytes }),
    sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    /** Where the portal has it, at one of the portal's own origins. */
    viewer: Type.String({ maxLength: 500, pattern: viewerPattern }),
  }),
  'admin-act': strict({ act: Reference, target: Reference, reason: Type.Optional(Quoted(280)) }),
  text: strict({ words: Words }),
} as const satisfies Record<string, TSchema>;

export type TemplateName = keyof typeof templateFields;
/** The fields of one template. */
export type FieldsOf<Name extends TemplateName> = Static<(typeof templateFields)[Name]>;

/** The one version that there is of every template. */
export const templateVersion = 1;

/** Whether this release knows how to draw it. */
export function isKnownTemplate(name: string, version: number): name is TemplateName {
  return Object.hasOwn(templateFields, name) && version === templateVersion;
}
