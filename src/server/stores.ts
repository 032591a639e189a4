/** Opens what the configuration names: the durable and the short-lived store, and the records over them. */
import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { createSealing, type KeyedSealing } from '../crypto/sealing.ts';
import { pushingRecords } from '../notify/push.ts';
import { tellingRecords } from '../notify/webhook-events.ts';
import { memoryStore } from '../store/memory.ts';
import { migrate } from '../store/migrate.ts';
import { openRecords } from '../store/open.ts';
import type { DurableStore, ShortLivedStore } from '../store/ports.ts';
import type { RecordStore } from '../store/records.ts';
import { dataKeysOf } from './data-keys.ts';

/** The log methods that opening needs; pino fits. */
export interface StoreLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface Stores {
  readonly durable: DurableStore;
  readonly shortLived: ShortLivedStore;
  readonly sealing: KeyedSealing;
  readonly records: RecordStore;
  close(): Promise<void>;
}

export interface OpenStoresOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: StoreLog;
  /** True for servers: an embedded data directory is for one server alone. Commands open it beside a running one. */
  readonly isServer: boolean;
  /** False: a store with missing migrations is refused instead of migrated. True unless told. */
  readonly migrates?: boolean;
}

/** Opens, migrates and checks. Throws `unavailable` where a store does not answer or cannot be used safely. */
export async function openStores({
  config,
  clock,
  log,
  isServer,
  migrates = true,
}: OpenStoresOptions): Promise<Stores> {
  const durable = await openDurable(config, isServer, log);
  const shortLived = await openShortLived(config, clock);
  const close = async (): Promise<void> => {
    await shortLived.close();
    await durable.close();
  };
  try {
    const keys = await dataKeysOf(config, (path) => {
      log.warn({ path }, 'a data key was made for development; production takes one from MTOKEN_DATA_KEY_FILES');
    });
    const sealing = createSealing(keys);
    if (migrates) await migrateAndTell(durable, clock, log);
    await durable.check();
    await shortLived.check();
    const records = tellingRecords(openRecords(durable, sealing));
    return {
      durable,
      shortLived,
      sealing,
      records: config.push === undefined ? records : pushingRecords(records),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

// Each engine is loaded where it is named: half of what a command takes to start would be clients of servers that it never asks.
async function openDurable(config: Config, isServer: boolean, log: StoreLog): Promise<DurableStore> {
  if (config.databaseUrl === undefined) {
    const { openSqlite } = await import('../store/sqlite.ts');
    return openSqlite({ dataDir: config.dataDir, lock: isServer });
  }
  const { openPostgres } = await import('../store/postgres.ts');
  return openPostgres({
    url: config.databaseUrl,
    onConnectionError: (err) => log.warn({ err }, 'a database connection broke'),
  });
}

async function openShortLived({ redisUrl, mode }: Config, clock: Clock): Promise<ShortLivedStore> {
  if (redisUrl === undefined) return memoryStore(clock);
  const [{ redisStore }, { redisClientFactory }] = await Promise.all([
    import('../store/redis.ts'),
    import('../store/redis-client.ts'),
  ]);
  return redisStore({ factory: redisClientFactory(redisUrl), strict: mode === 'production' });
}

async function migrateAndTell(durable: DurableStore, clock: Clock, log: StoreLog): Promise<void> {
  for (const name of await migrate(durable, { clock })) log.info({ name }, 'migrated');
}
