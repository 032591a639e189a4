/** `mtoken webhook …`: addresses of the bank or of a company that are told of events. */
import { Command } from 'commander';
import type { Input, Reply } from '../admin-client/client.ts';
import { actCommand, showCommand } from './acts.ts';
import { answer, connect, given, type SharedOptions, withAdminOptions, withExamples } from './context.ts';
import { listCommand } from './lists.ts';
import { collect, wholeNumber } from './option-values.ts';
import { CommandError, say, time } from './output.ts';

type Events = Input<'createWebhook'>['body']['events'];

interface AddOptions extends SharedOptions {
  readonly name: string;
  readonly company?: string;
  readonly event: string[];
}

interface RotateOptions extends SharedOptions {
  readonly overlapHours?: number;
}

const eventsOf = ({ events }: Reply<'getWebhook'>): string => (events.length === 0 ? 'all' : events.join(' '));

/** The `webhook` command. */
export function webhookCommand(): Command {
  return new Command('webhook')
    .description('addresses that are told of events, signed as Standard Webhooks are')
    .addCommand(addCommand())
    .addCommand(webhooksListCommand())
    .addCommand(
      showCommand({
        argument: 'webhook-id',
        describes: 'look at an address',
        finds: (api, webhookId) => api.call('getWebhook', { params: { webhookId } }),
        members: (webhook) => ({
          id: webhook.id,
          name: webhook.name,
          url: webhook.url,
          company: webhook.companyId ?? 'all',
          events: eventsOf(webhook),
          status: webhook.status,
          'both secrets until': time(webhook.overlapUntil),
          created: time(webhook.createdAt),
        }),
        examples: ['mtoken webhook show whk_…'],
      }),
    )
    .addCommand(rotateCommand())
    .addCommand(testCommand())
    .addCommand(
      actCommand({
        name: 'disable',
        describes: 'tell it nothing any more; what waits for it is given up',
        argument: 'webhook-id',
        warns: (id) => `What waits for ${id} is given up, and it is told nothing any more.`,
        does: (api, webhookId) => api.call('disableWebhook', { params: { webhookId } }),
        tells: ({ id, status }) => `${id} is ${status}`,
        examples: ['mtoken webhook disable whk_… --yes'],
      }),
    )
    .addCommand(
      actCommand({
        name: 'enable',
        describes: 'tell it again, from now on',
        argument: 'webhook-id',
        does: (api, webhookId) => api.call('enableWebhook', { params: { webhookId } }),
        tells: ({ id, status }) => `${id} is ${status}`,
        examples: ['mtoken webhook enable whk_…'],
      }),
    );
}

function webhooksListCommand(): Command {
  return listCommand({
    operation: 'listWebhooks',
    describes: 'list addresses',
    columns: {
      ID: ({ id }) => id,
      NAME: ({ name }) => name,
      STATUS: ({ status }) => status,
      COMPANY: ({ companyId }) => companyId ?? 'all',
      EVENTS: eventsOf,
      URL: ({ url }) => url,
    },
    empty: 'no webhooks yet: mtoken webhook add --help',
    examples: ['mtoken webhook list'],
  });
}

function addCommand(): Command {
  const command = withAdminOptions(
    new Command('add')
      .description('register an address; prints the secret of its signatures once')
      .argument('<url>', 'https; http for hosts that MTOKEN_INTERNAL_WEBHOOKS names')
      .requiredOption('--name <name>', 'for the people who administer it')
      .option('--company <id>', 'told of this company alone; of every company without it')
      .option('--event <event>', 'told of this alone; repeat for more; of everything without it', collect, []),
  );
  return withExamples(
    command,
    'mtoken webhook add https://fraud.bank.example/mtoken --name "Fraud desk" \\\n      --event mpin.blocked --event order.reported',
  ).action(async (url: string, { name, company: companyId, event, ...options }: AddOptions) => {
    // Which events there are, the server says in the refusal of another.
    const events = event.length === 0 ? undefined : (event as unknown as NonNullable<Events>);
    const api = await connect(options);
    const webhook = await api.call('createWebhook', { body: { url, name, ...given({ companyId, events }) } });
    answer(options, webhook, () => {
      say(`id      ${webhook.id}`);
      say(`secret  ${webhook.secret}   (shown this once)`);
      say(`next: mtoken webhook test ${webhook.id}`);
    });
  });
}

function rotateCommand(): Command {
  const command = withAdminOptions(
    new Command('rotate')
      .description('make a new secret; until the overlap ends, messages carry a signature by each')
      .argument('<webhook-id>')
      .option('--overlap-hours <hours>', '0 to 168 (24 unless told)', wholeNumber('--overlap-hours', 0, 168)),
  );
  return withExamples(command, 'mtoken webhook rotate whk_… --overlap-hours 48').action(
    async (webhookId: string, options: RotateOptions) => {
      const body = given({ overlapHours: options.overlapHours });
      const webhook = await (await connect(options)).call('rotateWebhook', { params: { webhookId }, body });
      answer(options, webhook, () => {
        say(`secret  ${webhook.secret}   (shown this once)`);
        if (webhook.overlapUntil === null) say('the one before is not used any more');
        else say(`the one before signs too until ${time(webhook.overlapUntil)}`);
      });
    },
  );
}

function testCommand(): Command {
  const command = withAdminOptions(
    new Command('test')
      .description('send a webhook.test now and say what the receiver answered; exit code 1 where it was not taken')
      .argument('<webhook-id>'),
  );
  return withExamples(command, 'mtoken webhook test whk_…').action(
    async (webhookId: string, options: SharedOptions) => {
      const trial = await (await connect(options)).call('testWebhook', { params: { webhookId } });
      answer(options, trial, () => say(`${trial.isDelivered ? 'taken' : 'not taken'}: ${trial.answer}`));
      if (!trial.isDelivered) throw new CommandError('the receiver did not take it');
    },
  );
}
