/** Taking one of five places before a proof is evaluated: the short-lived lock first, the durable one second, both committed. */
import { AuthError } from '../errors.ts';
import { closeExhausted } from './block.ts';
import { type AttemptTarget, type LockoutDeps, MAX_ATTEMPTS, pause } from './deps.ts';
import type { AttemptSubject } from './store.ts';

/** Only memory of the short-lived store is at stake: a counter that is gone is seeded from the durable count. */
const counterTtlMs = 24 * 3600_000;
/** After so many looks without any change a short-lived counter that is fuller than the durable one is taken for a leftover. */
const looksBeforeCorrection = 6;
/** After so many (2.6 s) five spent attempts are taken for spent, not for under way: the processes that held them are gone. */
const looksBeforeBlock = 30;
const longestPauseMs = 100;
/** However busy a device is, nobody waits longer than this many looks. */
const maxLooks = 150;

/** A spent attempt whose proof may be evaluated, once. */
export interface Place {
  readonly subject: AttemptSubject;
  /** Name of the short-lived counter. */
  readonly key: string;
  /** Attempts spent when this one was: 1 to 5. */
  readonly number: number;
  readonly owner: AttemptOwner;
}

/** Whom the trail and the notices name. */
export interface AttemptOwner {
  readonly companyId: string;
  readonly userId: string;
  readonly deviceId: string | undefined;
  readonly deviceName: string;
}

interface Budget {
  readonly subject: AttemptSubject;
  readonly key: string;
  readonly spent: number;
  readonly owner: AttemptOwner;
}

/**
 * Spends one attempt in both locks, or answers undefined where none may be spent any more. While all five are under way it waits:
 * parallel right proofs must neither block nor refuse each other (T3), and each of them begins an epoch with five new places.
 * Five that stay spent without being blocked were left by a crash; they are blocked here. Throws `unavailable` where a store is down.
 */
export async function takePlace(deps: LockoutDeps, target: AttemptTarget): Promise<Place | undefined> {
  const patience = createPatience(deps);
  for (;;) {
    const budget = await readBudget(deps, target);
    if (budget === undefined) return undefined;
    const place = budget.spent < MAX_ATTEMPTS ? await tryPlace(deps, budget) : undefined;
    if (place !== undefined) return place;
    const looks = await patience.look(budget);
    if (budget.spent >= MAX_ATTEMPTS) {
      if (looks < looksBeforeBlock) continue;
      if (await closeExhausted(deps, target, budget.subject)) return undefined;
    } else if (looks >= looksBeforeCorrection) {
      // A crash between the two locks left a place taken in the first alone. The durable lock still holds, so this grants nothing.
      await deps.shortLived.release(budget.key);
    }
  }
}

/**
 * Waits until fewer than five attempts are spent or the subject is ended. Five that stay spent are blocked here: the next touch
 * after a crash writes the block.
 */
export async function settleAttempts(deps: LockoutDeps, target: AttemptTarget): Promise<void> {
  const patience = createPatience(deps);
  for (;;) {
    const budget = await readBudget(deps, target);
    if (budget === undefined || budget.spent < MAX_ATTEMPTS) return;
    if ((await patience.look(budget)) < looksBeforeBlock) continue;
    if (await closeExhausted(deps, target, budget.subject)) return;
  }
}

/** Undefined where the subject is unknown, blocked, ended or void. */
async function readBudget(deps: LockoutDeps, target: AttemptTarget): Promise<Budget | undefined> {
  if (target.kind === 'mpin') {
    const device = await deps.records.devices.find(target.deviceId);
    if (device?.status !== 'active') return undefined;
    const { id: deviceId, pinEpoch: epoch, pinAttempts: spent, companyId, userId, name: deviceName } = device;
    const owner = { companyId, userId, deviceId, deviceName };
    return { subject: { kind: 'mpin', deviceId, epoch }, key: `{d:${deviceId}}:pin:${epoch}`, spent, owner };
  }
  const activation = await deps.records.activations.find(target.activationId);
  if (activation?.status !== 'open') return undefined;
  const { id: activationId, confirmationAttempts: spent, companyId, userId } = activation;
  const owner = { companyId, userId, deviceId: undefined, deviceName: '' };
  return { subject: { kind: 'confirmation', activationId }, key: `{a:${activationId}}:confirmation`, spent, owner };
}

/** Undefined where either lock says no; the caller looks again and finds out why. */
async function tryPlace(deps: LockoutDeps, { subject, key, spent, owner }: Budget): Promise<Place | undefined> {
  if (!(await reserve(deps, key, spent))) return undefined;
  try {
    // Committed before the proof is evaluated: a crash from here on leaves the attempt spent (L-03).
    const number = await deps.records.attempts.spend(subject, MAX_ATTEMPTS);
    return number === undefined ? undefined : { subject, key, number, owner };
  } catch (error) {
    // Not given back in the durable lock: whether it was spent there is not known.
    await deps.shortLived.release(key).catch(() => undefined);
    throw error;
  }
}

async function reserve(deps: LockoutDeps, key: string, spent: number): Promise<boolean> {
  const first = await deps.shortLived.reserve(key, MAX_ATTEMPTS, counterTtlMs);
  if (first.outcome !== 'missing') return first.outcome === 'taken';
  // Never from zero: a flushed store must not grant five new guesses (L-06).
  await deps.shortLived.seed(key, spent, counterTtlMs);
  return (await deps.shortLived.reserve(key, MAX_ATTEMPTS, counterTtlMs)).outcome === 'taken';
}

/** Counts looks that found no change, and pauses after each, shortly at first. */
function createPatience(deps: LockoutDeps) {
  let last = '';
  let looks = 0;
  let total = 0;
  return {
    look: async ({ subject, spent }: Budget): Promise<number> => {
      const seen = `${subject.kind === 'mpin' ? subject.epoch : 0}:${spent}`;
      looks = seen === last ? looks + 1 : 0;
      last = seen;
      total += 1;
      if (total > maxLooks) throw new AuthError('unavailable', { detail: 'no attempt came free in time' });
      await pause(deps, Math.min(5 * 2 ** looks, longestPauseMs));
      return looks;
    },
  };
}
