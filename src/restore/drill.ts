/** The restore drill: after it a restored backup revives no device, gives back no attempt and holds no login. */
import type { AuditEntry, AuditHead } from '../audit/store.ts';
import { type DeviceDeps, deactivateUserDevices } from '../devices/devices.ts';
import { AuthError } from '../errors.ts';
import { type CopyLines, lostRecords } from './journal.ts';
import { isWorthALook, redo } from './replay.ts';
import { noteHead, type StandingDeps, standingOf } from './standing.ts';
import type { SeenHead } from './store.ts';

export type DrillDeps = DeviceDeps & StandingDeps;

/** What the drill did. */
export interface DrillReport {
  /** Records that were taken back from the copy. */
  readonly records: number;
  readonly devicesEnded: number;
  readonly attemptsSpent: number;
  /** Users, companies, clients and biometric keys that were changed again. */
  readonly changes: number;
  /** Records whose act was not done again, and which a person should look at: at most a thousand of them. */
  readonly toLookAt: readonly Pick<AuditEntry, 'seq' | 'event' | 'companyId' | 'userId' | 'deviceId' | 'clientId'>[];
}

const usersAtOnce = 200;
const mostToLookAt = 1_000;

/**
 * Takes back what the copy has and the database has lost, does again what must not be undone, ends every login and voids every open
 * activation. Broken off it goes on where it stopped: no server serves before the last record is there. Throws `conflict`, and changes
 * nothing, where the copy has a gap, is of another trail, or ends before what was seen.
 */
export async function restoreFromCopy(deps: DrillDeps, copy: CopyLines, actor: string): Promise<DrillReport> {
  const standing = await standingOf(deps);
  if (standing.outcome === 'forked') {
    throw new AuthError('conflict', { message: 'the restored backup was written to since: restore it again' });
  }
  const { head } = standing;
  await checkCopy(copy, head, standing.outcome === 'behind' ? standing.seen : undefined);
  await endLoginsOfAll(deps);
  const report = {
    records: 0,
    devicesEnded: 0,
    attemptsSpent: 0,
    changes: 0,
    toLookAt: [] as DrillReport['toLookAt'][number][],
  };
  for await (const entry of lostRecords(copy, head)) {
    const redone = await takeBack(deps, entry);
    report.records += 1;
    if (redone === 'ended') report.devicesEnded += 1;
    if (redone === 'spent') report.attemptsSpent += 1;
    if (redone === 'changed') report.changes += 1;
    if (isWorthALook(entry, redone) && report.toLookAt.length < mostToLookAt) report.toLookAt.push(placeOf(entry));
  }
  const { toLookAt: _list, ...counts } = report;
  await finish(deps, { actor, data: { how: 'copy', from: head.seq, ...counts } });
  return report;
}

/**
 * Where there is no copy: ends every device, since any of them may have been deactivated or be about to run out of attempts; their
 * users are told and register again. Answers how many.
 */
export async function restoreWithoutCopy(deps: DrillDeps, actor: string): Promise<number> {
  const { head, ...standing } = await standingOf(deps);
  let devicesEnded = 0;
  for await (const userId of everyUser(deps)) {
    const act = { userId, actor, reason: 'restored-without-copy' };
    devicesEnded += (await deactivateUserDevices(deps, act)).length;
  }
  await endLoginsOfAll(deps);
  const seen = 'seen' in standing ? standing.seen.seq : null;
  await finish(deps, { actor, data: { how: 'all-devices', from: head.seq, seen, devicesEnded } });
  return devicesEnded;
}

/**
 * Notes that this database is the newest one, on a person's word: where nothing outside of it remembers it, as after the loss of
 * Redis. Throws `conflict` where something does, and says otherwise.
 */
export async function declareNewest(
  deps: DrillDeps,
  { actor, reason }: { actor: string; reason: string },
): Promise<void> {
  const standing = await standingOf(deps);
  if (standing.outcome === 'behind' || standing.outcome === 'forked') {
    throw new AuthError('conflict', {
      message: `record ${standing.seen.seq} was seen, and is not there: something was lost`,
    });
  }
  await finish(deps, { actor, data: { how: 'nothing-lost', from: standing.head.seq, reason } });
}

/** Everything is read before anything is changed. */
async function checkCopy(copy: CopyLines, head: AuditHead, seen: SeenHead | undefined): Promise<void> {
  let last = head;
  for await (const { seq, hash } of lostRecords(copy, head)) {
    if (seq === seen?.seq && hash !== seen.hash)
      throw new AuthError('conflict', { message: `record ${seq} of the copy is another one than was seen` });
    last = { seq, hash };
  }
  if (seen !== undefined && last.seq < seen.seq) {
    const message = `the copy ends at record ${last.seq}, and record ${seen.seq} was seen: find the rest, or end all devices`;
    throw new AuthError('conflict', { message });
  }
}

/** A refresh token that was revoked, or an activation that was used, must not come back with the backup. */
async function endLoginsOfAll(deps: DrillDeps): Promise<void> {
  for await (const userId of everyUser(deps)) {
    await deps.records.transaction(async (records) => {
      await records.activations.voidOpen(userId);
      await deps.endLogins(records, { userId }, deps.clock.now());
    });
  }
}

async function* everyUser({ records }: DrillDeps): AsyncGenerator<string> {
  for (let after: string | undefined; ; ) {
    const users = await records.users.list(undefined, { limit: usersAtOnce, ...(after && { after }) });
    for (const { id } of users) yield id;
    after = users.at(-1)?.id;
    if (after === undefined) return;
  }
}

/** The record and what it tells commit together. */
function takeBack({ records }: DrillDeps, entry: AuditEntry): ReturnType<typeof redo> {
  return records.transaction(async (within) => {
    const redone = await redo(within, entry);
    if (await within.audit.extend(entry)) return redone;
    throw new AuthError('conflict', { message: `record ${entry.seq} does not follow: is a server writing meanwhile?` });
  });
}

async function finish(
  deps: DrillDeps,
  { actor, data }: { readonly actor: string; readonly data: NonNullable<AuditEntry['data']> },
): Promise<void> {
  await deps.records.audit.append({ event: 'backup.restored', actor, data }, deps.clock.now());
  await noteHead(deps, await deps.records.audit.head(), (witness, head) => witness.replace(head));
}

function placeOf({ seq, event, companyId, userId, deviceId, clientId }: AuditEntry): DrillReport['toLookAt'][number] {
  return { seq, event, companyId, userId, deviceId, clientId };
}
