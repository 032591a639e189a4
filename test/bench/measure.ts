/** Medians, percentiles and CPU time: what every benchmark measures with. */

/** The middle value; NaN of nothing. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The value below which `part` (0 to 1) of the values lie, by linear interpolation. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  const position = (sorted.length - 1) * part;
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position - Math.floor(position));
}

/** CPU of this process so far, all threads, user and system, in microseconds. */
export function ownCpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

export interface CpuOptions {
  /** Rounds, of which the median counts. */
  readonly rounds?: number;
  /** Wall time of a round. */
  readonly roundMs?: number;
  /** Calls under way at once, as they are in a busy server. */
  readonly concurrency?: number;
}

/** CPU microseconds of one call of `work`: the median over rounds, after one round that does not count. */
export async function cpuPerCall(work: (call: number) => unknown, options: CpuOptions = {}): Promise<number> {
  const { rounds = 5, roundMs = 80, concurrency = 1 } = options;
  const results: number[] = [];
  let calls = 0;
  for (let round = 0; round <= rounds; round += 1) {
    const before = ownCpuMicros();
    const until = performance.now() + roundMs;
    const first = calls;
    const worker = async (): Promise<void> => {
      while (performance.now() < until) {
        calls += 1;
        const result = work(calls);
        if (result instanceof Promise) await result;
      }
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
    if (round > 0) results.push((ownCpuMicros() - before) / (calls - first));
  }
  return median(results);
}

/** Wall milliseconds that `work` takes. */
export async function wallMs(work: () => unknown): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
