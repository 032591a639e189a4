/** The audit trail in SQL: one chain, whose head row is the lock that puts all records in one order. */
import { auditable } from '../audit/audit.ts';
import { auditDataText, auditHash } from '../audit/chain.ts';
import type { AuditEntry, AuditRecord, AuditStore } from '../audit/store.ts';
import { AuthError } from '../errors.ts';
import type { Sql } from './ports.ts';
import { optional, parsed, whereAll } from './rows.ts';
import { atomically } from './transaction.ts';

interface AuditRow {
  seq: number;
  at: number;
  event: AuditEntry['event'];
  actor: string;
  company_id: string | null;
  user_id: string | null;
  device_id: string | null;
  order_id: string | null;
  client_id: string | null;
  address: string | null;
  request_id: string | null;
  data: string;
  previous_hash: string;
  hash: string;
}

interface Head {
  readonly seq: number;
  readonly hash: string;
}

const columns = `seq, at, event, actor, company_id, user_id, device_id, order_id, client_id, address, request_id, data,
  previous_hash, hash`;

function toEntry(row: AuditRow): AuditEntry {
  return {
    seq: row.seq,
    at: row.at,
    event: row.event,
    actor: row.actor,
    companyId: optional(row.company_id),
    userId: optional(row.user_id),
    deviceId: optional(row.device_id),
    orderId: optional(row.order_id),
    clientId: optional(row.client_id),
    address: optional(row.address),
    requestId: optional(row.request_id),
    data: parsed(row.data),
    previousHash: row.previous_hash,
    hash: row.hash,
  };
}

/** The trail over one engine or one open transaction. There is no way to change or remove a record. */
export function auditStore(sql: Sql): AuditStore {
  return {
    append: (record, at) => atomically(sql, (inner) => append(inner, record, at)),
    read: async (after, limit, filter = {}) => {
      const where = whereAll([
        ['seq > ?', after],
        ['company_id = ?', filter.companyId],
        ['user_id = ?', filter.userId],
        ['device_id = ?', filter.deviceId],
      ]);
      const rows = await sql.query<AuditRow>(
        `select ${columns} from audit_events ${where.clause} order by seq limit ${Math.max(1, Math.trunc(limit) || 1)}`,
        where.values,
      );
      return rows.map(toEntry);
    },
    head: async () => oneHead(await sql.query<Head>('select seq, hash from audit_head where id = 1')),
  };
}

async function append(sql: Sql, record: AuditRecord, at: number): Promise<AuditEntry> {
  const checked = auditable(record);
  // This update holds the row until the commit: records of other processes wait, so the chain never forks.
  const head = oneHead(await sql.query<Head>('update audit_head set seq = seq + 1 where id = 1 returning seq, hash'));
  const linked = { ...checked, data: checked.data ?? {}, seq: head.seq, at, previousHash: head.hash };
  const entry: AuditEntry = { ...linked, hash: auditHash(linked) };
  await sql.run(
    `insert into audit_events (${columns}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
    [
      entry.seq,
      entry.at,
      entry.event,
      entry.actor,
      entry.companyId,
      entry.userId,
      entry.deviceId,
      entry.orderId,
      entry.clientId,
      entry.address,
      entry.requestId,
      auditDataText(entry.data),
      entry.previousHash,
      entry.hash,
    ],
  );
  await sql.run('update audit_head set hash = $1 where id = 1', [entry.hash]);
  return entry;
}

function oneHead([head]: readonly Head[]): Head {
  if (head === undefined) throw new AuthError('internal', { detail: 'the head of the audit chain is missing' });
  return { seq: head.seq, hash: head.hash };
}
