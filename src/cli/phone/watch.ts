/** Waits for a screenshot: a person has six seconds for a code, which is less than a file dialog takes. */
import { watch } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CommandError, exitCode } from '../output.ts';

/** A picture may be announced before all of it is written. */
const settleMs = 50;
const settleTries = 40;

/** Resolves with the path of the next PNG that appears in `folder`. Throws where there is no such folder, or nothing came in time. */
export async function nextPicture(folder: string, timeoutMs = 300_000): Promise<string> {
  const known = new Set(await list(folder));
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), timeoutMs);
  try {
    const found = await new Promise<string>((resolve, reject) => {
      stop.signal.addEventListener('abort', () =>
        reject(new CommandError(`no screenshot came within ${timeoutMs / 60_000} minutes`)),
      );
      // What is announced is not believed: some systems write under another name first and announce that one only.
      const look = () =>
        void list(folder).then((names) => {
          const name = names.find((one) => !known.has(one));
          if (name !== undefined) resolve(join(folder, name));
        }, reject);
      watch(folder, { signal: stop.signal }, look).on('error', reject);
      look();
    });
    await settled(found);
    return found;
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
}

async function list(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.toLowerCase().endsWith('.png') && !name.startsWith('.'));
  } catch (cause) {
    throw new CommandError(`there is no readable folder ${folder}`, { exit: exitCode.usage, cause });
  }
}

async function settled(path: string): Promise<void> {
  let size = -1;
  for (let tries = 0; tries < settleTries; tries += 1) {
    const now = (await stat(path)).size;
    if (now > 0 && now === size) return;
    size = now;
    await pause(settleMs);
  }
}
