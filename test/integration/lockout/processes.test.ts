/** The attempt budget over three server processes that share PostgreSQL and Redis, through flushes, kills and restarts. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { createSealing } from '../../../src/crypto/sealing.ts';
import { migrate } from '../../../src/store/migrate.ts';
import { openRecords } from '../../../src/store/open.ts';
import type { DurableStore, ShortLivedStore } from '../../../src/store/ports.ts';
import { openPostgres } from '../../../src/store/postgres.ts';
import { redisStore } from '../../../src/store/redis.ts';
import { redisClientFactory } from '../../../src/store/redis-client.ts';
import { fixedClock } from '../../clock.ts';
import { testServer } from '../../engines.ts';
import { addPhone, createWorld, deviceOf, type Phone, prepare, type Ready, type World } from '../../unit/mpin/world.ts';
import { hasRedisServer, type OwnRedis, type Server, startRedis, startServer } from './servers.ts';
import type { WorkerSettings } from './worker.ts';

const databaseUrl = testServer('MTOKEN_TEST_DATABASE_URL');
// A Redis of its own: this suite flushes and kills it. Where every engine is required, a missing one fails in `beforeAll`.
const isPossible = databaseUrl !== undefined && (hasRedisServer() || process.env['MTOKEN_TEST_ENGINES'] === 'required');

describe.skipIf(!isPossible)('three server processes on one PostgreSQL and one Redis', () => {
  const schema = `lockout_${randomBytes(6).toString('hex')}`;
  const dataKey = randomBytes(32);
  let redis: OwnRedis;
  let durable: DurableStore;
  let shortLived: ShortLivedStore;
  let world: World;
  let settings: WorkerSettings;
  let servers: Server[] = [];

  beforeAll(async () => {
    redis = await startRedis();
    const url = databaseUrl ?? '';
    durable = await openPostgres({ url, schema });
    await durable.run(`create schema ${schema}`);
    await migrate(durable, { clock: systemClock });
    shortLived = redisStore({ factory: redisClientFactory(redis.url), prefix: 'lockout:' });
    const sealing = createSealing([{ id: 'test', key: dataKey }]);
    const stores = { records: openRecords(durable, sealing), shortLived, sealing, close: async () => undefined };
    world = await createWorld({ stores, clock: fixedClock(Date.now()), waits: true });
    settings = { databaseUrl: url, schema, redisUrl: redis.url, dataKey: dataKey.toString('hex') };
    servers = await Promise.all([startServer(settings), startServer(settings), startServer(settings)]);
  });

  afterAll(async () => {
    for (const server of servers) await server.kill();
    await shortLived.close();
    await durable.run(`drop schema ${schema} cascade`);
    await durable.close();
    await redis.remove();
  });

  /** The same verdicts on each of the three, all at once. */
  async function attemptEverywhere(phone: Phone, verdicts: readonly boolean[]) {
    const results = await Promise.all(
      servers.map((server) => server.perform({ act: 'attempt', deviceId: phone.id, verdicts })),
    );
    return {
      outcomes: results.flatMap(({ outcomes }) => outcomes),
      evaluated: results.reduce((sum, { evaluated }) => sum + evaluated, 0),
    };
  }

  function times(count: number, isRight: boolean): boolean[] {
    return Array.from({ length: count }, () => isRight);
  }

  async function eventsAbout(phone: Phone): Promise<string[]> {
    const entries = await world.deps.records.audit.read(0, 10_000, { deviceId: phone.id });
    return entries.map(({ event }) => event);
  }

  it('evaluate exactly 5 of 200 parallel wrong proofs, and block once (L-02, T1, T4)', async () => {
    const phone = await addPhone(world);
    const { evaluated, outcomes } = await attemptEverywhere(phone, times(67, false));
    expect(evaluated).toBe(5);
    expect(outcomes.filter((outcome) => outcome === 'refused')).toHaveLength(196);
    expect((await deviceOf(world, phone)).status).toBe('blocked');
    expect((await eventsAbout(phone)).filter((event) => event === 'mpin.blocked')).toHaveLength(1);
  });

  it('evaluate 5 of 100 real wrong SRP proofs, prepared before and sent at once (L-02, T1)', async () => {
    const phone = await addPhone(world);
    const ready: Ready[] = [];
    for (let index = 0; index < 100; index += 1) ready.push(await prepare(world, phone, { mpin: '99999' }));
    const results = await Promise.all(
      servers.map((server, index) =>
        server.perform({
          act: 'finish',
          thumbprint: phone.thumbprint,
          ready: ready.filter((_, position) => position % 3 === index),
        }),
      ),
    );
    const outcomes = results.flatMap((result) => result.outcomes);
    expect(outcomes).toHaveLength(100);
    expect(new Set(outcomes)).toEqual(new Set(['authentication_failed']));
    expect((await eventsAbout(phone)).filter((event) => event === 'mpin.wrong')).toHaveLength(5);
    expect((await deviceOf(world, phone)).status).toBe('blocked');
  });

  it('let 51 parallel right proofs succeed, every one, and block nothing (T3)', async () => {
    const phone = await addPhone(world);
    const { outcomes } = await attemptEverywhere(phone, times(17, true));
    expect(outcomes).toEqual(Array.from({ length: 51 }, () => 'right'));
    expect(await deviceOf(world, phone)).toMatchObject({ status: 'active', pinAttempts: 0 });
  });

  it('allow five misses before and five after the one right proof among 99 wrong ones (L-02)', async () => {
    const phone = await addPhone(world);
    const [first, ...others] = servers;
    const results = await Promise.all([
      first?.perform({ act: 'attempt', deviceId: phone.id, verdicts: [true, ...times(33, false)] }),
      ...others.map((server) => server.perform({ act: 'attempt', deviceId: phone.id, verdicts: times(33, false) })),
    ]);
    const evaluated = results.reduce((sum, result) => sum + (result?.evaluated ?? 0), 0);
    expect(evaluated).toBeLessThanOrEqual(11);
    expect((await deviceOf(world, phone)).status).toBe('blocked');
  });

  it('evaluate no sixth through flushes of Redis in the middle (L-06)', async () => {
    const phone = await addPhone(world);
    let isOver = false;
    const flushing = (async () => {
      while (!isOver) await redis.flush();
    })();
    let evaluated = 0;
    for (let round = 0; round < 6; round += 1) {
      evaluated += (await attemptEverywhere(phone, times(11, false))).evaluated;
    }
    isOver = true;
    await flushing;
    expect(evaluated).toBe(5);
    expect((await deviceOf(world, phone)).status).toBe('blocked');
  });

  it('still refuse a blocked phone when Redis was emptied (L-06)', async () => {
    const phone = await addPhone(world);
    await attemptEverywhere(phone, times(5, false));
    await redis.flush();
    const after = await attemptEverywhere(phone, times(3, true));
    expect(after).toEqual({ outcomes: Array.from({ length: 9 }, () => 'refused'), evaluated: 0 });
  });

  it('find the attempt spent of a server that was killed before it came to a verdict (L-03)', async () => {
    const phone = await addPhone(world);
    const doomed = await startServer(settings);
    await doomed.hang(phone.id);
    await doomed.kill();
    expect((await deviceOf(world, phone)).pinAttempts).toBe(1);
    const { evaluated } = await attemptEverywhere(phone, times(2, false));
    expect(evaluated).toBe(4);
    expect((await deviceOf(world, phone)).status).toBe('blocked');
  });

  it('block at the next touch when all five were lost in a crash (L-03, L-06)', async () => {
    const phone = await addPhone(world);
    const doomed = await startServer(settings);
    for (let index = 0; index < 5; index += 1) await doomed.hang(phone.id);
    await doomed.kill();
    expect(await deviceOf(world, phone)).toMatchObject({ status: 'active', pinAttempts: 5 });
    const { outcomes, evaluated } = await attemptEverywhere(phone, [true]);
    expect({ outcomes, evaluated }).toEqual({ outcomes: ['refused', 'refused', 'refused'], evaluated: 0 });
    expect((await deviceOf(world, phone)).status).toBe('blocked');
    expect(await eventsAbout(phone)).toEqual(['mpin.blocked']);
  });

  it('refuse while Redis is down, and count on from where they were when it is back (L-04, L-06)', async () => {
    const phone = await addPhone(world);
    expect((await attemptEverywhere(phone, [false])).evaluated).toBe(3);
    await redis.kill();
    const down = await attemptEverywhere(phone, [true]);
    expect(down).toEqual({ outcomes: ['unavailable', 'unavailable', 'unavailable'], evaluated: 0 });
    expect((await deviceOf(world, phone)).pinAttempts).toBe(3);
    await redis.start();
    let evaluated = 0;
    for (let tries = 0; tries < 50 && evaluated < 2; tries += 1) {
      evaluated += (await attemptEverywhere(phone, [false])).evaluated;
    }
    expect(evaluated).toBe(2);
    expect((await deviceOf(world, phone)).status).toBe('blocked');
  });

  it('block a phone within the moment everywhere: no server accepts its session or proof then (S-07, T2, T8)', async () => {
    const phone = await addPhone(world);
    const ready = await prepare(world, phone);
    await servers[0]?.perform({ act: 'attempt', deviceId: phone.id, verdicts: times(5, false) });
    const result = await servers[1]?.perform({ act: 'finish', thumbprint: phone.thumbprint, ready: [ready] });
    expect(result?.outcomes).toEqual(['authentication_failed']);
  });
});
