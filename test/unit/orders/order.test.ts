import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  deadlineOf,
  isFinal,
  legalMoves,
  type OrderMove,
  type OrderMoveKind,
  type OrderState,
  type OrderStateName,
  stateAt,
  transition,
} from '../../../src/orders/order.ts';

const claim = {
  deviceId: 'dev_a',
  userId: 'usr_a',
  companyId: 'co_a',
  via: 'qr',
  claimedAt: 0,
  decideBy: 100,
  descriptor: 'd',
} as const;
const outcome = { approval: 'a', factor: 'pin', provedAt: 0, approvedAt: 0, redeemBy: 100 } as const;

const states: Record<OrderStateName, OrderState> = {
  pending: { name: 'pending', pageEndsAt: 100 },
  claimed: { name: 'claimed', claim, held: { by: 'me', until: 50 } },
  approved: { name: 'approved', claim, outcome },
  redeemed: { name: 'redeemed', claim, outcome, endedAt: 1 },
  declined: { name: 'declined', claim, endedAt: 1 },
  reported: { name: 'reported', claim, endedAt: 1 },
  expired: { name: 'expired', from: 'pending', endedAt: 1 },
  cancelled: { name: 'cancelled', reason: 'browser', endedAt: 1 },
};
const moves: Record<OrderMoveKind, OrderMove> = {
  renew: { kind: 'renew', pageEndsAt: 200 },
  claim: { kind: 'claim', claim },
  hold: { kind: 'hold', by: 'other', until: 90 },
  release: { kind: 'release', by: 'me' },
  approve: { kind: 'approve', by: 'me', outcome },
  decline: { kind: 'decline', by: 'me' },
  report: { kind: 'report', by: 'me' },
  redeem: { kind: 'redeem' },
  expire: { kind: 'expire' },
  cancel: { kind: 'cancel', reason: 'browser' },
};
const anyState = fc.constantFrom(...Object.values(states));
const anyMove = fc.constantFrom(...Object.values(moves));

describe('order machine', () => {
  it('makes no move that is not in the table, at any time (P-25)', () => {
    fc.assert(
      fc.property(anyState, anyMove, fc.integer({ min: 0, max: 300 }), (state, move, now) => {
        const isLegal = legalMoves[state.name].includes(move.kind);
        if (!isLegal) expect(transition(state, move, now)).toBeUndefined();
      }),
    );
  });

  it('makes every move of the table at its time', () => {
    for (const [name, kinds] of Object.entries(legalMoves)) {
      for (const kind of kinds) {
        const now = kind === 'expire' ? 100 : kind === 'hold' ? 60 : 20;
        expect(transition(states[name as OrderStateName], moves[kind], now), `${name} ${kind}`).toBeDefined();
      }
    }
  });

  it('lets nothing but expiry happen after the deadline, and no expiry before it (P-02)', () => {
    fc.assert(
      fc.property(anyState, anyMove, fc.integer({ min: 0, max: 300 }), (state, move, now) => {
        const deadline = deadlineOf(state);
        if (deadline === undefined) return;
        const next = transition(state, move, now);
        if (now >= deadline) expect(next === undefined || next.name === 'expired').toBe(true);
        else expect(next?.name).not.toBe('expired');
      }),
    );
  });

  it('never leaves a final state and never comes back to an earlier one', () => {
    const rank: Record<OrderStateName, number> = {
      pending: 0,
      claimed: 1,
      approved: 2,
      redeemed: 3,
      declined: 3,
      reported: 3,
      expired: 3,
      cancelled: 3,
    };
    fc.assert(
      fc.property(fc.array(fc.tuple(anyMove, fc.integer({ min: 0, max: 40 }))), (steps) => {
        let state: OrderState = states.pending;
        let now = 0;
        for (const [move, wait] of steps) {
          now += wait;
          const next = transition(state, move, now);
          if (next === undefined) continue;
          expect(isFinal(state)).toBe(false);
          expect(rank[next.name]).toBeGreaterThanOrEqual(rank[state.name]);
          state = next;
        }
      }),
    );
  });

  it('takes a decision only from the one who holds the order', () => {
    for (const kind of ['approve', 'decline', 'report'] as const) {
      const move = { ...moves[kind], by: 'somebody else' } as OrderMove;
      expect(transition(states.claimed, move, 20)).toBeUndefined();
      expect(transition({ ...states.claimed, held: null } as OrderState, moves[kind], 20)).toBeUndefined();
    }
    expect(transition(states.claimed, moves.hold, 20)).toBeUndefined();
  });

  it('reads a state whose time is over as expired although nobody wrote it down (P-02)', () => {
    expect(stateAt(states.pending, 99).name).toBe('pending');
    expect(stateAt(states.pending, 100)).toEqual({ name: 'expired', from: 'pending', endedAt: 100 });
    expect(stateAt(states.redeemed, 1e12).name).toBe('redeemed');
  });
});
