/** The restore drill: after it a restored backup revives no device, gives back no attempt and holds no login. */
import type { AuditEvent } from '../audit/events.ts';
import type { AuditEntry, AuditHead } from '../audit/store.ts';
import { type DeviceDeps, deactivateUserDevices } from '../devices/devices.ts';
import { AuthError } from '../errors.ts';
import { disableClient } from '../oidc/clients.ts';
import type { Client } from '../oidc/store.ts';
import { unaltered } from '../signing/altered.ts';
import type { SigningDeps } from '../signing/deps.ts';
import { tellEnded } from '../signing/ending.ts';
import { type CopyLines, type JudgedRecord, judgedRecords } from './journal.ts';
import { isWorthALook, redo } from './replay.ts';
import { type DatabaseStanding, noteHead, type StandingDeps, standingOf } from './standing.ts';
import type { SeenHead } from './store.ts';

export type DrillDeps = DeviceDeps & StandingDeps & Pick<SigningDeps, 'ended'>;

/** What the drill did. */
export interface DrillReport {
  /** Records that were taken back from the copy. */
  readonly records: number;
  readonly devicesEnded: number;
  readonly attemptsSpent: number;
  /** Users, companies, clients and biometric keys that were changed again. */
  readonly changes: number;
  /** Acts that waited for a second person, or were being done: they are to be asked for again. */
  readonly approvalsFailed: number;
  /** How many of the records nothing proves but the copy itself: they stand behind the newest one that was seen. */
  readonly unproved: number;
  /** Records whose act was not done again, and which a person should look at: at most a thousand of them. */
  readonly toLookAt: readonly Pick<AuditEntry, 'seq' | 'event' | 'companyId' | 'userId' | 'deviceId' | 'clientId'>[];
  /** How many more there are to look at than are listed: `mtoken audit list` has them. */
  readonly notListed: number;
}

/** What was done where there is no copy. */
export interface EmergencyReport {
  readonly devicesEnded: number;
  /** Machines of the admin API: any of them may have been switched off since the backup. */
  readonly clientsDisabled: number;
  readonly approvalsFailed: number;
}

const rowsAtOnce = 200;
const mostToLookAt = 1_000;
/** As the trail names why these ended. */
const withoutCopy = 'restored-without-copy';

/**
 * Takes back what the copy has and the database has lost, does again what must not be undone, ends every login, voids every open
 * activation and fails every open approval. Broken off it goes on where it stopped: no server serves before the last record that was
 * seen is there. Throws `conflict`, and changes nothing, where the copy has a gap, is of another trail, ends before what was seen, or
 * has more where nothing was lost.
 */
export async function restoreFromCopy(deps: DrillDeps, copy: CopyLines, actor: string): Promise<DrillReport> {
  const standing = await standingOf(deps);
  const range = await checkedRange(copy, standing);
  const { head } = standing;
  const approvalsFailed = await endOpenWork(deps, range.endedSince);
  const report = {
    records: 0,
    devicesEnded: 0,
    attemptsSpent: 0,
    changes: 0,
    approvalsFailed,
    unproved: 0,
    notListed: 0,
    toLookAt: [] as DrillReport['toLookAt'][number][],
  };
  for await (const judged of judgedRecords(copy, range)) {
    // Nothing that was not read before: the copy may grow meanwhile.
    if (judged.entry.seq > range.last) break;
    const redone = await takeBack(deps, judged);
    report.records += 1;
    if (!judged.isProved) report.unproved += 1;
    if (redone === 'ended') report.devicesEnded += 1;
    if (redone === 'spent') report.attemptsSpent += 1;
    if (redone === 'changed') report.changes += 1;
    if (!isWorthALook(judged.entry, redone)) continue;
    if (report.toLookAt.length < mostToLookAt) report.toLookAt.push(placeOf(judged.entry));
    else report.notListed += 1;
  }
  const { toLookAt: _list, ...counts } = report;
  await finish(deps, { actor, data: { how: 'copy', from: head.seq, seen: range.seen?.seq ?? null, ...counts } });
  return report;
}

/**
 * Where there is no copy: ends every device and switches every machine of the admin API off, since any of them may have been ended since,
 * or be about to run out of attempts; fails every open approval. Users are told and register again. Who was suspended, removed, demoted
 * or got another address since then only people know, who must look before they invite anybody.
 */
