/** Checks the access tokens that admin clients present to the admin API (RFC 9068 §4). */
import { createLocalJWKSet, type JWTPayload, errors as joseErrors, jwtVerify } from 'jose';
import { AuthError } from '../errors.ts';
import { type AdminScope, adminScopes, type OidcDeps } from './deps.ts';
import { lifetimeSeconds } from './lifetimes.ts';

/** Who calls the admin API and what it may do there. */
export interface AdminCaller {
  readonly clientId: string;
  readonly name: string;
  /** The company that it is confined to; undefined for the bank's own. */
  readonly companyId: string | undefined;
  readonly scopes: ReadonlySet<AdminScope>;
}

type VerifyDeps = Pick<OidcDeps, 'records' | 'keys' | 'clock' | 'issuer' | 'adminAudience'>;

const bearerPattern = /^Bearer ([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/i;
const maxLength = 8192;

/**
 * Verifies an `Authorization` header's bearer token: type, signature, issuer, audience, times, subject, and that the client and the
 * company that it is confined to are still active. Scopes and company are the client's own of this moment, so that taking one away works at once. Throws `authentication_failed`
 * whatever is wrong, with the reason in `detail`.
 */
export async function verifyAdminToken(deps: VerifyDeps, authorization: string | undefined): Promise<AdminCaller> {
  if (authorization === undefined || authorization.length > maxLength) throw refusal('there is no bearer token');
  const [, token] = bearerPattern.exec(authorization) ?? [];
  if (token === undefined) throw refusal('the header is not "Bearer" and a JWT');
  const claims = await verifyAccessToken(deps, token, deps.adminAudience);
  // A token that is bound to a key is not a bearer token (RFC 9449 §7.1): without the proof it may be stolen.
  if (claims['cnf'] !== undefined) throw refusal('the token is bound to a key');
  const clientId = claims['client_id'];
  if (typeof clientId !== 'string' || claims.sub !== clientId)
    throw refusal('the token was not issued to a client itself');
  const client = await deps.records.clients.find(clientId);
  if (client?.status !== 'active' || client.kind !== 'admin') throw refusal('the client is not an active admin client');
  if (!(await mayAct(deps, client.companyId))) throw refusal('the company of the client is not active');
  const registered = scopesOf(client.metadata['scope']);
  const scopes = new Set([...scopesOf(claims['scope'])].filter((scope) => registered.has(scope)));
  return { clientId, name: client.name, companyId: client.companyId, scopes };
}

/** A company that the bank suspends or closes loses its own administration too, its users' data first (T31). */
async function mayAct({ records }: VerifyDeps, companyId: string | undefined): Promise<boolean> {
  return companyId === undefined || (await records.companies.find(companyId))?.status === 'active';
}

/**
 * The claims of a JWT access token that this server has issued for `audience` and that has not expired; whether its session still
 * lives, it does not tell. Throws `authentication_failed` whatever is wrong, with the reason in `detail`.
 */
export async function verifyAccessToken(
  { keys, clock, issuer }: Pick<OidcDeps, 'keys' | 'clock' | 'issuer'>,
  token: string,
  audience: string,
): Promise<JWTPayload> {
  const signingKeys = keys.publicJwks().keys.filter(({ use }) => use === 'sig');
  try {
    const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: signingKeys }), {
      // The type keeps ID tokens, logout tokens and everything else that these keys sign from passing as access tokens (O-15).
      typ: 'at+jwt',
      algorithms: ['ES256'],
      issuer,
      audience,
      requiredClaims: ['sub', 'client_id', 'exp', 'iat', 'jti'],
      clockTolerance: lifetimeSeconds.clockTolerance,
      currentDate: new Date(clock.now()),
    });
    return payload;
  } catch (cause) {
    if (cause instanceof joseErrors.JOSEError) throw refusal(cause.message, cause);
    throw cause;
  }
}

function scopesOf(scope: unknown): Set<AdminScope> {
  const named = typeof scope === 'string' ? scope.split(' ') : [];
  return new Set(adminScopes.filter((known) => named.includes(known)));
}

function refusal(detail: string, cause?: unknown): AuthError {
  return new AuthError('authentication_failed', { detail: `access token: ${detail}`, cause });
}
