/** What only Redis can get wrong: commands sent twice, unsafe settings, a server that goes away or hangs. */
import { randomUUID } from 'node:crypto';
import { Cluster, Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ShortLivedStore } from '../../../src/store/ports.ts';
import { redisStore } from '../../../src/store/redis.ts';
import { type RedisClient, redisClientFactory } from '../../../src/store/redis-client.ts';
import { redisScripts } from '../../../src/store/redis-scripts.ts';
import { testServer } from '../../engines.ts';
import { type Proxy, startProxy } from '../../proxy.ts';
import { hasRedisServer, type RedisServer, startRedisServer, startSentinel } from '../../redis-server.ts';

const minute = 60_000;
const singleUrl = testServer('MTOKEN_TEST_REDIS_URL');
const clusterHosts = testServer('MTOKEN_TEST_REDIS_CLUSTER');
const topologies = [
  ...(singleUrl === undefined ? [] : [{ name: 'redis', url: singleUrl }]),
  ...(clusterHosts === undefined ? [] : [{ name: 'redis cluster', url: `redis+cluster://${clusterHosts}` }]),
];
const prefix = `test-${randomUUID()}:`;
const key = (name: string): string => `${name}:{${randomUUID()}}`;

/** Kills the connections of one name on every node, and no other test's; how many. */
async function killConnections(
  client: RedisClient,
  connectionName: string,
  type: 'normal' | 'pubsub',
): Promise<number> {
  const nodes = client instanceof Cluster ? client.nodes('all') : [client];
  let killed = 0;
  for (const node of nodes) {
    const list = String(await node.call('CLIENT', 'LIST', 'TYPE', type).catch(() => ''));
    for (const line of list.split('\n').filter((entry) => entry.includes(connectionName))) {
      const id = /(?:^| )id=(\d+)/.exec(line)?.[1] ?? '';
      killed += Number(await node.call('CLIENT', 'KILL', 'ID', id).catch(() => 0));
    }
  }
  return killed;
}

