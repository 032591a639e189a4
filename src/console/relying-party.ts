/** The console as a relying party of this server's own provider: authorization code with PKCE, state, nonce, issuer and pushed request. */
import type { FastifyInstance, InjectOptions } from 'fastify';
import * as oidc from 'openid-client';
import { AuthError } from '../errors.ts';
import { consoleClientId } from '../oidc/clients.ts';
import { acr } from '../protocol/names.ts';
import { callbackUrl, consoleSecret } from './client.ts';
import type { ConsoleDeps } from './deps.ts';
import type { LoginProof, PendingLogin } from './pending.ts';

/** How old a proof may be with which somebody comes in without the phone, in seconds: no older than an idle session gets. */
const maxAgeSeconds = 300;

type RelyingPartyDeps = Pick<ConsoleDeps, 'publicApp' | 'issuer' | 'origin' | 'sealing'>;

/** One person's browser at this moment. */
export interface Visitor {
  readonly address: string;
  /** BCP 47 tags, best first. */
  readonly languages: readonly string[];
}

export interface BegunLogin extends Pick<PendingLogin, 'state' | 'nonce' | 'codeVerifier'> {
  /** Where the browser goes. */
  readonly url: string;
}

/** Who logged in, as a verified ID token says. */
export interface ProvenLogin {
  readonly userId: string;
  /** The session at the provider, as this client knows it. */
  readonly sid: string;
  /** Epoch-milliseconds, whole seconds. */
  readonly provedAt: number;
}

/** Pushes an authorization request. Throws `unavailable` where the provider cannot answer. */
export async function beginLogin(deps: RelyingPartyDeps, proof: LoginProof, visitor: Visitor): Promise<BegunLogin> {
  const codeVerifier = oidc.randomPKCECodeVerifier();
  const state = oidc.randomState();
  const nonce = oidc.randomNonce();
  const config = await configuration(deps, visitor.address);
  const url = await orUnavailable(async () =>
    oidc.buildAuthorizationUrlWithPAR(config, {
      redirect_uri: callbackUrl(deps.origin),
      scope: 'openid',
      acr_values: acr,
      code_challenge: await oidc.calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: 'S256',
      state,
      nonce,
      ...(visitor.languages.length === 0 ? {} : { ui_locales: visitor.languages.slice(0, 8).join(' ') }),
      ...(proof === 'session' ? { max_age: String(maxAgeSeconds) } : { prompt: 'login' }),
    }),
  );
  return { url: url.href, state, nonce, codeVerifier };
}

/** Why a login did not end in a session. */
export class LoginRefused extends Error {
  /** For support: an OAuth error code, or what did not fit. */
  readonly reason: string;
  /** For the log: the library's words, and not its error, in which the code stands. */
  readonly detail: string | undefined;

  constructor(reason: string, cause?: unknown) {
    super(`the login to the console did not succeed: ${reason}`);
    this.name = 'LoginRefused';
    this.reason = reason;
    this.detail = wordsOf(cause);
  }
}

/** The messages of an error and of what caused it. */
function wordsOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const inner = wordsOf(error.cause);
  return inner === undefined ? error.message : `${error.message}: ${inner}`;
}

/**
 * Exchanges the code of the callback's query and verifies what comes back. Throws `LoginRefused` where the person or the provider said
 * no or an answer does not fit, `unavailable` where the provider cannot answer.
 */
export async function finishLogin(
  deps: RelyingPartyDeps,
  { query, pending, address }: { readonly query: string; readonly pending: PendingLogin; readonly address: string },
): Promise<ProvenLogin> {
  const config = await configuration(deps, address);
  const tokens = await orUnavailable(() =>
    oidc.authorizationCodeGrant(config, new URL(`${callbackUrl(deps.origin)}${query}`), {
      pkceCodeVerifier: pending.codeVerifier,
      expectedState: pending.state,
      expectedNonce: pending.nonce,
      idTokenExpected: true,
      ...(pending.proof === 'session' ? { maxAge: maxAgeSeconds } : {}),
    }),
  );
  const claims = tokens.claims();
  const { sub, auth_time: authTime } = claims ?? {};
  const sid = claims?.['sid'];
  if (sub === undefined || typeof sid !== 'string' || authTime === undefined) throw new LoginRefused('id_token');
  if (claims?.['acr'] !== acr) throw new LoginRefused('acr');
  // The proof is newer than the wish for it, whatever the browser made of the request (RFC 9470 §5, S-09).
  if (pending.proof !== 'session' && authTime < Math.floor(pending.startedAt / 1000))
    throw new LoginRefused('auth_time');
  return { userId: sub, sid, provedAt: authTime * 1000 };
}

/** Discovered at every login: there are few, the way is short, and keys may have changed since the last one. */
async function configuration(deps: RelyingPartyDeps, address: string): Promise<oidc.Configuration> {
  const secret = consoleSecret(deps.sealing);
  const isPlain = deps.issuer.startsWith('http:');
  return orUnavailable(() =>
    oidc.discovery(new URL(deps.issuer), consoleClientId, {}, oidc.ClientSecretBasic(secret), {
      // Verifies the ID token's signature too, though it comes by no network. That there is none is also why development's issuer
      // without TLS is no harm here.
      // oxlint-disable-next-line typescript/no-deprecated
      execute: [oidc.enableNonRepudiationChecks, ...(isPlain ? [oidc.allowInsecureRequests] : [])],
      [oidc.customFetch]: inProcess(deps, address),
    }),
  );
}

/**
 * Asks the public listener of this very process: by no proxy, no name and no certificate, which may look different from inside. The
 * limits count the person's address.
 */
function inProcess({ publicApp, issuer }: RelyingPartyDeps, address: string): oidc.CustomFetch {
  return async (text, { method, headers, body }) => {
    const url = new URL(text);
    if (url.origin !== issuer) throw new AuthError('internal', { detail: `the console was sent to ${url.origin}` });
    const answer = await ask(publicApp, {
      method: method as 'GET' | 'POST',
      url: `${url.pathname}${url.search}`,
      headers,
      remoteAddress: address,
      ...(body instanceof URLSearchParams || typeof body === 'string' ? { payload: body.toString() } : {}),
    });
    return new Response(answer.body, { status: answer.status, headers: answer.headers });
  };
}

async function ask(app: FastifyInstance, request: InjectOptions) {
  const { statusCode: status, headers, body } = await app.inject(request);
  const fields = Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((one): [string, string] => [name, String(one)]),
  );
  return { status, body, headers: fields };
}

/** What the library throws, as this project's: a provider that is down is told apart from one that refuses. */
async function orUnavailable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AuthError || error instanceof LoginRefused) throw error;
    if (error instanceof oidc.AuthorizationResponseError) throw refusalOf(error.error, error);
    if (error instanceof oidc.ResponseBodyError) throw refusalOf(error.error, error);
    const response = error instanceof oidc.ClientError ? error.cause : undefined;
    if (response instanceof Response && isPassing(response.status))
      throw new AuthError('unavailable', { cause: error });
    throw new LoginRefused(error instanceof oidc.ClientError ? (error.code ?? 'answer') : 'answer', error);
  }
}

function refusalOf(code: string, cause: Error): Error {
  const isDown = code === 'temporarily_unavailable' || code === 'server_error';
  return isDown ? unavailable(cause) : new LoginRefused(code.slice(0, 60), cause);
}

function unavailable(cause: Error): AuthError {
  return new AuthError('unavailable', { detail: `the provider did not answer the console: ${wordsOf(cause)}` });
}

const isPassing = (status: number): boolean => status >= 500 || status === 429;
