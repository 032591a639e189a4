/** Options that every administrative command shares. */
import type { Command } from 'commander';
import { type AdminClient, adminClient, readCredential } from './admin-client.ts';
import { CommandError, exitCode, sayJson } from './output.ts';

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

/** The admin API as the credential's client. */
export async function connect(options: SharedOptions): Promise<AdminClient> {
  return adminClient(await readCredential(options.credential));
}

/** Prints an answer: JSON where asked for, otherwise what `people` prints. */
export function answer<T>(options: SharedOptions, value: T, people: (value: T) => void): void {
  if (options.json) sayJson(value);
  else people(value);
}

/** A whole number from an option; throws a usage error naming the option. */
export function wholeNumber(name: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new CommandError(`${name} takes a whole number from ${min} to ${max}, not "${text}"`, {
        exit: exitCode.usage,
      });
    }
    return value;
  };
}

/** A day or a time in UTC from an option, as epoch-milliseconds; throws a usage error naming the option. */
export function instant(name: string): (text: string) => number {
  return (text) => {
    const isTime = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text);
    const value = isTime ? Date.parse(text) : Number.NaN;
    if (Number.isNaN(value) || value < 0) {
      throw new CommandError(
        `${name} takes a day or a time such as 2026-11-20 or 2026-11-20T09:30:00Z, not "${text}"`,
        {
          exit: exitCode.usage,
        },
      );
    }
    return value;
  };
}

/** yes/no, on/off or true/false from an option; throws a usage error naming the option. */
export function yesNo(name: string): (text: string) => boolean {
  return (text) => {
    if (['yes', 'on', 'true'].includes(text)) return true;
    if (['no', 'off', 'false'].includes(text)) return false;
    throw new CommandError(`${name} takes yes or no, not "${text}"`, { exit: exitCode.usage });
  };
}

/** A query string from the members that are set. */
export function query(members: Readonly<Record<string, string | number | undefined>>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(members)) if (value !== undefined) parameters.set(name, String(value));
  return parameters.size === 0 ? '' : `?${parameters}`;
}
