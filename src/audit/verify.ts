/** Verifies the audit trail from its first record to its head: an edit, a gap, another order or a cut end is found and placed. */
import { auditHash } from './chain.ts';
import type { AuditEntry, AuditHead, AuditStore } from './store.ts';

/**
 * edited: its content is another · missing: it is not there · moved: it stands in another place than it was written in, so records
 * were exchanged, inserted or taken out and the rest renumbered · unlinked: it does not follow from the record before it · added: it
 * lies behind the head · truncated: the trail ends before a head that was noted · rewritten: it is not the record that was noted or
 * signed · forged: a signed statement was altered or removed.
 */
export type ChainFault = 'edited' | 'missing' | 'moved' | 'unlinked' | 'added' | 'truncated' | 'rewritten' | 'forged';

/** The first place at which the trail is not as it was written. */
export interface BrokenChain {
  readonly outcome: 'broken';
  readonly fault: ChainFault;
  /** The record at which it shows. */
  readonly seq: number;
  readonly what: string;
  readonly expected: string;
  readonly found: string;
}

/** `count` records were read; `head` is the hash of the last one, whose number is `seq`. */
export type ChainVerdict =
  | { readonly outcome: 'intact'; readonly count: number; readonly seq: number; readonly head: string }
  | BrokenChain;

/** A record whose hash is known from elsewhere than the records. */
export interface Mark extends AuditHead {
  readonly source: 'checkpoint' | 'noted';
}

export interface VerifyOptions {
  /** Records read at a time; 1,000 unless told. */
  readonly pageSize?: number;
  /**
   * A head that was written down elsewhere at an earlier time. Whoever can rewrite the whole table can make a new, consistent
   * chain; an outside note of one head finds that.
   */
  readonly known?: AuditHead | undefined;
  /** Further such heads, in any order. Those before `start` are passed over. */
  readonly marks?: readonly Mark[];
  /** The last record that was cut off; the first record's place unless told. */
  readonly start?: AuditHead;
}

/** Reads the trail page by page, so that its length does not matter. Records that are appended meanwhile are left out. */
export async function verifyChain(
  store: Pick<AuditStore, 'read' | 'head'>,
  { pageSize = 1_000, known, marks = [], start = { seq: 0, hash: '' } }: VerifyOptions = {},
): Promise<ChainVerdict> {
  const all: readonly Mark[] = known === undefined ? marks : [...marks, { ...known, source: 'noted' }];
  const bySeq = grouped(all);
  const head = await store.head();
  let last: AuditHead = start;
  const ofStart = contradiction(start, bySeq);
  if (ofStart !== undefined) return ofStart;
  while (last.seq < head.seq) {
    const page = await store.read(last.seq, pageSize);
    if (page.length === 0) return endsEarly(last, head, all);
    for (const entry of page) {
      if (entry.seq > head.seq) break;
      const fault = faultOf(entry, last) ?? contradiction(entry, bySeq);
      if (fault !== undefined) return fault;
      last = { seq: entry.seq, hash: entry.hash };
    }
    if ((page.at(-1)?.seq ?? 0) > head.seq) break;
  }
  const fault = await faultAtEnd(store, { last, head, marks: all });
  return fault ?? { outcome: 'intact', count: last.seq - start.seq, seq: last.seq, head: last.hash };
}

function grouped(marks: readonly Mark[]): Map<number, Mark[]> {
  const bySeq = new Map<number, Mark[]>();
  for (const mark of marks) bySeq.set(mark.seq, [...(bySeq.get(mark.seq) ?? []), mark]);
  return bySeq;
}

function faultOf(entry: AuditEntry, last: AuditHead): BrokenChain | undefined {
  const seq = last.seq + 1;
  if (entry.seq !== seq) {
    const found = `record ${entry.seq} after record ${last.seq}`;
    return broken(seq, { fault: 'missing', what: 'a record is missing', expected: `record ${seq}`, found });
  }
  const hash = auditHash(entry);
  if (hash !== entry.hash) return changed(entry, hash);
  if (entry.previousHash === last.hash) return undefined;
  return broken(seq, {
    fault: 'unlinked',
    what: 'it does not follow from the record before it',
    expected: `previous hash ${last.hash || '(none)'}`,
    found: `previous hash ${entry.previousHash || '(none)'}`,
  });
}

