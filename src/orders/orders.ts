/** Orders from the side of the one who asks: create, renew, watch, cancel, redeem. The phone's side is in claim.ts and decide.ts. */
import type { AuditEvent } from '../audit/events.ts';
import type { AuditRecord } from '../audit/store.ts';
import { loginObstacle } from '../companies/login-rules.ts';
import type { Company } from '../companies/store.ts';
import { equalBytes, tryDecodeBase64url } from '../crypto/bytes.ts';
import { randomId, randomToken } from '../crypto/random.ts';
import { AuthError } from '../errors.ts';
import type { OrderDeps } from './deps.ts';
import { type FrameKind, frameCode, frameText, newFrameBytes } from './frames.ts';
import { bindingHashOf, codeContext, insertOrder, moveOrder, openFrameCode, readOrder, tokenHashOf } from './live.ts';
import { type CancelReason, type Order, type OrderState, type OrderTerms, orderTimes } from './order.ts';
import { plainName } from './text.ts';

/** What the asking side says about a new order; everything else the server makes itself. */
export interface NewOrder
  extends Pick<OrderTerms, 'purpose' | 'client' | 'origin' | 'browser' | 'askedFrom' | 'display' | 'context'> {
  /** True: approving takes a proof of its own, bound to this order. */
  readonly freshProof: boolean;
  /** True: that proof must be the mPIN. */
  readonly mpinOnly?: boolean;
  /** Of an order to sign: what it is a part of. */
  readonly signing?: OrderTerms['signing'];
  /** Who alone may claim it; null where anybody with the code may. */
  readonly ownerUserId: string | null;
  /** The secret that alone redeems: the browser's cookie or the client's result token. */
  readonly binding: string;
  /** The page ends here at the latest, in epoch-milliseconds; absent: after five minutes. */
  readonly pageLimitAt?: number;
  readonly requestId?: string;
}

/** Who acts on an order that is not a phone, for the audit trail. */
export interface Asker {
  readonly address?: string;
  readonly requestId?: string;
}

export type RedeemedOrder = Order & { readonly state: Extract<OrderState, { name: 'redeemed' }> };

/** Creates a pending order and its code. The caller made the text, or judged it with `assertReadable`. */
export async function createOrder(deps: OrderDeps, input: NewOrder): Promise<Order> {
  const now = deps.clock.now();
  const id = randomId('ord');
  const bytes = newFrameBytes();
  const terms: OrderTerms = {
    id,
    purpose: input.purpose,
    client: nameable(input.client),
    origin: input.origin,
    browser: input.browser,
    askedFrom: input.askedFrom,
    display: input.display,
    challenge: randomToken(32),
    freshProof: input.freshProof,
    mpinOnly: input.mpinOnly,
    signing: input.signing,
    ownerUserId: input.ownerUserId,
    context: input.context,
    bindingHash: bindingHashOf(deps, input.binding),
    sealedCode: deps.sealing.seal(bytes, codeContext(id)),
    createdAt: now,
    pageLimitAt: Math.min(now + orderTimes.pageLimit, input.pageLimitAt ?? Number.POSITIVE_INFINITY),
  };
  const order: Order = { terms, state: { name: 'pending', pageEndsAt: pageEnd(terms, now) } };
  await recordOrder(deps, 'order.created', order, {
    actor: askerOf(terms),
    userId: input.ownerUserId ?? undefined,
    address: input.browser.address,
    requestId: input.requestId,
  });
  await insertOrder(deps, order, tokenHashOf(deps, frameCode(bytes, deps.issuer, terms).token));
  return order;
}

/** The client as it is shown, signed and compared: chosen by others, so made plain once and for all uses. */
export function nameable(client: OrderTerms['client']): OrderTerms['client'] {
  const domain = plainName(client.domain, '-');
  return { id: client.id, name: plainName(client.name, domain), domain };
}

