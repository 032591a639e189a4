/** A portal's server as the load has it: asks for signatures by the signing API and by CIBA, authenticated by its key. */
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { systemClock } from '../../src/clock.ts';
import { checkDeviceKey } from '../../src/crypto/jwk.ts';
import { signCompactJws } from '../../src/crypto/jws.ts';
import { createClient } from '../../src/oidc/clients.ts';
import type { Receipt } from '../../src/protocol/receipt.ts';
import type { SigningFrame, SigningOrder } from '../../src/protocol/signing-api.ts';
import type { RecordStore } from '../../src/store/records.ts';
import type { Connections } from './http-client.ts';

/** As it is registered. */
export interface SigningPortal {
  readonly clientId: string;
  readonly key: KeyObject;
  readonly kid: string;
}

/** What a portal asks for. */
export interface AskedToSign {
  readonly userId: string;
  readonly template: string;
  readonly fields: object;
}

export interface PortalCalls {
  create(asked: AskedToSign): Promise<SigningOrder>;
  frame(signingId: string): Promise<SigningFrame>;
  read(signingId: string): Promise<SigningOrder>;
  /** By CIBA; answers `auth_req_id`. */
  askByCiba(asked: AskedToSign): Promise<string>;
  /** The tokens of an approved request by CIBA: the id of what was signed. */
  redeem(authReqId: string): Promise<string>;
}

/** Registers a portal for the signing API and for CIBA in poll mode. */
export async function registerSigningPortal(records: RecordStore): Promise<SigningPortal> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { publicJwk, thumbprint: kid } = checkDeviceKey(publicKey.export({ format: 'jwk' }));
  const metadata = {
    redirect_uris: ['http://localhost:9/callback'],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [{ ...publicJwk, kid }] },
    scope: 'sign',
    backchannel_token_delivery_mode: 'poll',
  };
  const input = { kind: 'portal', name: 'Bench portal', metadata } as const;
  const { client } = await createClient({ records, clock: systemClock }, input, { name: 'bench' });
  return { clientId: client.id, key: privateKey, kid };
}

/** The portal at a server. */
export function signingPortal(portal: SigningPortal, issuer: string, connections: Connections): PortalCalls {
  const token = tokenKeeper(portal, issuer, connections);
  const api = async <T>(method: 'GET' | 'POST', path: string, body?: object): Promise<T> => {
    const { status, text } = await connections.send({
      method,
      path: `/signing/v1/orders${path}`,
      headers: {
        authorization: `Bearer ${await token()}`,
        ...(body && { 'content-type': 'application/json', 'idempotency-key': unique() }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
    return JSON.parse(text) as T;
  };
  return {
    create: ({ userId: user, template, fields }) =>
      api('POST', '', { user, template, version: 1, fields, locale: 'en', reference: unique() }),
    frame: (signingId) => api('GET', `/${signingId}/frame`),
    read: (signingId) => api('GET', `/${signingId}`),
    askByCiba: async ({ userId, template, fields }) => {
      const type = `urn:mtoken:signing:${template}:v1`;
      const details = { authorization_details: [{ type, reference: unique(), fields }] };
      const request = signed(portal, issuer, { scope: 'openid', login_hint: userId, ...details });
      const answer = await form(portal, { issuer, connections }, '/oauth2/backchannel', { request });
      return String(answer['auth_req_id']);
    },
    redeem: async (authReqId) => {
      const grant = { grant_type: 'urn:openid:params:grant-type:ciba', auth_req_id: authReqId };
      const answer = await form(portal, { issuer, connections }, '/oauth2/token', grant);
      const [detail] = answer['authorization_details'] as readonly { readonly signing_id: string }[];
      if (detail === undefined) throw new Error('the tokens name nothing that was signed');
      return detail.signing_id;
    },
  };
}

/** The receipt of one approver. */
export function onlyReceipt({ receipts, state }: SigningOrder): Receipt {
  const [receipt] = receipts;
  if (state !== 'approved' || receipt === undefined) throw new Error(`no receipt: ${state}`);
  return receipt;
}

interface Where {
  readonly issuer: string;
  readonly connections: Connections;
}

async function form(
  portal: SigningPortal,
  { issuer, connections }: Where,
  path: string,
  parameters: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, unknown>>> {
  const assertion = {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: signed(portal, issuer, { sub: portal.clientId }),
  };
  const { status, text } = await connections.send({
    method: 'POST',
    path,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ ...parameters, ...assertion, client_id: portal.clientId }).toString(),
  });
  if (status !== 200) throw new Error(`${path}: ${status} ${text}`);
  return JSON.parse(text) as Readonly<Record<string, unknown>>;
}

function signed({ clientId, key, kid }: SigningPortal, issuer: string, claims: object): string {
  const now = Math.floor(Date.now() / 1000);
  const times = { iat: now, nbf: now, exp: now + 60 };
  const payload = { iss: clientId, aud: issuer, jti: unique(), ...times, ...claims };
  return signCompactJws({ typ: 'JWT', key: { alg: 'ES256', key }, header: { kid }, payload });
}

/** A token lives for five minutes, and is drawn again after four. */
function tokenKeeper(portal: SigningPortal, issuer: string, connections: Connections): () => Promise<string> {
  let kept: { readonly token: Promise<string>; readonly until: number } | undefined;
  const draw = async (): Promise<string> => {
    const grant = { grant_type: 'client_credentials', scope: 'sign', resource: `${issuer}/signing` };
    return String((await form(portal, { issuer, connections }, '/oauth2/token', grant))['access_token']);
  };
  return () => {
    if (kept === undefined || Date.now() > kept.until) kept = { token: draw(), until: Date.now() + 240_000 };
    return kept.token;
  };
}

function unique(): string {
  return randomBytes(16).toString('base64url');
}
