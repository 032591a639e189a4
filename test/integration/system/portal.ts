/** A portal of the tests: a real relying party with openid-client, on a listener of its own that also takes logout tokens. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as oidc from 'openid-client';

export type Tokens = oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers;

/** One login as the portal began it. */
export interface BegunLogin {
  readonly url: string;
  readonly codeVerifier: string;
  readonly state: string;
  readonly nonce: string;
}

export interface PortalListener {
  readonly baseUrl: string;
  readonly redirectUri: string;
  readonly backchannelUri: string;
  /** Logout tokens as they arrived. */
  readonly logoutTokens: string[];
  close(): Promise<void>;
}

/** Listens; nothing is registered at the server yet. */
export async function listenAsPortal(): Promise<PortalListener> {
  const logoutTokens: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method === 'POST') {
        const token = new URLSearchParams(Buffer.concat(chunks).toString()).get('logout_token');
        if (token !== null) logoutTokens.push(token);
      }
      response.writeHead(200, { 'content-type': 'text/plain' }).end('the portal');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    baseUrl,
    redirectUri: `${baseUrl}/callback`,
    backchannelUri: `${baseUrl}/backchannel-logout`,
    logoutTokens,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface Portal extends PortalListener {
  readonly id: string;
  readonly secret: string;
  begin(extra?: Readonly<Record<string, string>>): Promise<BegunLogin>;
  /** From the callback's address to tokens; every check of the relying party is made. */
  redeem(callbackUrl: string, begun: BegunLogin): Promise<Tokens>;
  refresh(refreshToken: string): Promise<Tokens>;
  userinfo(accessToken: string): Promise<Response>;
}

/** The relying party over its registration. The server is asked at the first use: it may start later. */
export function createPortal(
  issuer: string,
  listener: PortalListener,
  { id, secret }: { readonly id: string; readonly secret: string },
): Portal {
  let found: Promise<oidc.Configuration> | undefined;
  const config = (): Promise<oidc.Configuration> => {
    found ??= oidc.discovery(new URL(issuer), id, {}, oidc.ClientSecretBasic(secret), {
      execute: [oidc.allowInsecureRequests],
    });
    return found;
  };
  return {
    ...listener,
    id,
    secret,
    begin: async (extra = {}) => begin(await config(), listener.redirectUri, extra),
    redeem: async (callbackUrl, begun) =>
      oidc.authorizationCodeGrant(await config(), new URL(callbackUrl), {
        pkceCodeVerifier: begun.codeVerifier,
        expectedState: begun.state,
        expectedNonce: begun.nonce,
        idTokenExpected: true,
      }),
    refresh: async (refreshToken) => oidc.refreshTokenGrant(await config(), refreshToken),
    userinfo: async (accessToken) =>
      fetch((await config()).serverMetadata().userinfo_endpoint ?? '', {
        headers: { authorization: `Bearer ${accessToken}` },
      }),
  };
}

async function begin(
  config: oidc.Configuration,
  redirectUri: string,
  extra: Readonly<Record<string, string>>,
): Promise<BegunLogin> {
  const codeVerifier = oidc.randomPKCECodeVerifier();
  const state = oidc.randomState();
  const nonce = oidc.randomNonce();
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'openid profile offline_access',
    code_challenge: await oidc.calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...extra,
  });
  return { url: url.href, codeVerifier, state, nonce };
}
