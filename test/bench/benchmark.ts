/** What a benchmark is. Types only. */
import type { Figure } from './report.ts';

export interface BenchContext {
  /** Wall time that a benchmark's main measurement may take. */
  readonly seconds: number;
  /** A smoke test: small numbers, no claim to precision. */
  readonly isQuick: boolean;
  /** Tells what is going on, on standard error. */
  readonly tell: (text: string) => void;
}

export interface Benchmark {
  readonly name: string;
  readonly about: string;
  /** True where it starts the built server. */
  readonly needsBuild: boolean;
  run(context: BenchContext): Promise<Figure[]>;
}
