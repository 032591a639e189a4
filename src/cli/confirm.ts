/** Asks before an act that cannot be undone. */
import { createInterface } from 'node:readline/promises';
import { CommandError, exitCode } from './output.ts';

/** Returns when the person says yes or said `--yes`; throws otherwise, and where nobody can be asked. */
export async function confirm(yes: boolean | undefined, what: string): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY) {
    throw new CommandError('this cannot be undone, and nobody is here to confirm it', {
      exit: exitCode.usage,
      hint: 'add --yes in a script',
    });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const reply = await terminal.question(`${what}\nContinue? [y/N] `);
    if (!/^y(es)?$/i.test(reply.trim())) throw new CommandError('nothing was done');
  } finally {
    terminal.close();
  }
}
