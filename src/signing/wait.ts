/** Waits for a request to change: what long polls and feeds stand on. */

import { deadlineOf } from '../orders/order.ts';
import type { SigningState } from '../protocol/signing-api.ts';
import type { SigningDeps } from './deps.ts';
import { signingsChangedTopic } from './ending.ts';
import { isShown, ordersOf } from './live.ts';
import { settle } from './settle.ts';
import type { SigningRequest } from './store.ts';

export interface Wait {
  /** The state that is known; undefined: the one that it has now. */
  readonly since?: string | undefined;
  readonly milliseconds: number;
  /** Ends the wait when the caller has gone or the server ends. */
  readonly signal: AbortSignal;
}

/** As a portal is told: `claimed` while a phone shows what is pending. */
export async function stateOf(deps: SigningDeps, { id, status }: SigningRequest): Promise<SigningState> {
  return status === 'pending' && (await isShown(deps, id)) ? 'claimed' : status;
}

/** Resolves once the request is in another state than `since`, is over, or the time is; at once where that is so already. */
export async function whenRequestChanged(
  deps: SigningDeps,
  id: string,
  { since, milliseconds, signal }: Wait,
): Promise<void> {
  let wake = (): void => undefined;
  const stop = await deps.shortLived.subscribe(signingsChangedTopic, (changed) => {
    if (changed === id) wake();
  });
  const until = deps.clock.now() + milliseconds;
  let known = since;
  try {
    for (;;) {
      // Made before the look, so that a change between look and wait is not missed.
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const request = await settle(deps, id);
      const left = until - deps.clock.now();
      if (request?.status !== 'pending' || signal.aborted || left <= 0) return;
      const state = await stateOf(deps, request);
      known ??= state;
      if (state !== known) return;
      // Nobody tells of a deadline that passes.
      const deadline = (await nextDeadline(deps, request)) - deps.clock.now();
      await Promise.race([woken, pause(Math.max(1, Math.min(left, deadline)), signal)]);
    }
  } finally {
    stop();
  }
}

/** When the clock alone changes its state, in epoch-milliseconds. */
async function nextDeadline(deps: SigningDeps, { id, expiresAt }: SigningRequest): Promise<number> {
  const claimed = (await ordersOf(deps, id)).filter(({ state }) => state.name === 'claimed');
  const ends = claimed.map(({ state }) => deadlineOf(state) ?? expiresAt);
  return ends.length === 0 ? expiresAt : Math.min(...ends);
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
