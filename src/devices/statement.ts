/** Statements that a phone's keys sign: one type, one key, one minute; judged with a yes or no, so that no caller tells why not. */
import type { JWK } from 'jose';
import { Compile } from 'typebox/compile';
import type { Clock } from '../clock.ts';
import { checkDeviceKey, type KeyCache } from '../crypto/jwk.ts';
import { verifyCompactJws } from '../crypto/jws.ts';
import { proofWindowSeconds, typ } from '../protocol/names.ts';
import { BiometricStatement } from '../protocol/session.ts';
import type { Device } from './store.ts';

const biometricSchema = Compile(BiometricStatement);

export interface StatementDeps {
  readonly clock: Clock;
  /** The server's origin, which every statement names. */
  readonly issuer: string;
  readonly keyCache?: KeyCache;
}

/**
 * The payload of a statement that `publicJwk` signed under `typ` and that `isStatement` accepts, or undefined, whatever is wrong.
 * Its `iss` must be this server and its `iat` within a minute of the clock.
 */
export function readStatement<T extends { readonly iss: string; readonly iat: number }>(
  deps: StatementDeps,
  statement: {
    readonly token: string;
    readonly typ: string;
    readonly publicJwk: JWK;
    readonly isStatement: (payload: unknown) => payload is T;
  },
): T | undefined {
  try {
    const key = checkDeviceKey(statement.publicJwk, deps.keyCache);
    const { payload } = verifyCompactJws({ token: statement.token, typ: statement.typ, key });
    const isFresh = (iat: number): boolean => Math.abs(deps.clock.now() - iat * 1000) <= proofWindowSeconds * 1000;
    const { isStatement } = statement;
    if (!isStatement(payload)) return undefined;
    return payload.iss === deps.issuer && isFresh(payload.iat) ? payload : undefined;
  } catch {
    return undefined;
  }
}

/** What a biometric signature must be about. */
export interface BiometricCheck {
  readonly signature: string;
  readonly purpose: BiometricStatement['purpose'];
  /** Registration id, handshake id or order id. */
  readonly subject: string;
  readonly nonce: string;
  readonly boundHash: string | null;
}

/**
 * Whether the device's biometric key signed exactly this. The device key does not count: it works without a finger or face (P-24).
 * The same work is done for a device without such a key.
 */
export function isBiometricProof(deps: StatementDeps, device: Device, check: BiometricCheck): boolean {
  const statement = readStatement(deps, {
    token: check.signature,
    typ: typ.biometric,
    publicJwk: device.biometric?.publicJwk ?? device.publicJwk,
    isStatement: (payload): payload is BiometricStatement => biometricSchema.Check(payload),
  });
  return (
    statement !== undefined &&
    device.biometric !== undefined &&
    statement.deviceId === device.id &&
    statement.purpose === check.purpose &&
    statement.subject === check.subject &&
    statement.nonce === check.nonce &&
    statement.boundHash === check.boundHash
  );
}
