/** WebAuthn assertions (WebAuthn Level 3 §7.2), narrowed to what this protocol uses: one origin, a checked user, no extension. */
import { verify } from 'node:crypto';
import { encodeBase64url, equalBytes, frame, sha256, tryDecodeBase64url } from '../crypto/bytes.ts';
import type { DeviceKey } from '../crypto/jwk.ts';
import { verifySignature } from '../crypto/jws.ts';
import { parseStrictObject } from '../crypto/strict-json.ts';
import { AuthError } from '../errors.ts';
import type { WebauthnAssertion } from '../protocol/biometrics.ts';
import { label } from '../protocol/names.ts';
import type { WebauthnState } from './store.ts';

/** RP id hash, flags, counter, and nothing behind them. */
const authenticatorDataBytes = 37;
const flag = {
  userPresent: 0x01,
  userVerified: 0x04,
  backupEligible: 0x08,
  backedUp: 0x10,
  attested: 0x40,
  extensions: 0x80,
};

/** What an assertion says besides its statement. */
export interface VerifiedAssertion {
  /** The statement's JSON, which the credential has signed by its hash. */
  readonly statement: Uint8Array;
  readonly state: WebauthnState;
}

/**
 * Verifies an assertion by `key`: made for this very origin and its host, about this very statement, by a person who was present and
 * checked. Whether its counter may be what it is, the store judges. Throws `invalid_request` whatever is wrong.
 */
export function verifyAssertion(
  assertion: WebauthnAssertion,
  { key, origin }: { readonly key: DeviceKey; readonly origin: string },
): VerifiedAssertion {
  const statement = bytesOf(assertion.statement);
  const clientData = bytesOf(assertion.clientDataJSON);
  const authenticatorData = bytesOf(assertion.authenticatorData);
  checkClientData(clientData, { origin, challenge: sha256(frame([label.webauthn, statement])) });
  const state = readAuthenticatorData(authenticatorData, new URL(origin).hostname);
  const signed = Buffer.concat([authenticatorData, sha256(clientData)]);
  if (!isSignature(signed, bytesOf(assertion.signature), key)) throw refused('the signature does not fit');
  return { statement, state };
}

function checkClientData(
  bytes: Uint8Array,
  expected: { readonly origin: string; readonly challenge: Uint8Array },
): void {
  const { type, challenge, origin, crossOrigin, topOrigin } = parseClientData(bytes);
  // A credential that is being made signs nothing of ours.
  if (type !== 'webauthn.get') throw refused('another type');
  if (challenge !== encodeBase64url(expected.challenge)) throw refused('another challenge');
  // Browsers write the page's origin here themselves: a look-alike page cannot ask for ours (phishing).
  if (origin !== expected.origin) throw refused('another origin');
  if ((crossOrigin !== undefined && crossOrigin !== false) || topOrigin !== undefined) throw refused('in a frame');
}

/** Members that we do not know are allowed: browsers may add some (§5.8.1). */
function parseClientData(bytes: Uint8Array): Record<string, unknown> {
  try {
    return parseStrictObject(bytes);
  } catch (cause) {
    throw refused('the client data is not strict JSON', cause);
  }
}

function readAuthenticatorData(bytes: Uint8Array, rpId: string): WebauthnState {
  if (bytes.length !== authenticatorDataBytes) throw refused('authenticator data of another length');
  if (!equalBytes(bytes.subarray(0, 32), sha256(rpId))) throw refused('another relying party');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint8(32);
  const has = (bit: number): boolean => (flags & bit) !== 0;
  if (!has(flag.userPresent)) throw refused('nobody was present');
  // Without it a finger on the sensor's button would do, anybody's finger.
  if (!has(flag.userVerified)) throw refused('nobody was verified');
  if (has(flag.attested) || has(flag.extensions)) throw refused('data that the flags promise is missing');
  if (has(flag.backedUp) && !has(flag.backupEligible)) throw refused('backed up, but not eligible');
  const backup = has(flag.backedUp) ? 'backed_up' : has(flag.backupEligible) ? 'eligible' : 'none';
  return { signCount: view.getUint32(33), backup };
}

/** ES256 in DER, as authenticators give it; an RSA credential signs with RS256 and never PS256 (§6.5.5). */
function isSignature(data: Uint8Array, signature: Uint8Array, { key, alg }: DeviceKey): boolean {
  if (alg !== 'ES256') return verifySignature(data, signature, { key, alg: 'RS256' });
  return verify('sha256', data, { key, dsaEncoding: 'der' }, signature);
}

function bytesOf(text: string): Uint8Array {
  const bytes = tryDecodeBase64url(text);
  if (bytes === undefined) throw refused('not base64url');
  return bytes;
}

function refused(why: string, cause?: unknown): AuthError {
  return new AuthError('invalid_request', {
    message: 'the assertion is not acceptable',
    detail: `WebAuthn: ${why}`,
    cause,
  });
}
