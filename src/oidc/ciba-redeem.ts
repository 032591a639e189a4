/** The token request of CIBA: asks at that moment how the signing request ended, and gives tokens for an approval once. */
import Provider, {
  type Account,
  type AuthorizationDetail,
  type BackchannelAuthenticationRequest,
  errors,
  type FindAccount,
  type KoaContextWithOIDC,
} from 'oidc-provider';
import { AuthError } from '../errors.ts';
import { acr } from '../protocol/names.ts';
import type { Countersignature } from '../protocol/receipt.ts';
import type { SigningApproval, SigningRequest } from '../signing/store.ts';
import { type BackchannelAsked, backchannelLookup, redeemed, toSign } from './ciba-adapter.ts';
import type { OidcDeps } from './deps.ts';
import { lifetimeSeconds as lifetime } from './lifetimes.ts';
import { type DeviceGrant, keepAlso } from './provider-models.ts';
import { isAbout } from './rar.ts';
import { orUnavailable } from './unavailable.ts';

/** A request by CIBA as it is read at the token endpoint. */
interface Redeemed extends BackchannelAuthenticationRequest {
  signingId?: string | undefined;
  /** Whether what the user was asked has ended. */
  isSettled?: boolean;
  /** In epoch-milliseconds. */
  endsAt?: number;
  asked?: BackchannelAsked;
}

/** The claims of the ID token beside those of every login. */
export const backchannelClaims = [
  'urn:openid:params:jwt:claim:auth_req_id',
  'signing_id',
  'authorization_details',
] as const;

interface Model {
  IN_PAYLOAD: string[];
  readonly prototype: Redeemed;
  find(this: Model, id: string, options?: object): Promise<Redeemed | undefined>;
}

/**
 * Whatever the token endpoint finds is settled first. There is no state of its own between the decision on the phone and the token, so
 * none can be lost: the signing request is asked.
 */
export function adjustBackchannel(provider: Provider, deps: OidcDeps): void {
  const { BackchannelAuthenticationRequest: model } = provider as unknown as {
    readonly BackchannelAuthenticationRequest: Model;
  };
  keepAlso(model, ['signingId', 'isSettled', 'endsAt', 'asked']);
  const { find } = model;
  model.find = async function settled(id, options) {
    const request = await find.call(this, id, options);
    const ctx = Provider.ctx;
    // Another client's is refused by the provider, and neither paced nor looked at.
    const isOwn = request !== undefined && ctx?.oidc.client?.clientId === request.clientId;
    if (isOwn && ctx?.oidc.route === 'token') await orUnavailable(() => settle(deps, ctx, request));
    return request;
  };
}

async function settle(deps: OidcDeps, ctx: KoaContextWithOIDC, request: Redeemed): Promise<void> {
  if (request.consumed !== undefined) throw redeemed();
  const { clock, signing } = deps;
  if (signing === undefined) throw new AuthError('internal', { detail: 'CIBA without signing' });
  const { signingId, isSettled = false, endsAt = 0 } = request;
  if (clock.now() >= endsAt + lifetime.backchannelRedeem * 1000) throw expired();
  // The row alone is asked, and alone it ends: for a user who exists and for one who does not both take the same (O-18).
  if (!isSettled && clock.now() < endsAt) return pace(deps, request);
  if (!isSettled) return close(deps, ctx, request);
  // Closed, whoever was asked or not.
  if (signingId === undefined) throw expired();
  const { request: signed, approvals } = await signing.read(signingId);
  if (signed.status === 'approved') return approve(deps, ctx, { request, signed, approvals });
  throw new errors.AccessDenied('the user did not approve');
}

/**
 * What waits ends for all at the time that was told, unless somebody has decided at this very moment: one statement, which leaves nothing
 * for an approval to count for (ciba-ping.ts). The signing request itself ends as others do whose time is over.
 */
async function close(deps: OidcDeps, ctx: KoaContextWithOIDC, request: Redeemed): Promise<void> {
  const { records, clock } = deps;
  const idLookup = backchannelLookup(deps, request.jti);
  if (await records.backchannel.close(idLookup, clock.now())) throw expired();
  const decided = await records.backchannel.find(idLookup);
  if (decided?.settledAt === undefined) throw expired();
  Object.assign(request, { signingId: decided.signingId, isSettled: true });
  return settle(deps, ctx, request);
}

function expired(): errors.OIDCProviderError {
  return new errors.ExpiredToken('the request has expired');
}

/** `slow_down` for who asks again too soon, on whichever server (CIBA Core §11); what has ended is told at once. */
async function pace({ shortLived, sealing }: OidcDeps, { jti }: Redeemed): Promise<void> {
  const key = `oidc.backchannel-pace:{${backchannelLookup({ sealing }, jti)}}`;
  if (await shortLived.create(key, '1', lifetime.backchannelInterval * 1000)) return;
  throw new errors.SlowDown(`ask again after ${lifetime.backchannelInterval} seconds at least`);
}

