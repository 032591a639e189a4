/** Deactivations that are never lost and never half done, whichever process dies in the middle of them (R-10, S-07). */
import { verifyTrail } from '../../src/audit/trail.ts';
import { systemClock } from '../../src/clock.ts';
import { openStores } from '../../src/server/stores.ts';
import { startServerProcess } from '../integration/system/processes.ts';
import type { BenchContext, Benchmark } from './benchmark.ts';
import { judgeAll } from './emergency-check.ts';
import { runRounds } from './emergency-rounds.ts';
import { addOperator, addSubjects, startLogoutReceiver } from './emergency-world.ts';
import { percentile } from './measure.ts';
import type { Figure } from './report.ts';
import { type Environment, serverEnvironment } from './server-process.ts';
import { configOf, storePairs } from './world.ts';

export interface EmergencyOptions {
  readonly environment: Environment & { readonly MTOKEN_ISSUER: string };
  readonly rounds: number;
  readonly kills: number;
  /** The server's program, as Node's arguments. */
  readonly program?: readonly string[];
  readonly tell: (text: string) => void;
}

export interface EmergencyResult {
  readonly rounds: number;
  readonly acknowledged: number;
  readonly struck: number;
  readonly kills: number;
  /** Acknowledged, and not dead in every respect: what was missing, by device. */
  readonly lost: readonly string[];
  /** Dead in some respects and alive in others. */
  readonly half: readonly string[];
  readonly isTrailIntact: boolean;
  readonly times: readonly number[];
}

/** Everything: the people, three servers, the rounds, the judgement. The stores are empty and shared. */
export async function runEmergency(options: EmergencyOptions): Promise<EmergencyResult> {
  const { rounds, kills, program, tell } = options;
  const receiver = await startLogoutReceiver();
  const environment: Environment & { readonly MTOKEN_ISSUER: string } = {
    ...options.environment,
    MTOKEN_INTERNAL_PORTALS: '127.0.0.1',
    MTOKEN_PORT: '0',
    MTOKEN_ADMIN_PORT: '0',
    MTOKEN_LOG_LEVEL: 'info',
  };
  const log = { info: () => undefined, warn: () => undefined };
  const stores = await openStores({ config: configOf(environment), clock: systemClock, log, isServer: false });
  const { records } = stores;
  try {
    tell(`emergency: ${rounds} people`);
    const subjects = await addSubjects(records, receiver.uri, rounds);
    const operator = await addOperator(records);
    const start = () => startServerProcess(environment, program);
    tell('emergency: rounds');
    const issuer = environment.MTOKEN_ISSUER;
    const result = await runRounds({ subjects, operator, issuer, start, kills, tell });
    tell('emergency: judging');
    const verdicts = await judgeAll(stores, subjects, receiver.sids);
    const describe = ([{ deviceId }, { missing }]: [{ deviceId: string }, { missing: readonly string[] }]): string =>
      `${deviceId}: ${missing.length === 0 ? 'nothing of it' : `not ${missing.join(', ')}`}`;
    return {
      rounds,
      acknowledged: result.acknowledged.size,
      struck: result.struck,
      kills: result.kills,
      lost: [...verdicts].filter(([one, { isDead }]) => result.acknowledged.has(one) && !isDead).map(describe),
      half: [...verdicts].filter(([, { missing }]) => missing.length > 0).map(describe),
      isTrailIntact: (await verifyTrail(records)).outcome === 'intact',
      times: result.times,
    };
  } finally {
    await stores.close();
    await receiver.close();
  }
}

export const emergencyBenchmark: Benchmark = {
  name: 'emergency',
  about: 'deactivations while processes are killed: lost, half done',
  needsBuild: true,
  run: async ({ isQuick, tell }: BenchContext): Promise<Figure[]> => {
    const pair = storePairs()[1];
    if (pair === undefined) {
      tell('emergency: needs PostgreSQL and Redis: bash .ci/engines.sh npm run bench -- emergency');
      return [];
    }
    const opened = await pair.open();
    const environment = { ...(await serverEnvironment()), ...opened.environment };
    const rounds = isQuick ? 200 : 10_000;
    const kills = isQuick ? 4 : 100;
    const result = await runEmergency({ environment, rounds, kills, program: ['dist/main.js'], tell });
    await opened.remove();
    for (const line of [...result.lost, ...result.half]) tell(line);
    return figuresOf(result);
  },
};

function figuresOf(result: EmergencyResult): Figure[] {
  const { rounds, acknowledged, struck, kills, lost, half, isTrailIntact, times } = result;
  const figure = (what: string, value: number, unit: string, goal?: Figure['goal']): Figure => ({
    benchmark: 'emergency',
    what,
    value,
    unit,
    ...(goal && { goal }),
  });
  return [
    figure('deactivations on three processes', rounds, ''),
    figure('processes killed in the middle of them', kills, ''),
    figure('deactivations under way at a process when it was killed', struck, ''),
    figure('acknowledged', acknowledged, ''),
    figure('acknowledged and lost', lost.length, '', { atMost: 0 }),
    figure('half done', half.length, '', { atMost: 0 }),
    figure('audit trail not intact', isTrailIntact ? 0 : 1, '', { atMost: 0 }),
    figure('time of an answer, median, while processes start', percentile(times, 0.5), 'ms'),
    figure('the same, p95', percentile(times, 0.95), 'ms', { atMost: 1000 }),
  ];
}
