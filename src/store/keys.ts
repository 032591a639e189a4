/** The server's own keys in SQL; private parts are sealed and erased when a key retires. */
import type { Sealing } from '../crypto/sealing.ts';
import { AuthError } from '../errors.ts';
import type { ServerKey, ServerKeyStore } from '../keys/store.ts';
import type { Sql } from './ports.ts';
import { optional, parsed } from './rows.ts';

interface KeyRow {
  kid: string;
  use: ServerKey['use'];
  alg: ServerKey['alg'];
  status: ServerKey['status'];
  public_jwk: string;
  private_sealed: string | null;
  created_at: number;
  activated_at: number | null;
}

const columns = 'kid, use, alg, status, public_jwk, private_sealed, created_at, activated_at';
const context = (kid: string): string => `server_keys.private:${kid}`;

/** Server keys over one engine or one open transaction. */
export function serverKeyStore(sql: Sql, sealing: Sealing): ServerKeyStore {
  const toKey = (row: KeyRow): ServerKey => ({
    kid: row.kid,
    use: row.use,
    alg: row.alg,
    status: row.status,
    publicJwk: parsed(row.public_jwk),
    privateJwk:
      row.private_sealed === null ? undefined : parsed(sealing.openText(row.private_sealed, context(row.kid))),
    createdAt: row.created_at,
    activatedAt: optional(row.activated_at),
  });
  return {
    insert: async (key) => {
      const written = await sql.run(
        `insert into server_keys (${columns}) values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict do nothing`,
        [
          key.kid,
          key.use,
          key.alg,
          key.status,
          JSON.stringify(key.publicJwk),
          key.privateJwk === undefined ? undefined : sealing.seal(JSON.stringify(key.privateJwk), context(key.kid)),
          key.createdAt,
          key.activatedAt,
        ],
      );
      if (written === 0)
        throw new AuthError('already_exists', {
          message: 'a key has this kid, or another key of its algorithm has this status',
        });
    },
    list: async () => {
      const rows = await sql.query<KeyRow>(`select ${columns} from server_keys order by created_at, kid`);
      return rows.map(toKey);
    },
    move: async (kid, from, to, at) => {
      const changes = {
        next: '',
        active: ', activated_at = $4',
        retiring: '',
        retired: ', retired_at = $4, private_sealed = null',
      };
      const values = to === 'active' || to === 'retired' ? [kid, from, to, at] : [kid, from, to];
      const changed = await sql.run(
        `update server_keys set status = $3${changes[to]} where kid = $1 and status = $2`,
        values,
      );
      return changed === 1;
    },
  };
}
