/** Client metadata: what may be registered, every member judged, and how the provider sees it. */
import { createPublicKey, type JsonWebKeyInput } from 'node:crypto';
import type { AdapterPayload } from 'oidc-provider';
import { AuthError } from '../errors.ts';
import { acr } from '../protocol/names.ts';
import { asksByCiba, cibaGrantType, completeCiba, forProvider } from './ciba-metadata.ts';
import { adminScopes, ownScopes, signingScope } from './deps.ts';
import { detailTypes } from './detail-types.ts';
import { checkLogo, logoMember, withoutLogo } from './logo.ts';
import type { Client } from './store.ts';

type Metadata = Readonly<Record<string, unknown>>;

/** Members of this project's own, beside those of OpenID Connect. */
export const extraClientMetadata = ['mtoken_kind', 'mtoken_scope', 'mtoken_resource', 'mtoken_company_id'] as const;

/** What a client id looks like. Anything else is no client, and is not looked for. */
export const clientIdPattern = /^[A-Za-z0-9._-]{3,64}$/;

const maxUris = 20;
const maxUriLength = 2000;
const maxKeys = 10;
const loopbackHosts: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

type Judge = (value: unknown, name: string) => unknown;

const oneOf =
  (...allowed: readonly (string | number | boolean)[]): Judge =>
  (value, name) => {
    if (allowed.some((choice) => choice === value)) return value;
    throw refusal(`${name} must be ${allowed.join(' or ')}`);
  };
const uris: Judge = (value, name) => {
  if (!Array.isArray(value) || value.length === 0 || value.length > maxUris) {
    throw refusal(`${name} must be a list of 1 to ${maxUris} URLs`);
  }
  return [...new Set(value.map((uri) => webUri(uri, name)))];
};
const isBoolean = oneOf(true, false);

const portalMembers: Readonly<Record<string, Judge>> = {
  redirect_uris: uris,
  post_logout_redirect_uris: uris,
  backchannel_logout_uri: webUri,
  // Always: a portal that gets no sid cannot tell which of its sessions ends.
  backchannel_logout_session_required: oneOf(true),
  token_endpoint_auth_method: oneOf('client_secret_basic', 'private_key_jwt', 'none'),
  token_endpoint_auth_signing_alg: oneOf('ES256', 'PS256'),
  jwks: publicKeys,
  require_pushed_authorization_requests: isBoolean,
  dpop_bound_access_tokens: isBoolean,
  id_token_signed_response_alg: oneOf('ES256', 'RS256'),
  grant_types: grantTypes,
  default_max_age: seconds,
  default_acr_values: acrValues,
  resource: webUri,
  scope: scopeList,
  // Never push: a token that is sent could be sent to a wrong place, and FAPI-CIBA forbids it.
  backchannel_token_delivery_mode: oneOf('poll', 'ping'),
  backchannel_client_notification_endpoint: webUri,
  backchannel_authentication_request_signing_alg: oneOf('ES256', 'PS256'),
  signing_webhook_uri: webUri,
  [logoMember]: checkLogo,
};

const adminMembers: Readonly<Record<string, Judge>> = {
  token_endpoint_auth_method: oneOf('private_key_jwt'),
  token_endpoint_auth_signing_alg: oneOf('ES256', 'PS256'),
  jwks: publicKeys,
  dpop_bound_access_tokens: oneOf(false),
  scope: adminScopeList,
};

/**
 * Checks client metadata and completes it with what it leaves to defaults. `scope` names the scopes of `resource` (portal) or of the
 * admin API (admin client). Throws `invalid_request` with the member and what was expected; a member that is not known is refused,
 * because ignoring `jwks_uri` or `response_types` would promise what is not kept.
 */
export function checkMetadata(kind: Client['kind'], metadata: Metadata): Record<string, unknown> {
  const members = kind === 'portal' ? portalMembers : adminMembers;
  const checked: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(metadata)) {
    const judge = Object.hasOwn(members, name) ? members[name] : undefined;
    if (judge === undefined) throw refusal(`${name} cannot be set for ${kind} clients`);
    checked[name] = judge(value, name);
  }
  return kind === 'portal' ? completePortal(checked) : completeAdmin(checked);
}

