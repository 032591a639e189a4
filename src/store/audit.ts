/** The audit trail in SQL: one chain, whose head row is the lock that puts all records in one order. */
import { auditable } from '../audit/audit.ts';
import { auditDataText, auditHash } from '../audit/chain.ts';
import type {
  AuditEntry,
  AuditFilter,
  AuditHead,
  AuditPage,
  AuditRecord,
  AuditSpan,
  AuditStore,
} from '../audit/store.ts';
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
    extend: (entry) => atomically(sql, (inner) => extend(inner, entry)),
    read: (after, limit, filter = {}) => search(sql, filter, { order: 'oldest', after, limit }),
    search: (filter, page) => search(sql, filter, page),
    span: (from, until) => span(sql, from, until),
    head: async () => oneHead(await sql.query<AuditHead>('select seq, hash from audit_head where id = 1')),
  };
}

async function search(sql: Sql, filter: AuditFilter, page: AuditPage): Promise<AuditEntry[]> {
  const isTimed = filter.from !== undefined || filter.until !== undefined;
  const bounds = isTimed ? (page.span ?? (await span(sql, filter.from, filter.until))) : undefined;
  if (isTimed && bounds === undefined) return [];
  const isNewest = page.order === 'newest';
  const { first = 1, last = Number.MAX_SAFE_INTEGER } = bounds ?? {};
  const after = page.after ?? (isNewest ? Number.MAX_SAFE_INTEGER : 0);
  const isNarrow = [
    filter.companyId,
    filter.userId,
    filter.deviceId,
    filter.orderId,
    filter.clientId,
    filter.actor,
  ].some((value) => value !== undefined);
  // SQLite knows nothing of how often a value occurs: the sign keeps it from walking all records of one event.
  const event = isNarrow && sql.dialect === 'sqlite' ? '+event' : 'event';
  const where = whereAll([
    ['seq >= ?', isNewest ? first : Math.max(first, after + 1)],
    ['seq <= ?', isNewest ? Math.min(last, after - 1) : last],
    ['company_id = ?', filter.companyId],
    ['user_id = ?', filter.userId],
    ['device_id = ?', filter.deviceId],
    ['order_id = ?', filter.orderId],
    ['client_id = ?', filter.clientId],
    [`${event} = ?`, filter.event],
    ['actor = ?', filter.actor],
    ['request_id = ?', filter.requestId],
    ['at >= ?', filter.from],
    ['at < ?', filter.until],
  ]);
  const rows = await sql.query<AuditRow>(
    `select ${columns} from audit_events ${where.clause} order by seq${isNewest ? ' desc' : ''}
     limit ${Math.max(1, Math.trunc(page.limit) || 1)}`,
    where.values,
  );
  return rows.map(toEntry);
}

/** Of the index of times alone. The sum keeps PostgreSQL from walking the whole trail for its smallest number instead. */
async function span(sql: Sql, from: number | undefined, until: number | undefined): Promise<AuditSpan | undefined> {
  const where = whereAll([
    ['at >= ?', from],
    ['at < ?', until],
  ]);
  const [row] = await sql.query<{ first: number | null; last: number | null }>(
    `select min(seq + 0) as first, max(seq + 0) as last from audit_events ${where.clause}`,
    where.values,
  );
  return row === undefined || row.first === null || row.last === null
    ? undefined
    : { first: row.first, last: row.last };
}

async function append(sql: Sql, record: AuditRecord, at: number): Promise<AuditEntry> {
  const checked = auditable(record);
  // This update holds the row until the commit: records of other processes wait, so the chain never forks.
  const head = oneHead(
    await sql.query<AuditHead>('update audit_head set seq = seq + 1 where id = 1 returning seq, hash'),
  );
  const linked = { ...checked, data: checked.data ?? {}, seq: head.seq, at, previousHash: head.hash };
  const data = auditDataText(linked.data);
  const entry: AuditEntry = { ...linked, hash: auditHash(linked, data) };
  await insert(sql, entry, data);
  return entry;
}

async function extend(sql: Sql, entry: AuditEntry): Promise<boolean> {
  const data = auditDataText(entry.data);
  if (auditHash(entry, data) !== entry.hash) return false;
  const follows = await sql.run('update audit_head set seq = $1 where id = 1 and seq = $1 - 1 and hash = $2', [
    entry.seq,
    entry.previousHash,
  ]);
  if (follows === 1) await insert(sql, entry, data);
  return follows === 1;
}

/** The record, its data as the text that was hashed, and its hash at the head, which the caller holds. */
async function insert(sql: Sql, entry: AuditEntry, data: string): Promise<void> {
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
      data,
      entry.previousHash,
      entry.hash,
    ],
  );
  await sql.run('update audit_head set hash = $1 where id = 1', [entry.hash]);
}

function oneHead([head]: readonly AuditHead[]): AuditHead {
  if (head === undefined) throw new AuthError('internal', { detail: 'the head of the audit chain is missing' });
  return { seq: head.seq, hash: head.hash };
}
