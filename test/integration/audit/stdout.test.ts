/** A server whose standard output nobody reads, with the trail streamed to it: it goes on serving. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { auditStore } from '../../../src/store/audit.ts';
import { migrate } from '../../../src/store/migrate.ts';
import { openSqlite } from '../../../src/store/sqlite.ts';
import { serverProgram } from '../../bundled-programs.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import { freePort, serverEnv } from '../system/rig.ts';

const mainFile = await serverProgram();
let child: ChildProcess | undefined;
let stores: SystemStores | undefined;
afterEach(async () => {
  if (child !== undefined && child.exitCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await stores?.close();
});

const seeded = 1_500;

/** A trail that is many times as long as what a pipe holds. */
async function seed(dataDir: string): Promise<void> {
  const store = await openSqlite({ dataDir, lock: false });
  await migrate(store, { clock: systemClock });
  await store.transaction(async (sql) => {
    for (let index = 0; index < seeded; index += 1) {
      await auditStore(sql).append({ event: 'order.created', actor: 'seed', data: { index } }, systemClock.now());
    }
  });
  await store.close();
}

async function isReady(origin: string): Promise<boolean> {
  return fetch(`${origin}/health/ready`, { signal: AbortSignal.timeout(2_000) }).then(
    ({ status }) => status === 200,
    () => false,
  );
}

it('is not held up by a reader that stalls, and gives it every record when it reads again (A-06)', async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('no engine');
  stores = await engine.open();
  await seed(stores.dataDir);
  const port = await freePort();
  const origin = `http://localhost:${port}`;
  const env = { ...serverEnv(origin, stores), MTOKEN_PORT: String(port), MTOKEN_AUDIT_STREAM: 'stdout' };
  child = spawn(process.execPath, [mainFile], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  // Not read from here on: a pipe holds 64 KiB.
  child.stdout?.pause();
  for (let round = 0; round < 300 && !(await isReady(origin)); round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  // Each of these is refused, which is a line of the log: it shares the pipe with the trail.
  const wrong = { method: 'POST', headers: { authorization: `Basic ${btoa('nobody:wrong')}` } };
  for (let round = 0; round < 20; round += 1) {
    const asked = Array.from({ length: 20 }, () =>
      fetch(`${origin}/oauth2/token`, { ...wrong, body: new URLSearchParams({ grant_type: 'client_credentials' }) }),
    );
    for (const answer of await Promise.all(asked)) expect(answer.status).toBe(401);
  }
  expect(await isReady(origin)).toBe(true);
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  child.stdout?.resume();
  const linesOf = () => text.split('\n').slice(0, -1);
  const seqs = () =>
    linesOf().flatMap((line) => {
      const { stream, seq } = JSON.parse(line) as { stream?: string; seq?: number };
      return stream === 'audit' ? [seq ?? 0] : [];
    });
  const deadline = performance.now() + 20_000;
  while (seqs().length < seeded && performance.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 100));
  expect(text.length).toBeGreaterThan(4 * 65_536);
  expect(linesOf().filter((line) => line.includes('"token.refused"')).length).toBeGreaterThanOrEqual(400);
  const found = seqs();
  expect(found).toEqual(Array.from({ length: found.length }, (_, index) => index + 1));
  expect(found.length).toBeGreaterThanOrEqual(seeded);
}, 90_000);
