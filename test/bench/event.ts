/** Time from the phone's decision to the browser's event, with nothing else going on and under a load of logins. */
import type { BenchContext, Benchmark } from './benchmark.ts';
import { createLoad, type LoginTimes } from './load.ts';
import { percentile } from './measure.ts';
import type { Figure } from './report.ts';
import { startServer } from './server-process.ts';
import { createWorld, type StorePair, storePairs } from './world.ts';

/** Logins that go on beside those that are timed. */
const backgroundClients = 4;
const phoneCount = 300;

export const eventBenchmark: Benchmark = {
  name: 'event',
  about: 'time from the phone’s decision to the browser’s event',
  needsBuild: true,
  run: async (context) => {
    const figures: Figure[] = [];
    for (const pair of storePairs()) figures.push(...(await measurePair(pair, context)));
    return figures;
  },
};

async function measurePair(pair: StorePair, { seconds, isQuick, tell }: BenchContext): Promise<Figure[]> {
  tell(`event: ${pair.name}`);
  const world = await createWorld(pair, isQuick ? 32 : phoneCount);
  const server = await startServer(world.environment);
  const load = await createLoad(world, server);
  try {
    await load.times(isQuick ? 16 : phoneCount, 8);
    const alone = await during((isOver) => load.run(1, isOver), seconds / 3);
    const loaded = await during((isOver) => load.run(1 + backgroundClients, isOver), seconds / 3);
    return [
      ...figuresOf(`event, ${pair.name}`, 'one login at a time', alone),
      ...figuresOf(`event, ${pair.name}`, `${1 + backgroundClients} logins at a time`, loaded),
    ];
  } finally {
    load.close();
    await server.stop();
    await world.remove();
  }
}

async function during(run: (isOver: () => boolean) => Promise<LoginTimes[]>, seconds: number): Promise<LoginTimes[]> {
  const until = performance.now() + 1000 * seconds;
  return run(() => performance.now() >= until);
}

function figuresOf(benchmark: string, under: string, times: readonly LoginTimes[]): Figure[] {
  const events = times.map(({ event }) => event);
  const afterAnswer = times.map(({ event, decision }) => Math.max(event - decision, 0));
  return [
    { benchmark, what: `decision sent → event, median, ${under}`, value: percentile(events, 0.5), unit: 'ms' },
    {
      benchmark,
      what: `decision sent → event, p95, ${under}`,
      value: percentile(events, 0.95),
      unit: 'ms',
      goal: { atMost: 100 },
    },
    {
      benchmark,
      what: `phone told “approved” → event, p95, ${under}`,
      value: percentile(afterAnswer, 0.95),
      unit: 'ms',
    },
  ];
}
