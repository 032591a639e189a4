/** `mtoken audit verify --noted`: the trail of somebody who can rewrite every table, against a head that was noted elsewhere. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { readConfig } from '../../../src/config/config.ts';
import { openStores } from '../../../src/server/stores.ts';
import { commandProgram } from '../../bundled-programs.ts';

const quiet = { info: () => undefined, warn: () => undefined };
const made: string[] = [];
const command = await commandProgram();
afterAll(async () => {
  for (const folder of made) await rm(folder, { recursive: true });
});

const unreadable = (): string => {
  throw new Error('no such file');
};

/** A data directory with a consistent trail of these acts. */
async function trailOf(actors: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mtoken-trail-'));
  made.push(folder);
  const result = readConfig({ env: { MTOKEN_DATA_DIR: folder }, readFile: unreadable, realPath: (path) => path });
  if (result.outcome !== 'ready') throw new Error('the configuration is refused');
  const stores = await openStores({ config: result.config, clock: systemClock, log: quiet, isServer: false });
  for (const [index, actor] of actors.entries()) {
    await stores.records.audit.append({ event: 'device.deactivated', actor }, 1_000 + index);
  }
  await stores.close();
  return folder;
}

function verify(folder: string, ...words: string[]): Promise<{ readonly exit: number; readonly text: string }> {
  const options = { env: { PATH: process.env['PATH'], HOME: folder, MTOKEN_DATA_DIR: folder } };
  return new Promise((resolve) => {
    execFile(process.execPath, [command, 'audit', 'verify', ...words], options, (error, out, err) =>
      resolve({ exit: error === null ? 0 : Number(error.code), text: out + err }),
    );
  });
}

it('shows that the whole trail was made anew, or that its end was cut (A-05, A-11)', async () => {
  const honest = await trailOf(['cli', 'client:a', 'client:b']);
  const { text } = await verify(honest);
  const [, noted = ''] = /head (\d+:[0-9a-f]{64})/.exec(text) ?? [];
  expect(await verify(honest, '--noted', noted)).toMatchObject({ exit: 0 });
  const rewritten = await trailOf(['cli', 'client:a', 'nobody', 'client:c']);
  expect(await verify(rewritten)).toMatchObject({ exit: 0 });
  expect(await verify(rewritten, '--noted', noted)).toMatchObject({ exit: 4 });
  const cut = await trailOf(['cli', 'client:a']);
  expect(await verify(cut)).toMatchObject({ exit: 0 });
  expect(await verify(cut, '--noted', noted)).toMatchObject({ exit: 4 });
  expect(await verify(honest, '--noted', 'yesterday')).toMatchObject({ exit: 2 });
}, 60_000);
