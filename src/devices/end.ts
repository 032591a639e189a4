/** How a device ends, whoever ends it: device, place, logins, trail and notice commit together. */
import type { AuditRecord } from '../audit/store.ts';
import type { Notice } from '../notify/notices.ts';
import { notify } from '../notify/notify.ts';
import { wakeOutbox } from '../notify/outbox.ts';
import type { ShortLivedStore } from '../store/ports.ts';
import type { Records } from '../store/records.ts';
import type { Device } from './store.ts';

/**
 * Ends OpenID Connect sessions, grants and refresh tokens of the owner and enqueues a logout token for every portal,
 * all within the caller's transaction.
 */
export type EndLogins = (
  records: Records,
  owner: { readonly userId: string } | { readonly deviceId: string } | { readonly sessionUid: string },
  at: number,
) => Promise<void>;

/** Topic on which every process hears the id of a device that ended, after the commit. */
export const deviceEndedTopic = 'devices.ended';

/** One ending, in the words of the trail. */
export interface DeviceEnding {
  readonly device: Device;
  readonly status: 'blocked' | 'deactivated';
  /** Such as `lost` or `mpin`; kept with the device. */
  readonly reason: string;
  /** What the trail records besides device, user and company. */
  readonly audit: Pick<AuditRecord, 'actor' | 'clientId' | 'address' | 'requestId' | 'data'>;
  /** Written just before it: what led to the ending. */
  readonly cause?: AuditRecord | undefined;
  readonly at: number;
}

/**
 * Ends a device for good within the caller's transaction: secrets erased, place freed, logins ended, trail and notice written.
 * False, and nothing written, where it was ended already.
 */
export async function endDevice(records: Records, endLogins: EndLogins, ending: DeviceEnding): Promise<boolean> {
  return (await endDevices(records, endLogins, [ending])).length === 1;
}

/** Like {@link endDevice}, for several; answers the devices that this call ended. */
export async function endDevices(
  records: Records,
  endLogins: EndLogins,
  endings: readonly DeviceEnding[],
): Promise<Device[]> {
  const ended: DeviceEnding[] = [];
  for (const ending of endings) {
    const { device, status, reason, at } = ending;
    await records.users.hold(device.userId);
    if (!(await records.devices.end(device.id, status, at, reason))) continue;
    await records.users.freeDevicePlace(device.userId);
    await endLogins(records, { deviceId: device.id }, at);
    await notify(records, noticeOf(ending), at);
    ended.push(ending);
  }
  // The trail comes last, of all of them: its head is one row for all, which nobody may hold while waiting for another.
  for (const ending of ended) await recordEnding(records, ending);
  return ended.map(({ device }) => device);
}

function noticeOf({ device, status, reason }: DeviceEnding): Notice {
  const named = { userId: device.userId, deviceName: device.name };
  if (status === 'blocked') return { event: 'mpin.blocked', ...named };
  return { event: 'device.deactivated', ...named, reason };
}

async function recordEnding(records: Records, { device, status, audit, cause, at }: DeviceEnding): Promise<void> {
  if (cause !== undefined) await records.audit.append(cause, at);
  const event = status === 'blocked' ? 'mpin.blocked' : 'device.deactivated';
  const { companyId, userId, id: deviceId } = device;
  await records.audit.append({ event, companyId, userId, deviceId, ...audit }, at);
}

/**
 * Tells every process, after the commit, and has the notices sent. Best effort: the status is read again at every request of the
 * device anyway, and the outbox is looked at by itself.
 */
export async function publishDeviceEnded(shortLived: ShortLivedStore, deviceId: string): Promise<void> {
  await shortLived.publish(deviceEndedTopic, deviceId).catch(() => undefined);
  await wakeOutbox(shortLived);
}
