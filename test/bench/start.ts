/** How long the server takes to be ready, and what it holds while nobody logs in. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import type { Benchmark } from './benchmark.ts';
import { median, wallMs } from './measure.ts';
import { startServer } from './server-process.ts';
import { createWorld, embedded } from './world.ts';

export const startBenchmark: Benchmark = {
  name: 'start',
  about: 'start to ready, and memory at rest',
  needsBuild: true,
  run: async ({ isQuick }) => {
    const world = await createWorld(embedded, 1);
    const ready: number[] = [];
    const bare: number[] = [];
    const memory: number[] = [];
    const first = await startServer(world.environment);
    await first.stop();
    for (let round = 0; round < (isQuick ? 1 : 7); round += 1) {
      bare.push(await wallMs(bareNode));
      const server = await startServer(world.environment);
      ready.push(server.readyMs);
      await wait(isQuick ? 200 : 1500);
      memory.push(((await server.metrics()).get('process_resident_memory_bytes') ?? Number.NaN) / 2 ** 20);
      await server.stop();
    }
    await world.remove();
    const ratios = ready.map((time, round) => time / (bare[round] ?? Number.NaN));
    return [
      { benchmark: 'start', what: 'first start to ready, server keys made', value: first.readyMs, unit: 'ms' },
      { benchmark: 'start', what: 'start to ready', value: median(ready), unit: 'ms' },
      { benchmark: 'start', what: 'the same / start and end of a bare Node', value: median(ratios), unit: '×' },
      { benchmark: 'start', what: 'memory at rest (RSS)', value: median(memory), unit: 'MiB', goal: { atMost: 150 } },
    ];
  },
};

async function bareNode(): Promise<void> {
  await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit');
}
