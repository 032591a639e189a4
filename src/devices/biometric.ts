/** The biometric key's word (P-24): by a JWS, or by a WebAuthn assertion where the key is a credential; judged here and nowhere else. */
import { Compile } from 'typebox/compile';
import { checkDeviceKey } from '../crypto/jwk.ts';
import { parseStrictObject } from '../crypto/strict-json.ts';
import { type BiometricKind, type BiometricProof, BiometricStatement } from '../protocol/biometrics.ts';
import { typ } from '../protocol/names.ts';
import type { Records } from '../store/records.ts';
import { judgeStatement, readStatement, type StatementDeps } from './statement.ts';
import type { BiometricKey, Device } from './store.ts';
import { verifyAssertion } from './webauthn.ts';

const statementSchema = Compile(BiometricStatement);

/** What the biometric key must have said. */
export interface BiometricCheck extends Omit<BiometricStatement, 'iss' | 'iat'> {
  readonly proof: BiometricProof;
}

/**
 * The new biometric key as it is to be kept, if it made this proof; undefined whatever is wrong. A WebAuthn credential does not tell
 * finger from face, so that it is of kind `user` whatever the phone says (S-13).
 */
export function newBiometricKey(
  deps: StatementDeps,
  key: Pick<BiometricKey, 'publicJwk' | 'thumbprint'> & { readonly kind: BiometricKind },
  check: BiometricCheck,
): BiometricKey | undefined {
  const use = readProof(deps, key, check);
  if (use === undefined) return undefined;
  const { publicJwk, thumbprint, kind } = key;
  return use.webauthn === undefined ? { publicJwk, thumbprint, kind } : { publicJwk, thumbprint, kind: 'user', ...use };
}

/**
 * The kind of the device's biometric key, if that key has said exactly this; undefined otherwise. The device key does not count: it
 * works without a finger or face (P-24). The same work is done for a device without such a key. A WebAuthn credential's counter is
 * moved on, and one that went back is refused: a copy of the credential is at work somewhere.
 */
export async function proveBiometric(
  deps: StatementDeps & { readonly records: Pick<Records, 'devices'> },
  device: Device,
  check: BiometricCheck,
): Promise<BiometricKind | undefined> {
  const { biometric } = device;
  const use = readProof(deps, biometric ?? device, check);
  if (use === undefined || biometric === undefined || !isOfSameForm(use, biometric)) return undefined;
  if (use.webauthn === undefined) return biometric.kind;
  const isForward = await deps.records.devices.advanceBiometric(device.id, biometric.thumbprint, use.webauthn);
  return isForward ? biometric.kind : undefined;
}

type Use = Pick<BiometricKey, 'webauthn'>;

function readProof(
  deps: StatementDeps,
  { publicJwk }: Pick<BiometricKey, 'publicJwk'>,
  { proof, ...said }: BiometricCheck,
): Use | undefined {
  const expected = {
    schema: statementSchema,
    members: { iss: deps.issuer, ...said } satisfies Omit<BiometricStatement, 'iat'>,
  };
  if (typeof proof === 'string') {
    return readStatement(deps, { token: proof, typ: typ.biometric, publicJwk }, expected) && {};
  }
  try {
    const key = checkDeviceKey(publicJwk, deps.keyCache);
    const { statement, state } = verifyAssertion(proof, { key, origin: deps.issuer });
    return judgeStatement(deps, parseStrictObject(statement), expected) && { webauthn: state };
  } catch {
    return undefined;
  }
}

/** Whether it can be backed up is settled when a credential is made (WebAuthn Level 3 §7.2); another answer is another authenticator. */
function isOfSameForm({ webauthn: now }: Use, { webauthn: before }: BiometricKey): boolean {
  if (now === undefined || before === undefined) return now === before;
  return (now.backup === 'none') === (before.backup === 'none');
}
