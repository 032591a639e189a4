/** A portal as a relying party with openid-client, and raw requests for what a well-behaved client would not send. */
import * as oidc from 'openid-client';
import type { NewClient } from '../../../src/oidc/clients.ts';
import { type Browser, openBrowser, type Page } from './browser.ts';
import type { OidcServer } from './server.ts';

export const redirectUri = 'https://portal.example/callback';

export interface Portal {
  readonly id: string;
  readonly secret: string;
  readonly config: oidc.Configuration;
  readonly redirectUri: string;
}

export interface PortalOptions {
  readonly metadata?: NewClient['metadata'];
  readonly auth?: oidc.ClientAuth;
  readonly id?: string;
}

export async function addPortal(server: OidcServer, { metadata = {}, auth, id }: PortalOptions = {}): Promise<Portal> {
  const uris = (metadata['redirect_uris'] as string[] | undefined) ?? [redirectUri];
  const client = await server.addClient({
    ...(id === undefined ? {} : { id }),
    metadata: { redirect_uris: uris, ...metadata },
  });
  const method = auth ?? (client.secret === '' ? oidc.None() : oidc.ClientSecretBasic(client.secret));
  const metadataForClient = {
    id_token_signed_response_alg: String(metadata['id_token_signed_response_alg'] ?? 'ES256'),
    use_mtls_endpoint_aliases: false,
  };
  const config = await oidc.discovery(new URL(server.issuer), client.id, metadataForClient, method, {
    execute: [oidc.allowInsecureRequests],
  });
  return { ...client, config, redirectUri: uris[0] ?? redirectUri };
}

export interface Authorization {
  readonly url: URL;
  readonly codeVerifier: string;
  readonly state: string;
  readonly nonce: string;
}

/** A correct authorization request, with whatever is to be different. */
export async function authorization(portal: Portal, extra: Record<string, string> = {}): Promise<Authorization> {
  const codeVerifier = oidc.randomPKCECodeVerifier();
  const state = oidc.randomState();
  const nonce = oidc.randomNonce();
  const url = oidc.buildAuthorizationUrl(portal.config, {
    redirect_uri: portal.redirectUri,
    scope: 'openid',
    code_challenge: await oidc.calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...extra,
  });
  return { url, codeVerifier, state, nonce };
}

export interface LoggedIn {
  readonly tokens: oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers;
  readonly browser: Browser;
}

/** From the redirect to the tokens. */
export async function logIn(
  server: OidcServer,
  portal: Portal,
  { browser = openBrowser(server.issuer), extra = {} }: { browser?: Browser; extra?: Record<string, string> } = {},
): Promise<LoggedIn> {
  const request = await authorization(portal, extra);
  const callback = await browser.follow(request.url);
  return { tokens: await redeem(portal, request, callback.url), browser };
}

export function redeem(
  portal: Portal,
  request: Authorization,
  callback: URL,
): Promise<oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers> {
  return oidc.authorizationCodeGrant(portal.config, callback, {
    pkceCodeVerifier: request.codeVerifier,
    expectedState: request.state,
    expectedNonce: request.nonce,
    idTokenExpected: true,
  });
}

export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly headers: Headers;
}

/** A form POST with the portal's secret, or with what `headers` says. */
export async function post(
  server: OidcServer,
  path: string,
  { form, portal, headers = {} }: { form: Record<string, string>; portal?: Portal; headers?: Record<string, string> },
): Promise<Answer> {
  const response = await fetch(`${server.issuer}${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
      ...(portal === undefined || portal.secret === '' ? {} : { authorization: basic(portal) }),
      ...headers,
    },
    body: new URLSearchParams(form),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? {} : parse(text), headers: response.headers };
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return { text };
  }
}

export function basic({ id, secret }: Portal): string {
  return `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`;
}

/** The form of a code's redemption. */
export function codeForm(callback: URL, request: Authorization, portal: Portal): Record<string, string> {
  return {
    grant_type: 'authorization_code',
    code: callback.searchParams.get('code') ?? '',
    redirect_uri: portal.redirectUri,
    code_verifier: request.codeVerifier,
    ...(portal.secret === '' ? { client_id: portal.id } : {}),
  };
}

/** A code in the address of the portal's callback. */
export async function obtainCode(
  server: OidcServer,
  portal: Portal,
  { browser = openBrowser(server.issuer), extra = {} }: { browser?: Browser; extra?: Record<string, string> } = {},
): Promise<{ callback: URL; request: Authorization; browser: Browser; page: Page }> {
  const request = await authorization(portal, extra);
  const page = await browser.follow(request.url);
  return { callback: page.url, request, browser, page };
}
