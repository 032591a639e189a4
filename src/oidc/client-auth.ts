/** What a client assertion (RFC 7523, private_key_jwt) must say beyond what the provider checks itself. */
import { errors } from 'oidc-provider';
import { lifetimeSeconds } from './lifetimes.ts';

export interface AssertionRules {
  readonly issuer: string;
  /** Seconds since the epoch. */
  readonly now: number;
}

/**
 * Refuses with `invalid_client` an audience that is not the issuer as one string (O-07: a list, or an endpoint's URL, lets another
 * server replay the assertion here), a foreign subject, times beyond the tolerance (O-08) and a life so long that its `jti` could not be
 * remembered. Each member must be there: what is absent is not skipped (T23).
 */
export function assertClientAssertion(claims: Record<string, unknown>, { issuer, now }: AssertionRules): void {
  const refuse = (why: string): never => {
    throw new errors.InvalidClient(undefined, { detail: why });
  };
  const { aud, sub, iss, exp, iat, nbf, jti } = claims;
  if (aud !== issuer) refuse('the audience must be the issuer, as a string');
  if (typeof sub !== 'string' || sub !== iss) refuse('the subject must be the client');
  if (typeof jti !== 'string' || jti.length < 8 || jti.length > 256) refuse('the jti must have 8 to 256 characters');
  if (typeof exp !== 'number' || exp > now + lifetimeSeconds.clientAssertion + lifetimeSeconds.clockTolerance) {
    refuse('the assertion lives too long');
  }
  for (const time of [iat, nbf]) {
    if (time === undefined) continue;
    if (typeof time !== 'number' || time > now + lifetimeSeconds.clockTolerance)
      refuse('the assertion is from the future');
  }
}
