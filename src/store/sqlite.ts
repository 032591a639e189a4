/** The durable store in one file on this machine: SQLite in WAL mode, synced on every commit. */
import { randomInt } from 'node:crypto';
import { chmod, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { DatabaseSync, type DatabaseSyncInstance, type StatementSyncInstance } from '@photostructure/sqlite';
import { AuthError } from '../errors.ts';
import { requireMigrated } from './migrate.ts';
import type { DurableStore, Sql, SqlValue } from './ports.ts';
import { anonymousPlaceholders, bindable } from './sql-values.ts';
import { transactionGuard } from './transaction.ts';

/**
 * SQLite waits for another process's lock inside of the call, and so holds up every request of this process: it may do so for
 * a moment, and the rest of the time is waited outside.
 */
const blockingWaitMs = 20;
const lockedForMs = 5000;
const locked = /database is locked|database table is locked/i;
/** The code has a few hundred texts; the bound is for texts that someone builds by mistake. */
const maxStatements = 1000;
/** The driver gives no code with errors of a running statement, so they are known by SQLite's own words. */
const notUsable =
  /database is locked|database table is locked|disk is full|disk I\/O error|readonly database|malformed|unable to open|not a database|is closed|not open|locking protocol/i;

export interface SqliteOptions {
  /** Directory of the files, made with mode 0700 where it is missing; `:memory:` keeps everything in memory, for tests. */
  readonly dataDir: string;
  /**
   * True for servers: takes the directory for this process alone, because what is short-lived is in its memory and a second
   * server would split it. Commands open beside a server with false.
   */
  readonly lock: boolean;
}

/** Opens or creates `mtoken.db`. Throws `conflict` where another server has the directory, `unavailable` where it cannot be opened. */
export async function openSqlite({ dataDir, lock }: SqliteOptions): Promise<DurableStore> {
  if (dataDir === ':memory:') return sqliteStore(new DatabaseSync(':memory:'), undefined);
  const file = join(dataDir, 'mtoken.db');
  const lockFile = join(dataDir, 'lock.db');
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await createPrivate(file);
    if (lock) await createPrivate(lockFile);
  } catch (cause) {
    throw new AuthError('unavailable', { detail: `the data directory ${dataDir} cannot be used`, cause });
  }
  const instanceLock = lock ? takeInstanceLock(lockFile, dataDir) : undefined;
  try {
    return sqliteStore(await connect(file), instanceLock);
  } catch (cause) {
    instanceLock?.close();
    throw translate(cause);
  }
}

/**
 * Makes the file readable by its owner alone before SQLite opens it; `-wal` and `-shm` take over its mode. Unlike a umask this
 * holds in worker threads and leaves the rest of the process alone.
 */
async function createPrivate(path: string): Promise<void> {
  const handle = await open(path, 'a', 0o600);
  await handle.close();
  await chmod(path, 0o600);
}

/** A lock of a file of its own: EXCLUSIVE on the main file would keep out the commands and survive `close` in this driver. */
function takeInstanceLock(path: string, dataDir: string): DatabaseSyncInstance {
  const database = new DatabaseSync(path);
  try {
    database.exec('pragma locking_mode = exclusive; begin exclusive');
    return database;
  } catch (cause) {
    database.close();
    throw new AuthError('conflict', { detail: `another server already uses the data directory ${dataDir}`, cause });
  }
}

