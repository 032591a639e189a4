/** The engines that the contract suites run over: the embedded ones, and the servers where the environment names them. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../src/clock.ts';
import { memoryStore } from '../src/store/memory.ts';
import { migrate } from '../src/store/migrate.ts';
import type { DurableStore, ShortLivedStore } from '../src/store/ports.ts';
import { openPostgres } from '../src/store/postgres.ts';
import { redisStore } from '../src/store/redis.ts';
import { redisClientFactory } from '../src/store/redis-client.ts';
import { openSqlite } from '../src/store/sqlite.ts';
import { fixedClock } from './clock.ts';

/** An empty, migrated store of its own for one test file. */
export interface FreshDurable {
  readonly store: DurableStore;
  /** A further connection to the same data, as another process has it. */
  another(): Promise<DurableStore>;
  /** Closes every connection and removes the data. */
  close(): Promise<void>;
}

export interface DurableEngine {
  readonly name: 'sqlite' | 'postgres';
  fresh(options?: { migrated?: boolean }): Promise<FreshDurable>;
}

export interface FreshShortLived {
  readonly store: ShortLivedStore;
  /** A further connection to the same data, as another process has it; in process it is the store itself. */
  another(): ShortLivedStore;
  /** Lets time pass for the store: by its clock in process, really on a server. */
  elapse(milliseconds: number): Promise<void>;
  close(): Promise<void>;
}

export interface ShortLivedEngine {
  readonly name: 'memory' | 'redis' | 'redis cluster';
  fresh(): Promise<FreshShortLived>;
}

/**
 * The value of a variable that names a server, or undefined where the tests go without. Throws where every engine is required
 * (`CI=true` and `MTOKEN_TEST_ENGINES=required`), so that a missing server cannot pass as green.
 */
export function testServer(
  variable:
    | 'MTOKEN_TEST_REDIS_URL'
    | 'MTOKEN_TEST_REDIS_CLUSTER'
    | 'MTOKEN_TEST_DATABASE_URL'
    | 'MTOKEN_TEST_DATABASE_URL_UNSAFE',
): string | undefined {
  const value = process.env[variable];
  if (value !== undefined && value !== '') return value;
  if (process.env['CI'] === 'true' && process.env['MTOKEN_TEST_ENGINES'] === 'required') {
    throw new Error(`${variable} is not set, and every engine is required`);
  }
  return undefined;
}

/** Whether this run is for the servers alone: the embedded engines had theirs. */
export function isForServers(): boolean {
  return process.env['MTOKEN_TEST_ENGINES'] === 'required';
}

/** SQLite, and PostgreSQL where there is one. */
export function durableEngines(): DurableEngine[] {
  const url = testServer('MTOKEN_TEST_DATABASE_URL');
  return [...(isForServers() ? [] : [sqliteEngine()]), ...(url === undefined ? [] : [postgresEngine(url)])];
}

/** In process, and Redis alone and as a Cluster where there are such. */
export function shortLivedEngines(): ShortLivedEngine[] {
  const url = testServer('MTOKEN_TEST_REDIS_URL');
  const cluster = testServer('MTOKEN_TEST_REDIS_CLUSTER');
  return [
    ...(isForServers() ? [] : [memoryEngine()]),
    ...(url === undefined ? [] : [redisEngine('redis', url)]),
    ...(cluster === undefined ? [] : [redisEngine('redis cluster', `redis+cluster://${cluster}`)]),
  ];
}

function sqliteEngine(): DurableEngine {
  return {
    name: 'sqlite',
    fresh: async ({ migrated = true } = {}) => {
      const dataDir = await mkdtemp(join(tmpdir(), 'mtoken-test-'));
      return freshDurable({
        open: () => openSqlite({ dataDir, lock: false }),
        remove: () => rm(dataDir, { recursive: true, force: true }),
        migrated,
      });
    },
  };
}

function postgresEngine(url: string): DurableEngine {
  return {
    name: 'postgres',
    fresh: async ({ migrated = true } = {}) => {
      const schema = `test_${randomBytes(6).toString('hex')}`;
      const administrator = await openPostgres({ url, poolSize: 1 });
      await administrator.run(`create schema ${schema}`);
      return freshDurable({
        open: () => openPostgres({ url, schema }),
        remove: async () => {
          await administrator.run(`drop schema ${schema} cascade`);
          await administrator.close();
        },
        migrated,
      });
    },
  };
}

interface FreshDurableOptions {
  open(): Promise<DurableStore>;
  remove(): Promise<unknown>;
  readonly migrated: boolean;
}

async function freshDurable({ open, remove, migrated }: FreshDurableOptions): Promise<FreshDurable> {
  const opened: DurableStore[] = [];
  const another = async (): Promise<DurableStore> => {
    const store = await open();
    opened.push(store);
    return store;
  };
  const store = await another();
  if (migrated) await migrate(store, { clock: systemClock });
  return {
    store,
    another,
    close: async () => {
      for (const one of opened) await one.close();
      await remove();
    },
  };
}

function memoryEngine(): ShortLivedEngine {
  return {
    name: 'memory',
    fresh: async () => {
      const clock = fixedClock();
      const store = memoryStore(clock);
      return {
        store,
        another: () => store,
        elapse: async (milliseconds) => clock.advance(milliseconds),
        close: () => store.close(),
      };
    },
  };
}

function redisEngine(name: 'redis' | 'redis cluster', url: string): ShortLivedEngine {
  return {
    name,
    fresh: async () => {
      const prefix = `test-${randomBytes(6).toString('hex')}:`;
      const opened: ShortLivedStore[] = [];
      const another = (): ShortLivedStore => {
        const store = redisStore({ factory: redisClientFactory(url), prefix });
        opened.push(store);
        return store;
      };
      return {
        store: another(),
        another,
        elapse: (milliseconds) => wait(milliseconds),
        close: async () => {
          for (const store of opened) await store.close();
        },
      };
    },
  };
}
