/** Judges what a portal asks to be signed: nothing that is missing, unclear or could be read in two ways becomes an order (T-01, T-08). */
import { setImmediate } from 'node:timers/promises';
import type { TSchema } from 'typebox';
import { encodeBase64url, sha256 } from '../crypto/bytes.ts';
import { AuthError } from '../errors.ts';
import { createValidate, type Validate } from '../http/validation.ts';
import { assertReadable } from '../orders/text.ts';
import { isIban } from '../protocol/templates/iban.ts';
import { currencyExponent } from '../protocol/templates/money.ts';
import {
  BatchList,
  type BatchPayment,
  type FieldsOf,
  isKnownTemplate,
  type TemplateName,
  templateFields,
} from '../protocol/templates/templates.ts';

/** Fields that may be signed, and the list that they are bound to where they are a batch's. */
export interface Checked {
  readonly name: TemplateName;
  readonly fields: FieldsOf<TemplateName>;
  /** JSON, byte for byte as it was hashed. */
  readonly list?: string;
}

interface Asked {
  readonly template: string;
  readonly version: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Payments that are judged before anything else gets its turn. */
const slice = 250;

const validators = new Map<TemplateName, Validate>();
const validateList = createValidate(BatchList, 'fields/payments');

/**
 * The fields of a known template, every one of them judged: form, calendar, currency, account number, readable text, and of a batch
 * whether count and total are those of its payments. Throws `invalid_request` naming the field and what was expected there.
 */
export function checkFields(asked: Asked): Checked {
  const checking = check(asked);
  for (;;) {
    const { done, value } = checking.next();
    if (done === true) return value;
  }
}

/** Like {@link checkFields}, but whatever else the process has to do gets its turn between two slices of a batch. */
export async function checkInSlices(asked: Asked): Promise<Checked> {
  const checking = check(asked);
  for (;;) {
    const { done, value } = checking.next();
    if (done === true) return value;
    await setImmediate();
  }
}

/** Stops after each slice of a long list. */
function* check({ template, version, fields }: Asked): Generator<undefined, Checked, undefined> {
  if (!isKnownTemplate(template, version)) {
    throw refused(
      'template',
      `and version must be one of ${Object.keys(templateFields).join(', ')}, each of version 1`,
    );
  }
  const { fields: bound, list } = template === 'payment-batch' ? yield* bindList(fields) : { fields, list: undefined };
  validatorOf(template)(bound);
  judge(bound, 'fields', '');
  if (template === 'consent') assertDistinct(bound as FieldsOf<'consent'>);
  return { name: template, fields: bound as FieldsOf<TemplateName>, ...(list === undefined ? {} : { list }) };
}

function validatorOf(name: TemplateName): Validate {
  const validate = validators.get(name) ?? createValidate(templateFields[name] as TSchema, 'fields');
  validators.set(name, validate);
  return validate;
}

/** A batch as it is signed: its payments become a list of fixed bytes, of which the fields hold the hash (T-06). */
function* bindList({ payments, ...fields }: Readonly<Record<string, unknown>>) {
  validateList(payments);
  const listed = payments as readonly BatchPayment[];
  for (const [index, payment] of listed.entries()) {
    if (index % slice === 0) yield;
    judge(payment, `fields/payments/${index}`, '');
  }
  if (fields['count'] !== listed.length) throw refused('fields/count', 'is not the number of payments');
  const total = listed.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
  const said = fields['total'];
  if (typeof said !== 'number' || !Number.isSafeInteger(said) || BigInt(said) !== total) {
    throw refused('fields/total', 'is not the sum of the payments');
  }
  if ('paymentsHash' in fields) throw refused('fields/paymentsHash', 'is made by the server');
  const list = JSON.stringify(listed.map(inOrder));
  return { fields: { ...fields, paymentsHash: encodeBase64url(sha256(list)) }, list };
}

/** Members in one order, whatever order they were sent in. */
function inOrder({ creditorName, creditorIban, amount, reference }: BatchPayment): BatchPayment {
  return { creditorName, creditorIban, amount, ...(reference === undefined ? {} : { reference }) };
}

/** Each value by the name of its field; what has no rule of its own is text for a person. */
function judge(value: unknown, place: string, field: string): void {
  if (Array.isArray(value)) {
    for (const [index, one] of value.entries()) judge(one, `${place}/${index}`, field);
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, one] of Object.entries(value)) judge(one, `${place}/${name}`, name);
  } else if (typeof value === 'string') judgeText(value, place, field);
}

function judgeText(value: string, place: string, field: string): void {
  if (/iban/i.test(field) && !isIban(value)) {
    throw refused(place, 'must be an IBAN without spaces, of its country’s length and with right check digits');
  }
  // Approved as a mandate of a few cents, an account would be a known payee of any payment.
  if (field === 'creditorId' && isIban(value))
    throw refused(place, 'must identify a creditor, and is an account number');
  if (field === 'currency' && currencyExponent(value) === undefined) {
    throw refused(place, 'must be a currency of ISO 4217 in capital letters');
  }
  if (field === 'viewer' && !isPlainUrl(value)) throw refused(place, 'must be a URL in its normal form');
  if ((field === 'date' || field === 'until') && !isDay(value)) throw refused(place, 'must be a day, as 2026-11-21');
  try {
    assertReadable(value);
  } catch (error) {
    throw error instanceof AuthError ? refused(place, error.publicMessage ?? 'cannot be read safely') : error;
  }
  // A blank more, or one of another width, would make two texts that nobody can tell apart.
  if (/^ | $|[^\P{Zs} ]| {2}/mu.test(value)) throw refused(place, 'may hold single ordinary spaces between words only');
}

/** Two programs read it alike: as browsers write it, upper-case hosts, default ports and dot segments gone. */
function isPlainUrl(text: string): boolean {
  return URL.canParse(text) && new URL(text).href === text;
}

function isDay(text: string): boolean {
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

function assertDistinct({ access, accountIbans }: FieldsOf<'consent'>): void {
  if (new Set(access).size !== access.length) throw refused('fields/access', 'names something twice');
  if (new Set(accountIbans).size !== accountIbans.length)
    throw refused('fields/accountIbans', 'names an account twice');
}

function refused(place: string, message: string): AuthError {
  return new AuthError('invalid_request', { message: `${place} ${message}` });
}
