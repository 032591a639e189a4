/** The phone claims an order with the frame that it scanned or the code that was typed into it: first claim wins, and a code that comes up twice ends the order. */
import type { Standing } from '../devices/store.ts';
import { AuthError } from '../errors.ts';
import { typ } from '../protocol/names.ts';
import type { FrameClaim, InboxClaim, OrderClaim, OrderClaimed, OrderDescriptor } from '../protocol/orders.ts';
import type { OrderDeps, PhoneCall, SigningAdmission } from './deps.ts';
import { isFresh, isGenuine } from './frames.ts';
import { findByToken, moveOrder, openFrameCode, readOrder } from './live.ts';
import { type Claim, type Order, type OrderTerms, orderTimes } from './order.ts';
import { cancelOrder, recordOrder, unavailable } from './orders.ts';
import { findByTypedCode, returnGuess, takeGuess, typedMisses } from './typed.ts';

/** A lost race is looked at once more as what it now is: an order that somebody else claimed. */
const maxTries = 3;

/**
 * Claims the order behind a frame or a typed code for the calling device and answers the descriptor that the server signed
 * (docs/protocol.md §8). The same device may ask again and gets the same descriptor. Throws `order_unavailable` whatever is wrong with
 * frame, code or order: a guesser learns nothing; `too_many_requests` after too many wrong codes. Throws what `assertUsable` throws
 * where the device may not act.
 */
export async function claimOrder(deps: OrderDeps, claim: OrderClaim, call: PhoneCall): Promise<OrderClaimed> {
  if (claim.via !== 'code') return claimPresented(deps, claim, call);
  // Twelve digits can be guessed, if ever so rarely, as the 224 bits of a frame cannot.
  if (!(await takeGuess(deps, call.device.id))) return refuseGuess(deps, call);
  try {
    const claimed = await claimPresented(deps, claim, call);
    await returnGuess(deps, call.device.id);
    return claimed;
  } catch (error) {
    const isMiss = error instanceof AuthError && error.code === 'order_unavailable';
    if (!isMiss) await returnGuess(deps, call.device.id);
    throw error;
  }
}

async function claimPresented(deps: OrderDeps, claim: OrderClaim, call: PhoneCall): Promise<OrderClaimed> {
  for (let attempt = 0; attempt < maxTries; attempt += 1) {
    const order = await findClaimable(deps, claim, call);
    if (order.state.name === 'claimed') return claimed(deps, order, order.state.claim);
    const usable = await deps.assertUsable(call.device.id);
    await assertMayClaim(deps, order, { claim, call, usable });
    const admission = await admit(deps, order, { call, usable });
    const made = await makeClaim(deps, order.terms, { claim, usable, admission });
    const result = await moveOrder(deps, order.terms.id, () => ({ kind: 'claim', claim: made }));
    if (result?.isMoved === true) {
      await recordOrder(deps, 'order.claimed', result.order, { ...auditedAs(call), data: placesOf(deps, order, call) });
      if (admission !== undefined) await deps.signing?.changed(result.order);
      return claimed(deps, result.order, made);
    }
  }
  throw unavailable('claim: lost every race');
}

interface Presented {
  readonly order: Order;
  /** Whether what was presented may still begin a claim. */
  readonly isFresh: boolean;
}

/** The order that a frame of the server's own making names. */
async function findByFrame(deps: OrderDeps, claim: FrameClaim, call: PhoneCall): Promise<Presented> {
  const orderId = await findByToken(deps, claim.token);
  const order = orderId === undefined ? undefined : await readOrder(deps, orderId);
  if (order === undefined) return refuseClaim(deps, call, 'unknown');
  if (!isGenuine(openFrameCode(deps, order.terms), claim)) return refuseClaim(deps, call, 'altered', order);
  return { order, isFresh: isFresh(claim, deps.clock.now()) };
}

async function findByCode(deps: OrderDeps, code: string, call: PhoneCall): Promise<Presented> {
  const found = await findByTypedCode(deps, code);
  const order = found === undefined ? undefined : await readOrder(deps, found.orderId);
  if (found === undefined || order === undefined) return refuseClaim(deps, call, 'unknown');
  return { order, isFresh: found.isFresh };
}

/** The order in which this person decides about something that waits for them. */
async function findWaiting(deps: OrderDeps, { signingId }: InboxClaim, call: PhoneCall): Promise<Presented> {
  const orderId = await deps.signing?.open(signingId, call);
  const order = orderId === undefined ? undefined : await readOrder(deps, orderId);
  return order === undefined ? refuseClaim(deps, call, 'unknown') : { order, isFresh: true };
}

function present(deps: OrderDeps, claim: OrderClaim, call: PhoneCall): Promise<Presented> {
  if (claim.via === 'code') return findByCode(deps, claim.code, call);
  return claim.via === 'inbox' ? findWaiting(deps, claim, call) : findByFrame(deps, claim, call);
}

/** The order behind what was presented, either pending or claimed by this very device; refuses and records everything else. */
async function findClaimable(deps: OrderDeps, claim: OrderClaim, call: PhoneCall): Promise<Order> {
  const presented = await present(deps, claim, call);
  const { order } = presented;
  const { state, terms } = order;
  // A phone whose reply was lost asks again; by then its frame may be old and the page has hidden the code.
  if (state.name === 'claimed' && state.claim.deviceId === call.device.id) return order;
  if (!presented.isFresh) return refuseClaim(deps, call, 'not_fresh', order);
  // No code of it was shown to anybody else: this is the person's other phone, which waits until the first has decided.
  if (state.name === 'claimed' && claim.via === 'inbox') return refuseClaim(deps, call, 'claimed', order);
  if (state.name === 'claimed') {
    // Two phones with one code: somebody forwards it (QRLjacking). Neither may go on.
    await cancelOrder(deps, terms.id, { ...auditedAs(call), reason: 'code_reused' });
    return refuseClaim(deps, call, 'code_reused', order);
  }
  if (state.name !== 'pending') return refuseClaim(deps, call, state.name, order);
  return order;
}

