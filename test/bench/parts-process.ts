/** Starts `programs/parts.ts` and asks it questions. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Counts, TracedRead } from './counting.ts';
import { type Environment, end, extraNodeArgs } from './server-process.ts';

export type PartsRole = 'whole' | 'plain' | 'unaudited' | 'oidc' | 'pieces';

/** CPU microseconds of one call of each piece, by name. */
export type Pieces = Readonly<Record<string, number>>;

export type PartsQuestion =
  | { readonly ask: 'cpu' }
  | { readonly ask: 'counts' }
  | {
      readonly ask: 'pieces';
      readonly reads: readonly TracedRead[];
      readonly deviceId: string;
      readonly roundMs: number;
    };

export interface PartsAnswer {
  readonly ready?: boolean;
  readonly failure?: string;
  readonly cpuMicros?: number;
  readonly counts?: Counts;
  readonly reads?: readonly TracedRead[];
  readonly pieces?: Pieces;
}

export interface PartsProcess {
  cpuMicros(): Promise<number>;
  counts(): Promise<{ readonly counts: Counts; readonly reads: readonly TracedRead[] }>;
  pieces(question: { reads: readonly TracedRead[]; deviceId: string; roundMs: number }): Promise<Pieces>;
  stop(): Promise<void>;
}

/** Resolves when it listens. */
export async function startParts(role: PartsRole, environment: Environment): Promise<PartsProcess> {
  const program = new URL('./programs/parts.mjs', import.meta.url).pathname;
  const child = fork(program, [role], {
    env: { ...environment, PATH: process.env['PATH'] },
    execArgv: extraNodeArgs(),
  });
  const failed = new Promise<[PartsAnswer]>((resolve) => {
    child.once('exit', (code) => resolve([{ failure: `it ended with ${code}` }]));
  });
  const next = async (): Promise<PartsAnswer> => {
    const [message] = (await Promise.race([once(child, 'message'), failed])) as [PartsAnswer];
    if (message.failure !== undefined) throw new Error(`parts (${role}): ${message.failure}`);
    return message;
  };
  const ask = (question: PartsQuestion): Promise<PartsAnswer> => {
    const answer = next();
    child.send(question);
    return answer;
  };
  await next();
  return {
    cpuMicros: async () => (await ask({ ask: 'cpu' })).cpuMicros ?? Number.NaN,
    counts: async () => {
      const { counts = {}, reads = [] } = await ask({ ask: 'counts' });
      return { counts, reads };
    },
    pieces: async (question) => (await ask({ ask: 'pieces', ...question })).pieces ?? {},
    stop: () => end(child),
  };
}