function completePortal(metadata: Record<string, unknown>): Record<string, unknown> {
  if (metadata['redirect_uris'] === undefined) throw refusal('redirect_uris is required');
  const method = metadata['token_endpoint_auth_method'] ?? 'client_secret_basic';
  requireKeysFor(method, metadata);
  const { scope = '' } = metadata;
  const scopes = typeof scope === 'string' ? scope.split(' ') : [];
  const isForOwnApi = metadata['scope'] !== undefined && scopes.some((scope) => !ownScopes.includes(scope));
  if (isForOwnApi && metadata['resource'] === undefined) {
    throw refusal(`scope needs a resource, unless it holds ${ownScopes.join(' and ')} alone`);
  }
  if (method === 'none' && scopes.includes(signingScope)) {
    throw refusal(`the scope ${signingScope} is for portals that authenticate`);
  }
  return {
    id_token_signed_response_alg: 'ES256',
    grant_types: ['authorization_code'],
    ...metadata,
    token_endpoint_auth_method: method,
    ...completeCiba({ ...metadata, token_endpoint_auth_method: method }),
    ...(metadata['backchannel_logout_uri'] === undefined ? {} : { backchannel_logout_session_required: true }),
  };
}

function completeAdmin(metadata: Record<string, unknown>): Record<string, unknown> {
  if (metadata['scope'] === undefined) throw refusal('scope is required');
  requireKeysFor('private_key_jwt', metadata);
  return { ...metadata, token_endpoint_auth_method: 'private_key_jwt' };
}

function requireKeysFor(method: unknown, metadata: Metadata): void {
  if ((method === 'private_key_jwt') === (metadata['jwks'] !== undefined)) return;
  throw refusal(method === 'private_key_jwt' ? 'private_key_jwt needs jwks' : 'jwks is for private_key_jwt only');
}

/** The metadata as the provider reads it: OpenID Connect's names, and what no registration may choose. */
export function toProviderMetadata(client: Client): AdapterPayload {
  const { scope, resource, signing_webhook_uri: _webhook, ...metadata } = withoutLogo(client.metadata);
  const isPortal = client.kind === 'portal';
  const maySign = mayAskForSignatures(client);
  return {
    ...metadata,
    client_id: client.id,
    client_name: client.name,
    ...(client.secret === undefined ? {} : { client_secret: client.secret }),
    application_type: 'web',
    subject_type: 'public',
    response_types: isPortal ? ['code'] : [],
    ...(isPortal ? {} : { grant_types: ['client_credentials'], redirect_uris: [] }),
    // The portal's server asks in its own name, with a token of the signing API alone.
    ...(isPortal ? { grant_types: [...grantsOf(metadata), ...grantsBeside(metadata, maySign)] } : {}),
    // By the same door or by a redirect: who may ask for one signature may ask for all.
    authorization_details_types: maySign ? [...detailTypes] : [],
    ...forProvider(metadata),
    mtoken_kind: client.kind,
    mtoken_scope: scope ?? '',
    mtoken_resource: resource,
    mtoken_company_id: client.companyId,
  };
}

/** Whether the client is a portal whose registration lets it have things signed, by whichever door. */
export function mayAskForSignatures({ kind, metadata: { scope } }: Pick<Client, 'kind' | 'metadata'>): boolean {
  return kind === 'portal' && typeof scope === 'string' && scope.split(' ').includes(signingScope);
}

function grantsBeside(metadata: Metadata, maySign: boolean): readonly string[] {
  return [...(maySign ? ['client_credentials'] : []), ...(asksByCiba(metadata) ? [cibaGrantType] : [])];
}

/** As the registration left them. */
function grantsOf(metadata: Metadata): readonly string[] {
  return (metadata['grant_types'] as readonly string[] | undefined) ?? [];
}

