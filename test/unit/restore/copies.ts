/** Copies of the part of a trail that a restored backup has lost, honest or forged: whoever makes one needs no key, which is the point. */
import { auditHash } from '../../../src/audit/chain.ts';
import type { AuditEntry, AuditHead, AuditRecord } from '../../../src/audit/store.ts';
import type { CopyLines } from '../../../src/restore/journal.ts';
import type { SeenHead, Witness } from '../../../src/restore/store.ts';

/** Records that follow on a head, each linked to the one before it. */
export function recordsAfter(
  head: AuditHead,
  records: readonly (Omit<AuditRecord, 'actor' | 'event'> & { readonly event: string })[],
): AuditEntry[] {
  const entries: AuditEntry[] = [];
  let last = head;
  for (const record of records) {
    const { seq, hash: previousHash } = last;
    const linked = { actor: 'user:usr_any', at: 1_700_000_000_000, data: {}, ...record, seq: seq + 1, previousHash };
    const entry = { ...linked, hash: auditHash(linked as AuditEntry) } as AuditEntry;
    entries.push(entry);
    last = entry;
  }
  return entries;
}

/** The lines of a copy; asked again, those of the next reading. */
export function copyOf(...readings: readonly (readonly AuditEntry[])[]): CopyLines {
  let count = 0;
  return async function* lines() {
    const entries = readings[Math.min(count, readings.length - 1)] ?? [];
    count += 1;
    for (const entry of entries) yield JSON.stringify(entry);
  };
}

/** A witness that holds what it is told. */
export function heldWitness(first?: SeenHead): Witness {
  let seen = first;
  return {
    where: 'Redis',
    read: async () => seen,
    raise: async (head) => {
      if (seen === undefined || seen.trail !== head.trail || seen.seq < head.seq) seen = head;
    },
    replace: async (head) => {
      seen = head;
    },
  };
}
