/** Reads what a restored backup has lost from a copy of the trail: an export, or what was streamed; every record judged by its hash. */
import { auditHash } from '../audit/chain.ts';
import type { AuditEntry, AuditHead } from '../audit/store.ts';
import { AuthError } from '../errors.ts';

/** Lines of the copy, read again each time it is called. */
export type CopyLines = () => AsyncIterable<string>;

/**
 * The records after `head`, in order and without a gap. Lines of a log between them, and records that came twice, are passed over.
 * Throws `conflict` where a record is missing, altered, or of another trail.
 */
async function* lostRecords(lines: CopyLines, head: AuditHead): AsyncGenerator<AuditEntry> {
  let last = head;
  for await (const line of lines()) {
    const entry = entryOf(line);
    if (entry === undefined || entry.seq < last.seq) continue;
    if (entry.seq === last.seq) {
      if (entry.hash !== last.hash)
        throw unusable(`record ${entry.seq} of the copy is another one than the database has`);
      continue;
    }
    if (entry.seq !== last.seq + 1) throw unusable(`record ${last.seq + 1} is missing in the copy`);
    if (auditHash(entry) !== entry.hash) throw unusable(`record ${entry.seq} of the copy was altered`);
    if (entry.previousHash !== last.hash) throw unusable(`record ${entry.seq} of the copy follows on another record`);
    last = { seq: entry.seq, hash: entry.hash };
    yield entry;
  }
}

/**
 * The records after `head` that may be taken back, judged twice alike: before anything is changed, and again while it is changed, for
 * the file may be another one by then. Up to `seen` the chain proves them, since each hash covers what comes before; what stands
 * behind it, or every record where nothing was seen, anybody can have appended to the copy. Throws `conflict` as `lostRecords`, and
 * where the copy is not the trail whose head was seen.
 */
export async function* judgedRecords(
  lines: CopyLines,
  { head, seen }: { readonly head: AuditHead; readonly seen: AuditHead | undefined },
): AsyncGenerator<JudgedRecord> {
  for await (const entry of lostRecords(lines, head)) {
    if (entry.seq === seen?.seq && entry.hash !== seen.hash)
      throw unusable(`record ${entry.seq} of the copy is another one than was seen`);
    yield { entry, isProved: seen !== undefined && entry.seq <= seen.seq };
  }
}

/** A lost record, and whether the noted head proves that it was written by a server. */
export interface JudgedRecord {
  readonly entry: AuditEntry;
  readonly isProved: boolean;
}

/** A line of an export, or of a stream with what syslog or a collector wrote before it; undefined for any other line. */
function entryOf(line: string): AuditEntry | undefined {
  const begin = line.indexOf('{');
  if (begin < 0) return undefined;
  try {
    const { stream: _stream, ...value } = JSON.parse(line.slice(begin)) as AuditEntry & { stream?: unknown };
    const isRecord =
      Number.isSafeInteger(value.seq) && typeof value.hash === 'string' && typeof value.previousHash === 'string';
    return isRecord ? value : undefined;
  } catch {
    return undefined;
  }
}

function unusable(message: string): AuthError {
  return new AuthError('conflict', { message });
}
