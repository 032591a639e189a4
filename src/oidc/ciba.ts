/**
 * Requests by CIBA (OpenID Connect CIBA Core 1.0, FAPI-CIBA ID1): signed, for one user, and answered alike whoever that is. Here they are
 * judged and kept; `ciba-ask.ts` asks the phone, `ciba-redeem.ts` gives the tokens.
 */
import {
  type BackchannelAuthenticationRequest,
  type CIBAConfiguration,
  type Configuration,
  errors,
  type FindAccount,
  type KoaContextWithOIDC,
} from 'oidc-provider';
import { AuthError } from '../errors.ts';
import { wakeOutbox } from '../notify/outbox.ts';
import { acr } from '../protocol/names.ts';
import { checkFields } from '../signing/check.ts';
import { type BackchannelMessage, type BackchannelPayload, backchannelLookup } from './ciba-adapter.ts';
import type { OidcDeps } from './deps.ts';
import { lifetimeSeconds as lifetime, toSeconds } from './lifetimes.ts';
import { orUnavailable } from './unavailable.ts';

const route = 'backchannel_authentication';
/** Of one portal in a minute, like the signing API's. */
const requestsPerMinute = 10_000;
const minuteMs = 60_000;
const maxBindingMessage = 140;
const subPattern = /^usr_[A-Za-z0-9_-]{22}$/;
/** It may stand in a receipt, as the portal's own name. */
const jtiPattern = /^[A-Za-z0-9._~-]{8,128}$/;
/** Types that tell other JWTs of a client from a request (RFC 8725 §3.11). */
const requestTypes: ReadonlySet<unknown> = new Set([undefined, 'JWT', 'jwt', 'oauth-authz-req+jwt']);

type Features = NonNullable<Configuration['features']>;

interface BackchannelFeatures {
  readonly ciba: CIBAConfiguration;
  readonly requestObjects: NonNullable<Features['requestObjects']>;
}

/** The features of the provider that CIBA needs. Signed requests are for it alone: the authorization endpoint takes none. */
export function backchannelFeatures(deps: OidcDeps): BackchannelFeatures {
  return {
    requestObjects: {
      enabled: true,
      assertJwtClaimsAndHeader: (ctx, claims, header) => {
        // What was pushed to us, the provider keeps as such an object of its own making.
        if (ctx.oidc.entities.PushedAuthorizationRequest !== undefined) return;
        if (ctx.oidc.route !== route) throw new errors.RequestNotSupported();
        judgeSignedRequest(claims, header, { issuer: deps.issuer, now: toSeconds(deps.clock.now()) });
        ctx.state['signedRequest'] = { jti: claims['jti'], exp: claims['exp'] } satisfies Record<
          keyof SignedRequest,
          unknown
        >;
      },
    },
    ciba: {
      enabled: true,
      deliveryModes: ['poll', 'ping'],
      processLoginHint: (_ctx, hint) => {
        if (hint !== undefined && subPattern.test(hint)) return hint;
        // The form alone is judged: whether there is such a user nobody is told (O-18).
        throw new errors.UnknownUserId('login_hint must be the sub of an ID token');
      },
      processLoginHintToken: () => {
        throw new errors.InvalidRequest(
          'login_hint_token is not supported: name the user by login_hint or id_token_hint',
        );
      },
      verifyUserCode: (_ctx, _account, userCode) => {
        if (userCode !== undefined) throw new errors.InvalidRequest('user_code is not supported');
      },
      validateBindingMessage: ({ oidc }, message) =>
        judgeBindingMessage(message, oidc.params?.['authorization_details'] !== undefined),
      validateRequestContext: (ctx) => admit(deps, ctx),
      triggerAuthenticationDevice: (ctx, request) => keep(deps, ctx, request),
    },
  };
}

interface SignedRequest {
  readonly jti: string;
  readonly exp: number;
}

/**
 * Refuses what the provider would let pass of a signed request (FAPI-CIBA §5.2.2): each of `aud`, `exp`, `nbf`, `iat`, `jti` must be
 * there and make sense; a request that lives longer than an hour, whose `jti` could not be remembered; another kind of JWT of the same
 * client (RFC 8725 §3.11, §3.12), and every extension of JOSE (C-07). Issuer, expiry and signature the provider judges itself.
 */
function judgeSignedRequest(
  claims: Record<string, unknown>,
  header: Record<string, unknown>,
  { issuer, now }: { readonly issuer: string; readonly now: number },
): void {
  const require = (isRight: boolean, what: string): void => {
    if (!isRight) throw new errors.InvalidRequestObject(`the signed request ${what}`);
  };
  const { aud, exp, nbf, iat, jti, sub } = claims;
  const latest = now + lifetime.clockTolerance;
  require(requestTypes.has(header['typ']), 'is of another type');
  require(header['crit'] === undefined, 'has an extension that is not supported');
  require(aud === issuer || (Array.isArray(aud) && aud.length === 1 && aud[0] === issuer), 'is for another audience');
  require(sub === undefined, 'must have no sub: it could pass for a client assertion');
  require(typeof iat === 'number' && iat <= latest, 'has no iat, or one in the future');
  require(typeof nbf === 'number' && nbf <= latest, 'has no nbf, or one in the future');
  require(typeof exp === 'number', 'has no exp');
  const lives = Number(exp) - Number(nbf);
  require(lives > 0 && lives <= lifetime.signedRequest, 'lives longer than an hour, or not at all');
  require(typeof jti === 'string' &&
    jtiPattern.test(jti), 'has no jti of 8 to 128 letters, digits, ".", "_", "~" or "-"');
}

