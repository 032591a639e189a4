/** An order as data: what a phone is asked, the states it passes through, and the one table of legal moves. No store, no clock of its own. */
import type { DeclineReason, OrderDescriptor, Purpose } from '../protocol/orders.ts';

/** Times of an order, in milliseconds. */
export const orderTimes = {
  /** How long a page shows codes before it must renew. */
  page: 120_000,
  /** How long a page may go on renewing. */
  pageLimit: 300_000,
  decideLogin: 120_000,
  decideSigning: 300_000,
  redeem: 60_000,
  /** Nobody may decide later than this after the creation, so that with its redeeming an order is over after ten minutes (P-02). */
  decideLimit: 540_000,
  /** How long one decision may take to be written down before another may be tried. */
  hold: 15_000,
  /** How long the outcome stays readable. */
  retain: 120_000,
} as const;

/** What never changes after the creation. Token, binding and secret are three different random values, none of them kept in clear. */
export interface OrderTerms {
  readonly id: string;
  readonly purpose: Purpose;
  readonly client: { readonly id: string; readonly name: string; readonly domain: string };
  /** Origin of the page that began it. */
  readonly origin: string;
  readonly browser: { readonly name: string; readonly address: string; readonly place: string | null };
  /** The whole address of that browser, for the rules of a company alone: the phone is told its network. */
  readonly askedFrom?: string | undefined;
  /** The exact text that the phone shows and signs. */
  readonly display: OrderDescriptor['display'];
  readonly challenge: string;
  readonly freshProof: boolean;
  /** True: that proof must be the mPIN. */
  readonly mpinOnly?: boolean | undefined;
  /** Of an order to sign: what it is a part of. */
  readonly signing?: OrderDescriptor['signing'];
  /** Who alone may claim it; null where anybody with the code may, as in a login. */
  readonly ownerUserId: string | null;
  /** What it belongs to: the interaction of a login, the client's own reference of a signing. */
  readonly context: string;
  /** Look-up value of the secret that alone redeems. */
  readonly bindingHash: string;
  /** QR token and QR secret, sealed. */
  readonly sealedCode: string;
  readonly createdAt: number;
  /** Renewing goes no further than this. */
  readonly pageLimitAt: number;
}

/** Who claimed it and what was shown to them. */
export interface Claim {
  readonly deviceId: string;
  readonly userId: string;
  readonly companyId: string;
  readonly via: OrderDescriptor['via'];
  readonly claimedAt: number;
  readonly decideBy: number;
  /** True: the proof must be the mPIN, by the order or by what is known of this phone. */
  readonly mpinOnly?: boolean | undefined;
  /** The descriptor as the server signed it; the approval is bound to these bytes. */
  readonly descriptor: string;
}

/** RFC 8176 values of the proof behind an approval. */
export type Factor = 'pin' | 'fpt' | 'face' | 'user';

/** What an approval leaves for the one who redeems it. */
export interface Outcome {
  /** The phone's statement, a compact JWS. */
  readonly approval: string;
  readonly factor: Factor;
  /** When the mPIN or biometric proof was made. */
  readonly provedAt: number;
  readonly approvedAt: number;
  readonly redeemBy: number;
}

/** `policy`: a rule of the operator forbids it; `superseded`: the browser began too many others. */
export type CancelReason = 'browser' | 'client' | 'code_reused' | 'device_ended' | 'policy' | 'superseded';

export type OrderState =
  | { readonly name: 'pending'; readonly pageEndsAt: number }
  | {
      readonly name: 'claimed';
      readonly claim: Claim;
      /** A decision that is being written down at this moment: no second one may begin. */
      readonly held: { readonly by: string; readonly until: number } | null;
    }
  | { readonly name: 'approved'; readonly claim: Claim; readonly outcome: Outcome }
  | { readonly name: 'redeemed'; readonly claim: Claim; readonly outcome: Outcome; readonly endedAt: number }
  | {
      readonly name: 'declined';
      readonly claim: Claim;
      readonly endedAt: number;
      readonly reason?: DeclineReason | undefined;
    }
  | { readonly name: 'reported'; readonly claim: Claim; readonly endedAt: number }
  | { readonly name: 'expired'; readonly from: 'pending' | 'claimed' | 'approved'; readonly endedAt: number }
  | { readonly name: 'cancelled'; readonly reason: CancelReason; readonly endedAt: number };

export type OrderStateName = OrderState['name'];

export interface Order {
  readonly terms: OrderTerms;
  readonly state: OrderState;
}

