/** One server process of several: opens the shared stores and makes the attempts that the test tells it to. */
import { systemClock } from '../../../src/clock.ts';
import { createSealing } from '../../../src/crypto/sealing.ts';
import { AuthError } from '../../../src/errors.ts';
import { guardAttempt } from '../../../src/lockout/lockout.ts';
import type { MpinDeps } from '../../../src/mpin/deps.ts';
import { unlockByMpin } from '../../../src/mpin/unlock.ts';
import { createSrpServer } from '../../../src/srp/server.ts';
import { openRecords } from '../../../src/store/open.ts';
import { openPostgres } from '../../../src/store/postgres.ts';
import { redisStore } from '../../../src/store/redis.ts';
import { redisClientFactory } from '../../../src/store/redis-client.ts';

/** What the process is given when it is started. */
export interface WorkerSettings {
  readonly databaseUrl: string;
  readonly schema: string;
  readonly redisUrl: string;
  /** The data key in hex. */
  readonly dataKey: string;
}

export type Task =
  /** One attempt for each verdict, all at once. */
  | { readonly act: 'attempt'; readonly deviceId: string; readonly verdicts: readonly boolean[] }
  /** Takes an attempt, says so and never comes to a verdict. */
  | { readonly act: 'hang'; readonly deviceId: string }
  /** Finishes prepared handshakes, all at once. */
  | {
      readonly act: 'finish';
      readonly thumbprint: string;
      readonly ready: readonly { readonly handshake: string; readonly proof: string }[];
    };

export interface TaskResult {
  /** Outcomes of the gate, or codes of the errors. */
  readonly outcomes: readonly string[];
  readonly evaluated: number;
}

const origin = { address: '192.0.2.1', userAgent: 'worker', requestId: 'req_worker' };

async function openDeps(settings: WorkerSettings): Promise<MpinDeps> {
  const sealing = createSealing([{ id: 'test', key: Buffer.from(settings.dataKey, 'hex') }]);
  const durable = await openPostgres({ url: settings.databaseUrl, schema: settings.schema });
  return {
    records: openRecords(durable, sealing),
    shortLived: redisStore({ factory: redisClientFactory(settings.redisUrl), prefix: 'lockout:' }),
    clock: systemClock,
    sealing,
    endLogins: async () => undefined,
    srp: createSrpServer({ poolSize: 8 }),
    issuer: 'https://login.example.test',
    log: { error: () => undefined } as unknown as MpinDeps['log'],
  };
}

async function perform(deps: MpinDeps, task: Task): Promise<TaskResult> {
  switch (task.act) {
    case 'attempt':
      return attempt(deps, task.deviceId, task.verdicts);
    case 'hang':
      await guardAttempt(
        deps,
        { target: { kind: 'mpin', deviceId: task.deviceId }, purpose: 'session', origin },
        () => {
          process.send?.({ event: 'evaluating' });
          return new Promise<never>(() => undefined);
        },
      );
      return { outcomes: [], evaluated: 1 };
    case 'finish': {
      const device = await deps.records.devices.findByThumbprint(task.thumbprint);
      const caller = { thumbprint: task.thumbprint, device, origin };
      const outcomes = await Promise.all(
        task.ready.map((ready) => unlockByMpin(deps, caller, ready).then(() => 'opened', codeOf)),
      );
      return { outcomes, evaluated: 0 };
    }
  }
}

async function attempt(deps: MpinDeps, deviceId: string, verdicts: readonly boolean[]): Promise<TaskResult> {
  let evaluated = 0;
  const outcomes = await Promise.all(
    verdicts.map((isRight) =>
      guardAttempt(deps, { target: { kind: 'mpin', deviceId }, purpose: 'session', origin }, () => {
        evaluated += 1;
        return isRight ? { isRight: true, value: 1 } : { isRight: false };
      }).then(({ outcome }) => outcome, codeOf),
    ),
  );
  return { outcomes, evaluated };
}

function codeOf(error: unknown): string {
  return error instanceof AuthError ? error.code : String(error);
}

const settings = JSON.parse(process.env['MTOKEN_TEST_WORKER'] ?? '{}') as WorkerSettings;
const deps = await openDeps(settings);
await deps.srp.warmUp();
process.on('message', (task: Task) => {
  void perform(deps, task).then((result) => process.send?.({ event: 'done', result }));
});
process.send?.({ event: 'ready' });
