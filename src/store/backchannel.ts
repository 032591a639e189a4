/** Requests that came by CIBA, in SQL: found by a hash, their content sealed, each of them redeemed once. */
import type { Sealing } from '../crypto/sealing.ts';
import type { BackchannelRow, BackchannelStore } from '../oidc/store.ts';
import type { Sql, SqlValue } from './ports.ts';
import { firstOf, optional } from './rows.ts';

interface Row {
  id_lookup: string;
  client_id: string;
  user_id: string;
  payload_sealed: string;
  signing_id: string | null;
  asked_at: number | null;
  settled_at: number | null;
  created_at: number;
  ends_at: number;
  consumed_at: number | null;
}

const columns =
  'id_lookup, client_id, user_id, payload_sealed, signing_id, asked_at, settled_at, created_at, ends_at, consumed_at';
const context = (idLookup: string): string => `backchannel_requests.payload:${idLookup}`;

/** Over one engine or one open transaction. */
export function backchannelStore(sql: Sql, sealing: Sealing): BackchannelStore {
  const toRow = (row: Row): BackchannelRow => ({
    idLookup: row.id_lookup,
    clientId: row.client_id,
    userId: row.user_id,
    payload: sealing.openText(row.payload_sealed, context(row.id_lookup)),
    signingId: optional(row.signing_id),
    askedAt: optional(row.asked_at),
    settledAt: optional(row.settled_at),
    createdAt: row.created_at,
    endsAt: row.ends_at,
    consumedAt: optional(row.consumed_at),
  });
  const rows = (rest: string, values: readonly SqlValue[]): Promise<Row[]> =>
    sql.query<Row>(`select ${columns} from backchannel_requests ${rest}`, values);
  return {
    insert: async ({ idLookup, clientId, userId, payload, createdAt, endsAt }) => {
      await sql.run(
        `insert into backchannel_requests (id_lookup, client_id, user_id, payload_sealed, created_at, ends_at)
         values ($1, $2, $3, $4, $5, $6)`,
        [idLookup, clientId, userId, sealing.seal(payload, context(idLookup)), createdAt, endsAt],
      );
    },
    find: async (idLookup) => firstOf(await rows('where id_lookup = $1', [idLookup]), toRow),
    findBySigning: async (signingId) => firstOf(await rows('where signing_id = $1', [signingId]), toRow),
    asked: async (userId, since) =>
      (await rows('where user_id = $1 and asked_at >= $2 order by asked_at', [userId, since])).map(toRow),
    link: async (idLookup, signingId, at) =>
      (await sql.run(
        'update backchannel_requests set signing_id = $2, asked_at = $3 where id_lookup = $1 and signing_id is null and settled_at is null',
        [idLookup, signingId, at],
      )) === 1,
    settle: async (signingId, at) =>
      (await sql.run('update backchannel_requests set settled_at = $2 where signing_id = $1 and settled_at is null', [
        signingId,
        at,
      ])) === 1,
    close: async (idLookup, at) =>
      (await sql.run(
        'update backchannel_requests set signing_id = null, settled_at = $2 where id_lookup = $1 and settled_at is null',
        [idLookup, at],
      )) === 1,
    consume: async (idLookup, at) =>
      (await sql.run('update backchannel_requests set consumed_at = $2 where id_lookup = $1 and consumed_at is null', [
        idLookup,
        at,
      ])) === 1,
    purge: (before) => sql.run('delete from backchannel_requests where ends_at < $1', [before]),
  };
}
