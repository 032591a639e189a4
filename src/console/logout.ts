/** Logging out of the console ends the login at the provider too, and with it every portal of that browser. */
import { endLogins } from '../oidc/end-logins.ts';
import type { ConsoleDeps } from './deps.ts';
import { type ConsoleSession, endConsoleSession } from './sessions.ts';

type LogoutDeps = Pick<ConsoleDeps, 'records' | 'shortLived' | 'sealing' | 'clock'>;

interface Logout {
  readonly id: string;
  readonly session: ConsoleSession;
  readonly address: string;
  readonly requestId: string;
}

/**
 * One transaction, in which every portal's logout message becomes due: no page in between asks, and nothing stays open where the
 * browser is closed half-way. The console's session is dead with its commit, wherever it is looked at.
 */
export async function logOut(deps: LogoutDeps, { id, session, address, requestId }: Logout): Promise<void> {
  const at = deps.clock.now();
  const { userId, deviceId, sessionUid } = session;
  await deps.records.transaction(async (records) => {
    // The user first, as whatever else ends logins takes them.
    await records.users.hold(userId);
    if ((await records.oidc.findSession(sessionUid)) === undefined) return;
    await endLogins(records, { sessionUid }, at);
    const user = await records.users.find(userId);
    const who = { actor: `user:${userId}`, companyId: user?.companyId, userId, deviceId, address, requestId };
    await records.audit.append({ event: 'logout.completed', ...who }, at);
  });
  await endConsoleSession(deps, id);
}
