/** What waits for the user of this phone, what they signed, and the receipts of it (protocol §8). */
import { Id } from '../protocol/common.ts';
import { HistoryListed, InboxListed, type Past, type Waiting } from '../protocol/inbox.ts';
import { typ } from '../protocol/names.ts';
import { OrderListed } from '../protocol/orders.ts';
import type { Receipt } from '../protocol/receipt.ts';
import { callInSession } from './calls.ts';
import { refreshServer } from './configuration.ts';
import { loadRegistered, type PhoneContext } from './context.ts';
import { isPlainLabel } from './display.ts';
import { PhoneError } from './errors.ts';
import { publicKeyOf, thumbprintOf } from './jws.ts';
import { matches, parseJson } from './matches.ts';
import { listDevices } from './own.ts';
import { fetchParts } from './parts.ts';
import { type ReceiptFacts, verifyReceipt } from './receipt.ts';
import type { RegisteredPhone } from './state.ts';
import { isSignedUnder } from './trust.ts';

/** Something that waits. It says enough to choose by and not enough to decide by: claim it with `claimWaiting`, and show that. */
export type WaitingOrder = Waiting;

/** Something that has ended. */
export type PastOrder = Past;

/** A page of what has ended, the newest first. */
export interface PastOrders {
  readonly past: readonly PastOrder[];
  /** Whether there is an older page: ask for it with `before`, the id of the last one here. */
  readonly hasMore: boolean;
}

/** A receipt that was found genuine, and what it says. */
export interface VerifiedReceipt {
  readonly receipt: Receipt;
  readonly facts: ReceiptFacts;
}

/** Characters that nobody sees, or that break or reorder a line. */
const unseen = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
/** The same, in words of a portal: those may have characters that are newer than this engine. */
const unseenEverywhere = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;

/**
 * What waits for this user, the newest first, at most a hundred. Throws `server_not_authentic` for a list that cannot be what a server
 * of this protocol says. Takes a session.
 */
export async function listWaiting(context: PhoneContext): Promise<readonly WaitingOrder[]> {
  const phone = await loadRegistered(context);
  const { waiting } = await callInSession(context, phone, { name: 'orders/inbox', body: {}, reply: InboxListed });
  assertDistinct(waiting);
  for (const { approvers, createdAt, expiresAt } of waiting) {
    if (approvers.given >= approvers.needed) throw notFitting('something waits that has all its approvals');
    if (createdAt >= expiresAt) throw notFitting('something waits that was over when it began');
  }
  return waiting;
}

/** A page of what has ended and was this user's, or was approved by them: the newest, or those before `before`. Takes a session. */
export async function listPast(context: PhoneContext, options: { readonly before?: string } = {}): Promise<PastOrders> {
  const { before } = options;
  const body = before === undefined ? {} : { before: checkedId(before, 'not_found') };
  const phone = await loadRegistered(context);
  const page = { name: 'orders/history', body, reply: HistoryListed };
  const { past, hasMore } = await callInSession(context, phone, page);
  assertDistinct(past);
  // Whoever asks for page after page would never come to an end.
  const isEndless = (hasMore && past.length === 0) || past.some(({ signingId }) => signingId === before);
  if (isEndless) throw notFitting('a page leads back to itself');
  if (past.some(({ state, reason }) => reason !== undefined && state !== 'declined')) {
    throw notFitting('a reason to decline stands where nobody declined');
  }
  return { past, hasMore };
}

/**
 * The receipt of what this user signed, verified: under the key history of this phone's server, which a key that the phone trusts must
 * have signed, and found to be about that request and by a phone of this user. Throws `not_found` where there is none, and
 * `server_not_authentic` for one that is not all of this. Takes a session.
 */
export async function fetchReceipt(context: PhoneContext, signingId: string): Promise<VerifiedReceipt> {
  const asked = checkedId(signingId, 'not_found');
  const phone = await loadRegistered(context);
  const text = await fetchParts((part) =>
    callInSession(context, phone, { name: 'orders/receipt', body: { signingId: asked, part }, reply: OrderListed }),
  );
  const receipt = parseJson(text);
  const { isGenuine, facts } = await verifyReceipt(receipt, await fetchHistory(context, phone));
  if (!isGenuine || facts === undefined) throw notGenuine('it does not verify');
  if (facts.issuer !== phone.issuer) throw notGenuine('it is that of another server');
  if (facts.signingId !== asked) throw notGenuine('it is that of something else');
  if (!(await isOwn(context, phone, facts))) throw notGenuine('somebody else signed it');
  return { receipt: receipt as Receipt, facts };
}

/** Throws `code` for what cannot be the id of a request, before anything is sent. */
export function checkedId(signingId: string, code: 'not_found' | 'order_unavailable'): string {
  if (!matches(Id('sig'), signingId)) throw new PhoneError(code, { detail: 'this is not the id of a request' });
  return signingId;
}

/** Own is what this phone's key has signed, and else what was signed on another phone of this user, ended or not. */
async function isOwn(context: PhoneContext, phone: RegisteredPhone, { device }: ReceiptFacts): Promise<boolean> {
  const ownThumbprint = await thumbprintOf(await publicKeyOf(context.keys, 'device'));
  if (device.id === phone.deviceId || device.thumbprint === ownThumbprint) {
    return device.id === phone.deviceId && device.thumbprint === ownThumbprint;
  }
  return (await listDevices(context)).some(({ deviceId }) => deviceId === device.id);
}

/** Every key that the server ever signed with; by the word of one that this phone trusts, so that nobody in between can add one. */
async function fetchHistory(context: PhoneContext, phone: RegisteredPhone): Promise<unknown> {
  const url = `${phone.issuer}/.well-known/mtoken-key-history`;
  const reply = await context.http({ url, headers: { accept: 'application/json' } });
  if (reply.status >= 500 || reply.status === 429) throw new PhoneError('unavailable');
  const document = reply.status === 200 ? parseJson(reply.text) : undefined;
  const isTrusted =
    (await isSignedUnder(document, typ.keyHistory, phone.trusted)) ||
    // After a rotation the new key comes in a set that a known key signed.
    (await isSignedUnder(document, typ.keyHistory, await refreshServer(context, phone)));
  if (!isTrusted)
    throw new PhoneError('server_not_authentic', { detail: 'its key history is signed by no trusted key' });
  return document;
}

function assertDistinct(listed: readonly Pick<Waiting, 'signingId' | 'client' | 'title' | 'about'>[]): void {
  if (new Set(listed.map(({ signingId }) => signingId)).size !== listed.length)
    throw notFitting('one stands there twice');
  for (const { title, about, client } of listed) {
    // Titles are the server's own words; a list is no place for markup, and none for what nobody can see.
    if (!isPlainLabel(title) || /[<>]/.test(title)) throw notFitting('a title is not plain words');
    if ([client.name, client.domain].some((name) => name === '' || unseen.test(name))) {
      throw notFitting('a name cannot be read');
    }
    if (about.some((line) => unseenEverywhere.test(line))) throw notFitting('what it is about cannot be read');
  }
}

function notFitting(why: string): PhoneError {
  return new PhoneError('server_not_authentic', { detail: `the list of orders: ${why}` });
}

function notGenuine(why: string): PhoneError {
  return new PhoneError('server_not_authentic', { detail: `the receipt: ${why}` });
}
