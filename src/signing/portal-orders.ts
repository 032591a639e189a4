/** Signing orders as a portal's server has them: its own only, with frames to show, a state to ask for, and the receipt. */
import type { Standing } from '../devices/store.ts';
import { AuthError } from '../errors.ts';
import type { Client } from '../oidc/store.ts';
import type { OrderDeps } from '../orders/deps.ts';
import { stepMs } from '../orders/frames.ts';
import { readOrder } from '../orders/live.ts';
import type { Claim, Order } from '../orders/order.ts';
import { cancelOrder, unavailable } from '../orders/orders.ts';
import type { DeclineReason } from '../protocol/orders.ts';
import type { Receipt } from '../protocol/receipt.ts';
import type { SigningCreate, SigningFrame, SigningOrder, SigningState } from '../protocol/signing-api.ts';
import { leavePlace, takePlace } from './limits.ts';
import { makeReceipt } from './receipt.ts';
import { createSigningOrder, redeemSigning, signingFrame } from './signing.ts';

/** How long a portal may ask how its order ended, and fetch the receipt. */
const keptMs = 24 * 3_600_000;
const maxRounds = 8;

/** What is kept for the portal beside the order, which lives for minutes. */
interface Kept {
  readonly clientId: string;
  readonly reference: string;
  readonly expiresAt: number;
  /** Of the open orders that the portal may have. */
  readonly place: string;
  /** The secret that alone sees frames and redeems; it never leaves the server. */
  readonly sealedToken: string;
  /** Once it is over. */
  readonly end?: { readonly state: SigningState; readonly receipt?: Receipt; readonly reason?: DeclineReason };
}

/** What a portal asks for. */
export interface NewPortalOrder {
  readonly body: SigningCreate;
  readonly requestId: string;
  /** Length of the body. */
  readonly bytes?: number;
}

const keyOf = (orderId: string): string => `signing-order:{${orderId}}`;
const contextOf = (orderId: string): string => `signing.token:${orderId}`;

/** Begins an order for the portal. Throws `invalid_request` for what may not be signed, `not_found` for a user who cannot be asked, `too_many_requests` for one order too many. */
export async function createPortalOrder(
  deps: OrderDeps,
  client: Client,
  { body, requestId, bytes = 0 }: NewPortalOrder,
): Promise<SigningOrder> {
  const origin = originOf(client, body.origin);
  await assertAskable(deps, body.user);
  const place = await takePlace(deps, client.id, bytes);
  try {
    return await begin(deps, client, { body, requestId, origin, place });
  } catch (error) {
    await leavePlace(deps, client.id, place);
    throw error;
  }
}

async function begin(
  deps: OrderDeps,
  client: Client,
  { body, requestId, origin, place }: Pick<NewPortalOrder, 'body' | 'requestId'> & Record<'origin' | 'place', string>,
): Promise<SigningOrder> {
  const { template, version, fields, locale, reference } = body;
  const started = await createSigningOrder(deps, {
    client: { id: client.id, name: client.name, domain: new URL(origin).host },
    origin,
    // The portal's server asks: of the browser at its page this server knows nothing, and claims nothing.
    browser: { name: '', address: '', place: null },
    userId: body.user,
    template,
    version,
    fields,
    locale,
    reference,
    requestId,
  });
  const { orderId, resultToken, endsAt } = started;
  const sealedToken = deps.sealing.seal(Buffer.from(resultToken), contextOf(orderId));
  const kept: Kept = { clientId: client.id, reference, expiresAt: endsAt, place, sealedToken };
  await deps.shortLived.create(keyOf(orderId), JSON.stringify(kept), keptMs);
  return viewOf(orderId, kept, 'pending');
}

/** The order as it is now, and its receipt once it is approved. Throws `not_found` for another portal's, `order_unavailable` for one that is forgotten. */
export async function readPortalOrder(deps: OrderDeps, client: Client, orderId: string): Promise<SigningOrder> {
  for (let round = 0; round < maxRounds; round += 1) {
    const { kept, version } = await ownOrder(deps, client, orderId);
    if (kept.end !== undefined) return viewOf(orderId, kept, kept.end.state);
    const order = await readOrder(deps, orderId);
    if (order === undefined) throw unavailable('signing: the order is forgotten');
    const end = await endOf(deps, order, kept);
    if (end === undefined) return viewOf(orderId, kept, order.state.name as SigningState);
    const next: Kept = { ...kept, end };
    // Of parallel calls the first one's receipt stays, so that there is one.
    if (await deps.shortLived.compareAndSet(keyOf(orderId), version, JSON.stringify(next))) {
      await leavePlace(deps, client.id, kept.place);
      return viewOf(orderId, next, end.state);
    }
  }
  throw new AuthError('unavailable', { detail: 'the end of a signing order changed too often' });
}

