/** The list that a batch is bound to: too long for the description of an order, so the phone fetches it in parts and compares its hash. */
import type { OrderListed, OrderListPart } from '../protocol/orders.ts';
import { findOwn } from './decide.ts';
import type { OrderDeps, PhoneCall } from './deps.ts';
import { orderTimes } from './order.ts';
import { unavailable } from './orders.ts';
import { partOf } from './parts.ts';

/** Longer than anybody may decide about the order, or its asking side fetch the outcome. */
const lifetimeMs = orderTimes.decideLimit + orderTimes.redeemSigning + orderTimes.retain;

const keyOf = (orderId: string): string => `order-list:{${orderId}}`;

/** Keeps the list of an order that nobody has seen yet. */
export async function keepList(deps: Pick<OrderDeps, 'shortLived'>, orderId: string, list: string): Promise<void> {
  await deps.shortLived.create(keyOf(orderId), list, lifetimeMs);
}

/** The whole list; undefined where the order has none, or none any more. */
export async function readList(deps: Pick<OrderDeps, 'shortLived'>, orderId: string): Promise<string | undefined> {
  return (await deps.shortLived.get(keyOf(orderId)))?.value;
}

/** One part of the list, for the phone that claimed the order. Throws `order_unavailable` for any other, and where there is no such part. */
export async function listPart(
  deps: OrderDeps,
  { orderId, part }: OrderListPart,
  call: PhoneCall,
): Promise<OrderListed> {
  await findOwn(deps, orderId, call);
  const list = await readList(deps, orderId);
  if (list === undefined) throw unavailable('list: the order has none');
  const found = partOf(list, part);
  if (found === undefined) throw unavailable('list: no such part');
  return found;
}
