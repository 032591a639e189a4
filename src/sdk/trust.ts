/** Which server keys this phone trusts: from the thumbprint in the activation text to signed key sets (protocol §2, P-27, C-12). */
import { calculateJwkThumbprint, generalVerify, importJWK, type JWK } from 'jose';
import { type Static, Type } from 'typebox';
import { PublicJwk, strict } from '../protocol/common.ts';
import { typ } from '../protocol/names.ts';
import { fromBase64url, fromUtf8 } from './bytes.ts';
import { PhoneError } from './errors.ts';
import type { Http } from './http.ts';
import { matches, parseJson } from './matches.ts';

const EnvelopeAlg = Type.Union([Type.Literal('ECDH-ES'), Type.Literal('RSA-OAEP-256')]);
/** How a request before a session is encrypted. */
export type EnvelopeAlg = Static<typeof EnvelopeAlg>;

/** The keys of one accepted key set; `kid` is the thumbprint, computed here and never taken from the server. */
export const TrustedKeys = strict({
  /** When the server signed the newest set that was accepted, in seconds: an older one is never accepted again. */
  iat: Type.Integer(),
  signing: Type.Array(strict({ kid: Type.String(), jwk: PublicJwk }), { minItems: 1 }),
  envelope: Type.Array(strict({ kid: Type.String(), alg: EnvelopeAlg, jwk: PublicJwk }), { minItems: 1 }),
});
export type TrustedKeys = Static<typeof TrustedKeys>;

const SignedKeySet = Type.Object({
  payload: Type.String(),
  signatures: Type.Array(Type.Object({ protected: Type.String(), signature: Type.String() }), {
    minItems: 1,
    maxItems: 32,
  }),
});
const KeySetPayload = Type.Object({
  iss: Type.String(),
  iat: Type.Integer(),
  keys: Type.Array(Type.Record(Type.String(), Type.Unknown()), { maxItems: 64 }),
});

/** Servers of one installation may differ a little in time: this much older is not yet an old set. */
const rollbackToleranceSeconds = 120;

/**
 * Fetches `<issuer>/.well-known/mtoken-keys` and accepts it only if a key that is trusted already signed it. `trusted` is the
 * thumbprint from the activation text, or the set accepted before. Throws `server_not_authentic`.
 */
export async function fetchTrustedKeys(
  http: Http,
  issuer: string,
  trusted: string | TrustedKeys,
): Promise<TrustedKeys> {
  const reply = await http({ url: `${issuer}/.well-known/mtoken-keys`, headers: { accept: 'application/json' } });
  if (reply.status >= 500 || reply.status === 429) throw new PhoneError('unavailable');
  const signed = parseJson(reply.text);
  if (reply.status !== 200 || !matches(SignedKeySet, signed)) throw notTrusted('it gives no signed key set');
  return verifyKeySet(signed, issuer, trusted);
}

async function verifyKeySet(signed: Static<typeof SignedKeySet>, issuer: string, trusted: string | TrustedKeys) {
  const payload = readPayload(signed.payload);
  const accepted = await sortKeys(payload);
  const known = typeof trusted === 'string' ? accepted.signing.filter(({ kid }) => kid === trusted) : trusted.signing;
  // With a thumbprint, the key itself comes from the set: it is the right one because its own hash is the thumbprint.
  if (!(await isSignedByOne(signed, typ.keys, known))) throw notTrusted('its key set is not signed by a trusted key');
  if (payload.iss !== issuer) throw notTrusted(`its key set is that of ${payload.iss}`);
  if (typeof trusted === 'string') return accepted;
  if (payload.iat < trusted.iat - rollbackToleranceSeconds) {
    // Stops an attacker with a retired key from bringing back the set in which it was still trusted.
    throw notTrusted('its key set is older than the one known');
  }
  // Never less than before: set by set, each a little older, somebody would lead the phone back for days.
  return { ...accepted, iat: Math.max(accepted.iat, trusted.iat) };
}

function readPayload(payload: string): Static<typeof KeySetPayload> {
  const bytes = fromBase64url(payload);
  const value = bytes === undefined ? undefined : parseJson(fromUtf8(bytes));
  if (!matches(KeySetPayload, value)) throw notTrusted('its key set is malformed');
  return value;
}

/** Whether something is a document that a trusted key has signed as what `type` says. Its payload is still to be judged. */
export async function isSignedUnder(document: unknown, type: string, trusted: TrustedKeys): Promise<boolean> {
  return matches(SignedKeySet, document) && isSignedByOne(document, type, trusted.signing);
}

async function isSignedByOne(
  signed: Static<typeof SignedKeySet>,
  type: string,
  keys: TrustedKeys['signing'],
): Promise<boolean> {
  for (const { jwk } of keys) {
    try {
      const key = await importJWK({ ...jwk } as JWK, 'ES256');
      const { protectedHeader } = await generalVerify(signed, key, { algorithms: ['ES256'] });
      if (protectedHeader?.typ === type) return true;
    } catch {
      // Not signed by this key; another may have.
    }
  }
  return false;
}

/** The keys that this protocol can use; others in the set, such as RS256 keys for portals, are passed over. */
async function sortKeys({ iat, keys }: Static<typeof KeySetPayload>): Promise<TrustedKeys> {
  const signing: TrustedKeys['signing'] = [];
  const envelope: TrustedKeys['envelope'] = [];
  for (const key of keys) {
    const { use } = key;
    const jwk: unknown = key['kty'] === 'EC' ? pick(key, ['kty', 'crv', 'x', 'y']) : pick(key, ['kty', 'n', 'e']);
    if (!matches(PublicJwk, jwk)) continue;
    const kid = await calculateJwkThumbprint({ ...jwk } as JWK);
    if (use === 'sig' && jwk.kty === 'EC') signing.push({ kid, jwk });
    if (use === 'enc') envelope.push({ kid, jwk, alg: jwk.kty === 'EC' ? 'ECDH-ES' : 'RSA-OAEP-256' });
  }
  const sorted = { iat, signing, envelope };
  if (!matches(TrustedKeys, sorted)) throw notTrusted('its key set lacks a signing key or an envelope key');
  return sorted;
}

function pick(key: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, key[name]]));
}

function notTrusted(detail: string): PhoneError {
  return new PhoneError('server_not_authentic', { detail });
}