interface Approved {
  readonly request: Redeemed;
  readonly signed: SigningRequest;
  readonly approvals: readonly SigningApproval[];
}

/** An ID token speaks of one person and of what that person did: the approval of somebody else of the company makes none. */
async function approve(
  deps: OidcDeps,
  ctx: KoaContextWithOIDC,
  { request, signed, approvals }: Approved,
): Promise<void> {
  // The note that leads from one to the other is not sealed: whoever can write it must not make an approval that of something else.
  if (!isOf(signed, request)) throw new errors.AccessDenied('something else was approved');
  // How many have approved is counted beside the receipts; it is the receipts that count.
  if (approvals.length < signed.approvers) throw new errors.AccessDenied('not everybody has approved it');
  const own = approvals.find(({ userId }) => userId === request.accountId);
  if (own === undefined) throw new errors.AccessDenied('it was approved by others of the company');
  if (!(await isUsable(deps, own.deviceId))) throw new errors.AccessDenied('the device may not be used');
  const grant = grantFor(deps, ctx, { request, deviceId: own.deviceId });
  const { factor, provedAt } = statementOf(own);
  Object.assign(request, {
    grantId: await grant.save(),
    acr,
    amr: [factor, 'hwk', 'mfa'],
    authTime: provedAt,
    ...detailsOf(request),
  });
}

function isOf(signed: SigningRequest, { accountId, clientId, asked }: Redeemed): boolean {
  const isSame = signed.userId === accountId && signed.clientId === clientId && signed.door === 'backchannel';
  return isSame && asked !== undefined && isAbout(signed, toSign(asked));
}

async function isUsable({ assertUsable }: OidcDeps, deviceId: string): Promise<boolean> {
  try {
    await assertUsable(deviceId);
    return true;
  } catch (error) {
    if (error instanceof AuthError && error.status < 500) return false;
    throw error;
  }
}

/** Of no session, and of the device alone: with it every token of this request ends. It lives no longer than they do. */
function grantFor(
  { sealing }: OidcDeps,
  { oidc }: KoaContextWithOIDC,
  { request, deviceId }: { readonly request: Redeemed; readonly deviceId: string },
): DeviceGrant {
  const { accountId, clientId, jti: authReqId, scope = '', resource = [], claims } = request;
  // Derived, not drawn: parallel redemptions make one grant, of which one gets tokens.
  const jti = sealing.lookup(authReqId, 'oidc.backchannel-grant');
  const bound = { jti, accountId, clientId, deviceId, expiresIn: lifetime.idToken };
  const grant = new oidc.provider.Grant(bound as unknown as { clientId: string; accountId: string }) as DeviceGrant;
  grant.addOIDCScope(scope);
  grant.addOIDCClaims([...Object.keys(claims?.id_token ?? {}), ...Object.keys(claims?.userinfo ?? {})]);
  for (const one of [resource].flat()) grant.addResourceScope(one, scope);
  return grant;
}

/** As they were asked and approved, with the request of which they are; those of tokens by a redirect look the same. */
function detailsOf({ params, signingId }: Redeemed): { rar?: AuthorizationDetail[] } {
  const sent = params?.['authorization_details'];
  if (typeof sent !== 'string') return {};
  const details = JSON.parse(sent) as AuthorizationDetail[];
  return { rar: details.map((detail) => ({ ...detail, signing_id: signingId })) };
}

/** The server's own statement of the proof; it made and kept it itself. */
function statementOf({ receipt }: SigningApproval): Pick<Countersignature, 'factor' | 'provedAt'> {
  const [, payload = ''] = receipt.countersignature.split('.');
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Countersignature;
}

/** The account behind a request by CIBA also says which request and which signature its ID token is about. */
export function withBackchannelClaims(find: FindAccount): FindAccount {
  return async (ctx, sub, token) => {
    const account = (await find(ctx, sub, token)) as Account | undefined;
    if (account === undefined || token?.kind !== 'BackchannelAuthenticationRequest') return account;
    const { jti, signingId, rar } = token as Redeemed;
    const about = {
      'urn:openid:params:jwt:claim:auth_req_id': jti,
      signing_id: signingId,
      ...(rar === undefined ? {} : { authorization_details: rar }),
    };
    const { claims } = account;
    return { ...account, claims: async (...asked) => ({ ...(await claims(...asked)), ...about }) };
  };
}

/** CIBA gives no refresh token: each authentication is its own, and stays on the phone (O-17). */
export function isBackchannel(source: unknown): boolean {
  return (source as { kind?: unknown } | undefined)?.kind === 'BackchannelAuthenticationRequest';
}