/** What somebody asks to happen to an order. */
export type OrderMove =
  | { readonly kind: 'renew'; readonly pageEndsAt: number }
  | { readonly kind: 'claim'; readonly claim: Claim }
  | { readonly kind: 'hold'; readonly by: string; readonly until: number }
  | { readonly kind: 'release'; readonly by: string }
  | { readonly kind: 'approve'; readonly by: string; readonly outcome: Outcome }
  | { readonly kind: 'decline'; readonly by: string; readonly reason?: DeclineReason | undefined }
  | { readonly kind: 'report'; readonly by: string }
  | { readonly kind: 'redeem' }
  | { readonly kind: 'expire' }
  | { readonly kind: 'cancel'; readonly reason: CancelReason };

export type OrderMoveKind = OrderMove['kind'];

/** The one table of legal moves. What is not in it cannot happen, whatever the caller says (P-25). */
export const legalMoves: Readonly<Record<OrderStateName, readonly OrderMoveKind[]>> = {
  pending: ['renew', 'claim', 'expire', 'cancel'],
  claimed: ['hold', 'release', 'approve', 'decline', 'report', 'expire', 'cancel'],
  approved: ['redeem', 'expire', 'cancel'],
  redeemed: [],
  declined: [],
  reported: [],
  expired: [],
  cancelled: [],
};

/** The instant from which a state is over; undefined for states that are final. */
export function deadlineOf(state: OrderState): number | undefined {
  switch (state.name) {
    case 'pending':
      return state.pageEndsAt;
    case 'claimed':
      return state.claim.decideBy;
    case 'approved':
      return state.outcome.redeemBy;
    case 'redeemed':
    case 'declined':
    case 'reported':
    case 'expired':
    case 'cancelled':
      return undefined;
  }
}

/** Whether nothing more can happen to it. */
export function isFinal(state: OrderState): boolean {
  return legalMoves[state.name].length === 0;
}

/** The state as it is at `now`: one whose time is over is expired, whether or not anybody wrote that down. */
export function stateAt(state: OrderState, now: number): OrderState {
  return transition(state, { kind: 'expire' }, now) ?? state;
}

/**
 * The state after `move` at `now` (epoch-milliseconds), or undefined where the move is not legal: not in the table, after the
 * deadline, or a decision by somebody who does not hold the order.
 */
export function transition(state: OrderState, move: OrderMove, now: number): OrderState | undefined {
  if (!legalMoves[state.name].includes(move.kind)) return undefined;
  const deadline = deadlineOf(state);
  const isOver = deadline !== undefined && now >= deadline;
  // The clock alone expires an order, and after that nothing else can happen to it.
  if (isOver !== (move.kind === 'expire')) return undefined;
  switch (state.name) {
    case 'pending':
      return fromPending(state, move, now);
    case 'claimed':
      return fromClaimed(state, move, now);
    case 'approved':
      return fromApproved(state, move, now);
    case 'redeemed':
    case 'declined':
    case 'reported':
    case 'expired':
    case 'cancelled':
      return undefined;
  }
}

type In<Name extends OrderStateName> = Extract<OrderState, { readonly name: Name }>;

function fromPending(state: In<'pending'>, move: OrderMove, now: number): OrderState | undefined {
  if (move.kind === 'renew')
    return move.pageEndsAt > state.pageEndsAt ? { ...state, pageEndsAt: move.pageEndsAt } : undefined;
  if (move.kind === 'claim') return { name: 'claimed', claim: move.claim, held: null };
  return ended(state.name, move, now);
}

function fromClaimed(state: In<'claimed'>, move: OrderMove, now: number): OrderState | undefined {
  const { claim, held } = state;
  if (move.kind === 'hold') {
    const isFree = held === null || held.until <= now;
    return isFree ? { ...state, held: { by: move.by, until: move.until } } : undefined;
  }
  if (move.kind === 'expire' || move.kind === 'cancel') return ended(state.name, move, now);
  // Of parallel decisions only the one that took hold may go on, so that the record of it is the only one.
  if (!('by' in move) || held?.by !== move.by) return undefined;
  if (move.kind === 'release') return { ...state, held: null };
  if (move.kind === 'approve') return { name: 'approved', claim, outcome: move.outcome };
  if (move.kind === 'decline') return { name: 'declined', claim, endedAt: now, reason: move.reason };
  return { name: 'reported', claim, endedAt: now };
}

function fromApproved(state: In<'approved'>, move: OrderMove, now: number): OrderState | undefined {
  if (move.kind === 'redeem') return { name: 'redeemed', claim: state.claim, outcome: state.outcome, endedAt: now };
  return ended(state.name, move, now);
}

function ended(from: 'pending' | 'claimed' | 'approved', move: OrderMove, now: number): OrderState | undefined {
  if (move.kind === 'expire') return { name: 'expired', from, endedAt: now };
  if (move.kind === 'cancel') return { name: 'cancelled', reason: move.reason, endedAt: now };
  return undefined;
}
