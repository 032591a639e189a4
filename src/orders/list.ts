/** The list that a batch is bound to: too long for the description of an order, so the phone fetches it in parts and compares its hash. */
import type { OrderListed, OrderListPart } from '../protocol/orders.ts';
import { findOwn } from './decide.ts';
import type { OrderDeps, PhoneCall } from './deps.ts';
import { keepParts, keptPart } from './kept.ts';
import { orderTimes } from './order.ts';
import { unavailable } from './orders.ts';

/** Longer than anybody may decide about the order. */
const lifetimeMs = orderTimes.decideLimit + orderTimes.retain;

/** Keeps the list of an order that nobody has seen yet. */
export async function keepList(
  deps: Pick<OrderDeps, 'shortLived' | 'sealing'>,
  orderId: string,
  list: string,
): Promise<void> {
  await keepParts(deps, { kind: 'list', of: orderId }, Buffer.from(list), lifetimeMs);
}

/** One part of the list, for the phone that claimed the order. Throws `order_unavailable` for any other, and where there is no such part. */
export async function listPart(
  deps: OrderDeps,
  { orderId, part }: OrderListPart,
  call: PhoneCall,
): Promise<OrderListed> {
  await findOwn(deps, orderId, call);
  const found = await keptPart(deps, { kind: 'list', of: orderId }, part);
  if (found === undefined) throw unavailable('list: there is none, or no such part');
  return found;
}