async function connect(file: string): Promise<DatabaseSyncInstance> {
  const database = new DatabaseSync(file, { timeout: blockingWaitMs, enableForeignKeyConstraints: true });
  try {
    await whenUnlocked(async () => database.exec('pragma journal_mode = wal'));
    // FULL: with NORMAL the last acknowledged commits are lost when the power fails. fullfsync is macOS's word for the same.
    database.exec('pragma synchronous = full; pragma fullfsync = on; pragma checkpoint_fullfsync = on');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Tries again while another process holds the file; a statement that met the lock has done nothing. Throws `unavailable` in the end. */
async function whenUnlocked<T>(work: () => Promise<T>): Promise<T> {
  for (let waitedMs = 0; ; ) {
    try {
      return await work();
    } catch (error) {
      const isLocked = locked.test(error instanceof Error ? error.message : '');
      if (!isLocked || waitedMs >= lockedForMs) throw translate(error);
    }
    const pauseMs = randomInt(2, 20);
    await wait(pauseMs);
    waitedMs += pauseMs + blockingWaitMs;
  }
}

/** Owns the connection: one queue for everything, so that no request's statement joins another one's open transaction. */
function sqliteStore(database: DatabaseSyncInstance, instanceLock: DatabaseSyncInstance | undefined): DurableStore {
  const guard = transactionGuard();
  const direct = directSql(database);
  let tail: Promise<unknown> = Promise.resolve();

  const enqueue = <T>(work: () => Promise<T>): Promise<T> => {
    const result = tail.then(work);
    tail = result.catch(() => undefined);
    return result;
  };

  const store: DurableStore = {
    dialect: 'sqlite',
    query: async (text, values) => {
      guard.outside();
      return enqueue(() => whenUnlocked(() => direct.query(text, values)));
    },
    run: async (text, values) => {
      guard.outside();
      return enqueue(() => whenUnlocked(() => direct.run(text, values)));
    },
    transaction: async (work) => {
      guard.outside();
      return enqueue(() => inTransaction(database, () => guard.within(direct, work)));
    },
    check: async () => {
      const [row] = await store.query<{ synchronous: number }>('pragma synchronous');
      if (row?.synchronous !== 2) throw new AuthError('unavailable', { detail: 'SQLite does not sync its commits' });
      await requireMigrated(store);
    },
    close: () =>
      enqueue(async () => {
        if (database.isOpen) database.close();
        if (instanceLock?.isOpen === true) instanceLock.close();
      }),
  };
  return store;
}

async function inTransaction<T>(database: DatabaseSyncInstance, work: () => Promise<T>): Promise<T> {
  await whenUnlocked(async () => database.exec('begin immediate'));
  try {
    const result = await work();
    execute(database, 'commit');
    return result;
  } catch (error) {
    // A full disk and the like end the transaction by themselves; rolling back again would hide the cause.
    if (database.isOpen && database.isTransaction) execute(database, 'rollback');
    throw error;
  }
}

function execute(database: DatabaseSyncInstance, text: string): void {
  try {
    database.exec(text);
  } catch (error) {
    throw translate(error);
  }
}

interface PreparedStatement {
  readonly statement: StatementSyncInstance;
  readonly order: readonly number[];
}

/** Runs statements at once on the connection; the caller holds its turn in the queue. */
function directSql(database: DatabaseSyncInstance): Sql {
  const statements = new Map<string, PreparedStatement>();

  const prepare = (text: string): PreparedStatement => {
    const known = statements.get(text);
    if (known !== undefined) return known;
    if (statements.size >= maxStatements) statements.clear();
    const anonymous = anonymousPlaceholders(text);
    const prepared = { statement: database.prepare(anonymous.text), order: anonymous.order };
    statements.set(text, prepared);
    return prepared;
  };

  const call = <T>(text: string, use: (prepared: PreparedStatement) => T): T => {
    try {
      return use(prepare(text));
    } catch (error) {
      throw translate(error);
    }
  };

  return {
    dialect: 'sqlite',
    query: async <T>(text: string, values: readonly SqlValue[] = []) =>
      call(text, ({ statement, order }) => statement.all(...reorder(values, order)) as T[]),
    run: async (text, values = []) =>
      call(text, ({ statement, order }) => statement.run(...reorder(values, order)).changes),
  };
}

function reorder(values: readonly SqlValue[], order: readonly number[]): (string | number | Uint8Array | null)[] {
  return order.map((index) => {
    if (index >= values.length) throw new AuthError('internal', { detail: `the value $${index + 1} is missing` });
    return bindable(values[index]);
  });
}

/** A store that cannot be used is `unavailable`; everything else is a fault of ours and stays as it is. */
function translate(error: unknown): unknown {
  if (error instanceof AuthError || !(error instanceof Error) || !notUsable.test(error.message)) return error;
  return new AuthError('unavailable', { detail: `SQLite: ${error.message}`, cause: error });
}
