/** The app's endpoints for a user's own devices and portal sessions. */
import { type AppEndpoint, type SessionCall, sessionEndpoint } from '../http/app-endpoint.ts';
import { Empty } from '../protocol/common.ts';
import { DeviceDeactivate, OwnDevices, OwnSessions, SessionEnd } from '../protocol/devices.ts';
import { type DeviceDeps, deactivateDevice, findOwnDevice } from './devices.ts';
import { endOwnSession, listOwnDevices, listOwnSessions, type SessionEnding } from './own.ts';

/** `devices/list`, `devices/deactivate`, `sessions/list`, `sessions/end` (docs/protocol.md §9). */
export function deviceEndpoints(deps: DeviceDeps): AppEndpoint[] {
  return [
    sessionEndpoint({
      name: 'devices/list',
      body: Empty,
      reply: OwnDevices,
      answer: (call) => listOwnDevices(deps, call.session.userId, call.device.id),
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
      answer: (call) => listOwnSessions(deps, call.session.userId),
    }),
    sessionEndpoint({
      name: 'sessions/end',
      body: SessionEnd,
      reply: Empty,
      answer: async (call) => {
        await endOwnSession(deps, call.body.sessionUid, endingOf(call));
        return {};
      },
    }),
  ];
}

function endingOf({ session, origin }: SessionCall<unknown>): SessionEnding {
  const { userId, companyId, deviceId } = session;
  const { address, requestId } = origin;
  return { userId, companyId, deviceId, actor: `device:${deviceId}`, address, requestId };
}