/** Gives the page more time, up to its limit. False where nothing more can be given or the order is no longer pending. */
export async function renewOrder(deps: OrderDeps, orderId: string): Promise<boolean> {
  const result = await moveOrder(deps, orderId, ({ terms }) => ({
    kind: 'renew',
    pageEndsAt: pageEnd(terms, deps.clock.now()),
  }));
  return result?.isMoved ?? false;
}

/** The frame to show at this moment; undefined unless the order is pending. */
export function currentFrame(deps: OrderDeps, order: Order, via: FrameKind = 'qr'): string | undefined {
  if (order.state.name !== 'pending') return undefined;
  return frameText(openFrameCode(deps, order.terms), via, { issuer: deps.issuer, now: deps.clock.now() });
}

/** Whether `binding` is the secret of the browser or client that began the order. */
export function isBoundTo(deps: OrderDeps, order: Order, binding: string): boolean {
  const given = tryDecodeBase64url(bindingHashOf(deps, binding));
  const kept = tryDecodeBase64url(order.terms.bindingHash);
  return given !== undefined && kept !== undefined && equalBytes(given, kept);
}

/**
 * Gives the outcome of an approved order to the one who began it, once and within a minute (P-03, P-04). Of any number of parallel
 * callers exactly one gets it; all others get `order_unavailable`. An approval by a device that has ended since is worth nothing (T8),
 * and a login that the company's rules have come to forbid lets nobody in.
 */
export async function redeemOrder(
  deps: OrderDeps,
  orderId: string,
  by: Asker & { readonly binding: string },
): Promise<RedeemedOrder> {
  const order = await readOrder(deps, orderId);
  // The code on the screen, the order's id or an approval are not enough: only the cookie that began it redeems (session transfer).
  if (order === undefined || !isBoundTo(deps, order, by.binding))
    throw unavailable('redeem: unknown or of another browser');
  if (order.state.name !== 'approved') throw unavailable(`redeem: ${order.state.name}`);
  const { company } = await assertStillUsable(deps, order.state.claim.deviceId, orderId);
  // Approved within the company's network and carried out of it: the browser that goes on is asked once more. Fetching what was
  // signed lets nobody in, from whatever place and at whatever hour the portal's server does it.
  if (order.terms.purpose === 'login') {
    await assertAllowed(deps, order, { company, addresses: [by.address], by: { ...by, actor: 'browser' } });
  }
  const result = await moveOrder(deps, orderId, () => ({ kind: 'redeem' }));
  if (result?.isMoved !== true || result.order.state.name !== 'redeemed') throw unavailable('redeem: not first');
  const redeemed = { ...result.order, state: result.order.state };
  await recordOrder(deps, 'order.redeemed', redeemed, {
    actor: askerOf(redeemed.terms),
    address: by.address,
    requestId: by.requestId,
  });
  return redeemed;
}

/** Ends an order that is not final yet; idempotent. False where it was final already or unknown. */
export async function cancelOrder(
  deps: OrderDeps,
  orderId: string,
  by: Asker & { readonly reason: CancelReason; readonly actor: string; readonly rule?: string },
): Promise<boolean> {
  const result = await moveOrder(deps, orderId, () => ({ kind: 'cancel', reason: by.reason }));
  if (result?.isMoved !== true) return false;
  const { reason, rule, ...who } = by;
  const data = rule === undefined ? { reason } : { reason, rule };
  await recordOrder(deps, 'order.cancelled', result.order, { ...who, data });
  if (result.order.terms.signing !== undefined) await deps.signing?.changed(result.order);
  return true;
}

/** Writes down that an order's time is over; of any number of callers exactly one records it. */
export async function expireOrder(deps: OrderDeps, orderId: string): Promise<void> {
  const result = await moveOrder(deps, orderId, () => ({ kind: 'expire' }));
  if (result?.isMoved !== true || result.order.state.name !== 'expired') return;
  await recordOrder(deps, 'order.expired', result.order, { actor: 'server', data: { from: result.order.state.from } });
}

