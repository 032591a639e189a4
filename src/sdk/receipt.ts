/** Checks receipts offline: with the file, the server's key history, and nothing else (docs/signing.md). */
import { compactVerify } from 'jose';
import type { Static, TSchema } from 'typebox';
import type { PublicJwk } from '../protocol/common.ts';
import { typ } from '../protocol/names.ts';
import { ApprovalStatement, OrderDescriptor } from '../protocol/orders.ts';
import { Countersignature, type KeyHistory, Receipt } from '../protocol/receipt.ts';
import type { Line } from '../protocol/templates/draw.ts';
import type { BatchPayment } from '../protocol/templates/templates.ts';
import { fromUtf8, hashText, isBase64url } from './bytes.ts';
import { type DocumentFields, readDisplay, readList } from './display.ts';
import { PhoneError } from './errors.ts';
import { importedKey } from './imported-keys.ts';
import { thumbprintOf } from './jws.ts';
import { readHistory, textOfPart } from './key-history.ts';
import { matches, parseJson } from './matches.ts';

/** Every check, in the order in which they are made. */
export const receiptChecks = [
  'form',
  'order',
  'countersignature',
  'approval',
  'same',
  'text',
  'list',
  'times',
] as const;
export type ReceiptCheck = (typeof receiptChecks)[number];

/** What a genuine receipt says. */
export interface ReceiptFacts {
  readonly issuer: string;
  /** The request that it is about, by the portal's name for it with the server. */
  readonly signingId: string | undefined;
  readonly title: string;
  readonly lines: readonly Line[];
  /** BCP 47, of the text. */
  readonly locale: string;
  readonly payments: readonly BatchPayment[];
  /** Of a document: what was signed of its file, for `isSignedDocument`. */
  readonly document: DocumentFields | undefined;
  /** Of those payments; undefined where there are none. */
  readonly currency: string | undefined;
  readonly reference: string;
  readonly portal: { readonly name: string; readonly domain: string };
  readonly user: { readonly id: string; readonly name: string };
  readonly device: { readonly id: string; readonly name: string; readonly thumbprint: string };
  readonly factor: 'pin' | 'fpt' | 'face' | 'user';
  /** Epoch seconds. */
  readonly approvedAt: number;
}

export interface ReceiptVerdict {
  /** Only where every check has passed. */
  readonly isGenuine: boolean;
  /** A check that could not be made because one before it failed has failed too. */
  readonly checks: readonly { readonly name: ReceiptCheck; readonly isPassed: boolean }[];
  /** Only of a genuine receipt: what another says is worth nothing. */
  readonly facts: ReceiptFacts | undefined;
}

/** Seconds by which the clocks of phone and server processes may differ. */
const tolerance = 120;
const maxJwsLength = 65_536;

/**
 * Judges a receipt under a key history, the document of `<issuer>/.well-known/mtoken-key-history`: whose word it is depends on where
 * that came from. Throws `server_not_authentic` where the history is none.
 */
export async function verifyReceipt(receipt: unknown, history: unknown): Promise<ReceiptVerdict> {
  const known = await readHistory(history);
  const passed = new Set<ReceiptCheck>();
  const note = (name: ReceiptCheck, isPassed: boolean): boolean => {
    if (isPassed) passed.add(name);
    return isPassed;
  };
  const facts = matches(Receipt, receipt) && note('form', true) ? await judge(receipt, known, note) : undefined;
  const checks = receiptChecks.map((name) => ({ name, isPassed: passed.has(name) }));
  const isGenuine = checks.every(({ isPassed }) => isPassed);
  return { isGenuine, checks, facts: isGenuine ? facts : undefined };
}

type Note = (name: ReceiptCheck, isPassed: boolean) => boolean;

async function judge(receipt: Receipt, history: KeyHistory, note: Note): Promise<ReceiptFacts | undefined> {
  const [order, counter] = await Promise.all([
    verifiedBy(history, { jws: receipt.order, typ: typ.order, schema: OrderDescriptor }),
    verifiedBy(history, { jws: receipt.countersignature, typ: typ.receipt, schema: Countersignature }),
  ]);
  note('order', order !== undefined);
  if (!note('countersignature', counter !== undefined) || counter === undefined) return undefined;
  // Only now: no key is taken from a statement that nobody has verified.
  const approved = { jws: receipt.approval, typ: typ.approval, schema: ApprovalStatement, jwk: counter.device.jwk };
  const [approval, hashes] = await Promise.all([verified(approved), hashesOf(receipt, { order, counter })]);
  note('approval', approval?.decision === 'approve');
  if (order === undefined || approval === undefined) return undefined;
  note('same', isSame({ order, counter, approval, issuer: history.iss }, hashes));
  note('times', areTimesRight(order, counter, approval));
  const shown = displayOf(order);
  note('text', shown !== undefined && approval.displayHash === hashes.text);
  if (shown === undefined) return undefined;
  const payments = shown.batch === undefined ? [] : await readList(receipt.list ?? '', shown.batch);
  note('list', payments !== undefined && (shown.batch === undefined) === (receipt.list === undefined));
  return {
    issuer: history.iss,
    signingId: order.signing?.id,
    title: order.display.template?.title ?? '',
    lines: shown.lines,
    locale: order.display.locale,
    payments: payments ?? [],
    document: shown.document,
    currency: shown.batch?.currency,
    reference: counter.reference,
    portal: { name: order.client.name, domain: order.client.domain },
    user: counter.user,
    device: { id: counter.device.id, name: counter.device.name, thumbprint: hashes.thumbprint },
    factor: counter.factor,
    approvedAt: counter.approvedAt,
  };
}

