/** The one question whether a device may act, and the ways in which a device is ended. */
import { AuthError } from '../errors.ts';
import { type LockoutDeps, MAX_ATTEMPTS, settleAttempts } from '../lockout/lockout.ts';
import { type DeviceEnding, endDevice, endDevices, publishDeviceEnded } from './end.ts';
import type { Device, Standing } from './store.ts';

/** Attempts left in flight are settled by the lockout, so the gate needs what the lockout needs. */
export type DeviceDeps = LockoutDeps;

/**
 * The device with its user and company, if all three may act at this moment: the one gate that every step of every flow passes (T8,
 * T9). A device whose five attempts are spent is blocked whatever its status says. Throws `access_denied`.
 */
export async function assertUsable(deps: DeviceDeps, deviceId: string): Promise<Standing> {
  const standing = await findUsable(deps, deviceId);
  if (standing === undefined) throw new AuthError('access_denied', { detail: `${deviceId} may not act` });
  return standing;
}

/** Like {@link assertUsable}, but undefined where it would throw. */
export async function findUsable(deps: DeviceDeps, deviceId: string): Promise<Standing | undefined> {
  const standing = await deps.records.devices.standing(deviceId);
  if (standing === undefined || !mayAct(standing)) return undefined;
  if (standing.device.pinAttempts < MAX_ATTEMPTS) return standing;
  // Five right proofs on their way look the same for a moment, and must not be refused for it.
  await settleAttempts(deps, { kind: 'mpin', deviceId });
  const settled = await deps.records.devices.standing(deviceId);
  return settled !== undefined && mayAct(settled) ? settled : undefined;
}

/** What the three statuses say; the attempts are a question of their own. */
function mayAct({ device, user, company }: Standing): boolean {
  return device.status === 'active' && user.status === 'active' && company.status === 'active';
}

/** Who ends a device and why. */
export interface Deactivation {
  /** As the trail names it: `device:<id>`, `client:<id>`, `user:<id>`, `cli`. */
  readonly actor: string;
  readonly reason: string;
  readonly origin?: { readonly address?: string | undefined; readonly requestId?: string | undefined } | undefined;
  /** The portal through which its user did it. */
  readonly clientId?: string | undefined;
}

/**
 * Ends a device for good: from the commit on nothing accepts it, its secrets are erased, its logins end, its key can never be
 * registered again. Doing it twice changes nothing. Answers whether this call ended it. Throws `not_found`.
 */
export async function deactivateDevice(
  deps: DeviceDeps,
  { deviceId, ...act }: Deactivation & { readonly deviceId: string },
): Promise<boolean> {
  const hasEnded = await deps.records.transaction(async (records) => {
    const device = await records.devices.find(deviceId);
    if (device === undefined) throw new AuthError('not_found');
    return endDevice(records, deps.endLogins, endingOf(deps, device, act));
  });
  // Also where it was ended before: whoever did that may have been stopped between commit and telling.
  await publishDeviceEnded(deps.shortLived, deviceId);
  return hasEnded;
}

/** Ends every device of a user, all or none. Answers the ids of those that this call ended. */
export async function deactivateUserDevices(
  deps: DeviceDeps,
  { userId, ...act }: Deactivation & { readonly userId: string },
): Promise<string[]> {
  const ended = await deps.records.transaction(async (records) => {
    // Before they are listed: a phone whose registration is on its way holds the same row, and is among them once it is there.
    await records.users.hold(userId);
    const devices = await records.devices.listByUser(userId);
    const endings = devices.map((device) => endingOf(deps, device, act));
    return (await endDevices(records, deps.endLogins, endings)).map(({ id }) => id);
  });
  for (const id of ended) await publishDeviceEnded(deps.shortLived, id);
  return ended;
}

/** The user's device of that id. Throws `not_found` for what does not exist and for what is another user's alike (T17). */
export async function findOwnDevice(
  deps: DeviceDeps,
  { userId, deviceId }: { readonly userId: string; readonly deviceId: string },
): Promise<Device> {
  const device = await deps.records.devices.find(deviceId);
  if (device === undefined || device.userId !== userId) throw new AuthError('not_found');
  return device;
}

function endingOf({ clock }: DeviceDeps, device: Device, act: Deactivation): DeviceEnding {
  return { device, status: 'deactivated', reason: act.reason, audit: trailOf(act), at: clock.now() };
}

function trailOf({ actor, reason, origin, clientId }: Deactivation): DeviceEnding['audit'] {
  return { actor, clientId, address: origin?.address, requestId: origin?.requestId, data: { reason } };
}