/** Throws what `assertUsable` throws, having ended the order of the device that may no longer act (S-07). */
export async function assertStillUsable(deps: OrderDeps, deviceId: string, orderId: string) {
  try {
    return await deps.assertUsable(deviceId);
  } catch (error) {
    // A store that is down proves nothing about the device: the order stays, the call fails.
    if (error instanceof AuthError && error.status < 500) {
      await cancelOrder(deps, orderId, { reason: 'device_ended', actor: 'server' });
    }
    throw error;
  }
}

/** From where, and as whom the trail names them, somebody goes on with an order. */
interface RuledAct {
  readonly company: Company;
  /** One that is not known is outside of every network. */
  readonly addresses: readonly (string | undefined)[];
  readonly by: Asker & { readonly actor: string };
}

/**
 * Ends the order where the company's rules allow no login from there or at this time, so that its page says so at once, and throws
 * `access_denied`. Asked for what lets somebody in: one may decline and report from anywhere.
 */
export async function assertAllowed(
  deps: OrderDeps,
  { terms }: Order,
  { company, addresses, by }: RuledAct,
): Promise<void> {
  const obstacle = loginObstacle(company.rules, { addresses, now: deps.clock.now() });
  if (obstacle === undefined) return;
  await cancelOrder(deps, terms.id, { ...by, reason: 'policy', rule: obstacle });
  throw new AuthError('access_denied', {
    detail: `the rule on ${obstacle} forbids it`,
    message: `your company does not allow this ${obstacle === 'network' ? 'from this network' : 'at this time'}`,
  });
}

/** Where the browser was that began a login; of other orders the asking side is a portal's server, whose place tells nothing. */
export function askedFrom({ terms }: Order): readonly (string | undefined)[] {
  return terms.purpose === 'login' ? [terms.askedFrom] : [];
}

/** Appends one event about an order to the trail, with the facts that every such event carries. */
export async function recordOrder(
  deps: Pick<OrderDeps, 'records' | 'clock'>,
  event: AuditEvent,
  order: Order,
  more: Pick<AuditRecord, 'actor'> & Partial<AuditRecord>,
): Promise<void> {
  await deps.records.audit.append(orderRecord(event, order, more), deps.clock.now());
}

/** The record that {@link recordOrder} appends, for those who append it within a transaction. */
export function orderRecord(
  event: AuditEvent,
  order: Order,
  more: Pick<AuditRecord, 'actor'> & Partial<AuditRecord>,
): AuditRecord {
  const { terms, state } = order;
  const claim = 'claim' in state ? state.claim : undefined;
  return {
    event,
    actor: more.actor,
    orderId: terms.id,
    clientId: terms.client.id,
    companyId: more.companyId ?? claim?.companyId,
    userId: more.userId ?? claim?.userId,
    deviceId: more.deviceId ?? claim?.deviceId,
    address: more.address,
    requestId: more.requestId,
    data: {
      purpose: terms.purpose,
      origin: terms.origin,
      browser: terms.browser.name,
      // One id leads from the portal's request to the signature.
      ...(terms.signing === undefined ? {} : { signingId: terms.signing.id }),
      ...more.data,
    },
  };
}

/** The one answer about an order that cannot be used, whatever the reason, which is for the log. */
export function unavailable(detail: string): AuthError {
  return new AuthError('order_unavailable', { detail });
}

/** Who began it, as the trail names them: a login's browser, or the portal's server that asks for a signature. */
function askerOf({ purpose, client }: OrderTerms): string {
  return purpose === 'signing' ? `client:${client.id}` : 'browser';
}

/** No page of ours renews what a portal's server asks to be signed: it waits as long as it may from the begin. */
function pageEnd(terms: OrderTerms, now: number): number {
  return terms.purpose === 'signing' ? terms.pageLimitAt : Math.min(now + orderTimes.page, terms.pageLimitAt);
}
