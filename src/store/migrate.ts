/** Brings a durable store to the current schema; safe when many processes start at once. */
import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { AuthError } from '../errors.ts';
import { type Migration, migrations } from './migrations/list.ts';
import type { DurableStore, Sql } from './ports.ts';
import { splitStatements } from './sql-values.ts';

/** Any constant will do; it must only be the same in every process of this product. */
const advisoryLock = 7_736_501_182;

interface AppliedRow {
  readonly id: string;
  readonly checksum: string;
}

export interface MigrateOptions {
  readonly clock: Clock;
  /** The product's own list unless told otherwise. */
  readonly list?: readonly Migration[];
}

/**
 * Applies what is missing, all in one transaction under a lock that other starting processes wait for, and returns the ids.
 * Throws `conflict` where an applied migration differs from the one in this build, or is unknown to it.
 */
export function migrate(store: DurableStore, { clock, list = migrations }: MigrateOptions): Promise<string[]> {
  return store.transaction(async (sql) => {
    await takeMigrationLock(sql);
    await sql.run(
      'create table if not exists schema_migrations (id text primary key, checksum text not null, at bigint not null)',
    );
    const missing = compare(await readApplied(sql), list);
    for (const migration of missing) {
      for (const statement of splitStatements(migration.script)) await sql.run(statement);
      await sql.run('insert into schema_migrations (id, checksum, at) values ($1, $2, $3)', [
        migration.id,
        checksum(migration),
        clock.now(),
      ]);
    }
    return missing.map(({ id }) => id);
  });
}

/** The ids that {@link migrate} would apply. Throws as it does, and `unavailable` where the store cannot be asked. */
export async function pendingMigrations(sql: Sql, list: readonly Migration[] = migrations): Promise<string[]> {
  return compare(await appliedTo(sql), list).map(({ id }) => id);
}

async function appliedTo(sql: Sql): Promise<AppliedRow[]> {
  const known = await sql.query(
    sql.dialect === 'sqlite'
      ? "select name from sqlite_master where type = 'table' and name = 'schema_migrations'"
      : "select to_regclass('schema_migrations') as name where to_regclass('schema_migrations') is not null",
  );
  return known.length === 0 ? [] : readApplied(sql);
}

/**
 * Throws `unavailable` where a migration is missing: a process must not serve on a schema it was not written for. Migrations later than
 * all of its own do not stop it: they only add, and in an upgrade the servers of both versions serve beside each other.
 */
export async function requireMigrated(sql: Sql, list: readonly Migration[] = migrations): Promise<void> {
  const own = new Set(list.map(({ id }) => id));
  const newest = list.reduce((latest, { id }) => (id > latest ? id : latest), '');
  const applied = await appliedTo(sql);
  const known = applied.filter(({ id }) => own.has(id) || id <= newest);
  const pending = compare(known, list).map(({ id }) => id);
  if (pending.length > 0) {
    throw new AuthError('unavailable', { detail: `run "mtoken migrate": ${pending.join(', ')} not applied` });
  }
}

/** SQLite needs none: BEGIN IMMEDIATE already holds the only write lock. */
async function takeMigrationLock(sql: Sql): Promise<void> {
  if (sql.dialect === 'sqlite') return;
  // The pool's own limits are for requests; a process that starts waits for the one that migrates.
  await sql.run("set local lock_timeout = '120s'");
  await sql.run("set local statement_timeout = '300s'");
  await sql.query('select pg_advisory_xact_lock($1)', [advisoryLock]);
}

function readApplied(sql: Sql): Promise<AppliedRow[]> {
  return sql.query<AppliedRow>('select id, checksum from schema_migrations order by id');
}

function compare(applied: readonly AppliedRow[], list: readonly Migration[]): Migration[] {
  const byId = new Map(list.map((migration) => [migration.id, migration]));
  for (const row of applied) {
    const migration = byId.get(row.id);
    if (migration === undefined) {
      throw new AuthError('conflict', { detail: `the store has migration ${row.id}, which this build does not know` });
    }
    if (checksum(migration) !== row.checksum) {
      throw new AuthError('conflict', {
        detail: `migration ${row.id} was applied with another text than this build has`,
      });
    }
  }
  const done = new Set(applied.map(({ id }) => id));
  return list.filter(({ id }) => !done.has(id));
}

function checksum(migration: Migration): string {
  return createHash('sha256').update(migration.script).digest('hex');
}