/** Kills connections again and again while `work` runs. */
async function whileKilling(kill: () => Promise<number>, work: () => Promise<void>): Promise<number> {
  let kills = 0;
  let isOver = false;
  const killing = (async () => {
    while (!isOver) {
      kills += await kill();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  await work().finally(() => {
    isOver = true;
  });
  await killing;
  return kills;
}

for (const { name, url } of topologies) {
  describe(`resent commands: ${name}`, () => {
    let store: ShortLivedStore;
    let raw: RedisClient;
    const connectionName = `test-${randomUUID()}`;
    beforeAll(async () => {
      store = redisStore({ factory: redisClientFactory(url, { connectionName }), prefix });
      raw = redisClientFactory(url).connect();
      for (const [script, lua] of Object.entries(redisScripts)) raw.defineCommand(script, { lua, numberOfKeys: 1 });
      await store.check();
      await raw.get('warm');
    });
    afterAll(async () => {
      await store.close();
      raw.disconnect();
    });

    it('counts nothing twice while connections are killed in the middle of commands', async () => {
      const keys = Array.from({ length: 8 }, () => key('rate'));
      const answered = new Map(keys.map((k) => [k, 0]));
      const failed = new Map(keys.map((k) => [k, 0]));
      const add = (to: Map<string, number>, k: string): void => {
        to.set(k, (to.get(k) ?? 0) + 1);
      };
      const kill = (): Promise<number> => killConnections(raw, connectionName, 'normal');
      const kills = await whileKilling(kill, async () => {
        const until = performance.now() + 2000;
        await Promise.all(
          keys.flatMap((k) =>
            Array.from({ length: 4 }, async () => {
              while (performance.now() < until) {
                await store.hit(k, minute).then(
                  () => add(answered, k),
                  () => add(failed, k),
                );
              }
            }),
          ),
        );
      });
      expect(kills).toBeGreaterThan(10);
      expect([...answered.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(10);
      for (const k of keys) {
        const { count } = await store.hit(k, minute);
        const least = (answered.get(k) ?? 0) + 1;
        expect(count).toBeGreaterThanOrEqual(least);
        // A command whose caller was told "unavailable" may have been executed; nothing else may be on top.
        expect(count).toBeLessThanOrEqual(least + (failed.get(k) ?? 0));
      }
    });

    const script = (command: keyof typeof redisScripts, k: string, ...values: (string | number)[]): Promise<unknown> =>
      (raw as unknown as Record<string, (...all: unknown[]) => Promise<unknown>>)[command]?.(prefix + k, ...values) ??
      Promise.reject(new Error(command));

    it('answers a resent reserve as before, takes nothing, also after others took (L-03)', async () => {
      const k = key('pin');
      await store.seed(k, 0, minute);
      expect(await script('mtokenReserve', k, 'attempt0001', 5, minute)).toBe(1);
      expect(await store.reserve(k, 5, minute)).toEqual({ outcome: 'taken', count: 2 });
      expect(await script('mtokenReserve', k, 'attempt0001', 5, minute)).toBe(1);
      expect(await store.reserve(k, 5, minute)).toEqual({ outcome: 'taken', count: 3 });
    });

    it('gives an attempt back once, however often the command is sent', async () => {
      const k = key('pin');
      await store.seed(k, 3, minute);
      for (let sent = 0; sent < 3; sent += 1) await script('mtokenRelease', k, 'attempt0002');
      expect(await store.reserve(k, 5, minute)).toEqual({ outcome: 'taken', count: 3 });
    });

    it('gives a taken value to the resent command of its taker and to nobody else', async () => {
      const k = key('code');
      await store.create(k, 'the code', minute);
      expect(await script('mtokenTake', k, 'attempt0003')).toBe('the code');
      expect(await script('mtokenTake', k, 'attempt0004')).toBeNull();
      expect(await script('mtokenTake', k, 'attempt0003')).toBe('the code');
      expect(await store.get(k)).toBeUndefined();
    });

    it('does not bring a value back to life when its creation is sent again after it was taken', async () => {
      const k = key('code');
      expect(await script('mtokenCreate', k, 'attempt0005', 'the code', minute, 7)).toBe(1);
      expect(await store.take(k)).toBe('the code');
      expect(await script('mtokenCreate', k, 'attempt0005', 'the code', minute, 7)).toBe(1);
      expect(await store.take(k)).toBeUndefined();
    });

    it('tells a resent compare-and-set that it wrote, and writes no second time', async () => {
      const k = key('order');
      await store.create(k, 'pending', minute);
      const { version } = (await store.get(k)) ?? { version: -1 };
      expect(await script('mtokenCompareAndSet', k, 'attempt0006', version, 'claimed', '')).toBe(1);
      const claimed = await store.get(k);
      expect(await store.compareAndSet(k, claimed?.version ?? -1, 'approved')).toBe(true);
      expect(await script('mtokenCompareAndSet', k, 'attempt0006', version, 'claimed', '')).toBe(1);
      expect((await store.get(k))?.value).toBe('approved');
    });

    it('does not remove what was created after the first removal', async () => {
      const k = key('order');
      await store.create(k, 'old', minute);
      await script('mtokenRemove', k, 'attempt0007');
      expect(await store.create(k, 'new', minute)).toBe(true);
      await script('mtokenRemove', k, 'attempt0007');
      expect((await store.get(k))?.value).toBe('new');
    });

    it('remembers no more attempts than it needs', async () => {
      const k = key('rate');
      for (let sent = 0; sent < 500; sent += 1) await store.hit(k, minute);
      expect(String(await raw.hget(prefix + k, 'ids')).length).toBeLessThanOrEqual(1200);
    });

    it('refuses a resent command that came too late to be told from a new one', async () => {
      const k = key('rate');
      const attempt = (number: number): string => `process0001${number.toString(36).padStart(7, '0')}`;
      for (let number = 1; number <= 200; number += 1) await script('mtokenHit', k, attempt(number), minute);
      await expect(script('mtokenHit', k, attempt(1), minute)).rejects.toThrow(/too old/);
      expect(await script('mtokenHit', k, attempt(200), minute)).toEqual([200, expect.any(Number)]);
      expect((await store.hit(k, minute)).count).toBe(201);
    });

    it('listens again by itself after the listening connection was killed', async () => {
      const topic = key('order');
      const heard: string[] = [];
      const end = await store.subscribe(topic, (message) => heard.push(message));
      const killed = await killConnections(raw, connectionName, 'pubsub');
      expect(killed).toBeGreaterThan(0);
      await expect
        .poll(
          async () => {
            await store.publish(topic, 'again');
            return heard.length;
          },
          { timeout: 10_000, interval: 100 },
        )
        .toBeGreaterThan(0);
      end();
    });
  });
}

describe.skipIf(singleUrl === undefined && !hasRedisServer())('a Redis that must not be trusted, or goes away', () => {
  const closing: (() => Promise<unknown>)[] = [];
  const open = (url: string, options: { strict?: boolean; deadlineMs?: number } = {}): ShortLivedStore => {
    const store = redisStore({ factory: redisClientFactory(url), prefix, ...options });
    closing.push(() => store.close());
    return store;
  };
  const serve = async (settings: string[] = []): Promise<RedisServer> => {
    const server = await startRedisServer(settings);
    closing.push(() => server.close());
    return server;
  };
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  it('is accepted in production as it should be configured (X-04)', async () => {
    const { url } = await serve();
    await expect(open(url, { strict: true }).check()).resolves.toBeUndefined();
  });

  it.each([
    ['evicts keys', ['--maxmemory-policy', 'allkeys-lru'], /maxmemory-policy/],
    ['evicts keys with a lifetime', ['--maxmemory-policy', 'volatile-ttl'], /maxmemory-policy/],
    ['writes no append-only file', ['--appendonly', 'no'], /appendonly/],
    ['leaves the syncing to the system', ['--appendfsync', 'no'], /appendfsync/],
  ])('is refused in production when it %s (X-04)', async (_, settings, words) => {
    const { url } = await serve(settings);
    const strict = open(url, { strict: true });
    await expect(strict.check()).rejects.toMatchObject({ code: 'unavailable' });
    await expect(strict.check()).rejects.toThrow(words);
    await expect(open(url).check()).resolves.toBeUndefined();
  });

  it('refuses to write instead of forgetting something when its memory is full (X-04)', async () => {
    const { url } = await serve(['--maxmemory', '3mb']);
    const store = open(url);
    const counter = key('pin');
    await store.seed(counter, 4, minute);
    const filled = (async () => {
      for (let n = 0; n < 1000; n += 1) await store.create(key('value'), 'x'.repeat(10_000), minute);
    })();
    await expect(filled).rejects.toMatchObject({ code: 'unavailable' });
    const admin = new Redis(url);
    expect(await admin.hget(prefix + counter, 'n')).toBe('4');
    admin.disconnect();
  });

  it('says unavailable while it is down, and serves again by itself with what it had (X-03, L-04)', async () => {
    const server = await serve();
    const store = open(server.url);
    const heard: string[] = [];
    await store.subscribe('topic', (message) => heard.push(message));
    const counter = key('pin');
    await store.seed(counter, 4, minute);
    await server.kill();
    const calls = [
      store.get(counter),
      store.create(key('x'), 'x', minute),
      store.reserve(counter, 5, minute),
      store.hit(key('rate'), minute),
      store.publish('topic', 'lost'),
      store.subscribe('other', () => undefined),
      store.check(),
    ];
    for (const result of await Promise.allSettled(calls)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'unavailable' } });
    }
    await server.start();
    await expect.poll(() => store.check().then(() => 'up'), { timeout: 10_000 }).toBe('up');
    expect(await store.reserve(counter, 5, minute)).toEqual({ outcome: 'taken', count: 5 });
    expect(await store.reserve(counter, 5, minute)).toEqual({ outcome: 'exhausted' });
    await expect
      .poll(
        async () => {
          await store.publish('topic', 'back');
          return heard.includes('back');
        },
        { timeout: 10_000, interval: 50 },
      )
      .toBe(true);
  });

  it('does not make callers wait for a server that hangs (X-03)', async () => {
    const server = await serve();
    const target = new URL(server.url);
    const proxy: Proxy = await startProxy({ host: target.hostname, port: Number(target.port) });
    closing.push(() => proxy.close());
    const store = open(`redis://127.0.0.1:${proxy.port}`, { deadlineMs: 200 });
    await store.check();
    proxy.freeze();
    await expect(store.get('x')).rejects.toMatchObject({ code: 'unavailable' });
    await expect(store.reserve('x', 5, minute)).rejects.toMatchObject({ code: 'unavailable' });
    proxy.restore();
    await expect.poll(() => store.check().then(() => 'up'), { timeout: 10_000 }).toBe('up');
  });

  it('is found behind Sentinels', async () => {
    const master = await serve();
    const sentinel = await startSentinel(master, 'main');
    closing.push(() => sentinel.close());
    const { host } = new URL(sentinel.url);
    const store = open(`redis+sentinel://${host}/main`, { strict: true });
    await expect.poll(() => store.check().then(() => 'up'), { timeout: 10_000 }).toBe('up');
    const direct = open(master.url);
    expect(await store.create('by-sentinel', 'x', minute)).toBe(true);
    expect(await direct.take('by-sentinel')).toBe('x');
    const heard: string[] = [];
    await store.subscribe('topic', (message) => heard.push(message));
    await direct.publish('topic', 'heard');
    await expect.poll(() => heard).toEqual(['heard']);
  });

  it('says unavailable for a server that was never there, alone, behind Sentinels or as a Cluster', async () => {
    for (const url of [
      'redis://127.0.0.1:1',
      'redis+sentinel://127.0.0.1:1/main',
      'redis+cluster://127.0.0.1:1,127.0.0.1:2',
    ]) {
      await expect(open(url).get('x'), url).rejects.toMatchObject({ code: 'unavailable' });
    }
  });

  it('says unavailable after it was closed', async () => {
    const { url } = await serve();
    const store = open(url);
    await store.check();
    await store.close();
    await expect(store.get('x')).rejects.toMatchObject({ code: 'unavailable' });
  });
});
