/** A portal's server that asks by CIBA, as well behaved or not as a test wants it, on a whole system. */
import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters, SignJWT } from 'jose';
import { createClient } from '../../../src/oidc/clients.ts';
import { bank, type System } from '../system/rig.ts';

export const cibaGrant = 'urn:openid:params:grant-type:ciba';

export interface CibaPortal {
  readonly id: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
  readonly webhookSecret: string | undefined;
}

export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly headers: Headers;
}

/** Registered with keys of its own; polls unless told otherwise. */
export async function addCibaPortal(system: System, metadata: Record<string, unknown> = {}): Promise<CibaPortal> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const publicJwk = { ...(await exportJWK(publicKey)), kid: randomUUID() };
  const { client, webhookSecret } = await createClient(
    system.server.capabilities.admin,
    {
      kind: 'portal',
      name: 'Call centre',
      metadata: {
        redirect_uris: ['https://desk.example/callback'],
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [publicJwk] },
        backchannel_token_delivery_mode: 'poll',
        scope: 'sign',
        ...metadata,
      },
    },
    bank,
  );
  return { id: client.id, privateKey, publicJwk, webhookSecret };
}

/** A correct signed request about that user, with whatever is to be different; a member that is undefined is left out. */
export function requestClaims(system: System, portal: CibaPortal, claims: Record<string, unknown> = {}): object {
  const now = Math.floor(Date.now() / 1000);
  const all = {
    iss: portal.id,
    aud: system.issuer,
    iat: now,
    nbf: now,
    exp: now + 300,
    jti: randomUUID(),
    scope: 'openid',
    login_hint: system.user.id,
    binding_message: 'Call with desk 4, code W4SCT',
    ...claims,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

export interface Asking {
  readonly claims?: Record<string, unknown>;
  readonly header?: Partial<JWTHeaderParameters>;
  /** Instead of the signed request. */
  readonly request?: string;
  /** Beside it; a member that is empty is left out. */
  readonly form?: Record<string, string>;
}

export function signRequest(
  portal: CibaPortal,
  claims: object,
  header: Partial<JWTHeaderParameters> = {},
): Promise<string> {
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: portal.publicJwk.kid ?? '', ...header })
    .sign(portal.privateKey);
}

/** The backchannel authentication request. */
export async function askByCiba(system: System, portal: CibaPortal, asking: Asking = {}): Promise<Answer> {
  const { claims, header, form = {} } = asking;
  const request = asking.request ?? (await signRequest(portal, requestClaims(system, portal, claims), header));
  return post(system, portal, '/oauth2/backchannel', request === '' ? form : { request, ...form });
}

/** The id of a request that was taken. */
export async function authReqIdOf(
  system: System,
  portal: CibaPortal,
  claims: Record<string, unknown> = {},
): Promise<string> {
  const { status, body } = await askByCiba(system, portal, { claims });
  if (status !== 200) throw new Error(`not taken: ${JSON.stringify(body)}`);
  return String(body['auth_req_id']);
}

/** The token request. */
export function poll(system: System, portal: CibaPortal, authReqId: string): Promise<Answer> {
  return post(system, portal, '/oauth2/token', { grant_type: cibaGrant, auth_req_id: authReqId });
}

/** A form POST of the portal, authenticated by its key. */
export async function post(
  system: System,
  portal: CibaPortal,
  path: string,
  form: Record<string, string>,
): Promise<Answer> {
  const response = await fetch(`${system.issuer}${path}`, {
    method: 'POST',
    headers: { accept: 'application/json' },
    body: new URLSearchParams({
      client_id: portal.id,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await assertionOf(system, portal),
      ...form,
    }),
  });
  return { status: response.status, body: (await response.json()) as Answer['body'], headers: response.headers };
}

export function assertionOf(system: System, portal: CibaPortal): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ jti: randomUUID() })
    .setProtectedHeader({ alg: 'ES256', kid: portal.publicJwk.kid ?? '' })
    .setIssuer(portal.id)
    .setSubject(portal.id)
    .setAudience(system.issuer)
    .setIssuedAt(now)
    .setExpirationTime(now + 60)
    .sign(portal.privateKey);
}