/** Ends an order that is not over; idempotent. Answers it as it is then. */
export async function cancelPortalOrder(
  deps: OrderDeps,
  client: Client,
  { orderId, address, requestId }: { readonly orderId: string; readonly address: string; readonly requestId: string },
): Promise<SigningOrder> {
  const before = await readPortalOrder(deps, client, orderId);
  if (before.state !== 'pending' && before.state !== 'claimed') return before;
  await cancelOrder(deps, orderId, { reason: 'client', actor: `client:${client.id}`, address, requestId });
  return readPortalOrder(deps, client, orderId);
}

/** What to show at this moment. Throws `order_unavailable` once nobody can claim it any more. */
export async function portalFrame(deps: OrderDeps, client: Client, orderId: string): Promise<SigningFrame> {
  const { kept } = await ownOrder(deps, client, orderId);
  const resultToken = tokenOf(deps, orderId, kept);
  const qr = await signingFrame(deps, orderId, { resultToken });
  const link = await signingFrame(deps, orderId, { resultToken, via: 'link' });
  return { qr, link, nextInMs: stepMs - (deps.clock.now() % stepMs) };
}

/** Throws `not_found` for another portal's order, and where there is none. */
export async function assertOwnOrder(deps: OrderDeps, client: Client, orderId: string): Promise<void> {
  await ownOrder(deps, client, orderId);
}

/** For another portal's order it is as if there were none (T17). */
async function ownOrder(deps: OrderDeps, client: Client, orderId: string) {
  const stored = await deps.shortLived.get(keyOf(orderId));
  const kept = stored === undefined ? undefined : (JSON.parse(stored.value) as Kept);
  if (stored === undefined || kept?.clientId !== client.id) throw new AuthError('not_found');
  return { kept, version: stored.version };
}

/** How the order ended; undefined while it has not. An approval is fetched here, and its receipt made. */
async function endOf(deps: OrderDeps, order: Order, kept: Kept): Promise<Kept['end']> {
  const { state, terms } = order;
  switch (state.name) {
    case 'pending':
    case 'claimed':
      return undefined;
    case 'approved':
      return endOf(deps, await redeemed(deps, terms.id, kept), kept);
    case 'redeemed':
      // Also where the process that redeemed it died, or the phone has ended since: that voids nothing which was signed (0020).
      return {
        state: 'approved',
        receipt: await makeReceipt(deps, { terms, state }, await signerOf(deps, state.claim)),
      };
    case 'declined':
      return { state: 'declined', ...(state.reason === undefined ? {} : { reason: state.reason }) };
    case 'reported':
    case 'expired':
    case 'cancelled':
      return { state: state.name };
  }
}

/**
 * The approved order as it is after redeeming it. Where that is refused, something else has ended it: another call was first, its time
 * is over, or the phone has ended, with which the order is cancelled. The portal is told that state, not why.
 */
async function redeemed(deps: OrderDeps, orderId: string, kept: Kept): Promise<Order> {
  try {
    return await redeemSigning(deps, orderId, tokenOf(deps, orderId, kept));
  } catch (error) {
    const order = await readOrder(deps, orderId);
    const isRefused = error instanceof AuthError && error.status < 500;
    // Still approved: nothing has ended it, and asking again would be refused again.
    if (!isRefused || order === undefined || order.state.name === 'approved') throw error;
    return order;
  }
}

/** Whose key approved, usable or not: when the order was redeemed it was. */
async function signerOf({ records }: OrderDeps, { deviceId }: Claim): Promise<Standing> {
  const standing = await records.devices.standing(deviceId);
  if (standing === undefined)
    throw new AuthError('internal', { detail: 'signing: the device that approved is not there' });
  return standing;
}

function tokenOf(deps: OrderDeps, orderId: string, { sealedToken }: Kept): string {
  return Buffer.from(deps.sealing.open(sealedToken, contextOf(orderId))).toString();
}

/** Only origins that the portal is registered with: a page elsewhere cannot be named on the phone. */
function originOf({ metadata }: Client, asked: string | undefined): string {
  const uris = metadata['redirect_uris'] as readonly string[];
  const origins = uris.map((uri) => new URL(uri).origin);
  const origin = asked ?? origins[0];
  if (origin !== undefined && origins.includes(origin)) return origin;
  throw new AuthError('invalid_request', { message: 'body/origin must be the origin of one of the redirect URIs' });
}

async function assertAskable({ records }: OrderDeps, userId: string): Promise<void> {
  const user = await records.users.find(userId);
  const company = user === undefined ? undefined : await records.companies.find(user.companyId);
  if (user?.status === 'active' && company?.status === 'active') return;
  throw new AuthError('not_found', { message: 'there is no such user, or not one who can be asked' });
}

function viewOf(orderId: string, { reference, expiresAt, end }: Kept, state: SigningState): SigningOrder {
  const { state: _, ...more } = end ?? { state };
  return { orderId, reference, state, expiresAt, ...more };
}
