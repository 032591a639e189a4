/** `mtoken webhook …`: addresses of the bank or of a company that are told of events. */
import { Command } from 'commander';
import { answer, connect, query, type SharedOptions, wholeNumber, withAdminOptions } from './context.ts';
import { CommandError, say, sayTable, time } from './output.ts';

interface WebhookView {
  readonly id: string;
  readonly companyId: string | null;
  readonly name: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly status: string;
  readonly overlapUntil: number | null;
  readonly secret?: string;
}

interface AddOptions extends SharedOptions {
  readonly name: string;
  readonly company?: string;
  readonly event: string[];
}

interface RotateOptions extends SharedOptions {
  readonly overlapHours?: number;
}

const collect = (value: string, previous: string[]): string[] => [...previous, value];
const pathOf = (id: string): string => `/webhooks/${encodeURIComponent(id)}`;

/** The `webhook` command. */
export function webhookCommand(): Command {
  const command = new Command('webhook')
    .description('addresses that are told of events, signed as Standard Webhooks are')
    .addCommand(addCommand())
    .addCommand(listCommand())
    .addCommand(rotateCommand())
    .addCommand(testCommand());
  for (const [verb, what] of [
    ['disable', 'tell it nothing any more; what waits for it is given up'],
    ['enable', 'tell it again, from now on'],
  ] as const) {
    withAdminOptions(command.command(verb).description(what).argument('<webhook-id>')).action(
      async (id: string, options: SharedOptions) => {
        const webhook = await (await connect(options)).post<WebhookView>(`${pathOf(id)}/${verb}`);
        answer(options, webhook, () => say(`${webhook.id} is ${webhook.status}`));
      },
    );
  }
  return command;
}

function addCommand(): Command {
  return withAdminOptions(
    new Command('add')
      .description('register an address; prints the secret of its signatures once')
      .argument('<url>', 'https; http for hosts that MTOKEN_INTERNAL_WEBHOOKS names')
      .requiredOption('--name <name>', 'for the people who administer it')
      .option('--company <id>', 'told of this company alone; of every company without it')
      .option('--event <event>', 'told of this alone; repeat for more; of everything without it', collect, [])
      .addHelpText(
        'after',
        '\nExample:\n  $ mtoken webhook add https://fraud.bank.example/mtoken --name "Fraud desk" \\\n      --event mpin.blocked --event order.reported',
      ),
  ).action(async (url: string, options: AddOptions) => {
    const webhook = await (await connect(options)).post<WebhookView>('/webhooks', {
      url,
      name: options.name,
      ...(options.company === undefined ? {} : { companyId: options.company }),
      ...(options.event.length === 0 ? {} : { events: options.event }),
    });
    answer(options, webhook, () => {
      say(`id      ${webhook.id}`);
      say(`secret  ${webhook.secret}   (shown this once)`);
      say(`next: mtoken webhook test ${webhook.id}`);
    });
  });
}

function listCommand(): Command {
  return withAdminOptions(new Command('list').description('list addresses')).action(async (options: SharedOptions) => {
    const { items } = await (await connect(options)).get<{ items: WebhookView[] }>(`/webhooks${query({ limit: 200 })}`);
    answer(options, items, () =>
      sayTable(
        ['ID', 'NAME', 'STATUS', 'COMPANY', 'EVENTS', 'URL'],
        items.map(({ id, name, status, companyId, events, url }) => [
          id,
          name,
          status,
          companyId ?? 'all',
          events.length === 0 ? 'all' : events.join(' '),
          url,
        ]),
        'no webhooks yet: mtoken webhook add --help',
      ),
    );
  });
}

function rotateCommand(): Command {
  return withAdminOptions(
    new Command('rotate')
      .description('make a new secret; until the overlap ends, messages carry a signature by each')
      .argument('<webhook-id>')
      .option('--overlap-hours <hours>', '0 to 168 (24 unless told)', wholeNumber('--overlap-hours', 0, 168)),
  ).action(async (id: string, options: RotateOptions) => {
    const { overlapHours } = options;
    const body = overlapHours === undefined ? {} : { overlapHours };
    const webhook = await (await connect(options)).post<WebhookView>(`${pathOf(id)}/rotate`, body);
    answer(options, webhook, () => {
      say(`secret  ${webhook.secret}   (shown this once)`);
      if (webhook.overlapUntil === null) say('the one before is not used any more');
      else say(`the one before signs too until ${time(webhook.overlapUntil)}`);
    });
  });
}

function testCommand(): Command {
  return withAdminOptions(
    new Command('test')
      .description('send a webhook.test now and say what the receiver answered; exit code 1 where it was not taken')
      .argument('<webhook-id>'),
  ).action(async (id: string, options: SharedOptions) => {
    const trial = await (await connect(options)).post<{ isDelivered: boolean; answer: string }>(`${pathOf(id)}/test`);
    answer(options, trial, () => say(`${trial.isDelivered ? 'taken' : 'not taken'}: ${trial.answer}`));
    if (!trial.isDelivered) throw new CommandError('the receiver did not take it');
  });
}
