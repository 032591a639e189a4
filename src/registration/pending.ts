/** A registration that was begun and not finished: sealed, short-lived, and bound to one activation and one key. */
import { AuthError } from '../errors.ts';
import type { BiometricKind } from '../protocol/biometrics.ts';
import type { PublicJwk } from '../protocol/common.ts';
import type { AcceptedTerms, RegistrationStart } from '../protocol/registration.ts';
import type { RegistrationDeps } from './deps.ts';

/** What `registration/start` fixes; nothing of it can be chosen again at `registration/finish`. */
export interface PendingRegistration {
  readonly activationId: string;
  readonly activationExpiresAt: number;
  readonly userId: string;
  readonly companyId: string;
  readonly deviceId: string;
  /** 32 bytes as base64url. */
  readonly nonce: string;
  readonly thumbprint: string;
  readonly deviceJwk: PublicJwk;
  readonly biometric: {
    readonly thumbprint: string;
    readonly publicJwk: PublicJwk;
    readonly kind: BiometricKind;
  } | null;
  readonly profile: RegistrationStart['profile'];
  readonly device: RegistrationStart['device'];
  /** The terms that were offered; left out where there was nothing to accept. */
  readonly terms?: AcceptedTerms | undefined;
}

const keyOf = (registrationId: string): string => `registration:{${registrationId}}`;
const contextOf = (registrationId: string): string => `registration:${registrationId}`;

/** Keeps it as long as its activation lasts. */
export async function keepPending(
  deps: RegistrationDeps,
  registrationId: string,
  pending: PendingRegistration,
): Promise<void> {
  const sealed = deps.sealing.seal(JSON.stringify(pending), contextOf(registrationId));
  const ttlMs = pending.activationExpiresAt - deps.clock.now();
  if (!(await deps.shortLived.create(keyOf(registrationId), sealed, ttlMs))) {
    throw new AuthError('internal', { detail: 'a registration id was given out twice' });
  }
}

/** Undefined where it is unknown, over, or was finished. */
export async function findPending(
  deps: RegistrationDeps,
  registrationId: string,
): Promise<PendingRegistration | undefined> {
  const kept = await deps.shortLived.get(keyOf(registrationId));
  if (kept === undefined) return undefined;
  return JSON.parse(deps.sealing.openText(kept.value, contextOf(registrationId))) as PendingRegistration;
}

/** After it was finished. Tidiness alone: its activation is used, so nothing could come of it. */
export async function forgetPending(deps: RegistrationDeps, registrationId: string): Promise<void> {
  await deps.shortLived.remove(keyOf(registrationId)).catch(() => undefined);
}
