/** Cuts off the oldest part of the trail: at a checkpoint only, after it was exported, and with a signed note so that the rest still verifies. */
import { AuthError } from '../errors.ts';
import type { CheckpointDeps } from './checkpoints.ts';
import { signStatement, statementReader } from './statement.ts';
import type { AuditEntry, AuditHead, AuditStore } from './store.ts';
import { verifyTrail } from './trail.ts';
import { type BrokenChain, verifyChain } from './verify.ts';

export interface PruneRequest {
  /** Epoch-milliseconds: only records from before it are cut off. */
  readonly before: number;
  /** How long every record is kept, in milliseconds. */
  readonly retentionMs: number;
  readonly actor: string;
  /** Lines of an export (JSON Lines) that holds everything that is cut off, read again each time it is called. */
  readonly exported: () => AsyncIterable<string>;
}

/** What would be, or was, cut off: every record after `from` up to and with `through`. */
export interface Cut {
  readonly from: number;
  readonly through: number;
}

/** So many records go at a time, so that no statement holds up those who write. */
const removedAtOnce = 2_000;

/**
 * What can be cut off; undefined where no checkpoint lies before that time. Throws `conflict` where the trail is not as it was
 * written: what is broken is kept for who looks into it.
 */
export async function planPrune(
  { records }: CheckpointDeps,
  before: number,
): Promise<(Cut & { readonly start: AuditHead; readonly end: AuditHead }) | undefined> {
  const verdict = await verifyTrail(records);
  if (verdict.outcome === 'broken') throw refused('the trail is not as it was written', verdict);
  const younger = await records.audit.span(before, undefined);
  const candidate = (younger?.first ?? verdict.seq + 1) - 1;
  const kept = await records.checkpoints.before(candidate);
  if (kept === undefined || kept.seq <= verdict.cut) return undefined;
  const read = statementReader(await records.keys.list());
  const end = read('head', kept.statement ?? '');
  const last = await records.checkpoints.last('cut');
  const start = last === undefined ? { seq: 0, hash: '' } : read('cut', last.statement ?? '');
  // Both were read a moment ago by the verification.
  if (end === undefined || start === undefined) throw new AuthError('conflict', { message: 'the trail changed' });
  return { from: start.seq, through: end.seq, start, end };
}

/**
 * Cuts off what `planPrune` tells, and answers it. Throws `conflict` where the time lies within the retention, and where the export
 * does not hold each record as it is in the trail. Asked again after a fault it goes on where it stopped.
 */
export async function pruneTrail(deps: CheckpointDeps, request: PruneRequest): Promise<Cut | undefined> {
  const { records, clock } = deps;
  if (request.before > clock.now() - request.retentionMs) {
    throw new AuthError('conflict', { message: 'records of that time are younger than the retention' });
  }
  await removeCut(deps);
  const plan = await planPrune(deps, request.before);
  if (plan === undefined) return undefined;
  const verdict = await verifyChain(exportedChain(request.exported(), plan.end), { start: plan.start });
  if (verdict.outcome === 'broken') throw refused('the export does not hold what would be cut off', verdict);
  const at = clock.now();
  const statement = await signStatement(deps.keys, 'cut', {
    ...plan.end,
    issuer: deps.issuer,
    issuedAt: Math.floor(at / 1000),
    previous: 0,
  });
  const cut: Cut = { from: plan.from, through: plan.through };
  await records.transaction(async (inside) => {
    const isFirst = await inside.checkpoints.insert('cut', { seq: plan.through, at, statement });
    if (!isFirst) throw new AuthError('conflict', { message: 'the trail is cut off there already' });
    const data = { ...cut, before: request.before };
    await inside.audit.append({ event: 'audit.pruned', actor: request.actor, data }, at);
  });
  await removeCut(deps);
  return cut;
}

async function removeCut({ records }: CheckpointDeps): Promise<void> {
  while ((await records.checkpoints.removeCut(removedAtOnce)) > 0);
}

/** An exported file as a chain that ends at `end`: lines before the part that is looked at, and after it, are passed over. */
function exportedChain(lines: AsyncIterable<string>, end: AuditHead): Pick<AuditStore, 'read' | 'head'> {
  const iterator = lines[Symbol.asyncIterator]();
  return {
    head: async () => end,
    read: async (after, limit) => {
      const page: AuditEntry[] = [];
      while (page.length < limit) {
        const step = await iterator.next();
        if (step.done === true) break;
        if (step.value.trim() === '') continue;
        const entry = JSON.parse(step.value) as AuditEntry;
        if (entry.seq > after && entry.seq <= end.seq) page.push(entry);
        if (entry.seq >= end.seq) break;
      }
      return page;
    },
  };
}

function refused(why: string, { seq, what }: BrokenChain): AuthError {
  return new AuthError('conflict', { message: `${why}: record ${seq}: ${what}` });
}
