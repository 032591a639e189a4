/** A portal that is registered for the account API, and its calls with a user's access token. */

import type { User } from '../../../src/companies/store.ts';
import type { Phone } from '../../../src/sdk/index.ts';
import { logIn } from '../system/login.ts';
import type { Portal } from '../system/portal.ts';
import { addPortal, registerPhone, type System } from '../system/rig.ts';

export interface AccountAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A login at a portal that may use the account API. */
export interface PortalSession {
  readonly portal: Portal;
  readonly phone: Phone;
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly userToken: string;
  call(method: 'GET' | 'POST', path: string, options?: CallOptions): Promise<AccountAnswer>;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly token?: string;
  /** Another server than the issuer's address. */
  readonly at?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Registered for the scope `account`, with a refresh token. */
export function accountPortal(system: System, metadata: Readonly<Record<string, unknown>> = {}): Promise<Portal> {
  return addPortal(system.server, system.issuer, { scope: 'account', ...metadata });
}

/** Logs a phone in at the portal and fetches the account token as the documentation says. */
export async function portalSession(
  system: System,
  portal: Portal,
  { user = system.user, phone }: { readonly user?: User; readonly phone?: Phone } = {},
): Promise<PortalSession> {
  const used = phone ?? (await registerPhone(system, { user }));
  const { tokens } = await logIn(portal, used, {
    extra: { scope: 'openid profile account', resource: `${system.issuer}/account` },
  });
  const refreshToken = tokens.refresh_token ?? '';
  const accessToken = await accountToken(system.issuer, portal, refreshToken);
  return {
    portal,
    phone: used,
    accessToken,
    refreshToken,
    userToken: tokens.access_token,
    call: (method, path, options = {}) => callAccount(system.issuer, { method, path, token: accessToken, ...options }),
  };
}

/** A fresh access token of the account API for the login behind the refresh token. */
export async function accountToken(
  issuer: string,
  portal: Pick<Portal, 'id' | 'secret'>,
  refreshToken: string,
): Promise<string> {
  const { access_token: token } = await refreshGrant(issuer, portal, {
    refresh_token: refreshToken,
    resource: `${issuer}/account`,
  });
  if (typeof token !== 'string') throw new Error('no account token');
  return token;
}

/** The token endpoint's answer to a refresh. */
export async function refreshGrant(
  issuer: string,
  { id, secret }: Pick<Portal, 'id' | 'secret'>,
  form: Readonly<Record<string, string>>,
): Promise<Record<string, unknown>> {
  const response = await fetch(`${issuer}/oauth2/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${id}:${encodeURIComponent(secret)}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'refresh_token', ...form }),
  });
  return (await response.json()) as Record<string, unknown>;
}

/** One call of the account API. */
export async function callAccount(
  issuer: string,
  { method, path, token, body, at = issuer, headers = {} }: CallOptions & { method: string; path: string },
): Promise<AccountAnswer> {
  const response = await fetch(`${at}/account/v1${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}
