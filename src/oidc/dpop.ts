/** Proof of possession for a bound access token at a resource (RFC 9449 §7), as any client library makes it. */
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Clock } from '../clock.ts';
import { encodeBase64url, frame, sha256 } from '../crypto/bytes.ts';
import { verifySelfSignedJws } from '../crypto/jws.ts';
import { AuthError } from '../errors.ts';
import { proofWindowSeconds, typ } from '../protocol/names.ts';
import type { ShortLivedStore } from '../store/ports.ts';

/** Other members are allowed: the form is the libraries', not ours. */
const Claims = Type.Object({
  jti: Type.String({ minLength: 8, maxLength: 256 }),
  htm: Type.String(),
  htu: Type.String(),
  iat: Type.Integer(),
  ath: Type.String(),
});
const claimsSchema = Compile(Claims);
const maxProofLength = 4096;
/** Longer than a proof can be accepted: from a minute before its `iat` to a minute after it. */
const replayWindowMs = (2 * proofWindowSeconds + 10) * 1000;

export interface ResourceProof {
  /** The `DPoP` header. */
  readonly proof: string;
  readonly method: string;
  /** Scheme, host and path, as the issuer spells them. */
  readonly url: string;
  readonly accessToken: string;
}

/**
 * The thumbprint of the key that signed the proof for this very request and token, whose `jti` is used up. Throws
 * `authentication_failed` whatever is wrong with it, `unavailable` where the replay memory is down (P-23).
 */
export async function proveKey(
  { shortLived, clock }: { readonly shortLived: ShortLivedStore; readonly clock: Clock },
  request: ResourceProof,
): Promise<string> {
  const { thumbprint, claims } = readProof(request.proof);
  const isOurs =
    claims.htm === request.method &&
    claims.htu === request.url &&
    claims.ath === encodeBase64url(sha256(request.accessToken)) &&
    Math.abs(clock.now() - claims.iat * 1000) <= proofWindowSeconds * 1000;
  if (!isOurs) throw refusal('it is for another request, token or time');
  const used = encodeBase64url(sha256(frame([thumbprint, claims.jti])));
  if (!(await shortLived.create(`account.jti:{${used}}`, '1', replayWindowMs))) throw refusal('jti used before');
  return thumbprint;
}

function readProof(token: string): { readonly thumbprint: string; readonly claims: Static<typeof Claims> } {
  try {
    const { deviceKey, payload } = verifySelfSignedJws({ token, typ: typ.dpop, maxLength: maxProofLength });
    if (claimsSchema.Check(payload)) return { thumbprint: deviceKey.thumbprint, claims: payload };
  } catch (cause) {
    throw refusal('signature', cause);
  }
  throw refusal('claims');
}

function refusal(why: string, cause?: unknown): AuthError {
  return new AuthError('authentication_failed', { detail: `DPoP proof: ${why}`, cause });
}
