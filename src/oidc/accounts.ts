/** Accounts and grants for the provider: every look-up asks whether the approving device may still be used. */
import { randomBytes } from 'node:crypto';
import { type Account, type AccountClaims, errors, type FindAccount, type KoaContextWithOIDC } from 'oidc-provider';
import { AuthError } from '../errors.ts';
import { grantLookup } from './adapter.ts';
import type { OidcDeps } from './deps.ts';
import { endLogins } from './end-logins.ts';
import type { DeviceGrant, DeviceSession } from './provider-models.ts';
import { orUnavailable } from './unavailable.ts';

type AccountDeps = Pick<OidcDeps, 'records' | 'sealing' | 'clock' | 'assertUsable'>;

/**
 * The provider asks for the account at authorization, sign-on, code exchange, refresh and userinfo: the one place through which all of
 * them pass (T9). No usable device, no account, and each of them refuses.
 */
export function accountFinder(deps: AccountDeps): FindAccount {
  return (ctx, sub, token) =>
    orUnavailable(async () => {
      const login = token === undefined ? ctx.oidc.result?.login : undefined;
      if (login !== undefined) await beginLogin(deps, ctx, String(login['deviceId']));
      const deviceId = token === undefined ? sessionOf(ctx).deviceId : await deviceOfToken(deps, ctx, token.grantId);
      if (deviceId !== undefined && (await isUsable(deps, deviceId))) return account(deps, sub);
      // Blocked between approval and the browser's return: the login fails at the portal instead of beginning anew.
      if (login !== undefined) throw new errors.AccessDenied('the device may not be used');
      return undefined;
    });
}

/** Whether the device, its user and its company may be used now. Only a clear no is a no: a store that is down throws. */
export async function isUsable({ assertUsable }: Pick<OidcDeps, 'assertUsable'>, deviceId: string): Promise<boolean> {
  try {
    await assertUsable(deviceId);
    return true;
  } catch (error) {
    if (error instanceof AuthError && error.status < 500) return false;
    throw error;
  }
}

/** Whether what stands behind a token may still be used; tokens of the client credentials grant have no device. */
export async function isTokenUsable(deps: AccountDeps, ctx: KoaContextWithOIDC, grantId: string): Promise<boolean> {
  const deviceId = await deviceOfToken(deps, ctx, grantId);
  return deviceId !== undefined && isUsable(deps, deviceId);
}

function sessionOf(ctx: KoaContextWithOIDC): DeviceSession {
  const { session } = ctx.oidc;
  if (session === undefined)
    throw new AuthError('internal', { detail: 'an account was asked for without session or token' });
  return session as DeviceSession;
}

/** Binds the session to the device that approved this login. */
async function beginLogin({ records, clock }: AccountDeps, ctx: KoaContextWithOIDC, deviceId: string): Promise<void> {
  const session = sessionOf(ctx);
  if (session.deviceId !== undefined && session.deviceId !== deviceId) {
    // A session belongs to one device: with another one a new session begins, or ending the first would leave its portals logged in.
    const { uid } = session;
    await records.transaction((within) => endLogins(within, { sessionUid: uid }, clock.now()));
    Object.assign(session, { uid: randomBytes(32).toString('base64url'), authorizations: {}, exp: undefined });
  }
  session.deviceId = deviceId;
}

/** The grant that the request has loaded already, because a parallel replay may have deleted its row by now; or else the row. */
async function deviceOfToken(
  { records, sealing }: AccountDeps,
  ctx: KoaContextWithOIDC,
  grantId: string | undefined,
): Promise<string | undefined> {
  const loaded = ctx.oidc.grant as DeviceGrant | undefined;
  if (loaded !== undefined && loaded.jti === grantId) return loaded.deviceId;
  if (grantId === undefined) return undefined;
  return (await records.oidc.findGrant(grantLookup(sealing, grantId)))?.deviceId;
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
  };
}

/** The grant of this session at this client, made or extended without asking: every client is the bank's own. */
export async function loadGrant(ctx: KoaContextWithOIDC): Promise<DeviceGrant> {
  const { client, account: found } = ctx.oidc;
  const session = sessionOf(ctx);
  if (client === undefined || found === undefined)
    throw new AuthError('internal', { detail: 'a grant was asked for too early' });
  const grantId = session.grantIdFor(client.clientId);
  const existing =
    grantId === undefined ? undefined : ((await ctx.oidc.provider.Grant.find(grantId)) as DeviceGrant | undefined);
  const isSame = existing?.accountId === found.accountId && existing.deviceId === session.deviceId;
  const grant = isSame && existing !== undefined ? existing : newGrant(ctx, found.accountId, client.clientId);
  grant.addOIDCScope(ctx.oidc.requestParamOIDCScopes);
  grant.addOIDCClaims(ctx.oidc.requestParamClaims);
  for (const [resource, server] of Object.entries(ctx.oidc.resourceServers ?? {})) {
    grant.addResourceScope(
      resource,
      [...ctx.oidc.requestParamScopes].filter((scope) => server.scopes.has(scope)),
    );
  }
  await grant.save();
  return grant;
}

function newGrant(ctx: KoaContextWithOIDC, accountId: string, clientId: string): DeviceGrant {
  const { uid, deviceId } = sessionOf(ctx);
  const bound = { accountId, clientId, deviceId, sessionUid: uid };
  return new ctx.oidc.provider.Grant(bound) as DeviceGrant;
}
