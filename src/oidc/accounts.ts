/** Accounts and grants for the provider: every look-up asks whether the approving device may still be used. */
import { randomBytes } from 'node:crypto';
import { type Account, type AccountClaims, errors, type FindAccount, type KoaContextWithOIDC } from 'oidc-provider';
import type { Standing } from '../devices/store.ts';
import { AuthError } from '../errors.ts';
import { grantLookup } from './adapter.ts';
import { browserOf } from './browser.ts';
import type { OidcDeps } from './deps.ts';
import { endLogins } from './end-logins.ts';
import type { DeviceGrant, DeviceSession } from './provider-models.ts';
import { isPastRule } from './sessions.ts';
import type { GrantRow } from './store.ts';
import { orUnavailable } from './unavailable.ts';

type AccountDeps = Pick<OidcDeps, 'records' | 'sealing' | 'clock' | 'issuer' | 'assertUsable'>;

/**
 * The provider asks for the account at authorization, sign-on, code exchange, refresh and userinfo: the one place through which all of
 * them pass (T9). No usable device, no account, and each of them refuses.
 */
export function accountFinder(deps: AccountDeps): FindAccount {
  return (ctx, sub, token) =>
    orUnavailable(async () => {
      const login = token === undefined ? ctx.oidc.result?.login : undefined;
      if (login !== undefined) {
        assertSameBrowser(deps, ctx, login['browser']);
        await beginLogin(deps, ctx, String(login['deviceId']));
      }
      const standing = await (token === undefined
        ? standingOfSession(deps, ctx)
        : standingOfToken(deps, ctx, token.grantId));
      if (standing !== undefined) {
        // Of this login alone: a session that merely goes on takes nobody's place.
        if (login !== undefined) sessionOf(ctx).sessionLimit = standing.company.rules.sessionsPerUser;
        return account(deps, sub);
      }
      // Blocked between approval and the browser's return: the login fails at the portal instead of beginning anew.
      if (login !== undefined) throw new errors.AccessDenied('the device may not be used');
      return undefined;
    });
}

/** The device with user and company, if all may be used now. Only a clear no is a no: a store that is down throws. */
async function findStanding(
  { assertUsable }: Pick<OidcDeps, 'assertUsable'>,
  deviceId: string,
): Promise<Standing | undefined> {
  try {
    return await assertUsable(deviceId);
  } catch (error) {
    if (error instanceof AuthError && error.status < 500) return undefined;
    throw error;
  }
}

/** What stands behind the session, unless the company lets it last no longer. */
async function standingOfSession(deps: AccountDeps, ctx: KoaContextWithOIDC): Promise<Standing | undefined> {
  const session = sessionOf(ctx);
  const standing = session.deviceId === undefined ? undefined : await findStanding(deps, session.deviceId);
  return standing === undefined || isPastRules(deps, session, standing) ? undefined : standing;
}

/** What stands behind a token, unless the company lets the login that it came from last no longer. */
async function standingOfToken(
  deps: AccountDeps,
  ctx: KoaContextWithOIDC,
  grantId: string | undefined,
): Promise<Standing | undefined> {
  const { deviceId, sessionUid } = (await grantOfToken(deps, ctx, grantId)) ?? {};
  const standing = deviceId === undefined ? undefined : await findStanding(deps, deviceId);
  if (standing === undefined || sessionUid === undefined) return standing;
  const session = await deps.records.oidc.findSession(sessionUid);
  const isOver = session !== undefined && isPastRule(session, standing.company, deps.clock.now());
  return isOver ? undefined : standing;
}

/** Notes in the session how long the company lets it last, which its next saving heeds; true where that time is over. */
function isPastRules({ clock }: AccountDeps, session: DeviceSession, { company }: Standing): boolean {
  session.ruleSeconds = company.rules.sessionMinutes * 60;
  return session.loggedInAt !== undefined && session.loggedInAt + session.ruleSeconds * 1000 <= clock.now();
}

/** Whether what stands behind a token may still be used; tokens of the client credentials grant have no device. */
export async function isTokenUsable(deps: AccountDeps, ctx: KoaContextWithOIDC, grantId: string): Promise<boolean> {
  return (await standingOfToken(deps, ctx, grantId)) !== undefined;
}

function sessionOf(ctx: KoaContextWithOIDC): DeviceSession {
  const { session } = ctx.oidc;
  if (session === undefined)
    throw new AuthError('internal', { detail: 'an account was asked for without session or token' });
  return session as DeviceSession;
}

/**
 * What one browser finished, no other one collects: the cookies of a pending interaction have a path and so no `__Host-`, and a page
 * on a sibling domain can plant its own in a victim's browser, or a victim's login in its own (P-04, S-10).
 */
