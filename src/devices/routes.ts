/** The app's endpoints for a user's own devices and portal sessions. */
import { AuthError } from '../errors.ts';
import { type AppEndpoint, type SessionCall, sessionEndpoint } from '../http/app-endpoint.ts';
import { wakeOutbox } from '../notify/outbox.ts';
import { Empty } from '../protocol/common.ts';
import { DeviceDeactivate, OwnDevices, OwnSessions, SessionEnd } from '../protocol/devices.ts';
import { type DeviceDeps, deactivateDevice, findOwnDevice } from './devices.ts';
import type { Device } from './store.ts';

/** `devices/list`, `devices/deactivate`, `sessions/list`, `sessions/end` (docs/protocol.md §9). */
export function deviceEndpoints(deps: DeviceDeps): AppEndpoint[] {
  return [
    sessionEndpoint({
      name: 'devices/list',
      body: Empty,
      reply: OwnDevices,
      answer: async (call) => {
        const devices = await deps.records.devices.listByUser(call.session.userId);
        return { devices: devices.map((device) => ownDevice(device, call.device.id)) };
      },
    }),
    sessionEndpoint({
      name: 'devices/deactivate',
      body: DeviceDeactivate,
      reply: Empty,
      answer: async (call) => {
        const { deviceId, reason } = call.body;
        await findOwnDevice(deps, { userId: call.session.userId, deviceId });
        await deactivateDevice(deps, { deviceId, reason, actor: `device:${call.device.id}`, origin: call.origin });
        return {};
      },
    }),
    sessionEndpoint({
      name: 'sessions/list',
      body: Empty,
      reply: OwnSessions,
      answer: (call) => listSessions(deps, call.session.userId),
    }),
    sessionEndpoint({
      name: 'sessions/end',
      body: SessionEnd,
      reply: Empty,
      answer: async (call) => {
        await endSession(deps, call);
        return {};
      },
    }),
  ];
}

function ownDevice(device: Device, thisId: string): OwnDevices['devices'][number] {
  const { id, name, platform, status, createdAt, lastUsedAt } = device;
  return { deviceId: id, name, platform, status, isThis: id === thisId, createdAt, lastUsedAt: lastUsedAt ?? null };
}

async function listSessions({ records, clock }: DeviceDeps, userId: string): Promise<OwnSessions> {
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

/** Throws `not_found` for a session of someone else as for one that does not exist. */
async function endSession(deps: DeviceDeps, call: SessionCall<SessionEnd>): Promise<void> {
  const { sessionUid } = call.body;
  const { userId, companyId, deviceId } = call.session;
  const at = deps.clock.now();
  await deps.records.transaction(async (records) => {
    const session = await records.oidc.findSession(sessionUid);
    if (session === undefined || session.userId !== userId) throw new AuthError('not_found');
    await deps.endLogins(records, { sessionUid }, at);
    const { address, requestId } = call.origin;
    const actor = `device:${deviceId}`;
    await records.audit.append(
      { event: 'logout.completed', actor, companyId, userId, deviceId, address, requestId },
      at,
    );
  });
  await wakeOutbox(deps.shortLived);
}