/** How far around a record that does not fit its place it is looked for the place that it does fit. */
const nearby = 1_000;

function changed(entry: AuditEntry, hash: string): BrokenChain {
  const { seq } = entry;
  for (let distance = 1; distance <= nearby; distance += 1) {
    for (const origin of [seq - distance, seq + distance]) {
      if (auditHash({ ...entry, seq: origin }) !== entry.hash) continue;
      const what = 'it stands in another place than it was written in';
      return broken(seq, {
        fault: 'moved',
        what,
        expected: `record ${seq}`,
        found: `the record that was written as ${origin}`,
      });
    }
  }
  const what = 'its content was changed';
  const expected = `content with the hash ${entry.hash}`;
  return broken(seq, { fault: 'edited', what, expected, found: `content with the hash ${hash}` });
}

function contradiction({ seq, hash }: AuditHead, marks: ReadonlyMap<number, readonly Mark[]>): BrokenChain | undefined {
  const other = marks.get(seq)?.find((mark) => mark.hash !== hash);
  if (other === undefined) return undefined;
  const was = other.source === 'noted' ? 'noted' : 'signed in a checkpoint';
  return broken(seq, {
    fault: 'rewritten',
    what: `it is not the record that was ${was}`,
    expected: `hash ${other.hash}`,
    found: `hash ${hash || '(none)'}`,
  });
}

/** The rows end before the head does: told with what is known of the part that is gone. */
function endsEarly(last: AuditHead, head: AuditHead, marks: readonly Mark[]): BrokenChain {
  const signed = Math.max(0, ...marks.filter(({ source }) => source === 'checkpoint').map(({ seq }) => seq));
  const where = signed > last.seq ? '' : ', cut behind its last checkpoint';
  return broken(last.seq + 1, {
    fault: 'truncated',
    what: `the trail ends before its head, which is record ${head.seq}${where}`,
    expected: `records up to ${head.seq}`,
    found: `nothing after record ${last.seq}`,
  });
}

interface End {
  readonly last: AuditHead;
  readonly head: AuditHead;
  readonly marks: readonly Mark[];
}

async function faultAtEnd(
  store: Pick<AuditStore, 'read' | 'head'>,
  { last, head, marks }: End,
): Promise<BrokenChain | undefined> {
  const expected = `record ${head.seq} with the hash ${head.hash || '(none)'}, as the head holds`;
  const found = `record ${last.seq} with the hash ${last.hash || '(none)'}`;
  if (last.seq < head.seq)
    return broken(last.seq + 1, { fault: 'missing', what: 'a record is missing', expected, found });
  const farthest = marks.reduce<Mark | undefined>((far, mark) => (mark.seq > (far?.seq ?? 0) ? mark : far), undefined);
  if (farthest !== undefined && farthest.seq > last.seq) return shorter(last, farthest);
  if (last.seq > head.seq || last.hash !== head.hash) {
    const what = 'its hash is not the one that the head holds';
    return broken(Math.max(1, last.seq), { fault: 'unlinked', what, expected, found });
  }
  const [beyond] = await store.read(head.seq, 1);
  const isStray = beyond !== undefined && (await store.head()).seq < beyond.seq;
  if (!isStray) return undefined;
  const what = 'a record follows after the head';
  return broken(beyond.seq, { fault: 'added', what, expected, found: `record ${beyond.seq} as well` });
}

function shorter(last: AuditHead, mark: Mark): BrokenChain {
  const was = mark.source === 'noted' ? 'what was noted' : 'its last checkpoint';
  return broken(last.seq + 1, {
    fault: 'truncated',
    what: `the trail is shorter than ${was}`,
    expected: `records up to ${mark.seq}`,
    found: `nothing after record ${last.seq}`,
  });
}

/** A verdict of what is broken there. */
export function broken(seq: number, fault: Omit<BrokenChain, 'outcome' | 'seq'>): BrokenChain {
  return { outcome: 'broken', seq, ...fault };
}
