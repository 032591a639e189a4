/** The outbox in SQL: messages are leased by one conditional update, so that no two workers send the same one. */
import { randomId } from '../crypto/random.ts';
import type { Sealing } from '../crypto/sealing.ts';
import type { OutboxMessage, OutboxStore } from '../notify/store.ts';
import type { Sql } from './ports.ts';

interface OutboxRow {
  id: string;
  kind: OutboxMessage['kind'];
  recipient: string;
  payload_sealed: string;
  attempts: number;
  created_at: number;
}

const context = (id: string): string => `outbox.payload:${id}`;
const maxErrorLength = 500;

/** Repeats the conditions outside, because PostgreSQL may have waited for the row while another worker took it. */
function claimStatement(dialect: Sql['dialect']): string {
  const isDue = "status = 'pending' and next_at <= $1 and (lease_until is null or lease_until <= $1)";
  return `with due as materialized (
      select id from outbox where ${isDue} order by next_at, id limit $4${dialect === 'postgres' ? ' for update skip locked' : ''}
    )
    update outbox set lease_by = $2, lease_until = $3
    where id in (select id from due) and ${isDue}
    returning id, kind, recipient, payload_sealed, attempts, created_at`;
}

/** The outbox over one engine or one open transaction. */
export function outboxStore(sql: Sql, sealing: Sealing): OutboxStore {
  const claim = claimStatement(sql.dialect);
  const toMessage = (row: OutboxRow): OutboxMessage => ({
    id: row.id,
    kind: row.kind,
    recipient: row.recipient,
    payload: sealing.openText(row.payload_sealed, context(row.id)),
    attempts: row.attempts,
    createdAt: row.created_at,
  });
  return {
    enqueue: async ({ kind, recipient, payload }, at) => {
      const id = randomId('box');
      await sql.run(
        `insert into outbox (id, kind, recipient, payload_sealed, status, next_at, created_at)
         values ($1, $2, $3, $4, 'pending', $5, $5)`,
        [id, kind, recipient, sealing.seal(payload, context(id)), at],
      );
      return id;
    },
    claim: async (worker, at, leaseMs, limit) => {
      const rows = await sql.query<OutboxRow>(claim, [at, worker, at + leaseMs, limit]);
      return rows.map(toMessage).sort((left, right) => left.createdAt - right.createdAt);
    },
    // What was sent is not needed again; its text (codes, addresses) goes.
    markSent: async (id, worker, at) => {
      await sql.run(
        `update outbox set status = 'sent', sent_at = $3, payload_sealed = '', lease_by = null, lease_until = null
         where id = $1 and lease_by = $2 and status = 'pending'`,
        [id, worker, at],
      );
    },
    markFailed: async (id, worker, error, nextAt) => {
      await sql.run(
        `update outbox set attempts = attempts + 1, last_error = $3, status = $4, next_at = coalesce($5, next_at),
           lease_by = null, lease_until = null
         where id = $1 and lease_by = $2 and status = 'pending'`,
        [id, worker, printable(error), nextAt === undefined ? 'dead' : 'pending', nextAt],
      );
    },
    count: async (status) => {
      const rows = await sql.query<{ total: number }>('select count(*) as total from outbox where status = $1', [
        status,
      ]);
      return rows[0]?.total ?? 0;
    },
  };
}

/** A mail server's answer may hold anything; the column takes text. */
function printable(error: string): string {
  return error.replace(/[\p{Cc}\p{Surrogate}]/gu, ' ').slice(0, maxErrorLength);
}
