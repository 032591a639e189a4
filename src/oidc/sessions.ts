/** Sessions as rows: one document, one row a portal, found by an HMAC of the cookie's value (P2, P3 of the provider's pitfalls). */
import type { AdapterPayload, ClientAuthorizationState } from 'oidc-provider';
import type { Company } from '../companies/store.ts';
import type { Sealing } from '../crypto/sealing.ts';
import type { Records } from '../store/records.ts';
import type { OidcDeps } from './deps.ts';
import { endLogins } from './end-logins.ts';
import { toSeconds } from './lifetimes.ts';
import type { SessionClientRow, SessionRow } from './store.ts';

/** What the provider keeps of a session, and the device that approved its login. */
export interface SessionPayload extends AdapterPayload {
  readonly deviceId?: string | undefined;
  /** When its last login was finished, in epoch-milliseconds. */
  readonly loggedInAt?: number | undefined;
}

export interface SaveOptions {
  readonly id: string;
  /** The id under which the session was read; undefined for a new one. */
  readonly readAs: string | undefined;
  /** The `exp` that it had then. */
  readonly readExp?: number | undefined;
  /** After a login: how many sessions its user may have, this one among them. */
  readonly limit?: number | undefined;
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
    // By the row as well: a rule that became stricter shortens what the document still says.
    if (row === undefined || row.expiresAt <= clock.now()) return undefined;
    const document = JSON.parse(row.payload) as SessionPayload;
    const authorizations = authorizationsOf(await records.oidc.sessionClients(row.uid));
    return { ...document, exp: toSeconds(row.expiresAt), authorizations };
  };
  return {
    find: async (id) => {
      const payload = await load(await records.oidc.findSessionByLookup(lookupOf(id)));
      return payload === undefined ? undefined : { ...payload, jti: id };
    },
    findByUid: async (uid) => load(await records.oidc.findSession(uid)),
    save: async (payload, { id, readAs, readExp = 0, limit }) => {
      const session = toRow(payload, lookupOf(id));
      const clients = toClientRows(session.uid, payload.authorizations ?? {});
      const write = async ({ oidc }: Records): Promise<void> => {
        if (readAs === undefined) await oidc.saveSession(session, clients);
        else await oidc.updateSession(session, clients, { idLookup: lookupOf(readAs), expiresAt: readExp * 1000 });
      };
      const { userId } = session;
      if (limit === undefined || userId === undefined) return write(records);
      await records.transaction(async (within) => {
        // One login of a user after the other: of many at once none is counted without the rest.
        await within.users.hold(userId);
        await write(within);
        await endOldest(within, { userId, limit, newest: session.uid, at: clock.now() });
      });
    },
    end: async (id) => {
      await records.transaction(async (within) => {
        const known = await within.oidc.findSessionByLookup(lookupOf(id));
        if (known === undefined) return;
        // The user first, as whatever else ends logins takes them.
        if (known.userId !== undefined) await within.users.hold(known.userId);
        const session = await within.oidc.findSession(known.uid);
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

interface Limit {
  readonly userId: string;
  readonly limit: number;
  /** The session of the login that pushes out. */
  readonly newest: string;
  readonly at: number;
}

/** Ends the sessions that a login has pushed out, the longest ago first, and tells their portals (S-12). */
async function endOldest(records: Records, { userId, limit, newest, at }: Limit): Promise<void> {
  const sessions = await records.oidc.sessionsOf({ userId });
  const others = sessions.filter(({ uid, expiresAt }) => uid !== newest && expiresAt > at);
  const byLogin = others.toSorted((one, other) => loginOf(other) - loginOf(one));
  const pushedOut = byLogin.slice(limit - 1);
  for (const { uid } of pushedOut) await endLogins(records, { sessionUid: uid }, at);
  // The trail comes last, of all of them: its head is one row for all, which nobody may hold while waiting for another.
  for (const { deviceId } of pushedOut) {
    const record = { event: 'logout.completed', actor: 'server', userId, deviceId } as const;
    await records.audit.append({ ...record, data: { reason: 'session_limit' } }, at);
  }
}

/**
 * Whether the company lets that login last no longer. Asked wherever a login is used, beside the end of its row: a login that was under
 * way when the rule was changed may have been written down with the end that the rule gave before.
 */
export function isPastRule(
  { payload }: Pick<SessionRow, 'payload'>,
  { rules }: Pick<Company, 'rules'>,
  now: number,
): boolean {
  const { loggedInAt } = JSON.parse(payload) as SessionPayload;
  return loggedInAt !== undefined && loggedInAt + rules.sessionMinutes * 60_000 <= now;
}

function loginOf({ payload, createdAt }: SessionRow): number {
  return (JSON.parse(payload) as SessionPayload).loggedInAt ?? createdAt;
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
