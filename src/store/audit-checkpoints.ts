/** Signed statements about the audit chain in SQL, sealed; and how far the trail was streamed. */
import type { AuditHead, AuditStreamStore, CheckpointStore, KeptStatement, StatementKind } from '../audit/store.ts';
import type { Sealing } from '../crypto/sealing.ts';
import { AuthError } from '../errors.ts';
import type { Sql } from './ports.ts';
import { firstOf } from './rows.ts';
import { atomically } from './transaction.ts';

interface StatementRow {
  kind: StatementKind;
  seq: number;
  at: number;
  statement_sealed: string;
}

const context = (kind: StatementKind, seq: number): string => `audit_checkpoints.statement:${kind}:${seq}`;
const columns = 'kind, seq, at, statement_sealed';

/** Checkpoints and cuts over one engine or one open transaction. */
export function checkpointStore(sql: Sql, sealing: Sealing): CheckpointStore {
  const toStatement = (row: StatementRow): KeptStatement => ({
    seq: row.seq,
    at: row.at,
    statement: opened(sealing, row),
  });
  const select = `select ${columns} from audit_checkpoints where kind = $1`;
  return {
    lockHead: async () => {
      const [head] = await sql.query<AuditHead>('update audit_head set seq = seq where id = 1 returning seq, hash');
      if (head === undefined) throw new AuthError('internal', { detail: 'the head of the audit chain is missing' });
      return { seq: head.seq, hash: head.hash };
    },
    insert: async (kind, { seq, at, statement }) => {
      const sealed = sealing.seal(statement, context(kind, seq));
      const written = await sql.run(
        `insert into audit_checkpoints (${columns}) values ($1, $2, $3, $4) on conflict do nothing`,
        [kind, seq, at, sealed],
      );
      return written === 1;
    },
    list: async (kind, after, limit) => {
      const rows = await sql.query<StatementRow>(`${select} and seq > $2 order by seq limit $3`, [kind, after, limit]);
      return rows.map(toStatement);
    },
    last: async (kind) =>
      firstOf(await sql.query<StatementRow>(`${select} order by seq desc limit 1`, [kind]), toStatement),
    before: async (seq) => {
      const rows = await sql.query<StatementRow>(`${select} and seq <= $2 order by seq desc limit 1`, ['head', seq]);
      return firstOf(rows, toStatement);
    },
    removeCut: (limit) => atomically(sql, (inner) => removeCut(inner, limit)),
  };
}

function opened(sealing: Sealing, { kind, seq, statement_sealed }: StatementRow): string | undefined {
  try {
    return sealing.openText(statement_sealed, context(kind, seq));
  } catch {
    return undefined;
  }
}

/** The cut's own conditions stand in each statement: no call can remove what no cut covers. */
async function removeCut(sql: Sql, limit: number): Promise<number> {
  const cut = "(select max(seq) from audit_checkpoints where kind = 'cut')";
  const removed = await sql.run(
    `delete from audit_events where seq in (select seq from audit_events where seq <= ${cut} order by seq limit $1)`,
    [limit],
  );
  // The checkpoint at the cut stays: the next one names it.
  await sql.run(`delete from audit_checkpoints where kind = 'head' and seq < ${cut}`);
  return removed;
}

/** Positions of streams over one engine. */
export function auditStreamStore(sql: Sql): AuditStreamStore {
  return {
    claim: async (name, worker, at, leaseMs) => {
      await sql.run('insert into audit_streams (name, seq) values ($1, 0) on conflict do nothing', [name]);
      const [row] = await sql.query<{ seq: number }>(
        `update audit_streams set lease_by = $2, lease_until = $3
         where name = $1 and (lease_by is null or lease_by = $2 or lease_until <= $4) returning seq`,
        [name, worker, at + leaseMs, at],
      );
      return row?.seq;
    },
    advance: async (name, worker, seq) => {
      const changed = await sql.run(
        'update audit_streams set seq = $3 where name = $1 and lease_by = $2 and seq <= $3',
        [name, worker, seq],
      );
      return changed === 1;
    },
    release: async (name, worker) => {
      await sql.run('update audit_streams set lease_by = null, lease_until = null where name = $1 and lease_by = $2', [
        name,
        worker,
      ]);
    },
    position: async (name) => {
      const [row] = await sql.query<{ seq: number }>('select seq from audit_streams where name = $1', [name]);
      return row?.seq ?? 0;
    },
  };
}