/** An absolute https URL (http on loopback), as it stands: redirect URIs are compared character by character (O-01). */
function webUri(value: unknown, name: string): string {
  if (typeof value !== 'string' || value.length > maxUriLength || !URL.canParse(value)) {
    throw refusal(`${name} must be a URL of at most ${maxUriLength} characters`);
  }
  const url = new URL(value);
  const isLoopback = url.protocol === 'http:' && loopbackHosts.has(url.hostname);
  if (url.protocol !== 'https:' && !isLoopback) throw refusal(`${name} must use https (http on loopback only)`);
  if (value.includes('#')) throw refusal(`${name} must not have a fragment`);
  if (value.includes('*')) throw refusal(`${name} must be exact: there are no wildcards`);
  if (url.username !== '' || url.password !== '') throw refusal(`${name} must not hold a user or password`);
  // Spaces, tabs, upper-case hosts and dot segments are read differently by different parsers.
  if (url.href !== value && url.href !== `${value}/`)
    throw refusal(`${name} must be written in its normal form, ${url.href}`);
  return value;
}

function grantTypes(value: unknown, name: string): unknown {
  const text = JSON.stringify(value);
  if (text === '["authorization_code"]' || text === '["authorization_code","refresh_token"]') return value;
  throw refusal(`${name} must be ["authorization_code"] or ["authorization_code","refresh_token"]`);
}

function seconds(value: unknown, name: string): unknown {
  if (Number.isSafeInteger(value) && Number(value) >= 0) return value;
  throw refusal(`${name} must be a whole number of seconds`);
}

function acrValues(value: unknown, name: string): unknown {
  if (JSON.stringify(value) === JSON.stringify([acr])) return value;
  throw refusal(`${name} must be ["${acr}"]`);
}

function scopeList(value: unknown, name: string): string {
  if (typeof value === 'string' && value.length <= 1000 && /^[\w.:/-]+( [\w.:/-]+)*$/.test(value)) return value;
  throw refusal(`${name} must be scopes with one space between them`);
}

function adminScopeList(value: unknown, name: string): string {
  const scopes = scopeList(value, name).split(' ');
  const known: readonly string[] = adminScopes;
  const stranger = scopes.find((scope) => !known.includes(scope));
  if (stranger !== undefined) throw refusal(`${name} may hold ${known.join(' ')}`);
  return [...new Set(scopes)].join(' ');
}

/** A set of public P-256 or RSA signing keys. Keys are sent, never fetched: the server makes no request to an address that a client names. */
function publicKeys(value: unknown, name: string): unknown {
  const keys = typeof value === 'object' && value !== null ? (value as { keys?: unknown }).keys : undefined;
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > maxKeys) {
    throw refusal(`${name} must be {"keys":[…]} with 1 to ${maxKeys} keys`);
  }
  return { keys: keys.map((key, index) => publicKey(key, `${name}.keys[${index}]`)) };
}

function publicKey(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw refusal(`${name} must be a JWK`);
  const { kty, crv, x, y, n, e, kid, ...rest } = value as Record<string, unknown>;
  const secret = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'].find((member) => member in rest);
  if (secret !== undefined) throw refusal(`${name} is a private key; send the public part only, and make a new key`);
  if (kid !== undefined && typeof kid !== 'string') throw refusal(`${name}.kid must be text`);
  const named = kid === undefined ? {} : { kid };
  if (kty === 'EC' && crv === 'P-256')
    return { ...validKey({ kty, crv, x, y }, name), ...named, alg: 'ES256', use: 'sig' };
  if (kty === 'RSA') return { ...validKey({ kty, n, e }, name), ...named, alg: 'PS256', use: 'sig' };
  throw refusal(`${name} must be a P-256 or RSA key`);
}

/** Lets OpenSSL judge: a point off the curve or a modulus that is none is refused here, not at the first login (C-08). */
function validKey(jwk: Record<string, unknown>, name: string): Record<string, unknown> {
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' } as JsonWebKeyInput);
    const details = key.asymmetricKeyDetails;
    const isStrong =
      jwk['kty'] === 'EC' || ((details?.modulusLength ?? 0) >= 2048 && details?.publicExponent === 65537n);
    if (isStrong) return jwk;
  } catch (cause) {
    throw new AuthError('invalid_request', { message: `${name} is not a valid key`, cause });
  }
  throw refusal(`${name} must have at least 2048 bits and e = 65537`);
}

function refusal(message: string): AuthError {
  return new AuthError('invalid_request', { message });
}
