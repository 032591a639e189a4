/** The secrets that sign what portals are told of their own requests, in SQL; sealed. */
import type { Sealing } from '../crypto/sealing.ts';
import type { PortalWebhook, PortalWebhookStore } from '../notify/store.ts';
import type { Sql } from './ports.ts';
import { firstOf } from './rows.ts';

interface Row {
  client_id: string;
  secret_sealed: string;
  previous_sealed: string | null;
  previous_until: number | null;
}

const context = (clientId: string): string => `portal_webhooks.secret:${clientId}`;

/** Over one engine or one open transaction. */
export function portalWebhookStore(sql: Sql, sealing: Sealing): PortalWebhookStore {
  const toWebhook = (row: Row): PortalWebhook => {
    const { client_id: clientId, previous_sealed: previous, previous_until: until } = row;
    const open = (sealed: string): string => sealing.openText(sealed, context(clientId));
    return {
      clientId,
      secret: open(row.secret_sealed),
      previous: previous === null || until === null ? undefined : { secret: open(previous), until },
    };
  };
  return {
    find: async (clientId) =>
      firstOf(
        await sql.query<Row>(
          'select client_id, secret_sealed, previous_sealed, previous_until from portal_webhooks where client_id = $1',
          [clientId],
        ),
        toWebhook,
      ),
    save: async ({ clientId, secret, previous }) => {
      const seal = (text: string): string => sealing.seal(text, context(clientId));
      await sql.run(
        `insert into portal_webhooks (client_id, secret_sealed, previous_sealed, previous_until) values ($1, $2, $3, $4)
         on conflict (client_id) do update set
           secret_sealed = excluded.secret_sealed,
           previous_sealed = excluded.previous_sealed,
           previous_until = excluded.previous_until`,
        [clientId, seal(secret), previous && seal(previous.secret), previous?.until],
      );
    },
    remove: async (clientId) => {
      await sql.run('delete from portal_webhooks where client_id = $1', [clientId]);
    },
    forgetPrevious: async (at) => {
      await sql.run(
        'update portal_webhooks set previous_sealed = null, previous_until = null where previous_until <= $1',
        [at],
      );
    },
  };
}
