/** What the lockout needs, and what it is told of an attempt. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { EndLogins } from '../devices/end.ts';
import type { CallOrigin } from '../http/app-endpoint.ts';
import type { ShortLivedStore } from '../store/ports.ts';
import type { RecordStore, Records } from '../store/records.ts';

/** Wrong proofs in a row after which an mPIN is blocked for good and an activation void (RTS art. 4(3)(b)). */
export const MAX_ATTEMPTS = 5;

export interface LockoutDeps {
  readonly records: RecordStore;
  readonly shortLived: ShortLivedStore;
  readonly clock: Clock;
  readonly endLogins: EndLogins;
  readonly log: Pick<Logger, 'error'>;
  /** Waits between two looks at attempts that others hold; for tests. */
  readonly pause?: (milliseconds: number) => Promise<unknown>;
}

/** Whose attempts: the key is the immutable id and never anything that a caller typed (T14). */
export type AttemptTarget =
  | { readonly kind: 'mpin'; readonly deviceId: string }
  | { readonly kind: 'confirmation'; readonly activationId: string };

/** One attempt as the gate takes it. */
export interface Attempt {
  readonly target: AttemptTarget;
  /** What the proof is for, as the trail names it: `session`, `order`, `mpin-change`, `registration`. */
  readonly purpose: string;
  readonly origin: CallOrigin;
  /**
   * Runs in the transaction that records a right proof, so that both commit or neither. What it throws ends the attempt as a
   * fault does: given back, and thrown on.
   */
  readonly onRight?: (records: Records) => Promise<void>;
}

/** What evaluating a proof found. */
export type Verdict<T> = { readonly isRight: true; readonly value: T } | { readonly isRight: false };

/** `refused`: not evaluated, because the subject is blocked, ended or of no attempts. */
export type AttemptOutcome<T> =
  | { readonly outcome: 'right'; readonly value: T; readonly failuresBefore: number }
  | { readonly outcome: 'wrong'; readonly attemptsLeft: number }
  | { readonly outcome: 'refused' };

/** Waits `milliseconds` of real time unless the dependencies say otherwise. */
export async function pause(deps: LockoutDeps, milliseconds: number): Promise<void> {
  await (deps.pause ?? sleep)(milliseconds);
}