function assertSameBrowser(deps: AccountDeps, ctx: KoaContextWithOIDC, finishedIn: unknown): void {
  if (browserOf(deps, ctx.req) === finishedIn) return;
  // The provider has put the login into the session by now, and saves a session that is not marked so.
  Object.assign(sessionOf(ctx), { destroyed: true });
  throw new errors.AccessDenied('the login was finished in another browser');
}

/** Binds the session to the device that approved this login. */
async function beginLogin({ records, clock }: AccountDeps, ctx: KoaContextWithOIDC, deviceId: string): Promise<void> {
  const session = sessionOf(ctx);
  if (session.deviceId !== undefined && session.deviceId !== deviceId) {
    // A session belongs to one device: with another one a new session begins, or ending the first would leave its portals logged in.
    const { uid } = session;
    await records.transaction(async (within) => {
      // The user first, as whatever else ends logins takes them.
      const userId = (await within.oidc.findSession(uid))?.userId;
      if (userId !== undefined) await within.users.hold(userId);
      await endLogins(within, { sessionUid: uid }, clock.now());
    });
    Object.assign(session, { uid: randomBytes(32).toString('base64url'), authorizations: {}, exp: undefined });
  }
  session.deviceId = deviceId;
  // Not the time of the proof, which may be that of an app session opened half an hour ago.
  session.loggedInAt = clock.now();
}

/** The grant that the request has loaded already, because a parallel replay may have deleted its row by now; or else the row. */
async function grantOfToken(
  { records, sealing }: AccountDeps,
  ctx: KoaContextWithOIDC,
  grantId: string | undefined,
): Promise<Pick<GrantRow, 'deviceId' | 'sessionUid'> | undefined> {
  const loaded = ctx.oidc.grant as DeviceGrant | undefined;
  if (loaded !== undefined && loaded.jti === grantId) {
    return { deviceId: loaded.deviceId, sessionUid: loaded.sessionUid };
  }
  return grantId === undefined ? undefined : records.oidc.findGrant(grantLookup(sealing, grantId));
}

function account({ records }: AccountDeps, sub: string): Account {
  return {
    accountId: sub,
    claims: () => orUnavailable(() => claimsOf({ records }, sub)),
  };
}

/** All claims that this server knows of a user; the provider keeps those that scope and claims parameter ask for. */
async function claimsOf({ records }: Pick<OidcDeps, 'records'>, sub: string): Promise<AccountClaims> {
  const user = await records.users.find(sub);
  if (user === undefined) return { sub };
  const company = await records.companies.find(user.companyId);
  return {
    sub,
    name: user.name,
    locale: user.locale,
    email: user.email,
    company_id: user.companyId,
    company_name: company?.name,
    permissions: user.permissions,
  };
}

/** The grant of this session at this client, made or extended without asking: every client is the bank's own. */
export function grantLoader({ sealing }: Pick<OidcDeps, 'sealing'>): (ctx: KoaContextWithOIDC) => Promise<DeviceGrant> {
  return async (ctx) => {
    const { client, account: found, provider } = ctx.oidc;
    const session = sessionOf(ctx);
    if (client === undefined || found === undefined) {
      throw new AuthError('internal', { detail: 'a grant was asked for too early' });
    }
    const { accountId } = found;
    const { clientId } = client;
    const { uid: sessionUid, deviceId } = session;
    const knownId = session.grantIdFor(clientId);
    const known = knownId === undefined ? undefined : ((await provider.Grant.find(knownId)) as DeviceGrant | undefined);
    // Derived, not drawn: parallel first requests of one portal make one grant, or the slower would void the code of the faster.
    // From the one before it, so that no token of a revoked grant comes back to life with the next.
    const jti = sealing.lookup(JSON.stringify([sessionUid, clientId, deviceId, knownId]), 'oidc.grant-id');
    const bound = { jti, accountId, clientId, deviceId, sessionUid };
    const isSame = known?.accountId === accountId && known.deviceId === deviceId;
    const grant = isSame && known !== undefined ? known : (new provider.Grant(bound) as DeviceGrant);
    extend(grant, ctx);
    await grant.save();
    return grant;
  };
}

function extend(grant: DeviceGrant, { oidc }: KoaContextWithOIDC): void {
  grant.addOIDCScope(oidc.requestParamOIDCScopes);
  grant.addOIDCClaims(oidc.requestParamClaims);
  for (const [resource, server] of Object.entries(oidc.resourceServers ?? {})) {
    grant.addResourceScope(
      resource,
      [...oidc.requestParamScopes].filter((scope) => server.scopes.has(scope)),
    );
  }
}
