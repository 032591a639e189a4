/** What is done for requests to sign without anybody asking: the end of those whose time is over, nudges that were delayed, removal of the old. */
import type { Logger } from 'pino';
import { unaltered } from './altered.ts';
import type { SigningDeps } from './deps.ts';
import { signingTimes } from './lifetime.ts';
import { settle } from './settle.ts';
import { tellOfDelayed } from './wanted.ts';

const everyMs = 10_000;
const atOnce = 200;

/**
 * Ends every request whose time is over, but those that a phone shows, and those that were altered, which nobody can open. Answers how
 * many it ended. Throws where one could not be ended, after all others: what its portal cannot be told of keeps nobody else waiting.
 */
export async function expireRequests(deps: SigningDeps): Promise<number> {
  let ended = 0;
  let failure: { readonly cause: unknown } | undefined;
  for (let after: string | undefined; ; ) {
    // Page by page: what cannot be ended stands in nobody's way, however much it is.
    const due = await deps.records.signings.expired(deps.clock.now(), atOnce, after);
    for (const { id } of unaltered(due)) {
      try {
        if ((await settle(deps, id))?.status !== 'pending') ended += 1;
      } catch (cause) {
        failure ??= { cause };
      }
    }
    after = due.at(-1)?.id;
    if (due.length === atOnce) continue;
    if (failure !== undefined) throw failure.cause;
    return ended;
  }
}

/** Removes what ended longer ago than receipts are kept. */
export async function pruneRequests({ records, clock }: Pick<SigningDeps, 'records' | 'clock'>): Promise<number> {
  let removed = 0;
  for (;;) {
    const now = await records.signings.prune(clock.now() - signingTimes.kept);
    removed += now;
    if (now < 1_000) return removed;
  }
}

/** Sweeps every ten seconds until it is stopped; stopping waits for a turn under way. A turn that fails is made up for by the next one. */
export function startSigningSweep(deps: SigningDeps, log: Pick<Logger, 'warn'>): { stop(): Promise<void> } {
  let turn: Promise<void> | undefined;
  const sweep = async (): Promise<void> => {
    for (const part of [() => expireRequests(deps), () => tellOfDelayed(deps)]) {
      await part().catch((err: unknown) => {
        log.warn({ err }, 'requests to sign could not be swept; the next turn tries again');
      });
    }
  };
  const timer = setInterval(() => {
    turn ??= sweep().finally(() => {
      turn = undefined;
    });
  }, everyMs);
  timer.unref();
  return {
    stop: async () => {
      clearInterval(timer);
      await turn;
    },
  };
}
