/** What users may see and end of what is theirs, whether they ask from the app or from a portal. */
import { AuthError } from '../errors.ts';
import { wakeOutbox } from '../notify/outbox.ts';
import type { OwnDevices, OwnSessions } from '../protocol/devices.ts';
import type { Records } from '../store/records.ts';
import type { DeviceDeps } from './devices.ts';
import type { Device } from './store.ts';

/** Who ends a session, as the trail names it. */
export interface SessionEnding {
  readonly userId: string;
  readonly companyId: string;
  /** `device:<id>` or `user:<id>`. */
  readonly actor: string;
  readonly deviceId: string;
  /** The portal that asked; undefined where it was the app. */
  readonly clientId?: string | undefined;
  readonly address?: string | undefined;
  readonly requestId?: string | undefined;
}

/** The user's devices; `isThis` marks that of `thisId`. */
export async function listOwnDevices({ records }: DeviceDeps, userId: string, thisId: string): Promise<OwnDevices> {
  const devices = await records.devices.listByUser(userId);
  return { devices: devices.map((device) => ownDevice(device, thisId)) };
}

function ownDevice(device: Device, thisId: string): OwnDevices['devices'][number] {
  const { id, name, platform, status, createdAt, lastUsedAt } = device;
  return { deviceId: id, name, platform, status, isThis: id === thisId, createdAt, lastUsedAt: lastUsedAt ?? null };
}

/** The user's living portal sessions with the portals in each. */
export async function listOwnSessions({ records, clock }: DeviceDeps, userId: string): Promise<OwnSessions> {
  const names = new Map<string, string>();
  const nameOf = async (clientId: string): Promise<string> => {
    const name = names.get(clientId) ?? (await records.clients.find(clientId))?.name ?? clientId;
    names.set(clientId, name);
    return name;
  };
  const sessions: OwnSessions['sessions'] = [];
  for (const { uid, createdAt, expiresAt } of await records.oidc.sessionsOf({ userId })) {
    if (expiresAt <= clock.now()) continue;
    const portals: { clientId: string; name: string }[] = [];
    for (const { clientId } of await records.oidc.sessionClients(uid)) {
      portals.push({ clientId, name: await nameOf(clientId) });
    }
    sessions.push({ sessionUid: uid, startedAt: createdAt, expiresAt, portals });
  }
  return { sessions };
}

/** Ends one portal session. Throws `not_found` for a session of someone else as for one that does not exist (T17). */
export async function endOwnSession(deps: DeviceDeps, sessionUid: string, ending: SessionEnding): Promise<void> {
  await deps.records.transaction(async (records) => {
    await records.users.hold(ending.userId);
    const session = await records.oidc.findSession(sessionUid);
    if (session === undefined || session.userId !== ending.userId) throw new AuthError('not_found');
    await endSessions(records, deps, { sessionUids: [sessionUid], ending });
  });
  await wakeOutbox(deps.shortLived);
}

/** Ends every portal session of the user but `exceptUid`, all or none; answers which ended. */
export async function endOtherSessions(deps: DeviceDeps, exceptUid: string, ending: SessionEnding): Promise<string[]> {
  const ended = await deps.records.transaction(async (records) => {
    await records.users.hold(ending.userId);
    const sessions = await records.oidc.sessionsOf({ userId: ending.userId });
    const others = sessions.map(({ uid }) => uid).filter((uid) => uid !== exceptUid);
    await endSessions(records, deps, { sessionUids: others, ending });
    return others;
  });
  await wakeOutbox(deps.shortLived);
  return ended;
}

/**
 * Within a transaction that holds the user, as whatever ends a device or a login of theirs does. The trail comes last, of all of them:
 * its head is one row for all, which nobody may hold while waiting for another.
 */
async function endSessions(
  records: Records,
  { endLogins, clock }: DeviceDeps,
  { sessionUids, ending }: { readonly sessionUids: readonly string[]; readonly ending: SessionEnding },
): Promise<void> {
  const at = clock.now();
  for (const sessionUid of sessionUids) await endLogins(records, { sessionUid }, at);
  for (const _ of sessionUids) await records.audit.append({ event: 'logout.completed', ...ending }, at);
}
