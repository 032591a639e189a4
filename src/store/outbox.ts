/** The outbox in SQL: messages are leased by one conditional update, so that no two workers send the same one. */
import { randomId } from '../crypto/random.ts';
import type { Sealing } from '../crypto/sealing.ts';
import type { DeadLetter, OutboxClaim, OutboxKind, OutboxMessage, OutboxStore, SentMessage } from '../notify/store.ts';
import type { Sql } from './ports.ts';
import { optional, pageSize, whereAll } from './rows.ts';

interface OutboxRow {
  id: string;
  kind: OutboxKind;
  recipient: string;
  payload_sealed: string;
  attempts: number;
  created_at: number;
}

interface DeadRow {
  id: string;
  kind: OutboxKind;
  recipient: string;
  about: string | null;
  attempts: number;
  last_error: string | null;
  created_at: number;
}

const context = (id: string): string => `outbox.payload:${id}`;
const maxErrorLength = 500;

/** A conflict of two that are written at the same time is settled by their ids: they have no order of their own. */
const turn = (table: string): string => `(${table}.position, ${table}.created_at, ${table}.id)`;
/** An earlier one that still waits, be it leased or between two tries, holds this one back. */
const isFirst = `(outbox.position is null or not exists (
    select 1 from outbox as earlier
    where earlier.kind = outbox.kind and earlier.recipient = outbox.recipient
      and earlier.status <> 'sent' and earlier.status = 'pending' and ${turn('earlier')} < ${turn('outbox')}))`;

/** Repeats the conditions outside, because PostgreSQL may have waited for the row while another worker took it. */
function claimStatement(dialect: Sql['dialect'], ofKind: boolean): string {
  const isDue = `status = 'pending'${ofKind ? ' and kind = $5' : ''} and next_at <= $1 and (lease_until is null or lease_until <= $1)`;
  return `with due as materialized (
      select id from outbox where ${isDue} and ${isFirst}
      order by next_at, id limit $4${dialect === 'postgres' ? ' for update skip locked' : ''}
    )
    update outbox set lease_by = $2, lease_until = $3
    where id in (select id from due) and ${isDue}
    returning id, kind, recipient, payload_sealed, attempts, created_at`;
}

/** One more than the last that waits or is dead: a transaction that began after another's commit comes after it, whatever the clocks say. */
const nextPosition = `(select coalesce(max(position), 0) + 1 from outbox
  where kind = $2 and recipient = $3 and status <> 'sent')`;

/** The outbox over one engine or one open transaction. */
export function outboxStore(sql: Sql, sealing: Sealing): OutboxStore {
  const toMessage = (row: OutboxRow): OutboxMessage => ({
    id: row.id,
    kind: row.kind,
    recipient: row.recipient,
    payload: sealing.openText(row.payload_sealed, context(row.id)),
    attempts: row.attempts,
    createdAt: row.created_at,
  });
  return {
    enqueue: async ({ kind, recipient, payload, about, isOrdered = false }, at) => {
      const id = randomId('box');
      await sql.run(
        `insert into outbox (id, kind, recipient, payload_sealed, about, status, next_at, created_at, position)
         values ($1, $2, $3, $4, $5, 'pending', $6, $6, ${isOrdered ? nextPosition : 'null'})`,
        [id, kind, recipient, sealing.seal(payload, context(id)), about, at],
      );
      return id;
    },
    claim: async (claim) => {
      const rows = await sql.query<OutboxRow>(
        claimStatement(sql.dialect, claim.kind !== undefined),
        claimValues(claim),
      );
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
    ...outboxReader(sql),
    ...deadLetterOffice(sql),
  };
}

function claimValues({ worker, at, leaseMs, limit, kind }: OutboxClaim): (string | number)[] {
  return [at, worker, at + leaseMs, limit, ...(kind === undefined ? [] : [kind])];
}

/** Literals and not parameters where an index of one status alone is meant: SQLite finds it by the text. */
function outboxReader(sql: Sql): Pick<OutboxStore, 'count' | 'summary' | 'oldestPendingAt' | 'deadLetters' | 'sentTo'> {
  return {
    count: async (status) => {
      const rows = await sql.query<{ total: number }>(
        `select count(*) as total from outbox where status = '${status}'`,
      );
      return rows[0]?.total ?? 0;
    },
    summary: async () =>
      sql.query<{ kind: OutboxKind; pending: number; dead: number }>(
        `select kind, count(*) filter (where status = 'pending') as pending, count(*) filter (where status = 'dead') as dead
         from outbox where status <> 'sent' group by kind order by kind`,
      ),
    oldestPendingAt: async () => {
      const rows = await sql.query<{ oldest: number | null }>(
        `select min(created_at) as oldest from outbox where status = 'pending'`,
      );
      return rows[0]?.oldest ?? undefined;
    },
    deadLetters: async ({ after, limit }) => {
      const where = whereAll([['id > ?', after]]);
      const rows = await sql.query<DeadRow>(
        `select id, kind, recipient, about, attempts, last_error, created_at from outbox
         ${where.clause === '' ? 'where' : `${where.clause} and`} status = 'dead' order by id limit ${pageSize(limit)}`,
        where.values,
      );
      return rows.map(toDeadLetter);
    },
    sentTo: (recipient) =>
      sql.query<SentMessage>(
        `select kind, about, created_at as "createdAt", sent_at as "sentAt" from outbox
         where recipient = $1 order by created_at, id`,
        [recipient],
      ),
  };
}

function toDeadLetter(row: DeadRow): DeadLetter {
  return {
    id: row.id,
    kind: row.kind,
    recipient: row.recipient,
    about: optional(row.about),
    attempts: row.attempts,
    lastError: optional(row.last_error),
    createdAt: row.created_at,
  };
}

function deadLetterOffice(sql: Sql): Pick<OutboxStore, 'revive' | 'reviveAll' | 'purge'> {
  const revived = `update outbox set status = 'pending', attempts = 0, next_at = $1 where status = 'dead'`;
  return {
    revive: async (id, at) => (await sql.run(`${revived} and id = $2`, [at, id])) === 1,
    reviveAll: async (at, kind) =>
      kind === undefined ? sql.run(revived, [at]) : sql.run(`${revived} and kind = $2`, [at, kind]),
    // In small steps, each its own statement: nobody who writes a message has to wait for a day's worth of them.
    purge: async ({ sentBefore, deadBefore, limit }) => {
      const sent = await sql.run(
        `delete from outbox where id in
           (select id from outbox where status = 'sent' and sent_at < $1 order by sent_at limit $2) and status = 'sent'`,
        [sentBefore, limit],
      );
      const dead = await sql.run(
        `delete from outbox where id in
           (select id from outbox where status = 'dead' and created_at < $1 order by id limit $2) and status = 'dead'`,
        [deadBefore, limit],
      );
      return sent + dead;
    },
  };
}

/** A mail server's answer may hold anything; the column takes text. */
function printable(error: string): string {
  return error.replace(/[\p{Cc}\p{Surrogate}]/gu, ' ').slice(0, maxErrorLength);
}
