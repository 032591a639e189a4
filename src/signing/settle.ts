/** Ends what has run out or lost its reason, whoever looks first: a read, a claim, or the sweep of the background. */
import type { CancelReason } from '../orders/order.ts';
import type { Records } from '../store/records.ts';
import type { SigningDeps } from './deps.ts';
import { endRequest, type SigningEnding } from './ending.ts';
import { ordersOf } from './live.ts';
import type { SigningRequest } from './store.ts';

/** Ends of an order that are the end of what only one person signs; where several do, of that person's order alone (0021). */
const finalReasons: readonly CancelReason[] = ['code_reused', 'device_ended', 'policy'];

/** The request as it is now, its end written down where it is due; undefined where there is none. Idempotent. */
export async function settle(deps: SigningDeps, id: string): Promise<SigningRequest | undefined> {
  const request = await deps.records.signings.find(id);
  if (request?.status !== 'pending') return request;
  const due = await dueEnd(deps, request);
  return due === undefined ? request : endRequest(deps, id, { ...due, by: { actor: 'server' } });
}

/** Whether the person whom the portal named may be asked. */
export async function isAskable({ users, companies }: Records, userId: string): Promise<boolean> {
  const user = await users.find(userId);
  if (user?.status !== 'active') return false;
  return (await companies.find(user.companyId))?.status === 'active';
}

async function dueEnd(deps: SigningDeps, request: SigningRequest): Promise<Omit<SigningEnding, 'by'> | undefined> {
  const orders = await ordersOf(deps, request.id);
  if (request.approvers === 1) {
    for (const { state } of orders) {
      if (state.name !== 'cancelled' || !finalReasons.includes(state.reason)) continue;
      return { status: 'cancelled', why: state.reason };
    }
  }
  if (!(await isAskable(deps.records, request.userId))) return { status: 'cancelled', why: 'user_ended' };
  // Who looks at it when its time ends may decide as long as the description says.
  const isOver = request.expiresAt <= deps.clock.now() && !orders.some(({ state }) => state.name === 'claimed');
  return isOver ? { status: 'expired' } : undefined;
}
