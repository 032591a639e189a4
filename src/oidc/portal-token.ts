/** An access token that a portal presents to an API of this server: read, verified, with its key, and for what its portal may do now. */
import type { FastifyRequest } from 'fastify';
import type { JWTPayload } from 'jose';
import { AuthError } from '../errors.ts';
import { verifyAccessToken } from './access-token.ts';
import type { OidcDeps } from './deps.ts';
import { proveKey } from './dpop.ts';
import type { Client } from './store.ts';

type PortalTokenDeps = Pick<OidcDeps, 'records' | 'shortLived' | 'keys' | 'clock' | 'issuer'>;

const authorizationPattern = /^(Bearer|DPoP) ([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/i;
const maxLength = 8192;

/**
 * The claims of the request's token, which is for this audience and, where it is bound to a key, comes with the key's proof. Throws
 * `authentication_failed` whatever is wrong, `unavailable` where a store is down.
 */
export async function presentedClaims(
  deps: PortalTokenDeps,
  request: FastifyRequest,
  audience: string,
): Promise<JWTPayload> {
  const { authorization = '' } = request.headers;
  const [, scheme, token] = (authorization.length <= maxLength && authorizationPattern.exec(authorization)) || [];
  if (scheme === undefined || token === undefined) throw tokenRefusal('there is no access token');
  const claims = await verifyAccessToken(deps, token, audience);
  await checkBinding(deps, request, { token, claims, isBound: scheme.toLowerCase() === 'dpop' });
  return claims;
}

interface Presented {
  readonly token: string;
  readonly claims: JWTPayload;
  readonly isBound: boolean;
}

/** A bound token with its proof, and no other; a token without a key is no DPoP token (RFC 9449 §7.1, O-09). */
async function checkBinding(
  deps: PortalTokenDeps,
  { headers, method, url }: FastifyRequest,
  { token, claims, isBound }: Presented,
): Promise<void> {
  const { jkt } = (claims['cnf'] ?? {}) as { jkt?: unknown };
  if ((claims['cnf'] !== undefined) !== isBound) throw tokenRefusal('the scheme is not that of the token');
  if (!isBound) return;
  const { dpop } = headers;
  if (typeof dpop !== 'string') throw tokenRefusal('a bound token without its proof');
  const [path = ''] = url.split('?', 1);
  const thumbprint = await proveKey(deps, { proof: dpop, method, url: `${deps.issuer}${path}`, accessToken: token });
  if (thumbprint !== jkt) throw tokenRefusal('the proof is of another key');
}

/**
 * The active portal, if both the token and the registration of this moment hold the scope, so that taking it away works at once. Throws
 * `authentication_failed` for any other client, `access_denied` where the scope is lacking.
 */
export async function portalWithScope(
  { records }: Pick<OidcDeps, 'records'>,
  claims: JWTPayload,
  { clientId, scope }: { readonly clientId: string; readonly scope: string },
): Promise<Client> {
  const client = await records.clients.find(clientId);
  if (client?.status !== 'active' || client.kind !== 'portal') throw tokenRefusal('the portal is not active');
  const holds = (scopes: unknown): boolean => typeof scopes === 'string' && scopes.split(' ').includes(scope);
  if (!holds(claims['scope']) || !holds(client.metadata['scope'])) {
    throw new AuthError('access_denied', { message: `this takes the scope ${scope}` });
  }
  return client;
}

/** The one answer to a token that does not do; why is for the log. */
export function tokenRefusal(why: string): AuthError {
  return new AuthError('authentication_failed', { detail: `portal's token: ${why}` });
}
