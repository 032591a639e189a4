/** Whether a person's phone is dead in every respect, alive in every respect, or something between: which must never be. */
import type { Sealing } from '../../src/crypto/sealing.ts';
import type { DurableStore } from '../../src/store/ports.ts';
import type { RecordStore } from '../../src/store/records.ts';
import type { Subject } from './emergency-world.ts';

export interface CheckDeps {
  readonly records: RecordStore;
  readonly durable: DurableStore;
  readonly sealing: Sealing;
}

export interface Verdict {
  readonly isDead: boolean;
  /** What has not happened although something else has; empty where all or nothing has. */
  readonly missing: readonly string[];
}

/** What deactivations have left behind beside the rows of each person. */
interface Traces {
  /** How many records of the trail say that the device ended. */
  readonly audited: ReadonlyMap<string, number>;
  readonly told: ReadonlySet<string>;
  readonly noticed: ReadonlySet<string>;
  readonly freed: ReadonlySet<string>;
}

/** Judges everybody. `arrived`: the `sid` of logout tokens that have left the outbox already. */
export async function judgeAll(
  deps: CheckDeps,
  subjects: readonly Subject[],
  arrived: ReadonlySet<string>,
): Promise<Map<Subject, Verdict>> {
  const traces = await tracesOf(deps, arrived);
  const verdicts = new Map<Subject, Verdict>();
  for (const subject of subjects) verdicts.set(subject, await judge(deps, subject, traces));
  return verdicts;
}

async function judge({ records }: CheckDeps, subject: Subject, traces: Traces): Promise<Verdict> {
  const { deviceId, userId, sessionUid, sid, grantLookup, refreshLookup } = subject;
  const marks = {
    'device ended': (await records.devices.find(deviceId))?.status === 'deactivated',
    'verifier erased': (await records.devices.secrets(deviceId)) === undefined,
    'vault key erased': (await records.devices.vaultKey(deviceId)) === undefined,
    'session ended': (await records.oidc.findSession(sessionUid)) === undefined,
    'grant ended': (await records.oidc.findGrant(grantLookup)) === undefined,
    'refresh token ended': (await records.oidc.findRefreshToken(refreshLookup)) === undefined,
    'place freed': traces.freed.has(userId),
    'portal told': traces.told.has(sid),
    'user told': traces.noticed.has(userId),
    recorded: traces.audited.get(deviceId) === 1,
  };
  const missing = Object.entries(marks).flatMap(([name, isSo]) => (isSo ? [] : [name]));
  const isDead = missing.length === 0;
  const isAlive = missing.length === Object.keys(marks).length && !traces.audited.has(deviceId);
  return { isDead, missing: isDead || isAlive ? [] : missing };
}

async function tracesOf({ records, durable, sealing }: CheckDeps, arrived: ReadonlySet<string>): Promise<Traces> {
  const audited = new Map<string, number>();
  for (let after = 0; ; ) {
    const page = await records.audit.search({ event: 'device.deactivated' }, { order: 'oldest', after, limit: 1000 });
    for (const { deviceId = '' } of page) audited.set(deviceId, (audited.get(deviceId) ?? 0) + 1);
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.seq;
  }
  const mails = await durable.query<{ recipient: string }>("select recipient from outbox where kind = 'email'");
  const logouts = await durable.query<{ id: string; payload_sealed: string }>(
    "select id, payload_sealed from outbox where kind = 'backchannel_logout' and payload_sealed <> ''",
  );
  const waiting = logouts.map(({ id, payload_sealed: sealed }) => {
    const { sid } = JSON.parse(sealing.openText(sealed, `outbox.payload:${id}`)) as { sid: string };
    return sid;
  });
  const free = await durable.query<{ id: string }>('select id from users where device_count = 0');
  return {
    audited,
    told: new Set([...arrived, ...waiting]),
    noticed: new Set(mails.map(({ recipient }) => recipient)),
    freed: new Set(free.map(({ id }) => id)),
  };
}
