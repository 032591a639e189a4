/** The one gate through which every check of a secret passes: at most five wrong proofs, at any concurrency, through any crash. */
import type { AuditRecord } from '../audit/store.ts';
import { AuthError } from '../errors.ts';
import { notify } from '../notify/notify.ts';
import type { Records } from '../store/records.ts';
import { announceClosed, closeSubject, holdOwner } from './block.ts';
import { type Place, settleAttempts, takePlace } from './budget.ts';
import { type Attempt, type AttemptOutcome, type LockoutDeps, MAX_ATTEMPTS, type Verdict } from './deps.ts';

export { settleAttempts } from './budget.ts';
export type { Attempt, AttemptOutcome, LockoutDeps, Verdict } from './deps.ts';
export { MAX_ATTEMPTS } from './deps.ts';

/** From so many failures on the user is told of the success that followed (L-15). */
const failuresWorthTelling = 3;

/**
 * Takes an attempt, evaluates, records. The attempt is spent in both locks and committed **before** `evaluate` runs.
 * - right: an mPIN's count is reset by a new epoch; `onRight` commits with it.
 * - wrong: stays spent; the fifth blocks, in one transaction with trail, notices, erasure and the end of logins.
 * - `evaluate` throws: a fault of ours, not a guess: given back once, recorded, thrown on.
 * - refused: nothing was evaluated and nothing spent.
 * Throws `unavailable` where a store is down: never permission.
 */
export async function guardAttempt<T>(
  deps: LockoutDeps,
  attempt: Attempt,
  evaluate: () => Verdict<T> | Promise<Verdict<T>>,
): Promise<AttemptOutcome<T>> {
  const place = await takePlace(deps, attempt.target);
  if (place === undefined) return { outcome: 'refused' };
  let verdict: Verdict<T>;
  try {
    verdict = await evaluate();
  } catch (error) {
    await giveBack(deps, attempt, place);
    throw asFault(error);
  }
  return verdict.isRight
    ? recordRight(deps, attempt, { place, value: verdict.value })
    : recordWrong(deps, attempt, place);
}

async function recordRight<T>(
  deps: LockoutDeps,
  attempt: Attempt,
  { place, value }: { readonly place: Place; readonly value: T },
): Promise<AttemptOutcome<T>> {
  try {
    const failuresBefore = await deps.records.transaction((records) => commitRight(records, deps, { attempt, place }));
    return failuresBefore === undefined ? { outcome: 'refused' } : { outcome: 'right', value, failuresBefore };
  } catch (error) {
    // Nothing was recorded of a proof that was right: it was no guess. Where the commit came through after all, the epoch is
    // another one and this changes nothing.
    await giveBack(deps, attempt, place);
    throw asFault(error);
  }
}

interface Taken {
  readonly attempt: Attempt;
  readonly place: Place;
}

/** Failures of the epoch that this proof ended; undefined where the device ended while the proof was evaluated. */
async function commitRight(records: Records, deps: LockoutDeps, taken: Taken): Promise<number | undefined> {
  const { attempt, place } = taken;
  if (attempt.target.kind === 'confirmation') {
    await attempt.onRight?.(records);
    return 0;
  }
  const missed = (await records.attempts.missed(place.subject)) ?? 0;
  const isFirst = await records.attempts.reset(place.subject);
  // Another right proof may have begun a new epoch meanwhile: this one was right all the same. Only the device's end undoes it.
  if (!isFirst && (await records.devices.find(attempt.target.deviceId))?.status !== 'active') return undefined;
  await attempt.onRight?.(records);
  const failures = isFirst ? missed : 0;
  if (failures >= failuresWorthTelling) {
    const { userId, deviceName } = place.owner;
    const fromDeviceId = attempt.target.deviceId;
    const notice = { event: 'login.after_failures', userId, deviceName, failures, fromDeviceId } as const;
    await notify(records, notice, deps.clock.now());
  }
  await records.audit.append(record(taken, 'mpin.proved', { failures }), deps.clock.now());
  return failures;
}

/** A wrong proof is never given back, whatever fails from here on. */
async function recordWrong(deps: LockoutDeps, attempt: Attempt, place: Place): Promise<AttemptOutcome<never>> {
  const isClosed = await deps.records.transaction((records) => commitWrong(records, deps, { attempt, place }));
  if (isClosed) await announceClosed(deps, attempt.target);
  // All five are spent, but not all are judged: the others are under way or were lost in a crash.
  else if (place.number >= MAX_ATTEMPTS) await settleAttempts(deps, attempt.target);
  return { outcome: 'wrong', attemptsLeft: MAX_ATTEMPTS - place.number };
}

/** Whether this was the one that closed the subject. */
async function commitWrong(records: Records, deps: LockoutDeps, taken: Taken): Promise<boolean> {
  const { attempt, place } = taken;
  await holdOwner(records, attempt.target);
  const missed = await records.attempts.miss(place.subject);
  const event = attempt.target.kind === 'mpin' ? 'mpin.wrong' : 'confirmation.wrong';
  const cause = record(taken, event, { spent: place.number });
  if (missed !== undefined && missed >= MAX_ATTEMPTS) {
    const act = { ...actedBy(attempt), data: { missed } };
    return closeSubject(records, deps, { target: attempt.target, act, cause });
  }
  if (missed !== undefined && attempt.target.kind === 'mpin' && place.number === MAX_ATTEMPTS - 1) {
    const { userId, deviceName } = place.owner;
    const fromDeviceId = attempt.target.deviceId;
    await notify(records, { event: 'mpin.last_attempt', userId, deviceName, fromDeviceId }, deps.clock.now());
  }
  await records.audit.append(cause, deps.clock.now());
  return false;
}

/** Once for each place, in both locks. Where it fails the attempt stays spent: the safe side. */
async function giveBack(deps: LockoutDeps, attempt: Attempt, place: Place): Promise<void> {
  const event = attempt.target.kind === 'mpin' ? 'mpin.attempt_returned' : 'confirmation.attempt_returned';
  try {
    await deps.records.transaction(async (records) => {
      await records.attempts.giveBack(place.subject);
      await records.audit.append(record({ attempt, place }, event, {}), deps.clock.now());
    });
    await deps.shortLived.release(place.key);
  } catch (error) {
    deps.log.error({ err: error, event }, 'an attempt could not be given back and stays spent');
  }
}

function record(
  { attempt, place }: Taken,
  event: AuditRecord['event'],
  data: Readonly<Record<string, number>>,
): AuditRecord {
  const { companyId, userId, deviceId } = place.owner;
  return { event, companyId, userId, deviceId, ...actedBy(attempt), data: { purpose: attempt.purpose, ...data } };
}

function actedBy({ target, origin }: Attempt): Pick<AuditRecord, 'actor' | 'address' | 'requestId'> {
  const actor = target.kind === 'mpin' ? `device:${target.deviceId}` : `activation:${target.activationId}`;
  return { actor, address: origin.address, requestId: origin.requestId };
}

function asFault(error: unknown): AuthError {
  return error instanceof AuthError ? error : new AuthError('internal', { cause: error });
}