interface ClaimFacts {
  readonly claim: OrderClaim;
  readonly usable: Standing;
  readonly admission?: SigningAdmission | undefined;
}

/** What is signed by the order may not be open any more, or not to this phone. */
async function admit(
  deps: OrderDeps,
  order: Order,
  { call, usable }: { readonly call: PhoneCall; readonly usable: Standing },
): Promise<SigningAdmission | undefined> {
  if (order.terms.signing === undefined || deps.signing === undefined) return undefined;
  try {
    return await deps.signing.admit(order, usable);
  } catch (error) {
    const isRefused = error instanceof AuthError && error.code === 'order_unavailable';
    if (!isRefused) throw error;
    return refuseClaim(deps, call, error.detail ?? error.message, order);
  }
}

async function assertMayClaim(deps: OrderDeps, order: Order, facts: ClaimFacts & { call: PhoneCall }): Promise<void> {
  const { ownerUserId } = order.terms;
  // Owner binding (T17): what one user is asked, no other user's phone may even read.
  if (ownerUserId !== null && ownerUserId !== facts.usable.user.id) {
    await refuseClaim(deps, facts.call, 'other_user', order);
  }
  const places = placesOf(deps, order, facts.call);
  if (places.isPlaceMismatch && deps.proximity?.onMismatch === 'refuse') {
    // Ended, so that the page says so at once: nobody else at that place could go on with it either.
    await cancelOrder(deps, order.terms.id, { ...auditedAs(facts.call), reason: 'policy' });
    await refuseClaim(deps, facts.call, 'place_mismatch', order);
  }
}

/** Where phone and browser are: a risk signal, recorded with every claim (P-10). */
function placesOf(deps: OrderDeps, order: Order, call: PhoneCall) {
  const phonePlace = deps.proximity?.placeOf(call.origin.address) ?? null;
  const browserPlace = order.terms.browser.place;
  const isPlaceMismatch = phonePlace !== null && browserPlace !== null && phonePlace !== browserPlace;
  return { phonePlace, browserPlace, isPlaceMismatch };
}

async function makeClaim(deps: OrderDeps, terms: OrderTerms, { claim, usable, admission }: ClaimFacts): Promise<Claim> {
  const now = deps.clock.now();
  const span = terms.purpose === 'login' ? orderTimes.decideLogin : orderTimes.decideSigning;
  const decideBy = Math.min(now + span, terms.createdAt + orderTimes.decideLimit);
  const { mpinOnly, signing } = askedOf(terms, admission);
  const descriptor: OrderDescriptor = {
    iss: deps.issuer,
    orderId: terms.id,
    deviceId: usable.device.id,
    purpose: terms.purpose,
    client: terms.client,
    origin: terms.origin,
    via: claim.via,
    browser: terms.browser,
    display: terms.display,
    challenge: terms.challenge,
    freshProof: terms.freshProof,
    ...(mpinOnly ? { mpinOnly } : {}),
    ...(signing === undefined ? {} : { signing }),
    iat: Math.floor(now / 1000),
    exp: Math.floor(decideBy / 1000),
  };
  return {
    deviceId: usable.device.id,
    userId: usable.user.id,
    companyId: usable.company.id,
    via: claim.via,
    claimedAt: now,
    decideBy,
    mpinOnly,
    descriptor: await deps.signCompact(typ.order, descriptor),
  };
}

/** Of what is signed by the order, as it is at the claim: others may have approved it, and the phone is known only now. */
function askedOf(terms: OrderTerms, admission: SigningAdmission | undefined) {
  if (admission === undefined) return { mpinOnly: terms.mpinOnly === true, signing: terms.signing };
  const { mpinOnly, ...signing } = admission;
  return { mpinOnly, signing };
}

function claimed(deps: OrderDeps, { terms }: Order, { descriptor, decideBy }: Claim): OrderClaimed {
  const expiresInSeconds = Math.max(0, Math.floor((decideBy - deps.clock.now()) / 1000));
  return { orderId: terms.id, descriptor, expiresInSeconds };
}

async function refuseClaim(deps: OrderDeps, call: PhoneCall, reason: string, order?: Order): Promise<never> {
  const more = { ...auditedAs(call), data: { reason } };
  if (order !== undefined) await recordOrder(deps, 'order.claim_refused', order, more);
  else await deps.records.audit.append({ event: 'order.claim_refused', ...more }, deps.clock.now());
  throw new AuthError('order_unavailable', { detail: `claim: ${reason}` });
}

/** Every further guess is written down too; the limit of claims bounds how many that can be. */
async function refuseGuess(deps: OrderDeps, call: PhoneCall): Promise<never> {
  const record = { event: 'order.claim_refused', ...auditedAs(call), data: { reason: 'too_many_codes' } } as const;
  await deps.records.audit.append(record, deps.clock.now());
  const retryAfterSeconds = typedMisses.windowMs / 1000;
  throw new AuthError('too_many_requests', { detail: 'too many wrong codes', members: { retryAfterSeconds } });
}

/** Who calls, as the audit trail names them. */
export function auditedAs({ device, origin }: PhoneCall) {
  return {
    actor: `device:${device.id}`,
    deviceId: device.id,
    userId: device.userId,
    companyId: device.companyId,
    address: origin.address,
    requestId: origin.requestId,
  };
}
