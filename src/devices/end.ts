/** How a device ends, whoever ends it: device, place, logins, trail and notice commit together. */
import type { AuditRecord } from '../audit/store.ts';
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
  readonly audit: Pick<AuditRecord, 'actor' | 'address' | 'requestId' | 'data'>;
  /** Written just before it: what led to the ending. */
  readonly cause?: AuditRecord | undefined;
  readonly at: number;
}

/**
 * Ends a device for good within the caller's transaction: secrets erased, place freed, logins ended, trail and notice written.
 * False, and nothing written, where it was ended already.
 */
export async function endDevice(records: Records, endLogins: EndLogins, ending: DeviceEnding): Promise<boolean> {
  const { device, status, reason, at } = ending;
  if (!(await records.devices.end(device.id, status, at, reason))) return false;
  await records.users.freeDevicePlace(device.userId);
  await endLogins(records, { deviceId: device.id }, at);
  // The trail comes last: its head is one row for all, which nobody may hold while waiting for another.
  if (ending.cause !== undefined) await records.audit.append(ending.cause, at);
  const owner = { companyId: device.companyId, userId: device.userId, deviceId: device.id };
  const named = { userId: device.userId, deviceName: device.name };
  if (status === 'blocked') {
    await records.audit.append({ event: 'mpin.blocked', ...owner, ...ending.audit }, at);
    await notify(records, { event: 'mpin.blocked', ...named }, at);
  } else {
    await records.audit.append({ event: 'device.deactivated', ...owner, ...ending.audit }, at);
    await notify(records, { event: 'device.deactivated', ...named, reason }, at);
  }
  return true;
}

/**
 * Tells every process, after the commit, and has the notices sent. Best effort: the status is read again at every request of the
 * device anyway, and the outbox is looked at by itself.
 */
export async function publishDeviceEnded(shortLived: ShortLivedStore, deviceId: string): Promise<void> {
  await shortLived.publish(deviceEndedTopic, deviceId).catch(() => undefined);
  await wakeOutbox(shortLived);
}
