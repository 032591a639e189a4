/** The end of a budget: a device is blocked for good, an activation is void, each in one transaction with all that follows from it. */
import type { AuditRecord } from '../audit/store.ts';
import { endDevice, publishDeviceEnded } from '../devices/end.ts';
import type { Records } from '../store/records.ts';
import { type AttemptTarget, type LockoutDeps, MAX_ATTEMPTS } from './deps.ts';
import type { AttemptSubject } from './store.ts';

/** Who the trail says did it; `system` where the block was written by the next touch. */
type Act = Pick<AuditRecord, 'actor' | 'address' | 'requestId' | 'data'>;

/** Blocks the device or voids the activation within the caller's transaction; false where it was ended already. */
export async function closeSubject(
  records: Records,
  deps: LockoutDeps,
  { target, act, cause }: { readonly target: AttemptTarget; readonly act: Act; readonly cause?: AuditRecord },
): Promise<boolean> {
  const at = deps.clock.now();
  if (target.kind === 'mpin') {
    const device = await records.devices.find(target.deviceId);
    if (device === undefined) return false;
    return endDevice(records, deps.endLogins, { device, status: 'blocked', reason: 'mpin', audit: act, cause, at });
  }
  const activation = await records.activations.find(target.activationId);
  if (activation === undefined) return false;
  if (!(await records.attempts.voidExhausted(activation.id, MAX_ATTEMPTS))) return false;
  if (cause !== undefined) await records.audit.append(cause, at);
  const { companyId, userId } = activation;
  const data = { ...act.data, activationId: activation.id, reason: 'confirmation' };
  await records.audit.append({ event: 'activation.voided', companyId, userId, ...act, data }, at);
  return true;
}

/**
 * Closes a subject whose five attempts are spent though nobody wrote the block. Atomic with the look at the count, so that a right
 * proof that came at the last moment is not run over. False where the count or the epoch has moved on.
 */
export async function closeExhausted(
  deps: LockoutDeps,
  target: AttemptTarget,
  subject: AttemptSubject,
): Promise<boolean> {
  const isClosed = await deps.records.transaction(async (records) => {
    await holdOwner(records, target);
    if (!(await records.attempts.holdExhausted(subject, MAX_ATTEMPTS))) return false;
    return closeSubject(records, deps, { target, act: { actor: 'system', data: { cause: 'found-exhausted' } } });
  });
  if (isClosed) await announceClosed(deps, target);
  return isClosed;
}

/** The owner's row before the device's, as every other ending takes them: see `UserStore.hold`. */
export async function holdOwner(records: Records, target: AttemptTarget): Promise<void> {
  if (target.kind !== 'mpin') return;
  const device = await records.devices.find(target.deviceId);
  if (device !== undefined) await records.users.hold(device.userId);
}

/** Tells every process after the commit. */
export async function announceClosed(deps: LockoutDeps, target: AttemptTarget): Promise<void> {
  if (target.kind === 'mpin') await publishDeviceEnded(deps.shortLived, target.deviceId);
}
