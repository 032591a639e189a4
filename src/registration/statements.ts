/** What the keys of a phone sign when it registers, compared member by member with what the server knows. */
import { Compile } from 'typebox/compile';
import { readStatement } from '../devices/statement.ts';
import { AuthError } from '../errors.ts';
import type { AppCall } from '../http/app-endpoint.ts';
import { typ } from '../protocol/names.ts';
import { type RegistrationFinish, RegistrationStatement } from '../protocol/registration.ts';
import { BiometricStatement } from '../protocol/session.ts';
import type { RegistrationDeps } from './deps.ts';
import type { PendingRegistration } from './pending.ts';

const registrationSchema = Compile(RegistrationStatement);
const biometricSchema = Compile(BiometricStatement);

/**
 * Verifies both signatures. Throws `authentication_failed` where either is missing, made by another key, or speaks of anything else
 * than this registration, these keys, this salt and this verifier: whatever was swapped on the way.
 */
export function verifyStatements(
  deps: RegistrationDeps,
  call: AppCall<RegistrationFinish>,
  pending: PendingRegistration,
): void {
  if (!isDeviceStatement(deps, call.body, pending)) throw failed('device statement');
  if (!isBiometricStatement(deps, call.body, pending)) throw failed('biometric statement');
}

function isDeviceStatement(deps: RegistrationDeps, body: RegistrationFinish, pending: PendingRegistration): boolean {
  const statement = readStatement(statementDeps(deps), {
    token: body.signature,
    typ: typ.registration,
    publicJwk: pending.deviceJwk,
    isStatement: (payload): payload is RegistrationStatement => registrationSchema.Check(payload),
  });
  return (
    statement !== undefined &&
    statement.registrationId === body.registrationId &&
    statement.deviceId === pending.deviceId &&
    statement.nonce === pending.nonce &&
    statement.jkt === pending.thumbprint &&
    statement.biometricJkt === (pending.biometric?.thumbprint ?? null) &&
    statement.profile === pending.profile &&
    statement.salt === body.salt &&
    statement.verifier === body.verifier
  );
}

/** A signature where no biometric key was announced is refused like one that is missing. */
function isBiometricStatement(deps: RegistrationDeps, body: RegistrationFinish, pending: PendingRegistration): boolean {
  if (pending.biometric === null) return body.biometricSignature === null;
  if (body.biometricSignature === null) return false;
  const statement = readStatement(statementDeps(deps), {
    token: body.biometricSignature,
    typ: typ.biometric,
    publicJwk: pending.biometric.publicJwk,
    isStatement: (payload): payload is BiometricStatement => biometricSchema.Check(payload),
  });
  return (
    statement !== undefined &&
    statement.deviceId === pending.deviceId &&
    statement.purpose === 'registration' &&
    statement.subject === body.registrationId &&
    statement.nonce === pending.nonce &&
    statement.boundHash === null
  );
}

function statementDeps({ clock, issuer, keyCache }: RegistrationDeps): Parameters<typeof readStatement>[0] {
  return keyCache === undefined ? { clock, issuer } : { clock, issuer, keyCache };
}

function failed(what: string): AuthError {
  return new AuthError('authentication_failed', { detail: `registration: the ${what} does not fit` });
}
