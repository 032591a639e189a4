/** OpenID Connect's lasting state in SQL: sessions, grants and refresh tokens, with sealed payloads. */
import type { Sealing } from '../crypto/sealing.ts';
import { AuthError } from '../errors.ts';
import type {
  GrantRow,
  OidcStore,
  RefreshTokenRow,
  SessionAsRead,
  SessionClientRow,
  SessionRow,
} from '../oidc/store.ts';
import type { Sql } from './ports.ts';
import { firstOf, optional } from './rows.ts';
import { atomically } from './transaction.ts';

/** Each owner by whom sessions or grants are looked up, as its column. */
const ownerColumns = { userId: 'user_id', deviceId: 'device_id', sessionUid: 'session_uid' } as const;
type Owner = { userId: string } | { deviceId: string } | { sessionUid: string };

function ownedBy(owner: Owner): { column: string; value: string } {
  if ('userId' in owner) return { column: ownerColumns.userId, value: owner.userId };
  if ('deviceId' in owner) return { column: ownerColumns.deviceId, value: owner.deviceId };
  return { column: ownerColumns.sessionUid, value: owner.sessionUid };
}

/** Over one engine or one open transaction. */
export function oidcStore(sql: Sql, sealing: Sealing): OidcStore {
  return {
    ...sessions(sql, sealing),
    ...grants(sql, sealing),
    ...refreshTokens(sql, sealing),
    purge: (at) =>
      atomically(sql, async (inner) => {
        let purged = 0;
        for (const table of ['oidc_refresh_tokens', 'oidc_grants', 'oidc_sessions']) {
          purged += await inner.run(`delete from ${table} where expires_at < $1`, [at]);
        }
        return purged;
      }),
  };
}

interface SessionColumns {
  uid: string;
  id_lookup: string;
  user_id: string | null;
  device_id: string | null;
  payload_sealed: string;
  created_at: number;
  expires_at: number;
}

const sessionColumns = 'uid, id_lookup, user_id, device_id, payload_sealed, created_at, expires_at';
const sessionContext = (uid: string): string => `oidc_sessions.payload:${uid}`;

type Sessions = Pick<
  OidcStore,
  | 'saveSession'
  | 'updateSession'
  | 'findSessionByLookup'
  | 'findSession'
  | 'bindSession'
  | 'sessionClients'
  | 'sessionsOf'
  | 'shortenSessions'
  | 'deleteSession'
>;

function sessions(sql: Sql, sealing: Sealing): Sessions {
  const toSession = (row: SessionColumns): SessionRow => ({
    uid: row.uid,
    idLookup: row.id_lookup,
    userId: optional(row.user_id),
    deviceId: optional(row.device_id),
    payload: sealing.openText(row.payload_sealed, sessionContext(row.uid)),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  });
  const findBy = (column: string, value: string): Promise<SessionColumns[]> =>
    sql.query<SessionColumns>(`select ${sessionColumns} from oidc_sessions where ${column} = $1`, [value]);
  return {
    saveSession: (session, clients) =>
      atomically(sql, async (inner) => {
        await upsertSession(inner, session, sealing.seal(session.payload, sessionContext(session.uid)));
        for (const client of clients) await upsertSessionClient(inner, client);
      }),
    updateSession: (session, clients, read) =>
      atomically(sql, async (inner) => {
        const sealed = sealing.seal(session.payload, sessionContext(session.uid));
        if (!(await updateSessionDocument(inner, { session, sealed, read }))) return false;
        for (const client of clients) await upsertSessionClient(inner, client);
        return true;
      }),
    findSessionByLookup: async (idLookup) => firstOf(await findBy('id_lookup', idLookup), toSession),
    findSession: async (uid) => firstOf(await findBy('uid', uid), toSession),
    bindSession: async (uid, userId, deviceId) => {
      await sql.run('update oidc_sessions set user_id = $2, device_id = $3 where uid = $1', [uid, userId, deviceId]);
    },
    sessionClients: async (uid) => {
      const rows = await sql.query<{ session_uid: string; client_id: string; payload: string }>(
        'select session_uid, client_id, payload from oidc_session_clients where session_uid = $1 order by client_id',
        [uid],
      );
      return rows.map((row) => ({ sessionUid: row.session_uid, clientId: row.client_id, payload: row.payload }));
    },
    sessionsOf: async (owner) => {
      const { column, value } = ownedBy(owner);
      return (await findBy(column, value)).map(toSession);
    },
    shortenSessions: (companyId, lifetimeMs) =>
      atomically(sql, async (inner) => {
        // The users first, as whatever ends their sessions does: crosswise, an emergency could be the one that is aborted.
        await inner.run(
          `update users set device_count = device_count
           where company_id = $1 and id in (select user_id from oidc_sessions)`,
          [companyId],
        );
        await inner.run(
          `update oidc_sessions set expires_at = created_at + $1
           where user_id in (select id from users where company_id = $2) and expires_at > created_at + $1`,
          [lifetimeMs, companyId],
        );
      }),
    deleteSession: async (uid) => {
      await sql.run('delete from oidc_sessions where uid = $1', [uid]);
    },
  };
}

