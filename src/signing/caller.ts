/** Who calls the signing API: a portal's server, by an access token that it got in its own name. */
import type { FastifyRequest } from 'fastify';
import { type OidcDeps, signingAudience, signingScope } from '../oidc/deps.ts';
import { portalWithScope, presentedClaims, tokenRefusal } from '../oidc/portal-token.ts';
import type { Client } from '../oidc/store.ts';

export type CallerDeps = Pick<OidcDeps, 'records' | 'shortLived' | 'keys' | 'clock' | 'issuer'>;

/**
 * The portal behind a request. How it authenticated, the provider has judged when it gave the token (private_key_jwt with its one-time
 * `jti`, or client_secret_basic); scope and status are those of this moment. Throws `authentication_failed`, or `access_denied` where
 * the portal may not ask for signatures.
 */
export async function signingCaller(deps: CallerDeps, request: FastifyRequest): Promise<Client> {
  const claims = await presentedClaims(deps, request, signingAudience(deps.issuer));
  const clientId = claims['client_id'];
  // A token of a user, whoever got it, asks nobody to sign.
  if (typeof clientId !== 'string' || claims.sub !== clientId)
    throw tokenRefusal('it was not issued to a portal itself');
  return portalWithScope(deps, claims, { clientId, scope: signingScope });
}
