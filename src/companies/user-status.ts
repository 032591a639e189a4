/** Suspending, restoring and removing users: each ends or gives back the use of all that is theirs at once. */

import { deviceEndedTopic } from '../devices/end.ts';
import type { Device } from '../devices/store.ts';
import { AuthError } from '../errors.ts';
import { notify } from '../notify/notify.ts';
import type { Records } from '../store/records.ts';
import { type Actor, actedBy, assertMayManage, within } from './actor.ts';
import { assertNotLast } from './administrators.ts';
import type { CompanyDeps } from './deps.ts';
import { checkedReason } from './fields.ts';
import type { User } from './store.ts';

/** What one of these acts needs to be told. */
export interface UserAct {
  readonly userId: string;
  readonly reason: string;
  readonly actor: Actor;
}

/** How often a change is tried again when another one came between reading and writing. */
const maxTries = 5;

/**
 * Suspends a user: no device of theirs is usable from the commit on, open activations are void, logins end and portals are told.
 * Doing it twice changes nothing. Throws `invalid_request`, `not_found`, `conflict` where the user is removed.
 */
export async function suspendUser(deps: CompanyDeps, act: UserAct): Promise<User> {
  const at = deps.clock.now();
  const reason = checkedReason(act.reason);
  const suspended = await deps.records.transaction(async (records) => {
    await holdUnlessLast(records, act);
    const { user, hasChanged } = await setStatus(records, act, () => 'suspended');
    if (!hasChanged) return user;
    await records.activations.voidOpen(user.id);
    await deps.endLogins(records, { userId: user.id }, at);
    await appendEvent(records, { event: 'user.suspended', user, act, at, data: { reason } });
    return user;
  });
  await tellProcesses(deps, suspended.id);
  return suspended;
}

/** Gives a suspended user back the use of their devices; `invited` who never had an active one. Throws as `suspendUser`. */
export async function restoreUser(deps: CompanyDeps, act: UserAct): Promise<User> {
  const at = deps.clock.now();
  const reason = checkedReason(act.reason);
  return deps.records.transaction(async (records) => {
    assertMayManage(act.actor, within(act.actor, await records.users.find(act.userId)));
    const devices = await records.devices.listByUser(act.userId);
    const status = devices.some(({ activatedAt }) => activatedAt !== undefined) ? 'active' : 'invited';
    const { user, hasChanged } = await setStatus(records, act, (now) => (now === 'suspended' ? status : now));
    if (hasChanged) await appendEvent(records, { event: 'user.restored', user, act, at, data: { reason } });
    return user;
  });
}

/**
 * Removes a user for good: devices and their secrets end, logins end, the company's place and the e-mail address are free again.
 * Doing it twice changes nothing. Throws `invalid_request`, `not_found`.
 */
export async function removeUser(deps: CompanyDeps, act: UserAct): Promise<User> {
  const at = deps.clock.now();
  const reason = checkedReason(act.reason);
  const removed = await deps.records.transaction(async (records) => {
    const known = within(act.actor, await records.users.find(act.userId));
    if (known.status === 'removed') return known;
    await tellOfDevices(records, known, at);
    // The company first, as a creation of a user with the same address takes them, which waits for this user's row.
    await records.companies.freeUserPlace(known.companyId);
    await assertNotLast(records, within(act.actor, await records.users.find(act.userId)), act.actor);
    // Then the user: it locks the row that a registration on its way must take too, so that no device comes after this.
    const { user } = await setStatus(records, act, () => 'removed');
    await records.activations.voidOpen(user.id);
    const ended = await endDevices(records, { userId: user.id, at, reason });
    await deps.endLogins(records, { userId: user.id }, at);
    for (const device of ended) await records.audit.append({ ...deviceEvent(device, act.actor), data: { reason } }, at);
    await appendEvent(records, { event: 'user.removed', user, act, at, data: { reason } });
    return user;
  });
  await tellProcesses(deps, removed.id);
  return removed;
}

/** Ends every login of the user where the user itself stays as it is, as when the whole company is suspended. */
export async function endLoginsOf(deps: CompanyDeps, userId: string): Promise<void> {
  const at = deps.clock.now();
  await deps.records.transaction(async (records) => {
    await records.users.hold(userId);
    await records.activations.voidOpen(userId);
    await deps.endLogins(records, { userId }, at);
  });
  await tellProcesses(deps, userId);
}

/** The company first, whose row then keeps others from changing who its administrators are. */
async function holdUnlessLast(records: Records, { userId, actor }: UserAct): Promise<void> {
  const { companyId } = within(actor, await records.users.find(userId));
  await records.companies.hold(companyId);
  const user = within(actor, await records.users.find(userId));
  // Who is suspended already leaves nobody alone.
  if (user.status === 'invited' || user.status === 'active') await assertNotLast(records, user, actor);
}

/** Conditional on the version it read; a change that came between is read again, for an emergency must not fail on it. */
async function setStatus(
  records: Records,
  { userId, actor }: UserAct,
  next: (now: User['status']) => User['status'],
): Promise<{ user: User; hasChanged: boolean }> {
  for (let attempt = 0; attempt < maxTries; attempt += 1) {
    const user = within(actor, await records.users.find(userId));
    if (user.status === 'removed') throw new AuthError('conflict', { message: 'the user is removed' });
    const status = next(user.status);
    if (status === user.status) return { user, hasChanged: false };
    if (await records.users.update({ ...user, status })) {
      return { user: { ...user, status, version: user.version + 1 }, hasChanged: true };
    }
  }
  throw new AuthError('conflict', { message: 'the record is being changed by others: try again' });
}

async function appendEvent(
  records: Records,
  options: {
    readonly event: 'user.suspended' | 'user.restored' | 'user.removed';
    readonly user: User;
    readonly act: UserAct;
    readonly at: number;
    readonly data: { readonly reason: string };
  },
): Promise<void> {
  const { event, user, act, at, data } = options;
  await records.audit.append({ event, ...actedBy(act.actor), companyId: user.companyId, userId: user.id, data }, at);
}

/** Before the user is removed, for afterwards there is nobody to tell. */
async function tellOfDevices(records: Records, user: User, at: number): Promise<void> {
  for (const { name, status } of await records.devices.listByUser(user.id)) {
    if (status !== 'active' && status !== 'pending') continue;
    const notice = { event: 'device.deactivated', userId: user.id, deviceName: name, reason: 'user-removed' } as const;
    await notify(records, notice, at);
  }
}

async function endDevices(
  records: Records,
  { userId, at, reason }: { readonly userId: string; readonly at: number; readonly reason: string },
): Promise<Device[]> {
  const ended: Device[] = [];
  for (const device of await records.devices.listByUser(userId)) {
    if (!(await records.devices.end(device.id, 'deactivated', at, reason))) continue;
    await records.users.freeDevicePlace(userId);
    ended.push(device);
  }
  return ended;
}

function deviceEvent(device: Device, actor: Actor) {
  return {
    event: 'device.deactivated',
    ...actedBy(actor),
    companyId: device.companyId,
    userId: device.userId,
    deviceId: device.id,
  } as const;
}

/** After the commit: best effort, since every process reads the status again at the next request anyway. */
async function tellProcesses(deps: CompanyDeps, userId: string): Promise<void> {
  for (const device of await deps.records.devices.listByUser(userId)) {
    if (device.status === 'refused') continue;
    await deps.shortLived.publish(deviceEndedTopic, device.id).catch(() => undefined);
  }
}
