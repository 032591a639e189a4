/** The one answer to every failed proof, and what the trail learns of it. */
import type { Device } from '../devices/store.ts';
import { AuthError } from '../errors.ts';
import { MAX_ATTEMPTS } from '../lockout/lockout.ts';
import { type Caller, decoyDeviceId, type MpinDeps } from './deps.ts';

/**
 * Makes the error for a proof that was not evaluated or not accepted. `attemptsLeft` is a number only for the key of the device
 * that the handshake is about, so that nobody else learns whether it exists or is blocked (L-11, RTS art. 4(3)(a)).
 */
export async function authenticationFailed(
  deps: MpinDeps,
  caller: Caller,
  { about, cause }: { readonly about: string | undefined; readonly cause: string },
): Promise<AuthError> {
  const ownId =
    caller.device !== undefined && (about ?? caller.device.id) === caller.device.id ? caller.device.id : undefined;
  const own = await deps.records.devices.find(ownId ?? decoyDeviceId);
  if (own !== undefined) await record(deps, caller, { device: own, cause });
  const attemptsLeft = own === undefined ? null : attemptsLeftOf(own);
  return new AuthError('authentication_failed', { detail: `not evaluated: ${cause}`, members: { attemptsLeft } });
}

/** None for a device that has ended. */
export function attemptsLeftOf({ status, pinAttempts }: Device): number {
  return status === 'active' || status === 'pending' ? MAX_ATTEMPTS - pinAttempts : 0;
}

/** Only calls by a registered key: others could fill the trail at will. */
async function record(
  deps: MpinDeps,
  { origin }: Caller,
  { device, cause }: { readonly device: Device; readonly cause: string },
): Promise<void> {
  await deps.records.audit.append(
    {
      event: 'session.refused',
      actor: `device:${device.id}`,
      companyId: device.companyId,
      userId: device.userId,
      deviceId: device.id,
      address: origin.address,
      requestId: origin.requestId,
      data: { cause },
    },
    deps.clock.now(),
  );
}
