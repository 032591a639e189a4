/** What the keys of a phone sign when it registers, compared member by member with what the server knows. */

import { checkDeviceKey } from '../crypto/jwk.ts';
import { verifyCompactJws } from '../crypto/jws.ts';
import { AuthError } from '../errors.ts';
import type { AppCall } from '../http/app-endpoint.ts';
import { proofWindowSeconds, typ } from '../protocol/names.ts';
import type { RegistrationFinish } from '../protocol/registration.ts';
import { activationTtlMs, type RegistrationDeps } from './deps.ts';
import type { PendingRegistration } from './pending.ts';

type Members = Readonly<Record<string, string | null>>;

/**
 * Verifies both signatures. Throws `authentication_failed` where either is missing, made by another key, or speaks of anything else
 * than this registration, these keys, this salt and this verifier: whatever was swapped on the way.
 */
export function verifyStatements(
  deps: RegistrationDeps,
  call: AppCall<RegistrationFinish>,
  pending: PendingRegistration,
): void {
  const { registrationId, salt, verifier, signature, biometricSignature } = call.body;
  const { deviceId, nonce, profile, biometric, deviceJwk } = pending;
  const common = { iss: deps.issuer, deviceId, nonce };
  const key = (jwk: unknown) => checkDeviceKey(jwk, deps.keyCache);
  const isFit = (token: string, options: { type: string; jwk: unknown; members: Members }): boolean => {
    const { alg, key: publicKey } = key(options.jwk);
    const payload = verified({ token, typ: options.type, key: { alg, key: publicKey } });
    return payload !== undefined && says(payload, options.members) && isTimely(payload, deps);
  };
  const isDeviceFit = isFit(signature, {
    type: typ.registration,
    jwk: deviceJwk,
    members: {
      ...common,
      registrationId,
      jkt: pending.thumbprint,
      biometricJkt: biometric?.thumbprint ?? null,
      profile,
      salt,
      verifier,
    },
  });
  if (!isDeviceFit || (biometric === null) !== (biometricSignature === null)) throw failed('device statement');
  if (biometric === null || biometricSignature === null) return;
  const members = { ...common, purpose: 'registration', subject: registrationId, boundHash: null };
  if (!isFit(biometricSignature, { type: typ.biometric, jwk: biometric.publicJwk, members })) {
    throw failed('biometric statement');
  }
}

function verified(options: Parameters<typeof verifyCompactJws>[0]): Readonly<Record<string, unknown>> | undefined {
  try {
    return verifyCompactJws(options).payload;
  } catch (error) {
    if (error instanceof AuthError && error.code === 'invalid_request') return undefined;
    throw error;
  }
}

/** Exactly these members and `iat`: one that is missing or unknown is refused as one that differs (T23). */
function says(payload: Readonly<Record<string, unknown>>, members: Members): boolean {
  const names = Object.keys(members);
  return (
    Object.keys(payload).length === names.length + 1 &&
    names.every((name) => Object.hasOwn(payload, name) && payload[name] === members[name])
  );
}

/** Within the life of an activation: the nonce, not the time, makes the statement unique; the time is kept honest. */
function isTimely({ iat }: Readonly<Record<string, unknown>>, deps: RegistrationDeps): boolean {
  if (typeof iat !== 'number' || !Number.isSafeInteger(iat)) return false;
  const ageMs = deps.clock.now() - iat * 1000;
  return ageMs >= -proofWindowSeconds * 1000 && ageMs <= activationTtlMs + proofWindowSeconds * 1000;
}

function failed(what: string): AuthError {
  return new AuthError('authentication_failed', { detail: `registration: the ${what} does not fit` });
}
