/** Where a company wants it, an administrator's word on every registered device. */
import { type Actor, actedBy, within } from '../companies/actor.ts';
import type { CompanyDeps } from '../companies/deps.ts';
import { checkedReason } from '../companies/fields.ts';
import type { Device } from '../devices/store.ts';
import { AuthError } from '../errors.ts';
import { notify } from '../notify/notify.ts';
import { wakeOutbox } from '../notify/outbox.ts';
import type { Records } from '../store/records.ts';
import { hasAcceptedNone } from '../terms/terms.ts';
import { mayRegister } from './activations.ts';

export type ApprovalDeps = Pick<CompanyDeps, 'records' | 'shortLived' | 'clock'>;

/**
 * Makes a pending device active, and its user with it. Doing it twice changes nothing. Throws `not_found`, `access_denied` for one's
 * own device, `conflict` where the device has ended or user or company is not active.
 */
export async function approveDevice(
  deps: ApprovalDeps,
  { deviceId, actor }: { readonly deviceId: string; readonly actor: Actor },
): Promise<Device> {
  const at = deps.clock.now();
  const approved = await deps.records.transaction(async (records) => {
    const device = await othersDevice(records, deviceId, actor);
    if (device.status === 'active') return device;
    const user = await records.users.find(device.userId);
    if (user === undefined || !(await mayRegister(records, user))) throw conflict('user or company is not active');
    // Registered before there were terms: nobody begins without having agreed to some.
    if (user.status === 'invited' && (await hasAcceptedNone(records, user.id))) {
      throw conflict('the user has not accepted the terms: refuse this registration and invite them again');
    }
    if (user.status === 'invited' && !(await records.users.update({ ...user, status: 'active' }))) {
      throw conflict('the user is being changed by others: try again');
    }
    if (!(await records.devices.activate(deviceId, at))) throw conflict('the device is not waiting for approval');
    await tell(records, { device, actor, event: 'device.approved', at });
    return { ...device, status: 'active', activatedAt: at } as const;
  });
  await wakeOutbox(deps.shortLived);
  return approved;
}

/**
 * Ends a pending device for good; its key can never be registered again. Doing it twice changes nothing. Throws `invalid_request`,
 * `not_found`, `access_denied` for one's own device, `conflict` where it is not pending.
 */
export async function refuseDevice(
  deps: ApprovalDeps,
  { deviceId, actor, reason }: { readonly deviceId: string; readonly actor: Actor; readonly reason: string },
): Promise<Device> {
  const at = deps.clock.now();
  const why = checkedReason(reason);
  const refused = await deps.records.transaction(async (records) => {
    const device = await othersDevice(records, deviceId, actor);
    if (device.status === 'refused') return device;
    if (device.status !== 'pending') throw conflict('the device is not waiting for approval');
    await records.users.freeDevicePlace(device.userId);
    if (!(await records.devices.end(deviceId, 'refused', at, why))) throw conflict('the device has ended');
    await tell(records, { device, actor, event: 'device.refused', at, reason: why });
    return { ...device, status: 'refused', endedAt: at, endedReason: why } as const;
  });
  await wakeOutbox(deps.shortLived);
  return refused;
}

/** Nobody decides on what is their own: a single stolen administrator account must not let in a new phone by itself. */
async function othersDevice(records: Records, deviceId: string, actor: Actor): Promise<Device> {
  const device = within(actor, await records.devices.find(deviceId));
  if (actor.userId === device.userId) throw new AuthError('access_denied', { message: 'it is your own device' });
  return device;
}

async function tell(
  records: Records,
  decision: {
    readonly device: Device;
    readonly actor: Actor;
    readonly event: 'device.approved' | 'device.refused';
    readonly at: number;
    readonly reason?: string;
  },
): Promise<void> {
  const { device, actor, event, at, reason } = decision;
  const { companyId, userId, id: deviceId, name: deviceName } = device;
  await notify(records, { event, userId, deviceName }, at);
  const data = reason === undefined ? {} : { reason };
  await records.audit.append({ event, ...actedBy(actor), companyId, userId, deviceId, data }, at);
}

function conflict(message: string): AuthError {
  return new AuthError('conflict', { message });
}
