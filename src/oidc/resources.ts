/** Which access token a client gets for which resource: a JWT for one API (RFC 8707, RFC 9068), or an opaque one for userinfo. */
import {
  type AccessToken,
  type Client,
  type ClientCredentials,
  errors,
  type KoaContextWithOIDC,
  type ResourceServer,
} from 'oidc-provider';
import { grantLookup } from './adapter.ts';
import { accountAudience, accountScope, type OidcDeps, ownScopes, signingAudience, signingScope } from './deps.ts';
import { lifetimeSeconds } from './lifetimes.ts';

/** Names the grant behind an account token, by the hash under which it is kept. */
export const grantClaim = 'mtoken_grant';

/** The default resource of a client: the admin API for admin clients, the registered API of a portal, or none. */
export function defaultResource(
  { adminAudience }: Pick<OidcDeps, 'adminAudience'>,
  client: Client | undefined,
): string | undefined {
  if (client?.['mtoken_kind'] === 'admin') return adminAudience;
  const resource = client?.['mtoken_resource'];
  return typeof resource === 'string' ? resource : undefined;
}

/**
 * The default resource, or the signing API for a portal without an API of its own that asks for a signature: the provider wants one with
 * every `authorization_details`. The portal's tokens stay those for user information, and open nothing there.
 */
export function resourceForRequest(
  deps: Pick<OidcDeps, 'adminAudience' | 'issuer'>,
  { oidc }: KoaContextWithOIDC,
  client: Client | undefined,
): string | undefined {
  const own = defaultResource(deps, client);
  const isAsking = oidc.params?.['authorization_details'] !== undefined;
  return own === undefined && isAsking ? signingAudience(deps.issuer) : own;
}

/**
 * The resource and the scopes that this client may have there. Throws `invalid_target` for a resource that is not the client's own,
 * so that no portal gets a token for another's API or for the admin API (O-15), and `invalid_scope` for a scope that it may not have.
 */
export function resourceServerFor(
  deps: Pick<OidcDeps, 'adminAudience' | 'issuer'>,
  ctx: KoaContextWithOIDC,
  indicator: string,
  client: Client | undefined,
): ResourceServer {
  const registered = client?.['mtoken_scope'];
  const scope = typeof registered === 'string' ? registered : '';
  if (client?.['mtoken_kind'] === 'admin') refuseOtherScopes(ctx, scope);
  if (client?.['mtoken_kind'] === 'portal' && indicator === accountAudience(deps.issuer)) {
    if (!scope.split(' ').includes(accountScope)) throw new errors.InvalidTarget();
    return resourceServer(indicator, accountScope);
  }
  if (client?.['mtoken_kind'] === 'portal' && indicator === signingAudience(deps.issuer)) {
    if (!scope.split(' ').includes(signingScope)) throw new errors.InvalidTarget();
    return resourceServer(indicator, signingScope);
  }
  if (indicator !== defaultResource(deps, client)) throw new errors.InvalidTarget();
  const own = scope.split(' ').filter((name) => !ownScopes.includes(name));
  return resourceServer(indicator, own.join(' '));
}

function resourceServer(indicator: string, scope: string): ResourceServer {
  return {
    scope,
    audience: indicator,
    accessTokenFormat: 'jwt',
    accessTokenTTL: lifetimeSeconds.accessToken,
    jwt: { sign: { alg: 'ES256' } },
  };
}

/** Asking for more than was registered is an error, not a token that silently lacks it. */
function refuseOtherScopes(ctx: KoaContextWithOIDC, allowed: string): void {
  const known = new Set(allowed.split(' '));
  for (const scope of ctx.oidc.requestParamScopes) {
    if (scope !== '' && !known.has(scope)) throw new errors.InvalidScope('this client may not have the scope', scope);
  }
}

/** Claims that RFC 9068 §2.2 wants in an access token: how and when its user was authenticated, never raised by a refresh (S-13). */
export function accessTokenClaims(
  { issuer, sealing }: Pick<OidcDeps, 'issuer' | 'sealing'>,
  ctx: KoaContextWithOIDC,
  token: AccessToken | ClientCredentials,
): Record<string, unknown> | undefined {
  if (token.kind === 'ClientCredentials') {
    const companyId = ctx.oidc.client?.['mtoken_company_id'];
    return companyId === undefined ? undefined : { company_id: companyId };
  }
  const { AuthorizationCode: code, RefreshToken: refresh, BackchannelAuthenticationRequest: asked } = ctx.oidc.entities;
  const source = code ?? refresh ?? asked;
  if (source === undefined) return undefined;
  const authenticated = { auth_time: source.authTime, acr: source.acr, amr: source.amr };
  if (token.resourceServer?.audience !== accountAudience(issuer)) return authenticated;
  return { ...authenticated, [grantClaim]: grantLookup(sealing, source.grantId ?? '') };
}
