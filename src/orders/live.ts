/** Orders in the short-lived store: found by id or by token, changed by compare-and-set alone, told of to every process. */
import { AuthError } from '../errors.ts';
import type { OrderDeps } from './deps.ts';
import { type FrameCode, frameCode } from './frames.ts';
import { deadlineOf, type Order, type OrderMove, type OrderTerms, orderTimes, stateAt, transition } from './order.ts';

/** Topic on which every process hears the id of an order that changed. */
export const ordersChangedTopic = 'orders.changed';

/** Longer than any order lives, so that a late scan is told that the order is over. */
const tokenLifetimeMs = orderTimes.decideLimit + orderTimes.redeem + orderTimes.retain;
/** Each lost round means that another caller got on, and an order has few moves; more than this is a fault. */
const maxRounds = 32;

type LiveDeps = Pick<OrderDeps, 'shortLived' | 'clock'>;

const keyOf = (orderId: string): string => `order:{${orderId}}`;
const tokenKeyOf = (tokenHash: string): string => `order-token:{${tokenHash}}`;

/** The look-up value under which a scanned token finds its order: the store holds no token in clear. */
export function tokenHashOf(deps: Pick<OrderDeps, 'sealing'>, token: string): string {
  return deps.sealing.lookup(token, 'orders.token');
}

/** The look-up value of the secret that redeems: the store holds no cookie in clear (S-04). */
export function bindingHashOf(deps: Pick<OrderDeps, 'sealing'>, binding: string): string {
  return deps.sealing.lookup(binding, 'orders.binding');
}

/** The context under which an order's frame code is sealed. */
export function codeContext(orderId: string): string {
  return `orders.code:${orderId}`;
}

/** What this order's frames are made of. */
export function openFrameCode(deps: Pick<OrderDeps, 'sealing' | 'issuer'>, terms: OrderTerms): FrameCode {
  return frameCode(deps.sealing.open(terms.sealedCode, codeContext(terms.id)), deps.issuer, terms);
}

/** Stores a new order; its token can be looked up from now on. */
export async function insertOrder(deps: LiveDeps, order: Order, tokenHash: string): Promise<void> {
  const { id } = order.terms;
  const isNew =
    (await deps.shortLived.create(keyOf(id), JSON.stringify(order), lifetimeOf(deps, order))) &&
    (await deps.shortLived.create(tokenKeyOf(tokenHash), id, tokenLifetimeMs));
  if (!isNew) throw new AuthError('internal', { detail: 'an id or a token of an order was drawn twice' });
}

/** The order as it is now; undefined where there is none or its outcome is no longer kept. */
export async function readOrder(deps: LiveDeps, orderId: string): Promise<Order | undefined> {
  const stored = await deps.shortLived.get(keyOf(orderId));
  if (stored === undefined) return undefined;
  const order = JSON.parse(stored.value) as Order;
  return { ...order, state: stateAt(order.state, deps.clock.now()) };
}

/** Changes whenever the order does; undefined where there is none. Cheaper than reading it. */
export async function orderVersion(deps: Pick<OrderDeps, 'shortLived'>, orderId: string): Promise<number | undefined> {
  return (await deps.shortLived.get(keyOf(orderId)))?.version;
}

/** The id of the order whose code holds this token. */
export async function findByToken(
  deps: Pick<OrderDeps, 'shortLived' | 'sealing'>,
  token: string,
): Promise<string | undefined> {
  return (await deps.shortLived.get(tokenKeyOf(tokenHashOf(deps, token))))?.value;
}

export interface MoveResult {
  /** Whether this very call changed the order. */
  readonly isMoved: boolean;
  /** The order after the change, or as it stands in the way of it. */
  readonly order: Order;
}

/**
 * Proposes a move for the order as it is and makes it if it is legal, in one atomic step: of parallel callers exactly one makes a
 * move that only one can make. Undefined where there is no such order.
 */
export async function moveOrder(
  deps: LiveDeps,
  orderId: string,
  propose: (order: Order) => OrderMove | undefined,
): Promise<MoveResult | undefined> {
  for (let round = 0; round < maxRounds; round += 1) {
    const stored = await deps.shortLived.get(keyOf(orderId));
    if (stored === undefined) return undefined;
    const order = JSON.parse(stored.value) as Order;
    const now = deps.clock.now();
    const move = propose({ ...order, state: stateAt(order.state, now) });
    const state = move && transition(order.state, move, now);
    if (state === undefined) return { isMoved: false, order: { ...order, state: stateAt(order.state, now) } };
    const next = { ...order, state };
    if (
      await deps.shortLived.compareAndSet(keyOf(orderId), stored.version, JSON.stringify(next), lifetimeOf(deps, next))
    ) {
      // That somebody is writing a decision down is nobody else's concern yet.
      const isVisible = move?.kind !== 'hold' && move?.kind !== 'release';
      if (isVisible) await deps.shortLived.publish(ordersChangedTopic, orderId);
      return { isMoved: true, order: next };
    }
  }
  throw new AuthError('unavailable', { detail: 'an order changed too often under a compare-and-set' });
}

/** Outcomes stay readable for a while, so that the page can show them. */
function lifetimeOf(deps: LiveDeps, order: Order): number {
  const now = deps.clock.now();
  return Math.max((deadlineOf(order.state) ?? now) - now, 0) + orderTimes.retain;
}
