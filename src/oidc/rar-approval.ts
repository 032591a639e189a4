/** From a phone's approval to the tokens: what was approved is looked up again where the code is made, and given out once (T-11, T-13). */
import {
  type AuthorizationDetail,
  type AuthorizationDetailsForIntrospection,
  errors,
  type KoaContextWithOIDC,
  type RichAuthorizationRequestsActiveConfiguration,
} from 'oidc-provider';
import { AuthError } from '../errors.ts';
import { browserOf } from './browser.ts';
import type { OidcDeps } from './deps.ts';
import { detailTypes } from './detail-types.ts';
import { lifetimeSeconds } from './lifetimes.ts';
import { isAbout, readDetails, validateDetails } from './rar.ts';
import { orUnavailable } from './unavailable.ts';

type ApprovalDeps = Pick<OidcDeps, 'records' | 'shortLived' | 'sealing' | 'clock' | 'issuer' | 'assertUsable'>;
type Feature = RichAuthorizationRequestsActiveConfiguration & {
  readonly authorizationDetailsForIntrospection: AuthorizationDetailsForIntrospection;
};

/** What the page leaves for the provider when a phone has approved; the facts are in the record that it names. */
export interface ApprovalResult {
  readonly signingId: string;
  /** The browser that finished it. */
  readonly browser: string | null;
}

/** Details in pushed requests, tokens and introspection. */
export function richAuthorizationRequests(deps: ApprovalDeps): Feature {
  return {
    enabled: true,
    types: Object.fromEntries(
      detailTypes.map((type) => [type, { validate: (ctx, detail) => validateDetails(deps, ctx, detail) }]),
    ),
    // Not in the grant, which the session's next request shares: with the code and its tokens alone they live and end.
    authorizationDetailsForGrantSource: (ctx) => orUnavailable(() => giveOut(deps, ctx)),
    authorizationDetailsForAccessToken: (_ctx, _token, source) => source?.rar,
    authorizationDetailsForIntrospection: (_ctx, token) => token.rar,
  };
}

/** Whether the request asks for something that no phone has approved for this very request. */
export function needsApproval({ oidc }: KoaContextWithOIDC): boolean {
  return oidc.params?.['authorization_details'] !== undefined && oidc.result?.consent === undefined;
}

/**
 * The approved detail with `signing_id`, for the one code that it is for. Throws `access_denied` unless a phone of this session's user
 * approved just this for this client, may still be used, and this browser finished it.
 */
async function giveOut(
  deps: ApprovalDeps,
  ctx: KoaContextWithOIDC,
): Promise<readonly AuthorizationDetail[] | undefined> {
  const { params, session, client, result } = ctx.oidc;
  const sent = params?.['authorization_details'];
  if (typeof sent !== 'string') return undefined;
  const approval = result?.consent as ApprovalResult | undefined;
  const userId = session?.accountId;
  if (approval === undefined || client === undefined || userId === undefined) throw refused('nothing was approved');
  // The cookie of a pending interaction has a path and so no `__Host-`: a page on a sibling domain can plant its own (P-04).
  if (browserOf(deps, ctx.req) !== approval.browser) throw refused('it was approved in another browser');
  const { signingId } = approval;
  await assertApproved(deps, { signingId, userId, clientId: client.clientId, sent });
  if (!(await takeOnce(deps, signingId))) throw refused('it was used before');
  const [detail] = JSON.parse(sent) as [AuthorizationDetail];
  return [{ ...detail, signing_id: signingId }];
}

interface Expected {
  readonly signingId: string;
  readonly userId: string;
  readonly clientId: string;
  readonly sent: string;
}

async function assertApproved(
  { records, assertUsable }: ApprovalDeps,
  { signingId, userId, clientId, sent }: Expected,
): Promise<void> {
  const request = await records.signings.find(signingId);
  const isOurs = request?.userId === userId && request.clientId === clientId && request.door === 'redirect';
  if (!isOurs || request.status !== 'approved') throw refused('it is not approved');
  // What was signed, not what was kept beside it.
  if (!isAbout(request, readDetails(sent))) throw refused('something else was approved');
  const [approved, ...others] = await records.signings.approvals(signingId);
  if (approved?.userId !== userId || others.length > 0) throw refused('somebody else approved it');
  try {
    await assertUsable(approved.deviceId);
  } catch (error) {
    if (error instanceof AuthError && error.status < 500) throw refused('the phone that approved may not be used');
    throw error;
  }
}

/**
 * True for the first alone: two answers of one page at once, or the same once more, make one code. It is marked for longer than the page
 * knows its request (two hours) and one interaction after it: a login as somebody else in between makes the way of a pushed request longer.
 */
function takeOnce({ shortLived, sealing }: ApprovalDeps, signingId: string): Promise<boolean> {
  const key = `oidc.rar-given:{${sealing.lookup(signingId, 'oidc.rar-given')}}`;
  return shortLived.create(key, '1', lifetimeSeconds.approvalGiven * 1000);
}

function refused(description: string): errors.AccessDenied {
  return new errors.AccessDenied(description);
}
