/** `mtoken notification …`: what waits to be delivered, and what was given up. */
import { Command, Option } from 'commander';
import { answer, connect, query, type SharedOptions, wholeNumber, withAdminOptions } from './context.ts';
import { CommandError, exitCode, say, sayTable, time } from './output.ts';

interface DeadLetterView {
  readonly id: string;
  readonly kind: string;
  readonly recipient: string;
  readonly about: string | null;
  readonly attempts: number;
  readonly lastError: string | null;
  readonly createdAt: number;
}

interface State {
  readonly kinds: readonly { readonly kind: string; readonly pending: number; readonly dead: number }[];
  readonly oldestPendingAt: number | null;
}

interface ListOptions extends SharedOptions {
  readonly after?: string;
  readonly limit: number;
}

interface ResendOptions extends SharedOptions {
  readonly all?: boolean;
  readonly kind?: string;
}

/** The `notification` command. */
export function notificationCommand(): Command {
  const command = new Command('notification').description('e-mails, logout tokens and webhooks on their way');
  withAdminOptions(
    command
      .command('list')
      .description('how many wait, and the ones that were given up with the last error of each')
      .option('--after <id>', 'begin after this one: the last of the page before')
      .option('--limit <number>', '1 to 200', wholeNumber('--limit', 1, 200), 50),
  ).action(list);
  withAdminOptions(
    command
      .command('resend')
      .description('deliver what was given up: one, all of a kind, or all; each gets all its tries anew')
      .argument('[id]')
      .option('--all', 'all of them')
      .addOption(new Option('--kind <kind>', 'all of this kind').choices(['email', 'backchannel_logout', 'webhook']))
      .addHelpText(
        'after',
        '\nExamples:\n  $ mtoken notification resend box_…\n  $ mtoken notification resend --kind email    the mail server was down for days',
      ),
  ).action(resend);
  return command;
}

async function list(options: ListOptions): Promise<void> {
  const api = await connect(options);
  const state = await api.get<State>('/notifications');
  const { after, limit } = options;
  const page = await api.get<{ items: DeadLetterView[]; next: string | null }>(
    `/notifications/dead${query({ after, limit })}`,
  );
  answer(options, { ...state, dead: page }, () => {
    if (state.kinds.length === 0) say('nothing waits');
    for (const { kind, pending, dead } of state.kinds) say(`${kind.padEnd(20)} ${pending} waiting, ${dead} given up`);
    if (state.oldestPendingAt !== null) say(`the oldest waits since ${time(state.oldestPendingAt)}`);
    if (page.items.length === 0) return;
    say('');
    sayTable(
      ['ID', 'KIND', 'ABOUT', 'RECIPIENT', 'WRITTEN', 'TRIES', 'LAST ERROR'],
      page.items.map((letter) => [
        letter.id,
        letter.kind,
        letter.about,
        letter.recipient,
        time(letter.createdAt),
        letter.attempts,
        letter.lastError,
      ]),
      '',
    );
    if (page.next !== null) say(`more with --after ${page.next}`);
  });
}

async function resend(id: string | undefined, options: ResendOptions): Promise<void> {
  const { all, kind } = options;
  if ([id, all, kind].filter((given) => given !== undefined).length !== 1) {
    throw new CommandError('give the id of one, --kind or --all', { exit: exitCode.usage });
  }
  const api = await connect(options);
  const path = id === undefined ? '/notifications/resend' : `/notifications/${encodeURIComponent(id)}/resend`;
  const done = await api.post<{ resent: number }>(path, id === undefined ? { kind: kind ?? 'all' } : {});
  answer(options, done, () =>
    say(done.resent === 1 ? '1 is on its way again' : `${done.resent} are on their way again`),
  );
}
