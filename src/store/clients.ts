/** Relying parties and admin API clients in SQL; a client secret is sealed. */
import type { Sealing } from '../crypto/sealing.ts';
import { AuthError } from '../errors.ts';
import type { Client, ClientStore } from '../oidc/store.ts';
import type { Sql } from './ports.ts';
import { firstOf, optional, pageSize, parsed } from './rows.ts';

interface ClientRow {
  id: string;
  kind: Client['kind'];
  name: string;
  company_id: string | null;
  metadata: string;
  secret_sealed: string | null;
  status: Client['status'];
  created_at: number;
  version: number;
}

const columns = 'id, kind, name, company_id, metadata, secret_sealed, status, created_at, version';
const context = (id: string): string => `clients.secret:${id}`;

/** Clients over one engine or one open transaction. */
export function clientStore(sql: Sql, sealing: Sealing): ClientStore {
  const sealSecret = ({ id, secret }: Client): string | undefined =>
    secret === undefined ? undefined : sealing.seal(secret, context(id));
  const toClient = (row: ClientRow): Client => ({
    id: row.id,
    kind: row.kind,
    name: row.name,
    companyId: optional(row.company_id),
    metadata: parsed(row.metadata),
    secret: row.secret_sealed === null ? undefined : sealing.openText(row.secret_sealed, context(row.id)),
    status: row.status,
    createdAt: row.created_at,
    version: row.version,
  });
  return {
    insert: async (client) => {
      const written = await sql.run(
        `insert into clients (${columns}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing`,
        [
          client.id,
          client.kind,
          client.name,
          client.companyId,
          JSON.stringify(client.metadata),
          sealSecret(client),
          client.status,
          client.createdAt,
          client.version,
        ],
      );
      if (written === 0) throw new AuthError('already_exists', { message: 'a client has this id' });
    },
    find: async (id) =>
      firstOf(await sql.query<ClientRow>(`select ${columns} from clients where id = $1`, [id]), toClient),
    list: async (after, limit) => {
      const rows = await sql.query<ClientRow>(`select ${columns} from clients where id > $1 order by id limit $2`, [
        after ?? '',
        pageSize(limit),
      ]);
      return rows.map(toClient);
    },
    update: async (client) =>
      (await sql.run(
        `update clients set name = $1, metadata = $2, secret_sealed = $3, status = $4, version = version + 1
         where id = $5 and version = $6`,
        [client.name, JSON.stringify(client.metadata), sealSecret(client), client.status, client.id, client.version],
      )) === 1,
  };
}
