/** Who calls with the console's cookie, judged anew at every request. */
import type { FastifyRequest } from 'fastify';
import type { PersonIdentity } from '../admin/identity.ts';
import { consoleRole } from '../companies/staff.ts';
import { findUsable } from '../devices/devices.ts';
import { AuthError } from '../errors.ts';
import { hostCookieName, readCookie } from '../http/cookies.ts';
import { isPastRule } from '../oidc/sessions.ts';
import type { ConsoleDeps } from './deps.ts';
import { assertOwnRequest } from './own-request.ts';
import {
  type ConsoleSession,
  hasConfirmation,
  loadConsoleSession,
  takeConfirmation,
  touchConsoleSession,
} from './sessions.ts';

/** The cookie, before `__Host-`. */
export const sessionCookie = 'mt_console';
/** A request with this header is the page's own, such as looking for news: it keeps no session alive. */
export const pollHeader = 'mtoken-poll';

/** The cookie's value; undefined where the request has none. */
export function sessionIdOf(deps: Pick<ConsoleDeps, 'origin'>, request: FastifyRequest): string | undefined {
  return readCookie(request, hostCookieName(deps.origin, sessionCookie));
}

/**
 * The person of the request's session, if their device, user, company, role and login at the provider stand at this moment (S-07).
 * Throws `forbidden_origin` for what another site made the browser send, `unsupported_media_type` for a change that is no JSON,
 * `invalid_request` where a token comes beside the cookie, `session_expired` otherwise.
 */
export async function authenticatePerson(deps: ConsoleDeps, request: FastifyRequest): Promise<PersonIdentity> {
  const id = sessionIdOf(deps, request);
  if (request.headers.authorization !== undefined) {
    throw new AuthError('invalid_request', { message: 'send either an access token or the cookie of the console' });
  }
  assertOwnRequest(request, deps.origin);
  const session = id === undefined ? undefined : await loadConsoleSession(deps, id);
  const person = session === undefined ? undefined : await personOf(deps, session);
  if (id === undefined || session === undefined || person === undefined) throw new AuthError('session_expired');
  if (request.headers[pollHeader] === undefined) await touchConsoleSession(deps, id, session);
  return {
    kind: 'person',
    userId: session.userId,
    deviceId: session.deviceId,
    ...person,
    provedAt: session.provedAt,
    isConfirmed: () => hasConfirmation(deps, id),
    takeConfirmation: () => takeConfirmation(deps, id, session),
  };
}

/** Role and company of this moment; undefined where the session's login has ended, or its person may not use the console any more. */
export async function personOf(
  deps: Pick<ConsoleDeps, 'records' | 'devices' | 'clock'>,
  { userId, deviceId, sessionUid }: Pick<ConsoleSession, 'userId' | 'deviceId' | 'sessionUid'>,
): Promise<Pick<PersonIdentity, 'role' | 'companyId'> | undefined> {
  const login = await deps.records.oidc.findSession(sessionUid);
  const isOwn = login !== undefined && login.userId === userId && login.deviceId === deviceId;
  if (!isOwn || login.expiresAt <= deps.clock.now()) return undefined;
  const standing = await findUsable(deps.devices, deviceId);
  if (standing === undefined || standing.user.id !== userId) return undefined;
  if (isPastRule(login, standing.company, deps.clock.now())) return undefined;
  const role = consoleRole(standing.user, standing.company);
  return role === undefined ? undefined : { role, companyId: standing.company.id };
}