interface Parts {
  readonly order: Static<typeof OrderDescriptor>;
  readonly counter: Static<typeof Countersignature>;
  readonly approval: Static<typeof ApprovalStatement>;
  readonly issuer: string;
}

/** What is worked out of the receipt itself, to be compared with what is said of it. */
interface Hashes {
  readonly order: string;
  readonly approval: string;
  /** Of the text that was shown; undefined where there is no order to take it from. */
  readonly text: string | undefined;
  readonly thumbprint: string;
}

async function hashesOf(
  receipt: Receipt,
  { order, counter }: { readonly order: Parts['order'] | undefined; readonly counter: Parts['counter'] },
): Promise<Hashes> {
  const [ofOrder, ofApproval, ofText, thumbprint] = await Promise.all([
    hashText(receipt.order),
    hashText(receipt.approval),
    order === undefined ? undefined : hashText(order.display.text),
    thumbprintOf(counter.device.jwk),
  ]);
  return { order: ofOrder, approval: ofApproval, text: ofText, thumbprint };
}

/** Every member that two parts have in common; the hashes tie the very bytes together. */
function isSame({ order, counter, approval, issuer }: Parts, hashes: Hashes): boolean {
  const factor = counter.factor === 'pin' ? 'mpin' : 'biometric';
  const pairs: readonly (readonly [unknown, unknown])[] = [
    [order.iss, issuer],
    [counter.iss, issuer],
    [approval.aud, issuer],
    [counter.orderId, order.orderId],
    // An older one does not say it twice.
    [counter.signingId ?? order.signing?.id, order.signing?.id],
    [approval.orderId, order.orderId],
    [counter.device.id, order.deviceId],
    [approval.deviceId, order.deviceId],
    [order.purpose, 'signing'],
    [approval.purpose, 'signing'],
    [order.freshProof, true],
    [approval.clientId, order.client.id],
    [approval.origin, order.origin],
    [approval.challenge, order.challenge],
    [approval.descriptorHash, hashes.order],
    [counter.orderHash, hashes.order],
    [counter.approvalHash, hashes.approval],
    [approval.factors[0], factor],
    // What was to be proved by the mPIN was not proved by a finger.
    [order.mpinOnly === true && counter.factor !== 'pin', false],
  ];
  return pairs.every(([one, other]) => one === other);
}

/** Each no earlier than the one before it, give or take what clocks may differ: several processes and the phone say them. */
function areTimesRight(order: Parts['order'], counter: Parts['counter'], approval: Parts['approval']): boolean {
  const { provedAt, approvedAt, iat, device } = counter;
  const pairs: readonly (readonly [earlier: number, later: number])[] = [
    [device.registeredAt, order.iat],
    [order.iat, provedAt],
    [provedAt, approvedAt],
    [approvedAt, iat],
    [approvedAt, order.exp],
    [approval.iat, approvedAt],
    [approvedAt, approval.iat],
  ];
  return pairs.every(([earlier, later]) => earlier <= later + tolerance);
}

function displayOf(order: Parts['order']) {
  try {
    return readDisplay(order.display);
  } catch (error) {
    if (error instanceof PhoneError) return undefined;
    throw error;
  }
}

interface Expected<T extends TSchema> {
  readonly jws: string;
  readonly typ: string;
  readonly schema: T;
}

/** The payload of a statement of the server's, by a key that was in use when it was made. */
async function verifiedBy<T extends TSchema>(
  history: KeyHistory,
  expected: Expected<T>,
): Promise<Static<T> | undefined> {
  const header = parseJson(textOfPart(expected.jws.split('.')[0] ?? '')) as
    | { readonly kid?: unknown }
    | null
    | undefined;
  const key = history.keys.find(({ kid }) => kid === header?.kid);
  if (key === undefined) return undefined;
  const { kty, crv, x, y } = key;
  const payload = await verified({ ...expected, jwk: { kty, crv, x, y } });
  const { iat } = (payload ?? {}) as { readonly iat?: number };
  if (iat === undefined || key.from === null) return undefined;
  // A key that others came to know after its time cannot speak of that time.
  const isInUse = iat >= key.from - tolerance && (key.until === null || iat <= key.until + tolerance);
  return isInUse ? payload : undefined;
}

/** The payload, where signature, type and form are right. */
async function verified<T extends TSchema>(
  expected: Expected<T> & { readonly jwk: PublicJwk },
): Promise<Static<T> | undefined> {
  const { jws, jwk, schema } = expected;
  // One spelling only: otherwise an altered copy would verify.
  if (jws.length > maxJwsLength || !jws.split('.').every(isBase64url)) return undefined;
  const alg = jwk.kty === 'EC' ? 'ES256' : 'PS256';
  try {
    const { payload, protectedHeader } = await compactVerify(jws, await importedKey(jwk, alg), {
      algorithms: [alg],
    });
    const value = parseJson(fromUtf8(payload));
    return protectedHeader.typ === expected.typ && matches(schema, value) ? value : undefined;
  } catch {
    return undefined;
  }
}
