/** Sessions as rows: one document, one row a portal, found by an HMAC of the cookie's value (P2, P3 of the provider's pitfalls). */
import type { AdapterPayload, ClientAuthorizationState } from 'oidc-provider';
import type { Sealing } from '../crypto/sealing.ts';
import type { OidcDeps } from './deps.ts';
import { endLogins } from './end-logins.ts';
import type { SessionClientRow, SessionRow } from './store.ts';

/** What the provider keeps of a session, and the device that approved its login. */
export interface SessionPayload extends AdapterPayload {
  readonly deviceId?: string | undefined;
}

export interface SaveOptions {
  readonly id: string;
  /** The id under which the session was read; undefined for a new one. */
  readonly readAs: string | undefined;
}

export interface SessionRecords {
  find(id: string): Promise<SessionPayload | undefined>;
  findByUid(uid: string): Promise<SessionPayload | undefined>;
  /** Writes a new session, or one that was read under `readAs`; a session that has ended meanwhile is not brought back. */
  save(payload: SessionPayload, options: SaveOptions): Promise<void>;
  /** Ends the session with all its tokens, and tells every portal. */
  end(id: string): Promise<void>;
}

type SessionDeps = Pick<OidcDeps, 'records' | 'sealing' | 'clock'>;

/** A session's id as one client knows it. Derived, so that it is found again and no two clients can compare theirs. */
export function sidOf(sealing: Sealing, sessionUid: string, clientId: string): string {
  return sealing.lookup(`${sessionUid} ${clientId}`, 'oidc.sid');
}

/** Sessions over the durable store. */
export function sessionRecords({ records, sealing, clock }: SessionDeps): SessionRecords {
  const lookupOf = (id: string): string => sealing.lookup(id, 'oidc.session');
  const load = async (row: SessionRow | undefined): Promise<SessionPayload | undefined> => {
    if (row === undefined) return undefined;
    const document = JSON.parse(row.payload) as SessionPayload;
    return { ...document, authorizations: authorizationsOf(await records.oidc.sessionClients(row.uid)) };
  };
  return {
    find: async (id) => {
      const payload = await load(await records.oidc.findSessionByLookup(lookupOf(id)));
      return payload === undefined ? undefined : { ...payload, jti: id };
    },
    findByUid: async (uid) => load(await records.oidc.findSession(uid)),
    save: async (payload, { id, readAs }) => {
      const session = toRow(payload, lookupOf(id));
      const clients = toClientRows(session.uid, payload.authorizations ?? {});
      if (readAs === undefined) await records.oidc.saveSession(session, clients);
      else await records.oidc.updateSession(session, clients, lookupOf(readAs));
    },
    end: async (id) => {
      await records.transaction(async (within) => {
        const session = await within.oidc.findSessionByLookup(lookupOf(id));
        if (session === undefined) return;
        const at = clock.now();
        await endLogins(within, { sessionUid: session.uid }, at);
        const { userId, deviceId } = session;
        if (userId === undefined) return;
        await within.audit.append({ event: 'logout.completed', actor: `user:${userId}`, userId, deviceId }, at);
      });
    },
  };
}

/** The cookie's value (`jti`) stays out of the row: who reads the store cannot take over a session (S-04). */
function toRow({ jti: _cookie, authorizations: _rows, ...document }: SessionPayload, idLookup: string): SessionRow {
  return {
    uid: document.uid ?? '',
    idLookup,
    userId: document.accountId,
    deviceId: document.deviceId,
    payload: JSON.stringify(document),
    createdAt: (document.iat ?? 0) * 1000,
    expiresAt: (document.exp ?? 0) * 1000,
  };
}

function toClientRows(
  sessionUid: string,
  authorizations: Record<string, ClientAuthorizationState>,
): SessionClientRow[] {
  return Object.entries(authorizations).map(([clientId, state]) => ({
    sessionUid,
    clientId,
    payload: JSON.stringify(state),
  }));
}

function authorizationsOf(rows: readonly SessionClientRow[]): Record<string, ClientAuthorizationState> {
  return Object.fromEntries(rows.map((row) => [row.clientId, JSON.parse(row.payload) as ClientAuthorizationState]));
}
