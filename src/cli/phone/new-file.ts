/** Writes what a phone hands out: receipts and documents. */
import { writeFile } from 'node:fs/promises';
import { CommandError, exitCode } from '../output.ts';

/** Readable by its owner alone, and never in place of another file. */
export async function writeNew(path: string, content: string | Uint8Array): Promise<void> {
  try {
    await writeFile(path, content, { flag: 'wx', mode: 0o600 });
  } catch (cause) {
    const isThere = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    const why = isThere ? 'is there already' : 'cannot be written';
    throw new CommandError(`${path} ${why}`, { exit: exitCode.usage, cause });
  }
}
