/** `mtoken keys …`: the server's signing and envelope keys. */
import { Command } from 'commander';
import { confirm } from './confirm.ts';
import { answer, connect, type SharedOptions, withAdminOptions } from './context.ts';
import { say, sayTable, time } from './output.ts';

interface KeyView {
  readonly kid: string;
  readonly use: string;
  readonly alg: string;
  readonly status: string;
  readonly createdAt: number;
}

interface RotateOptions extends SharedOptions {
  readonly immediately?: boolean;
  readonly withoutOverlap?: boolean;
  readonly yes?: boolean;
}

/** The `keys` command. */
export function keysCommand(): Command {
  const command = new Command('keys').description('the signing and envelope keys of the server');
  withAdminOptions(command.command('list').description('list keys')).action(async (options: SharedOptions) => {
    const { items } = await (await connect(options)).get<{ items: KeyView[] }>('/keys');
    answer(options, items, () =>
      sayTable(
        ['KID', 'USE', 'ALG', 'STATUS', 'CREATED'],
        items.map((key) => [key.kid, key.use, key.alg, key.status, time(key.createdAt)]),
        'no keys: the server makes them when it starts',
      ),
    );
  });
  withAdminOptions(
    command
      .command('rotate')
      .description('move every key on: a new one is published, the next one used, the old one kept for its overlap')
      .option('--immediately', 'use the new keys at once, without publishing them first')
      .option('--without-overlap', 'erase replaced keys now: for a key that others know')
      .option('--yes', 'do not ask')
      .addHelpText(
        'after',
        '\nRotation is done by itself every 90 days. By hand it is safe at any time; with --without-overlap every phone\nmust register again and every login ends.',
      ),
  ).action(async (options: RotateOptions) => {
    if (options.withoutOverlap) {
      await confirm(options.yes, 'Every phone must register again, and every login ends.');
    }
    const body = {
      ...(options.immediately ? { immediately: true } : {}),
      ...(options.withoutOverlap ? { withoutOverlap: true } : {}),
    };
    const { steps } = await (await connect(options)).post<{
      steps: { kid: string; alg: string; from: string; to: string }[];
    }>('/keys/rotate', body);
    answer(options, steps, () => {
      if (steps.length === 0) say('nothing to do: the next keys are published and wait for their time');
      for (const step of steps) say(`${step.alg.padEnd(14)} ${step.kid}  ${step.from} → ${step.to}`);
    });
  });
  return command;
}
