/** The short-lived store for many processes: Redis, alone, behind Sentinels or as a Cluster. */
import { randomBytes, randomInt } from 'node:crypto';
import { Cluster, type Redis } from 'ioredis';
import { AuthError } from '../errors.ts';
import { lifetime } from './lifetime.ts';
import type { Reservation, ShortLivedStore } from './ports.ts';
import type { RedisClient, RedisClientFactory } from './redis-client.ts';
import { processCharacters, type RedisScript, redisScripts } from './redis-scripts.ts';
import { type Bounded, redisTopics } from './redis-topics.ts';

/** Hard bound of every call, whatever the client waits for: a little more than its own time-outs. */
const defaultDeadlineMs = 2500;
const lowestVersion = [6, 2] as const;

export interface RedisStoreOptions {
  readonly factory: RedisClientFactory;
  /** True in production: `check` also refuses a server that evicts keys or does not write an append-only file. */
  readonly strict?: boolean;
  /** In front of every key, outside of the hash tag; `mtoken:` unless told otherwise. */
  readonly prefix?: string;
  /** After this long a call throws `unavailable`; 2500 ms unless told otherwise. */
  readonly deadlineMs?: number;
}

/** Connects in the background: a server that is down for now makes calls throw `unavailable` until it is back. */
export function redisStore(options: RedisStoreOptions): ShortLivedStore {
  const { factory, strict = false, prefix = 'mtoken:', deadlineMs = defaultDeadlineMs } = options;
  const client = factory.connect();
  for (const [name, lua] of Object.entries(redisScripts)) client.defineCommand(name, { lua, numberOfKeys: 1 });
  const bounded = boundedBy(deadlineMs);
  const connection: Connection = { client, bounded, prefix, call: scriptCaller(client, { bounded, prefix }) };
  const topics = redisTopics({ client, listener: factory.connect(), prefix, bounded });
  return {
    ...redisValues(connection),
    ...redisCounters(connection),
    publish: topics.publish,
    subscribe: topics.subscribe,
    check: () => checkServers(connection, strict),
    close: async () => {
      topics.close();
      client.disconnect();
    },
  };
}

type Call = (script: RedisScript, key: string, ...values: (string | number)[]) => Promise<unknown>;

interface Connection {
  readonly client: RedisClient;
  readonly bounded: Bounded;
  readonly prefix: string;
  /** Runs a script with an attempt id of its own, which a resent command carries again. */
  readonly call: Call;
}

function boundedBy(deadlineMs: number): Bounded {
  return (answer) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(unavailable('no answer in time')), deadlineMs);
      answer()
        .then(resolve, (error: unknown) => reject(unavailable(error)))
        .finally(() => clearTimeout(timer));
    });
}

function unavailable(cause: unknown): AuthError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new AuthError('unavailable', { detail: `Redis: ${why}`, cause });
}

type ScriptCommand = (key: string, ...values: (string | number)[]) => Promise<unknown>;

function scriptCaller(client: RedisClient, { bounded, prefix }: { bounded: Bounded; prefix: string }): Call {
  const commands = client as unknown as Record<RedisScript, ScriptCommand>;
  const nextAttempt = attemptIds();
  return (script, key, ...values) => bounded(() => commands[script](prefix + key, nextAttempt(), ...values));
}

/** All of one length, so that no id is a part of another: random for the process, then counting. */
function attemptIds(): () => string {
  const origin = BigInt(`0x${randomBytes(7).toString('hex')}`)
    .toString(36)
    .padStart(processCharacters, '0');
  let count = 0;
  return () => {
    count += 1;
    return origin + count.toString(36).padStart(7, '0');
  };
}

type Values = Pick<ShortLivedStore, 'get' | 'create' | 'compareAndSet' | 'take' | 'remove' | 'touch'>;