/**
 * The provider saves the document without knowing the device: a save keeps the binding as long as the user is the same, and drops
 * it when another user logs in within the session, so that nobody inherits the device of the one before.
 */
async function upsertSession(sql: Sql, session: SessionRow, payloadSealed: string): Promise<void> {
  const { uid, idLookup, userId, deviceId, createdAt, expiresAt } = session;
  // Two statements: of several at once, PostgreSQL may meet the other's id before its uid, and one "on conflict" names but one of them.
  const inserted = await sql.run(
    `insert into oidc_sessions (${sessionColumns}) values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`,
    [uid, idLookup, userId, deviceId, payloadSealed, createdAt, expiresAt],
  );
  if (inserted === 1) return;
  const updated = await sql.run(
    `update oidc_sessions set
       id_lookup = $2,
       user_id = coalesce(cast($3 as text), user_id),
       device_id = case
         when cast($4 as text) is not null then cast($4 as text)
         when cast($3 as text) is null or cast($3 as text) = user_id then device_id
         else null end,
       payload_sealed = $5,
       expires_at = $6
     where uid = $1`,
    [uid, idLookup, userId, deviceId, payloadSealed, expiresAt],
  );
  if (updated !== 1) throw new AuthError('internal', { detail: 'oidc: another session has this id' });
}

interface SessionUpdate {
  readonly session: SessionRow;
  readonly sealed: string;
  readonly read: SessionAsRead;
}

/** One statement that always touches the row where there is one, so that no ending can slip between it and the client rows. */
async function updateSessionDocument(sql: Sql, { session, sealed, read }: SessionUpdate): Promise<boolean> {
  const changed = await sql.run(
    `update oidc_sessions set
       user_id = case when id_lookup = $2 then $4 else user_id end,
       device_id = case when id_lookup = $2 then $5 else device_id end,
       payload_sealed = case when id_lookup = $2 then $6 else payload_sealed end,
       expires_at = case
         when id_lookup <> $2 then expires_at
         when expires_at < $8 and expires_at < $7 then expires_at
         else $7 end,
       id_lookup = case when id_lookup = $2 then $3 else id_lookup end
     where uid = $1`,
    [
      session.uid,
      read.idLookup,
      session.idLookup,
      session.userId,
      session.deviceId,
      sealed,
      session.expiresAt,
      read.expiresAt,
    ],
  );
  return changed === 1;
}

async function upsertSessionClient(sql: Sql, client: SessionClientRow): Promise<void> {
  await sql.run(
    `insert into oidc_session_clients (session_uid, client_id, payload) values ($1, $2, $3)
     on conflict (session_uid, client_id) do update set payload = excluded.payload`,
    [client.sessionUid, client.clientId, client.payload],
  );
}

interface GrantColumns {
  id_lookup: string;
  user_id: string;
  client_id: string;
  device_id: string | null;
  session_uid: string | null;
  payload_sealed: string;
  expires_at: number;
}

const grantColumns = 'id_lookup, user_id, client_id, device_id, session_uid, payload_sealed, expires_at';
const grantContext = (idLookup: string): string => `oidc_grants.payload:${idLookup}`;

type Grants = Pick<OidcStore, 'saveGrant' | 'findGrant' | 'deleteGrant' | 'deleteGrantsOf'>;

