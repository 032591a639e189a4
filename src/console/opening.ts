/** From a proven login to a session of the console, or to a refusal: only who administers something comes in. */
import { consoleClientId } from '../oidc/clients.ts';
import { sidOf } from '../oidc/sessions.ts';
import type { ConsoleDeps } from './deps.ts';
import { personOf } from './identity.ts';
import type { PendingLogin } from './pending.ts';
import { LoginRefused, type ProvenLogin } from './relying-party.ts';
import { consoleHome } from './return-path.ts';
import { openConsoleSession } from './sessions.ts';

interface Opening {
  readonly login: ProvenLogin;
  readonly pending: PendingLogin;
  readonly address: string;
  readonly requestId: string;
}

export type Opened =
  | { readonly outcome: 'opened'; readonly id: string; readonly returnTo: string }
  /** `languages`: what the person reads, best first. */
  | { readonly outcome: 'refused'; readonly languages: readonly string[] };

/**
 * Opens a session for who may have one, and writes it down before; writes a refusal down too. Throws `LoginRefused` where the login at
 * the provider has ended meanwhile.
 */
export async function openFor(deps: ConsoleDeps, opening: Opening): Promise<Opened> {
  const { login, pending } = opening;
  const { userId, provedAt } = login;
  const behind = await loginBehind(deps, login);
  const person = await personOf(deps, behind);
  const user = await deps.records.users.find(userId);
  if (user === undefined) throw new LoginRefused('user');
  if (person === undefined) {
    const data = { endpoint: 'console' };
    await record(deps, opening, { event: 'admin.refused', companyId: user.companyId, deviceId: behind.deviceId, data });
    return { outcome: 'refused', languages: [user.language ?? user.locale] };
  }
  const { role, companyId } = person;
  // Who proved themselves for somebody else's wish begins anew: it was another person's act that was to be confirmed.
  const isSame = pending.userId === undefined || pending.userId === userId;
  const asked = isSame ? pending.proof : 'session';
  const { deviceId } = behind;
  await record(deps, opening, { event: 'console.opened', companyId, deviceId, data: { role, asked, provedAt } });
  const session = { ...behind, provedAt, openedAt: deps.clock.now() };
  const id = await openConsoleSession(deps, session, { isConfirmed: asked === 'confirmed' });
  return { outcome: 'opened', id, returnTo: isSame ? pending.returnTo : consoleHome };
}

/** The login at the provider that the ID token speaks of, with which the session ends. */
async function loginBehind({ records, sealing }: ConsoleDeps, { userId, sid }: ProvenLogin) {
  const logins = await records.oidc.sessionsOf({ userId });
  const found = logins.find(({ uid }) => sidOf(sealing, uid, consoleClientId) === sid);
  if (found?.deviceId === undefined) throw new LoginRefused('session');
  return { userId, deviceId: found.deviceId, sessionUid: found.uid };
}

interface Written {
  readonly event: 'admin.refused' | 'console.opened';
  readonly companyId: string;
  readonly deviceId: string;
  readonly data: Readonly<Record<string, string | number>>;
}

async function record({ records, clock }: ConsoleDeps, opening: Opening, written: Written): Promise<void> {
  const { address, requestId, login } = opening;
  const { userId } = login;
  const who = { actor: `user:${userId}`, userId, clientId: consoleClientId, address, requestId };
  await records.audit.append({ ...written, ...who }, clock.now());
}
