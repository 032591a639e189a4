/** Who calls the account API: a portal with its user's access token, whose grant, session and device are asked for at every request. */
import type { FastifyRequest } from 'fastify';
import type { JWTPayload } from 'jose';
import { type DeviceDeps, findUsable } from '../devices/devices.ts';
import { AuthError } from '../errors.ts';
import { verifyAccessToken } from '../oidc/access-token.ts';
import { accountAudience, accountScope, type OidcDeps } from '../oidc/deps.ts';
import { grantClaim } from '../oidc/resources.ts';
import { isPastRule } from '../oidc/sessions.ts';
import type { GrantRow, SessionRow } from '../oidc/store.ts';
import { proveKey } from './dpop.ts';

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

const authorizationPattern = /^(Bearer|DPoP) ([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/i;
const maxLength = 8192;

/**
 * Judges token and proof, and whether portal, grant, session, device, user and company may still act at this moment: a signed token
 * outlives none of them (S-07, T8). Throws `authentication_failed`, `access_denied` where the token lacks the scope or the portal
 * lost it, `unavailable` where a store is down.
 */
export async function accountCaller(deps: AccountDeps, request: FastifyRequest): Promise<AccountCaller> {
  const { authorization = '' } = request.headers;
  const [, scheme, token] = (authorization.length <= maxLength && authorizationPattern.exec(authorization)) || [];
  if (scheme === undefined || token === undefined) throw refusal('there is no access token');
  const claims = await verifyAccessToken(deps, token, accountAudience(deps.issuer));
  await checkBinding(deps, request, { token, claims, isBound: scheme.toLowerCase() === 'dpop' });
  const { grant, session } = await livingGrant(deps, claims);
  await checkScope(deps, claims, grant.clientId);
  const { deviceId = '', sessionUid = '' } = grant;
  const standing = await findUsable(deps, deviceId);
  if (standing === undefined) throw refusal('the device of the login may not be used');
  if (isPastRule(session, standing.company, deps.clock.now()))
    throw refusal('its company lets the login last no longer');
  return { userId: grant.userId, companyId: standing.company.id, deviceId, sessionUid, clientId: grant.clientId };
}

interface Presented {
  readonly token: string;
  readonly claims: JWTPayload;
  readonly isBound: boolean;
}

/** A bound token with its proof, and no other; a token without a key is no DPoP token (RFC 9449 §7.1, O-09). */
async function checkBinding(
  deps: AccountDeps,
  { headers, method, url }: FastifyRequest,
  { token, claims, isBound }: Presented,
): Promise<void> {
  const { jkt } = (claims['cnf'] ?? {}) as { jkt?: unknown };
  if ((claims['cnf'] !== undefined) !== isBound) throw refusal('the scheme is not that of the token');
  if (!isBound) return;
  const { dpop } = headers;
  if (typeof dpop !== 'string') throw refusal('a bound token without its proof');
  const [path = ''] = url.split('?', 1);
  const thumbprint = await proveKey(deps, { proof: dpop, method, url: `${deps.issuer}${path}`, accessToken: token });
  if (thumbprint !== jkt) throw refusal('the proof is of another key');
}

interface Living {
  readonly grant: GrantRow;
  readonly session: SessionRow;
}

async function livingGrant({ records, clock }: AccountDeps, claims: JWTPayload): Promise<Living> {
  const lookup = claims[grantClaim];
  const grant = typeof lookup === 'string' ? await records.oidc.findGrant(lookup) : undefined;
  const isSame = grant?.userId === claims.sub && grant?.clientId === claims['client_id'];
  if (grant === undefined || !isSame || grant.expiresAt <= clock.now()) throw refusal('its grant has ended');
  const session = grant.sessionUid === undefined ? undefined : await records.oidc.findSession(grant.sessionUid);
  const isLive = session?.userId === grant.userId && session.expiresAt > clock.now();
  if (!isLive || session.deviceId !== grant.deviceId) throw refusal('its session has ended');
  return { grant, session };
}

/** By the token and by the portal's registration of this moment, so that taking the scope away works at once. */
async function checkScope({ records }: AccountDeps, claims: JWTPayload, clientId: string): Promise<void> {
  const client = await records.clients.find(clientId);
  if (client?.status !== 'active' || client.kind !== 'portal') throw refusal('the portal is not active');
  const holds = (scope: unknown): boolean => typeof scope === 'string' && scope.split(' ').includes(accountScope);
  if (!holds(claims['scope']) || !holds(client.metadata['scope'])) {
    throw new AuthError('access_denied', { message: `this takes the scope ${accountScope}` });
  }
}

function refusal(detail: string): AuthError {
  return new AuthError('authentication_failed', { detail: `account token: ${detail}` });
}