export async function restoreWithoutCopy(deps: DrillDeps, actor: string): Promise<EmergencyReport> {
  const { head, ...standing } = await standingOf(deps);
  const approvalsFailed = await endOpenWork(deps, new Set());
  let clientsDisabled = 0;
  for await (const { id, kind, status } of everyClient(deps)) {
    if (kind !== 'admin' || status === 'disabled') continue;
    await disableClient(deps, id, { name: actor });
    clientsDisabled += 1;
  }
  let devicesEnded = 0;
  for await (const userId of everyUser(deps)) {
    const act = { userId, actor, reason: withoutCopy };
    devicesEnded += (await deactivateUserDevices(deps, act)).length;
  }
  const seen = 'seen' in standing ? (standing.seen?.seq ?? null) : null;
  const report = { devicesEnded, clientsDisabled, approvalsFailed };
  await finish(deps, { actor, data: { how: 'all-devices', from: head.seq, seen, ...report } });
  return report;
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

interface Range {
  readonly head: AuditHead;
  readonly seen: SeenHead | undefined;
  /** The number of the copy's last record. */
  readonly last: number;
  /** Requests to sign that ended in what was lost: their portals have heard of it. */
  readonly endedSince: ReadonlySet<string>;
}

/** Everything is read before anything is changed; answers what is to be taken back. */
async function checkedRange(copy: CopyLines, standing: DatabaseStanding): Promise<Range> {
  if (standing.outcome === 'forked')
    throw new AuthError('conflict', { message: 'the restored backup was written to since: restore it again' });
  const { outcome, head } = standing;
  const seen = 'seen' in standing ? standing.seen : undefined;
  let last = head.seq;
  const endedSince = new Set<string>();
  for await (const { entry } of judgedRecords(copy, { head, seen })) {
    last = entry.seq;
    const ended = endedSigningOf(entry);
    if (ended !== undefined) endedSince.add(ended);
  }
  if (outcome === 'current' && last > head.seq) {
    const message = `nothing was lost: record ${seen?.seq} was the newest, and nothing proves what the copy has behind record ${head.seq}`;
    throw new AuthError('conflict', { message });
  }
  if (seen !== undefined && last < seen.seq) {
    const message = `the copy ends at record ${last}, and record ${seen.seq} was seen: find the rest, or end all devices`;
    throw new AuthError('conflict', { message });
  }
  if (outcome !== 'current' && last === head.seq)
    throw new AuthError('conflict', { message: `the copy has nothing behind record ${head.seq}: it repairs nothing` });
  return { head, seen, last, endedSince };
}

/**
 * A refresh token that was revoked, an activation that was used, or an act that was refused or done, must not come back with the
 * backup. Answers how many acts were open. `endedSince`: requests to sign of whose end their portals have heard.
 */
async function endOpenWork(deps: DrillDeps, endedSince: ReadonlySet<string>): Promise<number> {
  const at = deps.clock.now();
  const approvalsFailed = await deps.records.transaction(({ approvals }) => approvals.failOpen('restored', at));
  await cancelSignings(deps, endedSince);
  for await (const userId of everyUser(deps)) {
    await deps.records.transaction(async (records) => {
      await records.activations.voidOpen(userId);
      await deps.endLogins(records, { userId }, deps.clock.now());
    });
  }
  return approvalsFailed;
}

/**
 * One that was signed, declined or cancelled since the backup must not be asked a second time. The portals of all others are told as of
 * any other end, in its transaction; not in the trail, which goes on with what was lost.
 */
async function cancelSignings({ records, clock, ended }: DrillDeps, endedSince: ReadonlySet<string>): Promise<void> {
  const end = { status: 'cancelled', at: clock.now() } as const;
  for (let after: string | undefined; ; ) {
    const found = await records.signings.expired(Number.MAX_SAFE_INTEGER, rowsAtOnce, after);
    for (const { id } of unaltered(found)) {
      if (endedSince.has(id)) continue;
      await records.transaction(async (within) => {
        if (await within.signings.end(id, end)) await tellEnded({ ended }, within, id);
      });
    }
    after = found.at(-1)?.id;
    if (found.length < rowsAtOnce) break;
  }
  // And of what is left nobody is told: the portal knows better, or nothing in the row can be believed.
  await records.signings.endPending(end);
}

const signingEnds: readonly AuditEvent[] = [
  'signing.approved',
  'signing.declined',
  'signing.reported',
  'signing.expired',
  'signing.cancelled',
];

function endedSigningOf({ event, data }: AuditEntry): string | undefined {
  const id = data?.['signingId'];
  return signingEnds.includes(event) && typeof id === 'string' ? id : undefined;
}

async function* everyUser({ records }: DrillDeps): AsyncGenerator<string> {
  for (let after: string | undefined; ; ) {
    const users = await records.users.list(undefined, { limit: rowsAtOnce, ...(after && { after }) });
    for (const { id } of users) yield id;
    after = users.at(-1)?.id;
    if (after === undefined) return;
  }
}

async function* everyClient({ records }: DrillDeps): AsyncGenerator<Client> {
  for (let after: string | undefined; ; ) {
    const clients = await records.clients.list(after, rowsAtOnce);
    yield* clients;
    after = clients.at(-1)?.id;
    if (after === undefined) return;
  }
}

/** The record and what it tells commit together. */
function takeBack({ records }: DrillDeps, judged: JudgedRecord): ReturnType<typeof redo> {
  const { entry } = judged;
  return records.transaction(async (within) => {
    const redone = await redo(within, judged);
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
