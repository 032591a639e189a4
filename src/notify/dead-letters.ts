/** What could not be delivered: looked at, and sent again. The bank's own clients only: it is the bank that knows why. */
import type { Clock } from '../clock.ts';
import { type Actor, actedBy } from '../companies/actor.ts';
import { AuthError } from '../errors.ts';
import type { ShortLivedStore } from '../store/ports.ts';
import type { RecordStore } from '../store/records.ts';
import { wakeOutbox } from './outbox.ts';
import type { OutboxKind } from './store.ts';

export interface DeadLetterDeps {
  readonly records: RecordStore;
  readonly shortLived: ShortLivedStore;
  readonly clock: Clock;
}

/** What the outbox holds right now. */
export interface OutboxState {
  readonly pending: number;
  readonly dead: number;
  /** Of the oldest message that waits, in whole seconds; 0 where none waits. */
  readonly oldestSeconds: number;
}

/** Counted for metrics, health and the doctor. */
export async function outboxState({ records, clock }: Pick<DeadLetterDeps, 'records' | 'clock'>): Promise<OutboxState> {
  const kinds = await records.outbox.summary();
  const oldestAt = await records.outbox.oldestPendingAt();
  return {
    pending: kinds.reduce((sum, { pending }) => sum + pending, 0),
    dead: kinds.reduce((sum, { dead }) => sum + dead, 0),
    oldestSeconds: oldestAt === undefined ? 0 : Math.max(0, Math.floor((clock.now() - oldestAt) / 1000)),
  };
}

/** Makes one dead letter due again, with all its tries. Throws `not_found` where there is none of that id. */
export async function resendDeadLetter(deps: DeadLetterDeps, id: string, actor: Actor): Promise<void> {
  requireBank(actor);
  const at = deps.clock.now();
  await deps.records.transaction(async (records) => {
    if (!(await records.outbox.revive(id, at))) throw new AuthError('not_found');
    await records.audit.append({ event: 'notification.resent', ...actedBy(actor), data: { messageId: id } }, at);
  });
  await wakeOutbox(deps.shortLived);
}

/** Makes all dead letters due again, of one kind or of every kind, and answers how many. */
export async function resendAllDeadLetters(
  deps: DeadLetterDeps,
  { kind, actor }: { readonly kind: OutboxKind | 'all'; readonly actor: Actor },
): Promise<number> {
  requireBank(actor);
  const at = deps.clock.now();
  const count = await deps.records.transaction(async (records) => {
    const revived = await records.outbox.reviveAll(at, kind === 'all' ? undefined : kind);
    if (revived === 0) return 0;
    const data = { count: revived, kind };
    await records.audit.append({ event: 'notification.resent', ...actedBy(actor), data }, at);
    return revived;
  });
  if (count > 0) await wakeOutbox(deps.shortLived);
  return count;
}

function requireBank(actor: Actor): void {
  if (actor.companyId !== undefined) throw new AuthError('access_denied');
}
