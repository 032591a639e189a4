/** `mtoken notification …`: what waits to be delivered, and what was given up. */
import { Command, Option } from 'commander';
import { outboxKinds } from '../protocol/admin.ts';
import { answer, connect, type SharedOptions, withAdminOptions, withExamples } from './context.ts';
import { listCommand } from './lists.ts';
import { CommandError, exitCode, say, time } from './output.ts';

interface ResendOptions extends SharedOptions {
  readonly all?: boolean;
  readonly kind?: (typeof outboxKinds)[number];
}

/** The `notification` command. */
export function notificationCommand(): Command {
  return new Command('notification')
    .description('e-mails, logout tokens, webhooks and nudges to phones on their way')
    .addCommand(statusCommand())
    .addCommand(
      listCommand({
        operation: 'listDeadLetters',
        describes: 'what was given up, with the last error of each',
        columns: {
          ID: ({ id }) => id,
          KIND: ({ kind }) => kind,
          ABOUT: ({ about }) => about,
          RECIPIENT: ({ recipient }) => recipient,
          WRITTEN: ({ createdAt }) => time(createdAt),
          TRIES: ({ attempts }) => attempts,
          'LAST ERROR': ({ lastError }) => lastError,
        },
        empty: 'nothing was given up',
        examples: ['mtoken notification list', 'mtoken notification list --all --json'],
      }),
    )
    .addCommand(resendCommand());
}

function statusCommand(): Command {
  const command = withAdminOptions(new Command('status').description('how many wait, and how many were given up'));
  return withExamples(command, 'mtoken notification status').action(async (options: SharedOptions) => {
    const state = await (await connect(options)).call('getNotifications');
    answer(options, state, ({ kinds, oldestPendingAt }) => {
      if (kinds.length === 0) say('nothing waits');
      for (const { kind, pending, dead } of kinds) say(`${kind.padEnd(20)} ${pending} waiting, ${dead} given up`);
      if (oldestPendingAt !== null) say(`the oldest waits since ${time(oldestPendingAt)}`);
    });
  });
}

function resendCommand(): Command {
  const command = withAdminOptions(
    new Command('resend')
      .description('deliver what was given up: one, all of a kind, or all; each gets all its tries anew')
      .argument('[id]')
      .option('--all', 'all of them')
      .addOption(new Option('--kind <kind>', 'all of this kind').choices(outboxKinds)),
  );
  return withExamples(
    command,
    'mtoken notification resend box_…',
    'mtoken notification resend --kind email    the mail server was down for days',
  ).action(resend);
}

async function resend(id: string | undefined, options: ResendOptions): Promise<void> {
  const { all, kind } = options;
  if ([id, all, kind].filter((given) => given !== undefined).length !== 1) {
    throw new CommandError('give the id of one, --kind or --all', { exit: exitCode.usage });
  }
  const api = await connect(options);
  const done =
    id === undefined
      ? await api.call('resendDeadLetters', { body: { kind: kind ?? 'all' } })
      : await api.call('resendDeadLetter', { params: { messageId: id } });
  answer(options, done, () =>
    say(done.resent === 1 ? '1 is on its way again' : `${done.resent} are on their way again`),
  );
}
