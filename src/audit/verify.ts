/** Verifies the audit trail from its first record to its head: an edit, a gap, another order or a cut end is found and placed. */
import { auditHash } from './chain.ts';
import type { AuditEntry, AuditStore } from './store.ts';

/** What the check found. `seq` is the first record that is not as it was written. */
export type ChainVerdict =
  | { readonly outcome: 'intact'; readonly count: number; readonly head: string }
  | { readonly outcome: 'broken'; readonly seq: number; readonly what: string };

export interface VerifyOptions {
  /** Records read at a time; 1,000 unless told. */
  readonly pageSize?: number;
  /**
   * A head that was written down elsewhere at an earlier time. Whoever can rewrite the whole table can make a new, consistent
   * chain; an outside note of one head finds that.
   */
  readonly known?: { readonly seq: number; readonly hash: string } | undefined;
}

/** Reads the trail page by page, so that its length does not matter. Records that are appended meanwhile are left out. */
export async function verifyChain(
  store: Pick<AuditStore, 'read' | 'head'>,
  { pageSize = 1_000, known }: VerifyOptions = {},
): Promise<ChainVerdict> {
  const head = await store.head();
  let last = { seq: 0, hash: '' };
  while (last.seq < head.seq) {
    const page = await store.read(last.seq, pageSize);
    if (page.length === 0) return broken(last.seq + 1, `the trail ends before its head, which is record ${head.seq}`);
    for (const entry of page) {
      if (entry.seq > head.seq) break;
      const what = faultOf(entry, last);
      if (what !== undefined) return broken(last.seq + 1, what);
      last = { seq: entry.seq, hash: entry.hash };
      if (known?.seq === last.seq && known.hash !== last.hash)
        return broken(last.seq, 'it is not the record that was noted');
    }
    if ((page.at(-1)?.seq ?? 0) > head.seq) break;
  }
  if (last.seq !== head.seq) return broken(last.seq + 1, 'a record is missing');
  if (last.hash !== head.hash) return broken(Math.max(1, last.seq), 'its hash is not the one that the head holds');
  const [beyond] = await store.read(head.seq, 1);
  const isStray = beyond !== undefined && (await store.head()).seq < beyond.seq;
  if (isStray) return broken(beyond.seq, 'a record follows after the head');
  if (known !== undefined && known.seq > head.seq)
    return broken(head.seq + 1, 'the trail is shorter than what was noted');
  return { outcome: 'intact', count: last.seq, head: last.hash };
}

function faultOf(entry: AuditEntry, last: { readonly seq: number; readonly hash: string }): string | undefined {
  if (entry.seq !== last.seq + 1) return 'a record is missing';
  if (entry.previousHash !== last.hash) return 'it does not follow from the record before it';
  if (entry.hash !== auditHash(entry)) return 'its content was changed';
  return undefined;
}

function broken(seq: number, what: string): ChainVerdict {
  return { outcome: 'broken', seq, what };
}
