/** The pairs of stores that a whole server is tested on, each empty and its own: embedded, and on the servers that the environment names. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPostgres } from '../../../src/store/postgres.ts';
import { isForServers, testServer } from '../../engines.ts';
import { hasRedisServer, type RedisServer, startRedisServer } from '../../redis-server.ts';

/** What a server's environment says of its stores. */
export interface SystemStores {
  readonly env: Readonly<Record<string, string>>;
  readonly dataDir: string;
  /** The Redis of this test alone, where there is one. */
  readonly redis: RedisServer | undefined;
  close(): Promise<void>;
}

export interface SystemEngine {
  readonly name: 'sqlite and memory' | 'postgres and redis' | 'postgres and redis cluster';
  /** Whether several servers may share it. */
  readonly isShared: boolean;
  open(): Promise<SystemStores>;
}

/** Embedded always, the others where PostgreSQL and Redis are there. */
export function systemEngines(): SystemEngine[] {
  const databaseUrl = testServer('MTOKEN_TEST_DATABASE_URL');
  const cluster = testServer('MTOKEN_TEST_REDIS_CLUSTER');
  if (databaseUrl === undefined) return [embedded];
  const single = hasRedisServer() ? [shared(databaseUrl, undefined)] : [];
  return [embedded, ...single, ...(cluster === undefined ? [] : [shared(databaseUrl, cluster)])];
}

/** Those that a suite is repeated on: in a run for the servers without the embedded pair, which had its turn. */
export function everySystemEngine(): SystemEngine[] {
  return systemEngines().filter(({ isShared }) => isShared || !isForServers());
}

const embedded: SystemEngine = {
  name: 'sqlite and memory',
  isShared: false,
  open: async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'mtoken-system-'));
    return {
      env: { MTOKEN_DATA_DIR: dataDir },
      dataDir,
      redis: undefined,
      close: () => rm(dataDir, { recursive: true, force: true }),
    };
  },
};

/** A Redis of the test's own, or the Cluster that all tests share: its keys hold random ids, so that nobody meets another's. */
function shared(databaseUrl: string, cluster: string | undefined): SystemEngine {
  return {
    name: cluster === undefined ? 'postgres and redis' : 'postgres and redis cluster',
    isShared: true,
    open: async () => {
      const base = await embedded.open();
      const redis = cluster === undefined ? await startRedisServer() : undefined;
      const database = await ownDatabase(databaseUrl);
      return {
        env: { ...base.env, DATABASE_URL: database.url, REDIS_URL: redis?.url ?? `redis+cluster://${cluster}` },
        dataDir: base.dataDir,
        redis,
        close: async () => {
          await database.drop();
          await redis?.close();
          await base.close();
        },
      };
    },
  };
}

/** An empty database on the given server. */
export async function ownDatabase(serverUrl: string): Promise<{ readonly url: string; drop(): Promise<void> }> {
  const name = `system_${randomBytes(6).toString('hex')}`;
  const administrator = await openPostgres({ url: serverUrl, poolSize: 1, onConnectionError: () => undefined });
  await administrator.run(`create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    drop: async () => {
      await administrator.run(`drop database if exists ${name} with (force)`);
      await administrator.close();
    },
  };
}
