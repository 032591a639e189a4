/** Waits for an order to change: what a portal's long poll stands on. */

import type { OrderDeps } from '../orders/deps.ts';
import { ordersChangedTopic, readOrder } from '../orders/live.ts';
import { deadlineOf, isFinal } from '../orders/order.ts';

export interface Wait {
  /** The state that is known; undefined: the one that it has now. */
  readonly since?: string | undefined;
  readonly milliseconds: number;
  /** Ends the wait when the caller has gone or the server ends. */
  readonly signal: AbortSignal;
}

/** Resolves once the order is in another state than `since`, is over, or the time is; at once where that is so already. */
export async function whenChanged(
  deps: OrderDeps,
  orderId: string,
  { since, milliseconds, signal }: Wait,
): Promise<void> {
  let wake = (): void => undefined;
  const stop = await deps.shortLived.subscribe(ordersChangedTopic, (changed) => {
    if (changed === orderId) wake();
  });
  const until = deps.clock.now() + milliseconds;
  let known = since;
  try {
    for (;;) {
      // Made before the look, so that a change between look and wait is not missed.
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const order = await readOrder(deps, orderId);
      const left = until - deps.clock.now();
      if (order === undefined || isFinal(order.state) || signal.aborted || left <= 0) return;
      known ??= order.state.name;
      if (order.state.name !== known) return;
      // Nobody tells of a deadline that passes.
      const deadline = (deadlineOf(order.state) ?? until) - deps.clock.now();
      await Promise.race([woken, pause(Math.max(1, Math.min(left, deadline)), signal)]);
    }
  } finally {
    stop();
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done, { once: true });
  });
}