function grants(sql: Sql, sealing: Sealing): Grants {
  const toGrant = (row: GrantColumns): GrantRow => ({
    idLookup: row.id_lookup,
    userId: row.user_id,
    clientId: row.client_id,
    deviceId: optional(row.device_id),
    sessionUid: optional(row.session_uid),
    payload: sealing.openText(row.payload_sealed, grantContext(row.id_lookup)),
    expiresAt: row.expires_at,
  });
  return {
    saveGrant: async (grant) => {
      await sql.run(
        `insert into oidc_grants (${grantColumns}) values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (id_lookup) do update set
           device_id = coalesce(excluded.device_id, oidc_grants.device_id),
           session_uid = coalesce(excluded.session_uid, oidc_grants.session_uid),
           payload_sealed = excluded.payload_sealed,
           expires_at = excluded.expires_at`,
        [
          grant.idLookup,
          grant.userId,
          grant.clientId,
          grant.deviceId,
          grant.sessionUid,
          sealing.seal(grant.payload, grantContext(grant.idLookup)),
          grant.expiresAt,
        ],
      );
    },
    findGrant: async (idLookup) =>
      firstOf(
        await sql.query<GrantColumns>(`select ${grantColumns} from oidc_grants where id_lookup = $1`, [idLookup]),
        toGrant,
      ),
    deleteGrant: async (idLookup) => {
      await sql.run('delete from oidc_grants where id_lookup = $1', [idLookup]);
    },
    deleteGrantsOf: (owner) => atomically(sql, (inner) => deleteGrantsOf(inner, owner)),
  };
}

async function deleteGrantsOf(sql: Sql, owner: Owner): Promise<void> {
  const { column, value } = ownedBy(owner);
  await sql.run(
    `delete from oidc_refresh_tokens where grant_lookup in (select id_lookup from oidc_grants where ${column} = $1)`,
    [value],
  );
  // A token may outlive or precede its grant's row; the device is written on the token itself.
  if ('deviceId' in owner) await sql.run('delete from oidc_refresh_tokens where device_id = $1', [value]);
  await sql.run(`delete from oidc_grants where ${column} = $1`, [value]);
}

interface RefreshTokenColumns {
  id_lookup: string;
  grant_lookup: string;
  client_id: string;
  device_id: string | null;
  payload_sealed: string;
  consumed_at: number | null;
  expires_at: number;
}

const tokenColumns = 'id_lookup, grant_lookup, client_id, device_id, payload_sealed, consumed_at, expires_at';
const tokenContext = (idLookup: string): string => `oidc_refresh_tokens.payload:${idLookup}`;

type RefreshTokens = Pick<
  OidcStore,
  'saveRefreshToken' | 'findRefreshToken' | 'consumeRefreshToken' | 'deleteRefreshTokens'
>;

function refreshTokens(sql: Sql, sealing: Sealing): RefreshTokens {
  const toToken = (row: RefreshTokenColumns): RefreshTokenRow => ({
    idLookup: row.id_lookup,
    grantLookup: row.grant_lookup,
    clientId: row.client_id,
    deviceId: optional(row.device_id),
    payload: sealing.openText(row.payload_sealed, tokenContext(row.id_lookup)),
    consumedAt: optional(row.consumed_at),
    expiresAt: row.expires_at,
  });
  return {
    // A save never takes back a consumption: a rotated token cannot be used a second time because it was written once more.
    saveRefreshToken: async (token) => {
      await sql.run(
        `insert into oidc_refresh_tokens (${tokenColumns}) values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (id_lookup) do update set
           payload_sealed = excluded.payload_sealed,
           consumed_at = coalesce(oidc_refresh_tokens.consumed_at, excluded.consumed_at),
           expires_at = excluded.expires_at`,
        [
          token.idLookup,
          token.grantLookup,
          token.clientId,
          token.deviceId,
          sealing.seal(token.payload, tokenContext(token.idLookup)),
          token.consumedAt,
          token.expiresAt,
        ],
      );
    },
    findRefreshToken: async (idLookup) =>
      firstOf(
        await sql.query<RefreshTokenColumns>(`select ${tokenColumns} from oidc_refresh_tokens where id_lookup = $1`, [
          idLookup,
        ]),
        toToken,
      ),
    consumeRefreshToken: async (idLookup, at) =>
      (await sql.run('update oidc_refresh_tokens set consumed_at = $2 where id_lookup = $1 and consumed_at is null', [
        idLookup,
        at,
      ])) === 1,
    deleteRefreshTokens: async (grantLookup) => {
      await sql.run('delete from oidc_refresh_tokens where grant_lookup = $1', [grantLookup]);
    },
  };
}
