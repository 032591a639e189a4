/** Who calls the account API: a portal with its user's access token, whose grant, session and device are asked for at every request. */
import type { FastifyRequest } from 'fastify';
import type { JWTPayload } from 'jose';
import { type DeviceDeps, findUsable } from '../devices/devices.ts';
import { accountAudience, accountScope, type OidcDeps } from '../oidc/deps.ts';
import { portalWithScope, presentedClaims, tokenRefusal } from '../oidc/portal-token.ts';
import { grantClaim } from '../oidc/resources.ts';
import { isPastRule } from '../oidc/sessions.ts';
import type { GrantRow, SessionRow } from '../oidc/store.ts';

export type AccountDeps = DeviceDeps & Pick<OidcDeps, 'keys' | 'issuer'>;

/** The user, the login and the portal behind a request. */
export interface AccountCaller {
  readonly userId: string;
  readonly companyId: string;
  /** The device that approved this login. */
  readonly deviceId: string;
  readonly sessionUid: string;
  /** The portal. */
  readonly clientId: string;
}

/**
 * Judges token and proof, and whether portal, grant, session, device, user and company may still act at this moment: a signed token
 * outlives none of them (S-07, T8). Throws `authentication_failed`, `access_denied` where the token lacks the scope or the portal
 * lost it, `unavailable` where a store is down.
 */
export async function accountCaller(deps: AccountDeps, request: FastifyRequest): Promise<AccountCaller> {
  const claims = await presentedClaims(deps, request, accountAudience(deps.issuer));
  const { grant, session } = await livingGrant(deps, claims);
  await portalWithScope(deps, claims, { clientId: grant.clientId, scope: accountScope });
  const { deviceId = '', sessionUid = '' } = grant;
  const standing = await findUsable(deps, deviceId);
  if (standing === undefined) throw tokenRefusal('the device of the login may not be used');
  if (isPastRule(session, standing.company, deps.clock.now()))
    throw tokenRefusal('its company lets the login last no longer');
  return { userId: grant.userId, companyId: standing.company.id, deviceId, sessionUid, clientId: grant.clientId };
}

interface Living {
  readonly grant: GrantRow;
  readonly session: SessionRow;
}

async function livingGrant({ records, clock }: AccountDeps, claims: JWTPayload): Promise<Living> {
  const lookup = claims[grantClaim];
  const grant = typeof lookup === 'string' ? await records.oidc.findGrant(lookup) : undefined;
  const isSame = grant?.userId === claims.sub && grant?.clientId === claims['client_id'];
  if (grant === undefined || !isSame || grant.expiresAt <= clock.now()) throw tokenRefusal('its grant has ended');
  const session = grant.sessionUid === undefined ? undefined : await records.oidc.findSession(grant.sessionUid);
  const isLive = session?.userId === grant.userId && session.expiresAt > clock.now();
  if (!isLive || session.deviceId !== grant.deviceId) throw tokenRefusal('its session has ended');
  return { grant, session };
}
