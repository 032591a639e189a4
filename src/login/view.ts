/** What the login page may know of its order: a state, a time, a frame. Never who scanned it (no identity before the approval). */
import type { Order, OrderState } from '../orders/order.ts';
import { deadlineOf } from '../orders/order.ts';

export interface PageView {
  readonly state: OrderState['name'];
  /** Whole seconds until the state is over; null where it is final. */
  readonly secondsLeft: number | null;
  /** Whether the page can ask for more time. */
  readonly canRenew: boolean;
  /** The code to show, while there is one. */
  readonly frame: string | null;
  /** Why a cancelled one was, where the page says something of its own about it. */
  readonly cause: 'rule' | 'superseded' | null;
}

/** The order as its page sees it at `now`. */
export function pageView({ terms, state }: Pick<Order, 'terms' | 'state'>, now: number, frame?: string): PageView {
  const deadline = deadlineOf(state);
  return {
    state: state.name,
    secondsLeft: deadline === undefined ? null : Math.max(0, Math.ceil((deadline - now) / 1000)),
    canRenew: state.name === 'pending' && state.pageEndsAt < terms.pageLimitAt,
    frame: frame ?? null,
    cause: causeOf(state),
  };
}

/** What was asked to be signed, once it is over: as the record says, whatever its orders did. */
export function endedView(state: 'approved' | 'declined' | 'reported' | 'expired' | 'cancelled'): PageView {
  return { state, secondsLeft: null, canRenew: false, frame: null, cause: null };
}

/** Nobody is asked, by a rule. */
export const blockedView: PageView = { ...endedView('cancelled'), cause: 'rule' };

/** A rule of the operator, or the end of a device, forbids the login; or other windows of this browser took its place. */
function causeOf(state: OrderState): PageView['cause'] {
  if (state.name !== 'cancelled') return null;
  if (state.reason === 'superseded') return 'superseded';
  return state.reason === 'policy' || state.reason === 'device_ended' ? 'rule' : null;
}
