/** What the keys of a phone sign when it registers, compared member by member with what the server knows. */
import { Compile } from 'typebox/compile';
import { newBiometricKey } from '../devices/biometric.ts';
import { readStatement } from '../devices/statement.ts';
import type { BiometricKey } from '../devices/store.ts';
import { AuthError } from '../errors.ts';
import type { AppCall } from '../http/app-endpoint.ts';
import { typ } from '../protocol/names.ts';
import { type AcceptedTerms, type RegistrationFinish, RegistrationStatement } from '../protocol/registration.ts';
import type { RegistrationDeps } from './deps.ts';
import type { PendingRegistration } from './pending.ts';

const registrationSchema = Compile(RegistrationStatement);

/** What a phone has said of itself. */
export interface Stated {
  readonly biometric: BiometricKey | undefined;
  readonly acceptedTerms: AcceptedTerms | undefined;
}

/**
 * Verifies both signatures and answers the biometric key as it is to be kept, if one was announced, and the terms that the person
 * accepted. Throws `authentication_failed` where either is missing, made by another key, or speaks of anything else than this
 * registration, these keys, this salt, this verifier and the terms that were offered: whatever was swapped on the way.
 */
export function verifyStatements(
  deps: RegistrationDeps,
  { body }: AppCall<RegistrationFinish>,
  pending: PendingRegistration,
): Stated {
  const statement = readDeviceStatement(deps, body, pending);
  if (statement === undefined) throw failed('device statement');
  const acceptedTerms = statement.acceptedTerms ?? undefined;
  if (acceptedTerms !== undefined && !isOffered(acceptedTerms, pending)) throw failed('acceptance of the terms');
  const { biometric } = pending;
  const { registrationId, biometricSignature: proof } = body;
  // A signature where no biometric key was announced is refused like one that is missing.
  if ((biometric === null) !== (proof === null)) throw failed('biometric statement');
  if (biometric === null || proof === null) return { biometric: undefined, acceptedTerms };
  const { deviceId, nonce } = pending;
  const said = { deviceId, purpose: 'registration', subject: registrationId, nonce, boundHash: null } as const;
  const key = newBiometricKey(deps, biometric, { proof, ...said });
  if (key === undefined) throw failed('biometric statement');
  return { biometric: key, acceptedTerms };
}

/** Nothing is accepted in a person's name that the server did not show them. */
function isOffered({ version, language, sha256 }: AcceptedTerms, { terms }: PendingRegistration): boolean {
  return terms?.version === version && terms.language === language && terms.sha256 === sha256;
}

function readDeviceStatement(
  deps: RegistrationDeps,
  body: RegistrationFinish,
  pending: PendingRegistration,
): RegistrationStatement | undefined {
  const { registrationId, salt, verifier, signature } = body;
  const { deviceId, nonce, thumbprint, biometric, profile, deviceJwk } = pending;
  return readStatement(
    deps,
    { token: signature, typ: typ.registration, publicJwk: deviceJwk },
    {
      schema: registrationSchema,
      members: {
        iss: deps.issuer,
        registrationId,
        deviceId,
        nonce,
        jkt: thumbprint,
        biometricJkt: biometric?.thumbprint ?? null,
        profile,
        salt,
        verifier,
      } satisfies Omit<RegistrationStatement, 'iat' | 'acceptedTerms'>,
    },
  );
}

function failed(what: string): AuthError {
  return new AuthError('authentication_failed', { detail: `registration: the ${what} does not fit` });
}
