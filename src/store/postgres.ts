/** The durable store for production: PostgreSQL, with a synced commit behind every answer. */
import type { ConnectionOptions } from 'node:tls';
import { DatabaseError, Pool, type PoolClient, type PoolConfig, type QueryResult, types } from 'pg';
import { AuthError } from '../errors.ts';
import { requireMigrated } from './migrate.ts';
import type { DurableStore, Sql, SqlValue } from './ports.ts';
import { bindable } from './sql-values.ts';
import { transactionGuard } from './transaction.ts';

/** The object identifier of PostgreSQL's type int8. */
const int8 = 20;
const lockTimeoutMs = 5000;
const statementTimeoutMs = 10_000;
/** SQLSTATE classes of a server that cannot answer now: connection, resources, operator, system; and single codes of contention. */
const unavailableClasses = new Set(['08', '53', '57', '58']);
const unavailableCodes = new Set(['25006', '25P03', '40001', '40P01', '55P03', '28000', '28P01', '3D000']);

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database`. */
  readonly url: string;
  /** Connections of this process, 10 unless told otherwise. */
  readonly poolSize?: number;
  /** Certificate checks of the connection; where absent, what the URL says (`sslmode`). */
  readonly ssl?: boolean | ConnectionOptions;
  /** Tables are found and made in this schema; where absent, the role's own. */
  readonly schema?: string;
  /** Longest wait for a connection, 3000 ms unless told otherwise. */
  readonly connectTimeoutMs?: number;
  /** Told of connections that break while nobody uses them; the pool replaces them by itself. */
  readonly onConnectionError?: (error: Error) => void;
}

/** Makes the pool; the first connection is made by the first query, so that a server that is down for now is no reason to fail. */
export async function openPostgres(options: PostgresOptions): Promise<DurableStore> {
  const pool = new Pool(poolConfig(options));
  const onError = options.onConnectionError ?? (() => undefined);
  pool.on('error', onError);
  // The pool listens to idle connections only: without this, one that breaks inside of a transaction ends the process.
  pool.on('connect', (client) => {
    client.on('error', onError);
  });
  return postgresStore(pool);
}

function poolConfig(options: PostgresOptions): PoolConfig {
  return {
    connectionString: options.url,
    max: options.poolSize ?? 10,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 3000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    // The server's own limit comes first; this one is for a server that no longer answers at all.
    query_timeout: statementTimeoutMs + 2000,
    options: sessionOptions(options.schema),
    application_name: 'mtoken',
    // Of this pool only. Milliseconds and counts fit a double exactly.
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary'): unknown =>
        oid === int8 && format !== 'binary' ? Number : types.getTypeParser(oid, format as 'text'),
    } as NonNullable<PoolConfig['types']>,
    ...(options.ssl === undefined ? {} : { ssl: options.ssl }),
  };
}

/** Per connection, so that a role or server set to lose acknowledged commits is overruled. */
function sessionOptions(schema: string | undefined): string {
  const settings = [
    'synchronous_commit=on',
    `lock_timeout=${lockTimeoutMs}`,
    `statement_timeout=${statementTimeoutMs}`,
    `idle_in_transaction_session_timeout=${statementTimeoutMs}`,
    'client_encoding=UTF8',
  ];
  if (schema !== undefined) settings.push(`search_path=${schema}`);
  return settings.map((setting) => `-c ${setting}`).join(' ');
}

function postgresStore(pool: Pool): DurableStore {
  const guard = transactionGuard();
  const pooled = sqlOver((text, values) => pool.query(text, values));
  const store: DurableStore = {
    dialect: 'postgres',
    query: async (text, values) => {
      guard.outside();
      return pooled.query(text, values);
    },
    run: async (text, values) => {
      guard.outside();
      return pooled.run(text, values);
    },
    transaction: async (work) => {
      guard.outside();
      return inTransaction(pool, (sql) => guard.within(sql, work));
    },
    check: async () => {
      await requireDurability(store);
      await requireMigrated(store);
    },
    close: async () => {
      if (!pool.ended) await pool.end();
    },
  };
  return store;
}

type Execute = (text: string, values: unknown[]) => Promise<QueryResult>;

function sqlOver(execute: Execute): Sql {
  const call = async (text: string, values: readonly SqlValue[]): Promise<QueryResult> => {
    const bound = values.map(bindable);
    try {
      return await execute(text, bound);
    } catch (error) {
      throw translate(error);
    }
  };
  return {
    dialect: 'postgres',
    query: async <T>(text: string, values: readonly SqlValue[] = []) => (await call(text, values)).rows as T[],
    run: async (text, values = []) => (await call(text, values)).rowCount ?? 0,
  };
}

async function inTransaction<T>(pool: Pool, work: (sql: Sql) => Promise<T>): Promise<T> {
  const client = await connect(pool);
  const sql = sqlOver((text, values) => client.query(text, values));
  try {
    await sql.run('begin');
    const result = await work(sql);
    await commit(client);
    client.release();
    return result;
  } catch (error) {
    // A connection that cannot even roll back is in an unknown state: destroyed, it rolls back on the server.
    const rolledBack = await sql.run('rollback').then(
      () => true,
      () => false,
    );
    client.release(!rolledBack);
    throw error;
  }
}

async function connect(pool: Pool): Promise<PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    throw translate(error);
  }
}

/** PostgreSQL answers COMMIT of a failed transaction with success and the word ROLLBACK; nobody must take that for written. */
async function commit(client: PoolClient): Promise<void> {
  let command: string;
  try {
    ({ command } = await client.query('commit'));
  } catch (error) {
    throw translate(error);
  }
  if (command !== 'COMMIT') throw new AuthError('internal', { detail: 'a statement of this transaction had failed' });
}

async function requireDurability(sql: Sql): Promise<void> {
  for (const setting of ['fsync', 'full_page_writes']) {
    const [row] = await sql.query<Record<string, string>>(`show ${setting}`);
    if (row?.[setting] !== 'on') {
      throw new AuthError('unavailable', {
        detail: `PostgreSQL runs with ${setting} = ${row?.[setting]}; it must be on`,
      });
    }
  }
  const [row] = await sql.query<{ synchronous_commit: string }>('show synchronous_commit');
  // remote_apply is stricter than on; off, local and remote_write can lose what was acknowledged.
  if (row?.synchronous_commit !== 'on' && row?.synchronous_commit !== 'remote_apply') {
    throw new AuthError('unavailable', {
      detail: `PostgreSQL runs with synchronous_commit = ${row?.synchronous_commit}`,
    });
  }
}

/** What comes without an SQLSTATE is the connection: refused, reset, timed out, pool ended. */
function translate(error: unknown): unknown {
  if (error instanceof AuthError || error instanceof TypeError) return error;
  if (error instanceof DatabaseError && error.code !== undefined) {
    const isUnavailable = unavailableClasses.has(error.code.slice(0, 2)) || unavailableCodes.has(error.code);
    if (!isUnavailable) return error;
  }
  const message = error instanceof Error ? error.message || error.name : String(error);
  return new AuthError('unavailable', { detail: `PostgreSQL: ${message}`, cause: error });
}
