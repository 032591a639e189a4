/** Asks before an act that does harm where it was not meant. */
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { CommandError, exitCode } from './output.ts';

/** What a dangerous command takes besides its own options. */
export interface ConfirmedOptions {
  readonly yes?: boolean;
}

/** Adds `--yes`. */
export function withConfirmation(command: Command): Command {
  return command.option('--yes', 'do not ask');
}

/** Returns when the person says yes or said `--yes`; throws otherwise, and where nobody can be asked. */
export async function confirm(yes: boolean | undefined, what: string): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY) {
    throw new CommandError(`${what}\nThis takes a yes, and nobody is here to say it`, {
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
