/** Who asked for an act that waits: whether they, and the phone with which they asked, still stand when somebody agrees. */
import type { User } from '../companies/store.ts';
import { type DeviceDeps, findUsable } from '../devices/devices.ts';
import type { Records } from '../store/records.ts';
import type { Approval } from './store.ts';

/** `device_ended`: the phone is not in use any more, so that it may have been a thief who asked. */
export type Asker =
  | { readonly problem: 'access_denied' | 'device_ended' }
  | { readonly problem: undefined; readonly user: User };

/** Who asked, as they are now: active, in the same active company, with the phone with which they asked. */
export async function askerOf(records: Records, { requestedBy, requestedWith, companyId }: Approval): Promise<Asker> {
  const user = await records.users.find(requestedBy);
  const company = await records.companies.find(companyId);
  if (user?.status !== 'active' || company?.status !== 'active') return { problem: 'access_denied' };
  if (user.companyId !== companyId) return { problem: 'access_denied' };
  const phones = await records.devices.listByUser(requestedBy);
  // Where no phone was noted, one that is in use says at least that the person was not shut out.
  const isHeld = phones.some(({ id, status }) => status === 'active' && (requestedWith ?? id) === id);
  return isHeld ? { problem: undefined, user } : { problem: 'device_ended' };
}

/** Has phones blocked whose attempts are spent, as whoever used them would: outside of a transaction, for it may wait. */
export async function settlePhones(deps: DeviceDeps, { requestedBy, requestedWith }: Approval): Promise<void> {
  for (const { id, status } of await deps.records.devices.listByUser(requestedBy)) {
    if (status === 'active' && (requestedWith ?? id) === id) await findUsable(deps, id);
  }
}
