/** What is to be signed, drawn once more from its fields: the phone shows nothing that it did not make of them itself (T-05). */
import type { Static } from 'typebox';
import { type OrderDescriptor, OrderListed } from '../protocol/orders.ts';
import {
  type DrawnLine,
  displayText,
  draw,
  type Line,
  label,
  type Wording,
  wordingNames,
} from '../protocol/templates/draw.ts';
import {
  BatchList,
  type BatchPayment,
  type FieldsOf,
  isKnownTemplate,
  templateFields,
} from '../protocol/templates/templates.ts';
import { type Bytes, hashText, sha256 } from './bytes.ts';
import { callInSession } from './calls.ts';
import type { PhoneContext } from './context.ts';
import { PhoneError } from './errors.ts';
import { matches, parseJson } from './matches.ts';
import { fetchParts } from './parts.ts';
import type { RegisteredPhone } from './state.ts';

type Display = Static<typeof OrderDescriptor>['display'];

/** What a batch says of its list. */
export type BatchFields = FieldsOf<'payment-batch'>;

/** What a document's order says of its file. */
export type DocumentFields = FieldsOf<'document'>;

export interface ReadDisplay {
  readonly lines: readonly Line[];
  /** Where there is a list to fetch. */
  readonly batch: BatchFields | undefined;
  /** Where there is a file to fetch. */
  readonly document: DocumentFields | undefined;
}

/**
 * The lines of an order to sign, drawn here, whose text is the one that is signed. Throws `unsupported` for a template or version that
 * this release does not know, and `server_not_authentic` where fields and text do not say the same, or labels could be read as more.
 */
export function readDisplay({ text, locale, template }: Display): ReadDisplay {
  if (template === undefined) throw notFitting('it does not say what its text was made of');
  const { name, version, title, wording, fields } = template;
  if (!isKnownTemplate(name, version)) {
    throw new PhoneError('unsupported', {
      detail: `the template ${name} of version ${version} is not known to this app`,
    });
  }
  if (!matches(templateFields[name], fields)) throw notFitting('its fields are not those of its template');
  const drawn = drawnFrom(() => draw(name, fields as FieldsOf<typeof name>, locale));
  if (!isPlainLabel(title) || !isWordingOf(drawn, wording)) throw notFitting('its labels are not those of its lines');
  const lines = label(drawn, wording);
  if (displayText(title, lines) !== text) throw notFitting('its text does not say what its fields say');
  return {
    lines,
    batch: name === 'payment-batch' ? (fields as BatchFields) : undefined,
    document: name === 'document' ? (fields as DocumentFields) : undefined,
  };
}

function drawnFrom(make: () => readonly DrawnLine[]): readonly DrawnLine[] {
  try {
    return make();
  } catch (cause) {
    throw notFitting('its fields cannot be drawn', cause);
  }
}

/**
 * The server's own words come with the order, and what they say cannot be known here. Their form can: exactly those that are drawn, each
 * another one, short, in one line, and without a colon, so that none passes for a line of its own or stands for two.
 */
function isWordingOf(drawn: readonly DrawnLine[], wording: Wording): boolean {
  const names = wordingNames(drawn);
  const texts = names.map((name) => (Object.hasOwn(wording, name) ? wording[name] : undefined));
  const isExact = Object.keys(wording).length === names.length && new Set(texts).size === names.length;
  return isExact && texts.every(isPlainLabel);
}

/** Whether words can stand as a label or title: 1 to 60 characters, all drawn, without blanks around them and without any sign that reads as a colon. */
export function isPlainLabel(text: string | undefined): boolean {
  if (text === undefined || text.trim() !== text || text.normalize('NFC') !== text) return false;
  return /^[^\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}:\u02d0\u2236\ua789\ufe13\ufe55\uff1a]{1,60}$/u.test(
    text,
  );
}

/** Whether `list` is the one that a batch is bound to, and says as many payments and as much as the batch does; its payments. */
export async function readList(list: string, batch: BatchFields): Promise<readonly BatchPayment[] | undefined> {
  if ((await hashText(list)) !== batch.paymentsHash) return undefined;
  const payments = parseJson(list);
  if (!matches(BatchList, payments) || payments.length !== batch.count) return undefined;
  // A member that is said twice is read one way here and another way elsewhere.
  if (JSON.stringify(payments) !== list) return undefined;
  const total = payments.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
  return total === BigInt(batch.total) ? payments : undefined;
}

interface ListOf {
  readonly orderId: string;
  readonly batch: BatchFields;
}

/** Fetches the payments of a batch part by part. Throws `server_not_authentic` where they are not those that are signed (T-06). */
export async function fetchList(
  context: PhoneContext,
  phone: RegisteredPhone,
  { orderId, batch }: ListOf,
): Promise<readonly BatchPayment[]> {
  const list = await fetchParts((part) =>
    callInSession(context, phone, { name: 'orders/list', body: { orderId, part }, reply: OrderListed }),
  );
  const payments = await readList(list, batch);
  if (payments === undefined) throw notFitting('its list is not the one that is signed');
  return payments;
}

/** Whether a file is the one that was signed, byte for byte. */
export async function isSignedDocument(
  bytes: Bytes,
  { size, sha256: signed }: Pick<DocumentFields, 'size' | 'sha256'>,
): Promise<boolean> {
  if (bytes.length !== size) return false;
  const found = Array.from(await sha256(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return found === signed;
}

function notFitting(why: string, cause?: unknown): PhoneError {
  return new PhoneError('server_not_authentic', { detail: `what is to be signed: ${why}`, cause });
}
