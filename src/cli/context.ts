/** Options that every administrative command shares. */
import type { Command } from 'commander';
import type { AdminClient } from '../admin-client/client.ts';
import { openAdmin, readCredential } from './admin-client.ts';
import { sayJson } from './output.ts';

export interface SharedOptions {
  readonly credential?: string;
  readonly json?: boolean;
}

/** Adds `--credential` and `--json`. */
export function withAdminOptions(command: Command): Command {
  return command
    .option('--credential <file>', 'credential written by "mtoken bootstrap" (or MTOKEN_CLI_CREDENTIAL)')
    .option('--json', 'print the answer as JSON');
}

/** Adds examples to the help of a command: each line a command as it is typed. */
export function withExamples(command: Command, ...lines: readonly string[]): Command {
  const heading = lines.length === 1 ? 'Example' : 'Examples';
  return command.addHelpText('after', `\n${heading}:\n${lines.map((line) => `  $ ${line}`).join('\n')}`);
}

/** The admin API as the credential's client. */
export async function connect(options: SharedOptions): Promise<AdminClient> {
  return openAdmin(await readCredential(options.credential));
}

/** Prints an answer: JSON where asked for, otherwise what `people` prints. */
export function answer<T>(options: SharedOptions, value: T, people: (value: T) => void): void {
  if (options.json) sayJson(value);
  else people(value);
}

/** The members that were given, without those that were not. */
export function given<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
