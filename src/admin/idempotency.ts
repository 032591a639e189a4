/**
 * Does a creation once, however often it is sent (draft-ietf-httpapi-idempotency-key-header): the key is taken before the act, commits
 * with the act, and keeps its answer for a day. docs/decisions/0015 says what happens when a server dies between these.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from '../clock.ts';
import { randomToken } from '../crypto/random.ts';
import { AuthError } from '../errors.ts';
import type { RecordStore, Records } from '../store/records.ts';
import type { IdempotencyAttempt, IdempotencyName } from './store.ts';

/** Longer than any request lives; who is slower finds the key taken over, and its act does not commit. */
const leaseMs = 60_000;
const keptMs = 24 * 3_600_000;
const retryAfterSeconds = 2;
/** Rows removed by one statement, and statements of one turn: what is left waits for the next turn. */
const [batch, batches] = [1_000, 50];
const keyPattern = /^[\x21-\x7e]{8,128}$/;

export interface IdempotencyDeps {
  readonly records: RecordStore;
  readonly clock: Clock;
  /** Told what the act could not keep; the caller has its answer all the same. */
  readonly onLost?: (error: unknown) => void;
}

/** What came of it. */
export interface OnceAnswer {
  readonly answer: unknown;
  /** True: it was done by an earlier request. */
  readonly isReplayed: boolean;
}

export interface OnceRequest extends IdempotencyName {
  /** Everything that decides what is done. */
  readonly asked: unknown;
}

export interface Idempotency {
  /** The records that acts must use: whatever they commit within `once` commits together with the key. */
  readonly records: RecordStore;
  /**
   * Does the act unless it was done, and answers what that answered. Throws `idempotency_mismatch` where the key belongs to another
   * request, `in_progress` while another does it, `conflict` where it was done and its answer is lost, and what the act throws: then
   * the key is free again.
   */
  once(request: OnceRequest, act: () => Promise<unknown>): Promise<OnceAnswer>;
}

/** The value of the header; undefined where there is none. Throws `invalid_request`. */
export function idempotencyKeyOf(header: string | readonly string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header === 'string' && keyPattern.test(header)) return header;
  throw new AuthError('invalid_request', { message: 'Idempotency-Key takes 8 to 128 visible ASCII characters' });
}

/** Idempotency over the records of the server. */
export function createIdempotency({ records, clock, onLost = () => {} }: IdempotencyDeps): Idempotency {
  const running = new AsyncLocalStorage<IdempotencyAttempt>();
  const transaction: RecordStore['transaction'] = (work) =>
    records.transaction(async (inside) => {
      await fence(inside, running.getStore());
      return work(inside);
    });
  const once: Idempotency['once'] = async ({ caller, key, asked }, act) => {
    const request = canonical(asked);
    const at = clock.now();
    const attempt: IdempotencyAttempt = { caller, key, attempt: randomToken(16) };
    const times = { at, abandonedBefore: at - leaseMs, forgottenBefore: at - keptMs };
    if (!(await records.idempotency.claim({ ...attempt, request, ...times }))) {
      return { answer: await earlierAnswer(records, { name: { caller, key }, request, at }), isReplayed: true };
    }
    const answer = await running.run(attempt, act).catch(async (error: unknown) => {
      // Nothing where the act has committed: what came after it failed, and doing it again would make two.
      await records.idempotency.release(attempt).catch(onLost);
      throw error;
    });
    // Done is done: without its answer kept, sending it again is refused, and this answer is right.
    await records.idempotency.answer(attempt, JSON.stringify(answer)).catch(onLost);
    return { answer, isReplayed: false };
  };
  return { records: { ...records, transaction }, once };
}

/** Removes keys and kept answers that are forgotten. Answers how many went. */
export async function purgeIdempotency({
  records,
  clock,
}: Pick<IdempotencyDeps, 'records' | 'clock'>): Promise<number> {
  let removed = 0;
  for (let turn = 0; turn < batches; turn += 1) {
    const count = await records.idempotency.purge(clock.now() - keptMs, batch);
    removed += count;
    if (count < batch) break;
  }
  return removed;
}

/** First in the transaction: whoever has taken the key over meanwhile stops this act before it writes anything. */
async function fence(records: Records, attempt: IdempotencyAttempt | undefined): Promise<void> {
  if (attempt === undefined || (await records.idempotency.done(attempt))) return;
  throw inProgress();
}

async function earlierAnswer(
  records: Records,
  { name, request, at }: { readonly name: IdempotencyName; readonly request: string; readonly at: number },
): Promise<unknown> {
  const earlier = await records.idempotency.find(name, request);
  // Given back between the two looks.
  if (earlier === undefined) throw inProgress();
  if (!earlier.isSameRequest) throw new AuthError('idempotency_mismatch');
  switch (earlier.state) {
    case 'answered':
      return JSON.parse(earlier.answer) as unknown;
    case 'begun':
      throw inProgress();
    case 'done':
      // Committed, and about to be answered.
      if (earlier.begunAt >= at - leaseMs) throw inProgress();
      throw new AuthError('conflict', {
        message: 'this was done, and its answer is lost: look for what it made; a new key would make another',
      });
  }
}

function inProgress(): AuthError {
  return new AuthError('in_progress', { members: { retryAfterSeconds } });
}

/** The same text for the same request, in whatever order its members were sent. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) => {
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member;
    return Object.fromEntries(Object.entries(member).sort(([one], [other]) => (one < other ? -1 : 1)));
  });
}
