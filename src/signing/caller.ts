/** Who calls the signing API: a portal's server, by an access token that it got in its own name. */
import type { FastifyRequest } from 'fastify';
import { proveKey } from '../account/dpop.ts';
import { AuthError } from '../errors.ts';
import { verifyAccessToken } from '../oidc/access-token.ts';
import { type OidcDeps, signingAudience, signingScope } from '../oidc/deps.ts';
import type { Client } from '../oidc/store.ts';

export type CallerDeps = Pick<OidcDeps, 'records' | 'shortLived' | 'keys' | 'clock' | 'issuer'>;

const authorizationPattern = /^(Bearer|DPoP) ([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/i;
const maxLength = 8192;

/**
 * The portal behind a request. How it authenticated, the provider has judged when it gave the token (private_key_jwt with its one-time
 * `jti`, or client_secret_basic); scope and status are those of this moment. Throws `authentication_failed`, or `access_denied` where
 * the portal may not ask for signatures.
 */
export async function signingCaller(deps: CallerDeps, request: FastifyRequest): Promise<Client> {
  const { authorization = '' } = request.headers;
  const [, scheme, token] = (authorization.length <= maxLength && authorizationPattern.exec(authorization)) || [];
  if (scheme === undefined || token === undefined) throw refusal('there is no access token');
  const claims = await verifyAccessToken(deps, token, signingAudience(deps.issuer));
  const { jkt } = (claims['cnf'] ?? {}) as { jkt?: unknown };
  // A bound token with its proof, and no other; a token without a key is no DPoP token (RFC 9449 §7.1, O-09).
  if ((claims['cnf'] !== undefined) !== (scheme.toLowerCase() === 'dpop'))
    throw refusal('the scheme is not that of the token');
  if (claims['cnf'] !== undefined && jkt !== (await provenKey(deps, request, token))) {
    throw refusal('the proof is of another key');
  }
  const clientId = claims['client_id'];
  // A token of a user, whoever got it, asks nobody to sign.
  if (typeof clientId !== 'string' || claims.sub !== clientId) throw refusal('it was not issued to a portal itself');
  const client = await deps.records.clients.find(clientId);
  if (client?.status !== 'active' || client.kind !== 'portal') throw refusal('the portal is not active');
  if (!holds(claims['scope']) || !holds(client.metadata['scope'])) {
    throw new AuthError('access_denied', { message: `this takes the scope ${signingScope}` });
  }
  return client;
}

async function provenKey(deps: CallerDeps, { headers, method, url }: FastifyRequest, accessToken: string) {
  const { dpop: proof } = headers;
  if (typeof proof !== 'string') throw refusal('a bound token without its proof');
  const [path = ''] = url.split('?', 1);
  return proveKey(deps, { proof, method, url: `${deps.issuer}${path}`, accessToken });
}

const holds = (scope: unknown): boolean => typeof scope === 'string' && scope.split(' ').includes(signingScope);

function refusal(detail: string): AuthError {
  return new AuthError('authentication_failed', { detail: `signing token: ${detail}` });
}
