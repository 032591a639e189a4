/** Webhook endpoints in SQL; their secrets are sealed. */
import type { Sealing } from '../crypto/sealing.ts';
import type { WebhookEndpoint, WebhookStore } from '../notify/store.ts';
import type { Sql, SqlValue } from './ports.ts';
import { optional, pageSize, parsed } from './rows.ts';

interface EndpointRow {
  id: string;
  company_id: string | null;
  name: string;
  url: string;
  events: string;
  status: WebhookEndpoint['status'];
  secret_sealed: string;
  previous_sealed: string | null;
  previous_until: number | null;
  created_at: number;
  version: number;
}

const columns =
  'id, company_id, name, url, events, status, secret_sealed, previous_sealed, previous_until, created_at, version';
const context = (id: string): string => `webhook_endpoints.secret:${id}`;

const select = `select ${columns} from webhook_endpoints`;

/** Webhook endpoints over one engine or one open transaction. */
export function webhookStore(sql: Sql, sealing: Sealing): WebhookStore {
  const rows = async (rest: string, values: readonly SqlValue[]): Promise<WebhookEndpoint[]> =>
    (await sql.query<EndpointRow>(`${select} ${rest}`, values)).map((row) => toEndpoint(sealing, row));
  return {
    insert: async (endpoint) => {
      await sql.run(
        `insert into webhook_endpoints (id, name, url, events, status, secret_sealed, previous_sealed, previous_until,
           company_id, created_at, version) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
        [...written(sealing, endpoint), endpoint.companyId, endpoint.createdAt, endpoint.version],
      );
    },
    find: async (id) => (await rows('where id = $1', [id]))[0],
    list: (after, limit) => rows('where id > $1 order by id limit $2', [after ?? '', pageSize(limit)]),
    listening: (companyId) =>
      rows("where status = 'active' and (company_id is null or company_id = $1) order by id", [companyId ?? '']),
    update: async (endpoint) =>
      (await sql.run(
        `update webhook_endpoints set name = $2, url = $3, events = $4, status = $5, secret_sealed = $6,
           previous_sealed = $7, previous_until = $8, version = version + 1
         where id = $1 and version = $9`,
        [...written(sealing, endpoint), endpoint.version],
      )) === 1,
    forgetPrevious: async (at) => {
      await sql.run(
        `update webhook_endpoints set previous_sealed = null, previous_until = null, version = version + 1
         where previous_until <= $1`,
        [at],
      );
    },
  };
}

function toEndpoint(sealing: Sealing, row: EndpointRow): WebhookEndpoint {
  const { previous_sealed: previous, previous_until: until } = row;
  const open = (sealed: string): string => sealing.openText(sealed, context(row.id));
  return {
    id: row.id,
    companyId: optional(row.company_id),
    name: row.name,
    url: row.url,
    events: parsed(row.events),
    status: row.status,
    secret: open(row.secret_sealed),
    previous: previous === null || until === null ? undefined : { secret: open(previous), until },
    createdAt: row.created_at,
    version: row.version,
  };
}

/** What an insert and an update write alike, in this order. */
function written(sealing: Sealing, endpoint: WebhookEndpoint): SqlValue[] {
  const { id, name, url, events, status, secret, previous } = endpoint;
  return [
    id,
    name,
    url,
    JSON.stringify(events),
    status,
    sealing.seal(secret, context(id)),
    previous === undefined ? undefined : sealing.seal(previous.secret, context(id)),
    previous?.until,
  ];
}