function redisValues({ client, bounded, prefix, call }: Connection): Values {
  return {
    get: async (key) => {
      const [value, version] = await bounded(() => client.hmget(prefix + key, 'v', 'n'));
      return typeof value === 'string' ? { value, version: Number(version) } : undefined;
    },
    // The first version is random, so that a version read from a value that is gone does not fit the one that took its key.
    create: async (key, value, ttlMs) =>
      (await call('mtokenCreate', key, value, lifetime(ttlMs), randomInt(1, 2 ** 47))) === 1,
    compareAndSet: async (key, version, value, ttlMs) =>
      (await call('mtokenCompareAndSet', key, version, value, ttlMs === undefined ? '' : lifetime(ttlMs))) === 1,
    take: async (key) => {
      const value = await call('mtokenTake', key);
      return typeof value === 'string' ? value : undefined;
    },
    remove: async (key) => {
      await call('mtokenRemove', key);
    },
    touch: async (key, ttlMs) => (await call('mtokenTouch', key, lifetime(ttlMs))) === 1,
  };
}

type Counters = Pick<ShortLivedStore, 'reserve' | 'seed' | 'release' | 'hit'>;

function redisCounters({ call }: Connection): Counters {
  return {
    reserve: async (key, max, ttlMs) => toReservation(await call('mtokenReserve', key, max, lifetime(ttlMs))),
    seed: async (key, count, ttlMs) => {
      await call('mtokenSeed', key, count, lifetime(ttlMs));
    },
    release: async (key) => {
      await call('mtokenRelease', key);
    },
    hit: async (key, windowMs) => {
      const answer = await call('mtokenHit', key, lifetime(windowMs));
      if (!Array.isArray(answer)) throw unavailable('an answer of the wrong kind');
      return { count: Number(answer[0]), resetMs: Math.max(0, Number(answer[1])) };
    },
  };
}

function toReservation(answer: unknown): Reservation {
  // Only a positive count is a permission; anything that is not understood must not become one.
  if (typeof answer !== 'number') throw unavailable('an answer of the wrong kind');
  if (answer > 0) return { outcome: 'taken', count: answer };
  return answer === 0 ? { outcome: 'exhausted' } : { outcome: 'missing' };
}

async function checkServers({ client, bounded }: Connection, strict: boolean): Promise<void> {
  const servers: Redis[] = client instanceof Cluster ? await clusterMasters(client, bounded) : [client];
  for (const server of servers) {
    const info = parseInfo(await bounded(() => server.info()));
    requireVersion(info.get('redis_version') ?? '');
    if (!strict) continue;
    requireSetting('maxmemory-policy', info.get('maxmemory_policy'), ['noeviction']);
    requireSetting('appendonly', info.get('aof_enabled') === '1' ? 'yes' : 'no', ['yes']);
    requireSetting('appendfsync', await readAppendFsync(server, bounded), ['always', 'everysec', undefined]);
  }
}

async function clusterMasters(cluster: Cluster, bounded: Bounded): Promise<Redis[]> {
  // Waits until the nodes are known.
  await bounded(() => cluster.get('mtoken:check'));
  const masters = cluster.nodes('master');
  if (masters.length === 0) throw unavailable('no master of the Cluster is known');
  return masters;
}

function parseInfo(text: string): Map<string, string> {
  const lines = text.split(/\r?\n/).filter((line) => line.includes(':'));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}

function requireVersion(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > lowestVersion[0] || (major === lowestVersion[0] && minor >= lowestVersion[1])) return;
  throw unavailable(`version ${version} is older than ${lowestVersion.join('.')}`);
}

function requireSetting(name: string, value: string | undefined, allowed: readonly (string | undefined)[]): void {
  if (!allowed.includes(value)) {
    throw unavailable(`${name} is ${value ?? 'unknown'}; it must be ${allowed.filter(Boolean).join(' or ')}`);
  }
}

/** Managed services refuse CONFIG; there the service answers for it. */
async function readAppendFsync(server: Redis, bounded: Bounded): Promise<string | undefined> {
  try {
    const answer = (await bounded(() => server.config('GET', 'appendfsync'))) as string[];
    return answer[1];
  } catch {
    return undefined;
  }
}
