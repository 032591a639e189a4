/** Verifies the audit trail as a whole: the chain, the checkpoints that the server signed, and those that were kept elsewhere. */
import type { RecordStore } from '../store/records.ts';
import { type Statement, statementReader } from './statement.ts';
import type { AuditHead } from './store.ts';
import { type BrokenChain, broken, type ChainVerdict, type Mark, type VerifyOptions, verifyChain } from './verify.ts';

/** What the check of chain, checkpoints and notes found. */
export type TrailVerdict =
  | (Extract<ChainVerdict, { outcome: 'intact' }> & {
      /** The last record that was cut off after it was exported; 0 where nothing was. */
      readonly cut: number;
      readonly checkpoints: number;
      /** Records after the last checkpoint: if they were cut off together with the head, only a note from elsewhere would show it. */
      readonly unsigned: number;
      /** Notes of records that were cut off since. */
      readonly notCompared: number;
    })
  | BrokenChain;

export interface TrailOptions extends Pick<VerifyOptions, 'pageSize'> {
  /** Heads that were noted elsewhere. */
  readonly noted?: readonly AuditHead[];
  /** Checkpoints that were kept elsewhere, as compact JWS. */
  readonly kept?: readonly string[];
}

/** Verifies the chain, the checkpoints that are in the store, and those that were kept elsewhere. */
export async function verifyTrail(
  records: Pick<RecordStore, 'audit' | 'checkpoints' | 'keys'>,
  { pageSize = 1_000, noted = [], kept = [] }: TrailOptions = {},
): Promise<TrailVerdict> {
  const read = statementReader(await records.keys.list());
  const start = await startOf(records, read);
  if ('outcome' in start) return start;
  const signed = await checkpointsOf(records, read, start);
  if ('outcome' in signed) return signed;
  const notes: Mark[] = noted.map(({ seq, hash }) => ({ seq, hash, source: 'noted' }));
  for (const token of kept) {
    const statement = read('head', token);
    if (statement === undefined) return forged(1, 'a checkpoint that was kept elsewhere is not signed by this server');
    notes.push({ seq: statement.seq, hash: statement.hash, source: 'noted' });
  }
  const marks = [...signed, ...notes];
  const verdict = await verifyChain(records.audit, { pageSize, marks, start });
  if (verdict.outcome === 'broken') return verdict;
  const unsigned = verdict.seq - Math.max(start.seq, ...signed.map(({ seq }) => seq));
  const notCompared = notes.filter(({ seq }) => seq < start.seq).length;
  return { ...verdict, cut: start.seq, checkpoints: signed.length, unsigned, notCompared };
}

type ReadStatement = ReturnType<typeof statementReader>;

async function startOf(
  { checkpoints }: Pick<RecordStore, 'checkpoints'>,
  read: ReadStatement,
): Promise<AuditHead | BrokenChain> {
  const cut = await checkpoints.last('cut');
  if (cut === undefined) return { seq: 0, hash: '' };
  const statement = cut.statement === undefined ? undefined : read('cut', cut.statement);
  if (statement?.seq === cut.seq) return { seq: statement.seq, hash: statement.hash };
  return forged(cut.seq, 'the note of what was cut off is not signed by this server');
}

/** All checkpoints after the cut; each must be ours, and name the one before it. */
async function checkpointsOf(
  { checkpoints }: Pick<RecordStore, 'checkpoints'>,
  read: ReadStatement,
  start: AuditHead,
): Promise<Mark[] | BrokenChain> {
  const marks: Mark[] = [];
  let after = start.seq - 1;
  let previous: Statement | undefined;
  for (;;) {
    const page = await checkpoints.list('head', after, 500);
    for (const { seq, statement: token } of page) {
      const statement = token === undefined ? undefined : read('head', token);
      if (statement?.seq !== seq) return forged(seq, 'its checkpoint is not signed by this server');
      if ((start.seq === 0 || previous !== undefined) && statement.previous !== (previous?.seq ?? 0)) {
        return forged(statement.previous || 1, `its checkpoint is missing; the one of record ${seq} names it`);
      }
      marks.push({ seq, hash: statement.hash, source: 'checkpoint' });
      previous = statement;
      after = seq;
    }
    if (page.length === 0) return marks;
  }
}

function forged(seq: number, what: string): BrokenChain {
  return broken(seq, {
    fault: 'forged',
    what,
    expected: 'a statement as the server signed it',
    found: 'none, or another',
  });
}
