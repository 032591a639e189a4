/** Backups of a whole database, taken and restored while no server runs, as the database's own tools do it. */
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openPostgres } from '../../../src/store/postgres.ts';
import { openSqlite } from '../../../src/store/sqlite.ts';
import { testServer } from '../../engines.ts';
import type { SystemStores } from '../system/engines.ts';

export interface Backups {
  /** Keeps the database as it is now. */
  take(): Promise<void>;
  /** Puts the kept one in the place of what is there. */
  restore(): Promise<void>;
  remove(): Promise<void>;
}

/** For the engine of these stores. */
export async function backupsOf({ env, dataDir }: SystemStores): Promise<Backups> {
  const url = env['DATABASE_URL'];
  if (url === undefined) return ofFiles(dataDir);
  return ofDatabase(new URL(url).pathname.slice(1));
}

function ofFiles(dataDir: string): Backups {
  const database = join(dataDir, 'mtoken.db');
  const kept = join(dataDir, 'mtoken.backup');
  return {
    take: async () => {
      await rm(kept, { force: true });
      const store = await openSqlite({ dataDir, lock: false });
      await store.run(`vacuum into '${kept}'`);
      await store.close();
    },
    restore: async () => {
      for (const part of ['', '-wal', '-shm']) await rm(`${database}${part}`, { force: true });
      await copyFile(kept, database);
    },
    remove: () => rm(kept, { force: true }),
  };
}

async function ofDatabase(name: string): Promise<Backups> {
  const serverUrl = testServer('MTOKEN_TEST_DATABASE_URL') ?? '';
  const administrator = await openPostgres({ url: serverUrl, poolSize: 1, onConnectionError: () => undefined });
  const copy = async (from: string, to: string): Promise<void> => {
    await administrator.run(`drop database if exists ${to} with (force)`);
    await administrator.run(`create database ${to} template ${from}`);
  };
  return {
    take: () => copy(name, `${name}_backup`),
    restore: () => copy(`${name}_backup`, name),
    remove: async () => {
      await administrator.run(`drop database if exists ${name}_backup with (force)`);
      await administrator.close();
    },
  };
}
