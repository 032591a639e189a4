/** `mtoken keys …`: the server's signing and envelope keys. */
import { Command } from 'commander';
import { type ConfirmedOptions, confirm, withConfirmation } from './confirm.ts';
import { answer, connect, type SharedOptions, withAdminOptions, withExamples } from './context.ts';
import { say, sayTable, time } from './output.ts';

interface RotateOptions extends SharedOptions, ConfirmedOptions {
  readonly immediately?: boolean;
  readonly withoutOverlap?: boolean;
}

/** The `keys` command. */
export function keysCommand(): Command {
  return new Command('keys')
    .description('the signing and envelope keys of the server')
    .addCommand(listCommand())
    .addCommand(rotateCommand());
}

function listCommand(): Command {
  const command = withAdminOptions(new Command('list').description('list keys'));
  return withExamples(command, 'mtoken keys list').action(async (options: SharedOptions) => {
    const { items } = await (await connect(options)).call('listKeys');
    answer(options, items, () =>
      sayTable(
        ['KID', 'USE', 'ALG', 'STATUS', 'CREATED'],
        items.map((key) => [key.kid, key.use, key.alg, key.status, time(key.createdAt)]),
        'no keys: the server makes them when it starts',
      ),
    );
  });
}

function rotateCommand(): Command {
  const command = new Command('rotate')
    .description('move every key on: a new one is published, the next one used, the old one kept for its overlap')
    .option('--immediately', 'use the new keys at once, without publishing them first')
    .option('--without-overlap', 'erase replaced keys now: for a key that others know')
    .addHelpText(
      'after',
      '\nRotation is done by itself every 90 days. By hand it is safe at any time; with --without-overlap every phone\nmust register again and every login ends.',
    );
  return withExamples(withAdminOptions(withConfirmation(command)), 'mtoken keys rotate').action(
    async (options: RotateOptions) => {
      if (options.withoutOverlap) {
        await confirm(options.yes, 'Every phone must register again, and every login ends.');
      }
      const body = {
        ...(options.immediately ? { immediately: true } : {}),
        ...(options.withoutOverlap ? { withoutOverlap: true } : {}),
      };
      const { steps } = await (await connect(options)).call('rotateKeys', { body });
      answer(options, steps, () => {
        if (steps.length === 0) say('nothing to do: the next keys are published and wait for their time');
        for (const step of steps) say(`${step.alg.padEnd(14)} ${step.kid}  ${step.from} → ${step.to}`);
      });
    },
  );
}
