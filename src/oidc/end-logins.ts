/** Ends portal logins: sessions, grants and refresh tokens go, and every portal is told through the outbox. */
import type { EndLogins } from '../devices/end.ts';
import type { Records } from '../store/records.ts';
import type { SessionClientRow, SessionRow } from './store.ts';

/** Payload of a `backchannel_logout` message. The logout token is made at delivery, so that it is fresh. */
export interface LogoutMessage {
  readonly clientId: string;
  readonly sub: string;
  readonly sid: string;
}

/**
 * Ends what the owner is logged in to, within the caller's transaction: after its commit every code, access and refresh token of
 * these logins is refused on every process, because session and grant are gone (S-07), and each portal's logout message is due.
 */
export const endLogins: EndLogins = async (records, owner, at) => {
  for (const session of await sessionsOf(records, owner)) {
    for (const portal of await records.oidc.sessionClients(session.uid)) {
      await tellPortal(records, { session, portal, at });
    }
    await records.oidc.deleteGrantsOf({ sessionUid: session.uid });
    await records.oidc.deleteSession(session.uid);
  }
  await records.oidc.deleteGrantsOf(owner);
};

async function sessionsOf(records: Records, owner: Parameters<EndLogins>[1]): Promise<readonly SessionRow[]> {
  if (!('sessionUid' in owner)) return records.oidc.sessionsOf(owner);
  const session = await records.oidc.findSession(owner.sessionUid);
  return session === undefined ? [] : [session];
}

interface Telling {
  readonly session: SessionRow;
  readonly portal: SessionClientRow;
  readonly at: number;
}

async function tellPortal(records: Records, { session, portal, at }: Telling): Promise<void> {
  const { sid } = JSON.parse(portal.payload) as { sid?: string };
  if (session.userId === undefined || sid === undefined) return;
  const client = await records.clients.find(portal.clientId);
  if (client?.status !== 'active' || client.metadata['backchannel_logout_uri'] === undefined) return;
  const message: LogoutMessage = { clientId: client.id, sub: session.userId, sid };
  const payload = JSON.stringify(message);
  await records.outbox.enqueue({ kind: 'backchannel_logout', recipient: client.id, payload }, at);
}