/** It is shown on the phone, so it is judged like whatever is signed; beside details, which are shown in full, it could contradict them. */
function judgeBindingMessage(message: string | undefined, hasDetails: boolean): void {
  if (hasDetails) {
    if (message === undefined) return;
    throw new errors.InvalidBindingMessage('authorization_details are shown in full and take no binding_message');
  }
  const isShort = message !== undefined && message.length <= maxBindingMessage && !message.includes('\n');
  if (!isShort)
    throw new errors.InvalidBindingMessage(
      `binding_message must have 1 to ${maxBindingMessage} characters in one line`,
    );
  try {
    checkFields({ template: 'text', version: 1, fields: { words: message } });
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    throw new errors.InvalidBindingMessage('binding_message cannot be read without doubt');
  }
}

/** The last thing before the user is looked at: the portal's share, its acr, and the one use of its signed request. */
async function admit({ shortLived }: OidcDeps, ctx: KoaContextWithOIDC): Promise<void> {
  const { client, params, provider } = ctx.oidc;
  const { jti, exp } = (ctx.state['signedRequest'] ?? {}) as Partial<SignedRequest>;
  if (client === undefined || jti === undefined || exp === undefined) {
    throw new AuthError('internal', { detail: 'a request by CIBA that was not signed' });
  }
  const { count } = await orUnavailable(() => shortLived.hit(`limit:{backchannel:${client.clientId}}`, minuteMs));
  if (count > requestsPerMinute) throw tooMany();
  const wanted = params?.['acr_values'];
  if (typeof wanted === 'string' && wanted !== '' && !wanted.split(' ').includes(acr)) {
    throw new errors.InvalidRequest(`the only authentication context here is ${acr}`);
  }
  if (params?.['request_context'] !== undefined) throw new errors.InvalidRequest('request_context is not supported');
  // A name of its own: an assertion may carry the same jti.
  const isNew = await provider.ReplayDetection.unique(
    `${client.clientId} backchannel`,
    jti,
    exp + lifetime.clockTolerance,
  );
  if (!isNew) throw new errors.InvalidRequest('the signed request was used before');
}

function tooMany(): errors.OIDCProviderError {
  const error = new errors.OIDCProviderError(429, 'temporarily_unavailable');
  error.expose = true;
  return error;
}

/**
 * Keeps the request and hands it to the outbox, in one transaction: the same two rows for a user who exists and for one who does not, so
 * that neither answer nor time tells them apart (O-18), and what was answered is not lost by a crash.
 */
async function keep(deps: OidcDeps, ctx: KoaContextWithOIDC, request: BackchannelAuthenticationRequest): Promise<void> {
  const { records, shortLived, clock } = deps;
  const { accountId: userId = '', clientId = '', jti: authReqId } = request;
  const idLookup = backchannelLookup(deps, authReqId);
  const lives = lifetimeOf(request);
  const at = clock.now();
  const { payload } = await (request as unknown as PayloadOf).getValueAndPayload();
  const row = { idLookup, clientId, userId, payload: JSON.stringify(kept(ctx, request, payload)) };
  const message: BackchannelMessage = { idLookup };
  await orUnavailable(() =>
    records.transaction(async (within) => {
      await within.backchannel.insert({ ...row, createdAt: at, endsAt: at + lives * 1000 });
      // In order for each user: what may be asked of one person is counted without two servers counting at once.
      const told = { kind: 'backchannel_request', recipient: userId, isOrdered: true } as const;
      await within.outbox.enqueue({ ...told, payload: JSON.stringify(message) }, at);
    }),
  );
  await wakeOutbox(shortLived);
  ctx.body = { auth_req_id: authReqId, expires_in: lives, interval: lifetime.backchannelInterval };
}

interface PayloadOf {
  getValueAndPayload(): Promise<{ payload: Record<string, unknown> }>;
}

function kept(
  ctx: KoaContextWithOIDC,
  { params = {}, jti: authReqId }: BackchannelAuthenticationRequest,
  payload: Record<string, unknown>,
): BackchannelPayload {
  const { jti: _id, params: _params, ...provider } = payload;
  const text = (name: string): string | undefined => {
    const value = params[name];
    return typeof value === 'string' ? value : undefined;
  };
  const token = text('client_notification_token');
  return {
    provider,
    requestJti: (ctx.state['signedRequest'] as SignedRequest).jti,
    bindingMessage: text('binding_message'),
    authorizationDetails: text('authorization_details'),
    uiLocales: text('ui_locales'),
    ping: token === undefined ? undefined : { token, authReqId },
  };
}

/** Seconds until which the user can be asked; what the portal wishes, within bounds. */
function lifetimeOf({ params }: Pick<BackchannelAuthenticationRequest, 'params'>): number {
  const wished = Number(params?.['requested_expiry'] ?? lifetime.backchannel);
  return Math.min(Math.max(wished, lifetime.backchannelLeast), lifetime.backchannel);
}

/** Seconds for which the provider knows of a request. */
export function backchannelSeconds(request: Pick<BackchannelAuthenticationRequest, 'params'>): number {
  return lifetimeOf(request) + lifetime.backchannelRedeem;
}

/** Of whom a request by CIBA speaks is not looked up while it is answered (O-18). */
export function blindly(find: FindAccount): FindAccount {
  return (ctx, sub, token) =>
    ctx.oidc.route === route && token === undefined
      ? { accountId: sub, claims: () => ({ sub }) }
      : find(ctx, sub, token);
}

/** What the provider writes by itself and is not so: signed requests are for CIBA alone, and there are no user codes. */
export async function correctDiscovery(ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> {
  await next();
  const document = ctx.body as Record<string, unknown> | undefined;
  if (typeof document !== 'object' || document['backchannel_authentication_endpoint'] === undefined) return;
  document['request_parameter_supported'] = false;
  delete document['request_object_signing_alg_values_supported'];
  document['backchannel_user_code_parameter_supported'] = false;
}
