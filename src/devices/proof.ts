/** Proof of possession of the device key: DPoP (RFC 9449) with the hash of the body, so that the signature covers the whole request. */
import { Compile } from 'typebox/compile';
import type { Clock } from '../clock.ts';
import { encodeBase64url, frame, sha256 } from '../crypto/bytes.ts';
import type { KeyCache, PublicKeyMembers } from '../crypto/jwk.ts';
import { verifySelfSignedJws } from '../crypto/jws.ts';
import { AuthError } from '../errors.ts';
import { DpopClaims } from '../protocol/envelope.ts';
import { proofWindowSeconds, typ } from '../protocol/names.ts';
import type { ShortLivedStore } from '../store/ports.ts';

const claimsSchema = Compile(DpopClaims);
/** Longer than a proof can be accepted: from a minute before its `iat` to a minute after it. */
const replayWindowMs = (2 * proofWindowSeconds + 10) * 1000;
const maxProofLength = 4096;

export interface ProofDeps {
  readonly shortLived: ShortLivedStore;
  readonly clock: Clock;
  /** Imported keys, for speed. */
  readonly keyCache?: KeyCache;
}

/** The request that the proof must be about. */
export interface ProofCheck {
  /** The `DPoP` header. */
  readonly proof: string;
  readonly method: string;
  /** The endpoint's full URL, as the issuer spells it. */
  readonly url: string;
  /** The body's bytes as they travelled. */
  readonly body: Uint8Array;
  /** Within a session: what `Authorization: DPoP` carried. Then `ath` must be there, otherwise it must not. */
  readonly accessToken?: string | undefined;
}

/** Who signed. That the key is anybody's is not said. */
export interface ProofOfPossession {
  readonly publicJwk: PublicKeyMembers;
  /** RFC 7638. */
  readonly thumbprint: string;
  readonly jti: string;
  /** Seconds. */
  readonly iat: number;
}

/**
 * Verifies the proof and uses up its `jti` (docs/protocol.md §3). Throws `invalid_request` with one message whatever is wrong with it:
 * type, algorithm, key, signature, claims, time, replay; `unavailable` where the replay memory is down, for without it a recorded
 * request would be accepted again (P-23).
 */
export async function verifyDpop(deps: ProofDeps, check: ProofCheck): Promise<ProofOfPossession> {
  const { deviceKey, payload } = verifySignature(check.proof, deps.keyCache);
  if (!claimsSchema.Check(payload)) throw refused('claims do not fit the schema');
  checkClaims(payload, check, deps.clock.now());
  const { thumbprint, publicJwk } = deviceKey;
  const used = encodeBase64url(sha256(frame([thumbprint, payload.jti])));
  if (!(await deps.shortLived.create(`jti:{${used}}`, '1', replayWindowMs))) throw refused('jti used before');
  return { publicJwk, thumbprint, jti: payload.jti, iat: payload.iat };
}

function verifySignature(token: string, cache: KeyCache | undefined): ReturnType<typeof verifySelfSignedJws> {
  try {
    return verifySelfSignedJws({ token, typ: typ.dpop, maxLength: maxProofLength, ...(cache && { cache }) });
  } catch (cause) {
    throw refused('signature', cause);
  }
}

function checkClaims(claims: DpopClaims, check: ProofCheck, now: number): void {
  if (claims.htm !== check.method) throw refused('htm');
  // Spelled exactly: a proof for one endpoint must not be accepted at another.
  if (claims.htu !== check.url) throw refused('htu');
  if (Math.abs(now - claims.iat * 1000) > proofWindowSeconds * 1000) throw refused('iat');
  if (claims.bh !== encodeBase64url(sha256(check.body))) throw refused('bh');
  const expected = check.accessToken === undefined ? undefined : encodeBase64url(sha256(check.accessToken));
  if (claims.ath !== expected) throw refused('ath');
}

function refused(why: string, cause?: unknown): AuthError {
  return new AuthError('invalid_request', {
    message: 'the proof of possession is not acceptable',
    detail: `DPoP: ${why}`,
    cause,
  });
}
