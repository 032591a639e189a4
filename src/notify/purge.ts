/** Removes what the outbox need not remember any more. */
import type { Clock } from '../clock.ts';
import type { RecordStore } from '../store/records.ts';

/** How long the outbox remembers, in days. */
export interface OutboxRetention {
  /** Delivered messages, whose text is gone already. */
  readonly deliveredDays: number;
  /** Dead letters, counted from when they were written. */
  readonly deadDays: number;
}

const dayMs = 24 * 3_600_000;
/** Rows removed by one statement, and statements of one turn: what is left waits for the next turn. */
const batch = 1_000;
const batches = 50;

/** Removes messages beyond their time, and webhook secrets whose overlap is over. Answers how many messages went. */
export async function purgeOutbox(
  { records, clock }: { readonly records: RecordStore; readonly clock: Clock },
  { deliveredDays, deadDays }: OutboxRetention,
): Promise<number> {
  const at = clock.now();
  const terms = { sentBefore: at - deliveredDays * dayMs, deadBefore: at - deadDays * dayMs, limit: batch };
  let removed = 0;
  for (let turn = 0; turn < batches; turn += 1) {
    const count = await records.outbox.purge(terms);
    removed += count;
    if (count < batch) break;
  }
  await records.webhooks.forgetPrevious(at);
  await records.portalWebhooks.forgetPrevious(at);
  return removed;
}
