/** What registration needs, and the names under which it keeps things. */
import type { KeyCache } from '../crypto/jwk.ts';
import type { Sealing } from '../crypto/sealing.ts';
import type { KeyRing } from '../keys/key-ring.ts';
import type { LockoutDeps } from '../lockout/deps.ts';

export interface RegistrationDeps extends LockoutDeps {
  readonly sealing: Sealing;
  /** The server's origin, without a slash at its end. */
  readonly issuer: string;
  readonly keys: Pick<KeyRing, 'trustThumbprint'>;
  readonly keyCache?: KeyCache | undefined;
  readonly limits?: RegistrationLimits | undefined;
}

/** How often a registration may be begun within ten minutes. */
export interface RegistrationLimits {
  readonly perAddress: number;
  readonly global: number;
  /** Of one activation: what a holder of its code alone can make the server keep. */
  readonly perActivation: number;
}

export const defaultRegistrationLimits: RegistrationLimits = { perAddress: 30, global: 6_000, perActivation: 10 };

/** How long an activation, and everything begun with it, lasts. */
export const activationTtlMs = 600_000;

/** What is stored of an activation code; `code` is normalised. Keyed, so that a copy of the records gives no code. */
export function codeHash(sealing: Sealing, code: string): string {
  return sealing.lookup(code, 'activations.code');
}

/** What is stored of a confirmation code. Eight digits are searched in no time without the key, which is not in the data store. */
export function confirmationHash(sealing: Sealing, activationId: string, code: string): string {
  return sealing.lookup(`${activationId}:${code}`, 'activations.confirmation');
}
