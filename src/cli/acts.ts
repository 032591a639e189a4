/** Commands that look at one record or do one act to it. */
import { Command } from 'commander';
import type { AdminClient } from '../admin-client/client.ts';
import { type ConfirmedOptions, confirm, withConfirmation } from './confirm.ts';
import { answer, connect, type SharedOptions, withAdminOptions, withExamples } from './context.ts';
import { type Cell, printable, say } from './output.ts';

export interface ActOptions extends SharedOptions, ConfirmedOptions {
  /** There where the act takes one. */
  readonly reason: string;
}

/** What an act is. */
export interface ActCommand<T, O> {
  readonly name: string;
  readonly describes: string;
  /** Such as `user-id`. */
  readonly argument: string;
  readonly takesReason?: boolean;
  readonly options?: (command: Command) => Command;
  /** What will happen, as it is asked before; there where the act does harm that cannot simply be undone. */
  readonly warns?: (id: string) => string;
  readonly does: (api: AdminClient, id: string, options: O) => Promise<T>;
  /** What people read of the answer. */
  readonly tells: (value: T, options: O) => string;
  readonly examples: readonly string[];
}

/** Makes the command. */
export function actCommand<T, O extends ActOptions = ActOptions>(act: ActCommand<T, O>): Command {
  const { warns } = act;
  const command = new Command(act.name).description(act.describes).argument(`<${act.argument}>`);
  act.options?.(command);
  if (act.takesReason) command.requiredOption('--reason <text>', 'why, for the audit trail');
  if (warns !== undefined) withConfirmation(command);
  withAdminOptions(command);
  return withExamples(command, ...act.examples).action(async (id: string, options: O) => {
    if (warns !== undefined) await confirm(options.yes, warns(id));
    const value = await act.does(await connect(options), id, options);
    answer(options, value, () => say(act.tells(value, options)));
  });
}

/** What a command that shows one record is. */
export interface ShowCommand<T> {
  readonly argument: string;
  readonly describes: string;
  readonly finds: (api: AdminClient, id: string) => Promise<T>;
  readonly members: (value: T) => Readonly<Record<string, Cell>>;
  readonly examples: readonly string[];
}

/** Makes a `show` command: one line a member. */
export function showCommand<T>({ argument, describes, finds, members, examples }: ShowCommand<T>): Command {
  const command = withAdminOptions(new Command('show').description(describes).argument(`<${argument}>`));
  return withExamples(command, ...examples).action(async (id: string, options: SharedOptions) => {
    const value = await finds(await connect(options), id);
    answer(options, value, () => sayMembers(members(value)));
  });
}

/** One line a member, its name first. */
export function sayMembers(members: Readonly<Record<string, Cell>>): void {
  const width = Math.max(...Object.keys(members).map((name) => name.length));
  for (const [name, value] of Object.entries(members)) say(`${name.padEnd(width)}  ${printable(value ?? '-')}`);
}
