/** Whether the database is the newest there was, or a backup that somebody restored. */
import { join } from 'node:path';
import type { AuditHead } from '../audit/store.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { randomToken } from '../crypto/random.ts';
import { AuthError } from '../errors.ts';
import type { ShortLivedStore } from '../store/ports.ts';
import type { RecordStore } from '../store/records.ts';
import type { SeenHead, Witness } from './store.ts';
import { fileWitness, sharedWitness } from './witness.ts';

/**
 * first: no server has served from it yet · current: it holds the newest head that was seen · behind: it ends before that head ·
 * forked: it has another record in that place · unknown: nothing outside of it remembers it. `seen` is the note that a copy of its
 * trail must agree with.
 */
export type DatabaseStanding =
  | { readonly outcome: 'first'; readonly head: AuditHead; readonly seen?: SeenHead }
  | { readonly outcome: 'behind' | 'forked' | 'current'; readonly head: AuditHead; readonly seen: SeenHead }
  | { readonly outcome: 'unknown'; readonly head: AuditHead; readonly why: string };

export interface StandingDeps {
  readonly records: Pick<RecordStore, 'audit' | 'restore'>;
  readonly witness: Witness;
  readonly clock: Clock;
}

/** Where the newest head is noted: in Redis where there is one, otherwise in the data directory. */
export function witnessOf({ redisUrl, dataDir, issuer }: Config, shortLived: ShortLivedStore): Witness {
  return redisUrl === undefined ? fileWitness(join(dataDir, 'audit-seen.json')) : sharedWitness(shortLived, issuer);
}

/** Compares. Throws `unavailable` where a store does not answer. */
export async function standingOf({ records, witness }: Omit<StandingDeps, 'clock'>): Promise<DatabaseStanding> {
  // In this order: what was seen before the head is read can only be in the head, whatever others write meanwhile.
  const seen = await witness.read();
  const trail = await records.restore.trailName();
  const head = await records.audit.head();
  if (seen === undefined) {
    if (trail === undefined) return { outcome: 'first', head };
    return { outcome: 'unknown', head, why: `nothing of it is noted in ${witness.where}` };
  }
  // Without a name it is empty, or a backup from before trails had names: then any note may be of what came after it.
  if (trail === undefined && head.seq === 0) return { outcome: 'first', head, seen };
  if (trail !== undefined && seen.trail !== trail)
    return { outcome: 'unknown', head, why: `${witness.where} has noted another database` };
  if (seen.seq > head.seq) return { outcome: 'behind', head, seen };
  const [record] = seen.seq === 0 ? [] : await records.audit.read(seen.seq - 1, 1);
  const isThere = record?.seq === seen.seq;
  if (isThere && record.hash !== seen.hash) return { outcome: 'forked', head, seen };
  // A record that was cut off after an export is not there to compare: the name alone tells then.
  if (!isThere && trail === undefined)
    return { outcome: 'unknown', head, why: `record ${seen.seq}, which ${witness.where} has noted, was cut off` };
  return { outcome: 'current', head, seen };
}

/** In words, for the log and the command line; undefined where all is well. */
export function explainStanding(standing: DatabaseStanding): string | undefined {
  switch (standing.outcome) {
    case 'first':
    case 'current':
      return undefined;
    case 'behind':
      return `the database ends at record ${standing.head.seq} of the audit trail, and record ${standing.seen.seq} was seen: it is a restored backup, which knows nothing of what was deactivated since`;
    case 'forked':
      return `record ${standing.seen.seq} of the audit trail is another one than was seen: the database is a restored backup that was written to`;
    case 'unknown':
      return `whether the database is the newest one or a restored backup cannot be told: ${standing.why}`;
  }
}

/**
 * Lets a server serve from the database, and notes its head. Throws `conflict` where it is a restored backup; also, in production,
 * where that cannot be told. Elsewhere it is told to `warn` alone.
 */
export async function requireNewest(
  deps: StandingDeps,
  { isStrict, warn }: { readonly isStrict: boolean; readonly warn: (text: string) => void },
): Promise<void> {
  const standing = await standingOf(deps);
  const text = explainStanding(standing);
  if (text !== undefined) {
    if (isStrict || standing.outcome !== 'unknown') {
      throw new AuthError('conflict', { detail: `${text}. See docs/runbooks/backup-and-restore.md: mtoken restore` });
    }
    warn(text);
  }
  await noteHead(deps, standing.head, (witness, head) =>
    standing.outcome === 'unknown' ? witness.replace(head) : witness.raise(head),
  );
}

/** Notes a head under the trail's name, which it gets where it has none. */
export async function noteHead(
  { records, witness, clock }: StandingDeps,
  head: AuditHead,
  write: (witness: Witness, head: SeenHead) => Promise<void> = (one, seen) => one.raise(seen),
): Promise<void> {
  const trail = await records.restore.nameTrail(randomToken(), clock.now());
  await write(witness, { trail, ...head });
}
