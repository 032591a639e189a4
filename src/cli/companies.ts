/** `mtoken company …`: companies, their limits and rules, and their end. */
import { Command } from 'commander';
import type { AdminClient, Input, Reply } from '../admin-client/client.ts';
import { type ActOptions, actCommand, showCommand } from './acts.ts';
import { answer, connect, given, type SharedOptions, withAdminOptions, withExamples } from './context.ts';
import { type ListOptions, listCommand } from './lists.ts';
import { fileText, listed, oneOf, wholeNumber, yesNo } from './option-values.ts';
import { CommandError, exitCode, printable, say, time } from './output.ts';
import { amountLimit, approverRule, riskRule, signingMembers } from './signing-rules.ts';

type Company = Reply<'getCompany'>;
type Changes = Omit<Input<'changeCompany'>['body'], 'version'>;

const statuses = ['active', 'suspended', 'closed'] as const;

/** The `company` command. */
export function companyCommand(): Command {
  return new Command('company')
    .description('companies, their limits and rules')
    .addCommand(addCommand())
    .addCommand(
      listCommand<'listCompanies', ListOptions & { search?: string; status?: (typeof statuses)[number] }>({
        operation: 'listCompanies',
        describes: 'list and search companies',
        filter: (command) =>
          command
            .option('--search <text>', 'a part of the name')
            .option('--status <status>', statuses.join(', '), oneOf('--status', statuses)),
        query: ({ search, status }) => given({ search, status }),
        columns: {
          ID: ({ id }) => id,
          NAME: ({ name }) => name,
          STATUS: ({ status }) => status,
          USERS: ({ userLimit }) => userLimit,
          DEVICES: ({ deviceLimit }) => deviceLimit,
          'SELF-ACTIVATION': ({ selfActivation }) => (selfActivation ? 'yes' : 'no'),
          CREATED: ({ createdAt }) => time(createdAt),
        },
        empty: 'no companies yet: mtoken company add "Name"',
        examples: [
          'mtoken company list',
          'mtoken company list --search north --status active',
          'mtoken company list --all --json',
        ],
      }),
    )
    .addCommand(
      showCommand({
        argument: 'company-id',
        describes: 'look at a company and its rules',
        finds: (api, companyId) => api.call('getCompany', { params: { companyId } }),
        members: companyMembers,
        examples: ['mtoken company show co_…'],
      }),
    )
    .addCommand(changeCommand())
    .addCommand(statusCommand('suspend', 'suspendCompany', 'every login of its users ends; nothing is lost'))
    .addCommand(statusCommand('restore', 'restoreCompany', 'undo a suspension'))
    .addCommand(statusCommand('close', 'closeCompany', 'for good: its users are removed and their devices end'))
    .addCommand(deactivateCommand());
}

function companyMembers({ rules, ...company }: Company) {
  const { hours } = rules;
  return {
    id: company.id,
    name: company.name,
    status: company.status,
    users: company.userLimit,
    'devices of a user': company.deviceLimit,
    'self-activation': company.selfActivation ? 'yes' : 'no',
    'mPIN length': company.mpinLength,
    'two people for': rules.fourEyes.join(' ') || '-',
    'permissions up to': rules.permissions,
    'sessions of a user': rules.sessionsPerUser,
    'session minutes': rules.sessionMinutes,
    networks: rules.networks.join(' ') || 'any',
    hours:
      hours === null ? 'always' : `${hours.from} to ${hours.until} on days ${hours.days.join(' ')}, ${hours.timeZone}`,
    'e-mail domains': rules.emailDomains.join(' ') || 'any',
    ...signingMembers(rules),
    "the bank's own": company.isBank ? 'yes' : 'no',
    created: time(company.createdAt),
    version: company.version,
  };
}

interface PolicyOptions extends SharedOptions {
  readonly name?: string;
  readonly userLimit?: number;
  readonly deviceLimit?: number;
  readonly selfActivation?: boolean;
  readonly mpinLength?: number;
  readonly maxPermissions?: 'mtoken' | 'full';
  readonly fourEyes?: string[];
  readonly sessionsPerUser?: number;
  readonly sessionMinutes?: number;
  readonly network?: string[];
  readonly emailDomain?: string[];
  readonly risk?: ReturnType<typeof riskRule>;
  readonly riskDelay?: number;
  readonly amountLimit?: ReturnType<typeof amountLimit>;
  readonly approvers?: ReturnType<typeof approverRule>;
  readonly rules?: string;
}

function withPolicies(command: Command): Command {
  return command
    .option(
      '--user-limit <n>',
      'how many users it may have (2 for a new one)',
      wholeNumber('--user-limit', 1, 1_000_000),
    )
    .option('--device-limit <n>', 'devices a user may have (3 for a new one)', wholeNumber('--device-limit', 1, 20))
    .option(
      '--self-activation <yes|no>',
      'no: an administrator approves every registration',
      yesNo('--self-activation'),
    )
    .option('--mpin-length <n>', 'fewest digits of an mPIN, 5 to 8', wholeNumber('--mpin-length', 5, 8))
    .option(
      '--max-permissions <what>',
      'the most a user may be given: mtoken or full',
      oneOf('--max-permissions', ['mtoken', 'full']),
    )
    .option('--four-eyes <act>', 'an act that takes two people; repeat for more, or none', listed)
    .option('--sessions-per-user <n>', '1 to 100', wholeNumber('--sessions-per-user', 1, 100))
    .option('--session-minutes <n>', '5 to 720', wholeNumber('--session-minutes', 5, 720))
    .option('--network <cidr>', 'where its users may come from; repeat for more, or none for anywhere', listed)
    .option('--email-domain <domain>', "of its users' addresses; repeat for more, or none for any", listed)
    .option('--risk <rule=action>', 'such as newDevice=deny:48; repeat for more (administration.md, Risk)', riskRule)
    .option(
      '--risk-delay <seconds>',
      'how long "delay" lets wait, 60 to 86400',
      wholeNumber('--risk-delay', 60, 86_400),
    )
    .option('--amount-limit <money>', 'such as "EUR 10000.00"; repeat for more, or none', amountLimit)
    .option('--approvers <rule>', 'such as "payment:2:EUR 10000.00"; repeat for more, or none', approverRule)
    .option('--rules <file>', 'rules as JSON, such as {"hours": {…}}; the other options win', fileText('--rules'));
}

/** Limits and rules as they were given; nothing for what was not. */
function policiesOf(options: PolicyOptions): Omit<Changes, 'name'> {
  const { userLimit, deviceLimit, selfActivation, mpinLength } = options;
  const rules = {
    ...(options.rules === undefined ? {} : rulesIn(options.rules)),
    ...given({
      permissions: options.maxPermissions,
      fourEyes: options.fourEyes,
      sessionsPerUser: options.sessionsPerUser,
      sessionMinutes: options.sessionMinutes,
      networks: options.network,
      emailDomains: options.emailDomain,
      approvers: options.approvers,
    }),
    ...riskOf(options),
  };
  const policies = given({ userLimit, deviceLimit, selfActivation, mpinLength });
  return Object.keys(rules).length === 0 ? policies : { ...policies, rules };
}

function riskOf({ risk, riskDelay, amountLimit: limits }: PolicyOptions): Pick<NonNullable<Changes['rules']>, 'risk'> {
  if (risk === undefined && riskDelay === undefined && limits === undefined) return {};
  const amount = limits === undefined ? {} : { amount: { ...risk?.amount, limits } };
  return { risk: { ...risk, ...amount, ...given({ delaySeconds: riskDelay }) } };
}

/** What is in it, the server judges. */
function rulesIn(text: string): NonNullable<Changes['rules']> {
  try {
    return JSON.parse(text) as NonNullable<Changes['rules']>;
  } catch (cause) {
    throw new CommandError('--rules takes a file of JSON', { exit: exitCode.usage, cause });
  }
}

function addCommand(): Command {
  const command = new Command('add')
    .description('create a company')
    .argument('<name>', 'its name, as users will see it');
  return withExamples(
    withAdminOptions(withPolicies(command)),
    'mtoken company add "Northwind Ltd" --user-limit 10 --self-activation no',
  ).action(async (name: string, options: PolicyOptions) => {
    const api = await connect(options);
    const company = await api.call('createCompany', { body: { name, ...policiesOf(options) } });
    answer(options, company, () => say(`created ${company.id}  ${printable(company.name)}`));
  });
}

function changeCommand(): Command {
  const command = new Command('change').description('change what is named, and nothing else').argument('<company-id>');
  return withExamples(
    withAdminOptions(withPolicies(command.option('--name <name>', 'its name, as users see it'))),
    'mtoken company change co_… --user-limit 50',
    'mtoken company change co_… --four-eyes users.create --four-eyes users.email',
    'mtoken company change co_… --network none',
    'mtoken company change co_… --risk newPayee=step-up --amount-limit "EUR 10000.00"',
    'mtoken company change co_… --approvers "payment,payment-batch:2:EUR 10000.00"',
  ).action(async (companyId: string, options: PolicyOptions) => {
    const changes = { ...given({ name: options.name }), ...policiesOf(options) };
    if (Object.keys(changes).length === 0) {
      throw new CommandError('nothing to change was named', {
        exit: exitCode.usage,
        hint: 'mtoken company change --help',
      });
    }
    const api = await connect(options);
    const params = { companyId };
    const { version } = await api.call('getCompany', { params });
    const company = await api.call('changeCompany', { params, body: { version, ...changes } });
    answer(options, company, () => say(`changed ${company.id}  ${printable(company.name)}`));
  });
}

function statusCommand(
  name: 'suspend' | 'restore' | 'close',
  operation: `${typeof name}Company`,
  describes: string,
): Command {
  return actCommand({
    name,
    describes: `${name} a company: ${describes}`,
    argument: 'company-id',
    takesReason: true,
    ...(name === 'restore' ? {} : { warns: (id: string) => `This is to ${name} company ${id}: ${describes}.` }),
    does: (api: AdminClient, companyId, { reason }: ActOptions) =>
      api.call(operation, { params: { companyId }, body: { reason } }),
    tells: ({ id, status }) => `${id} is ${status}`,
    examples: [`mtoken company ${name} co_… --reason "contract of 2026"`],
  });
}

function deactivateCommand(): Command {
  return actCommand({
    name: 'deactivate',
    describes: 'end every device of a company at once; cannot be undone',
    argument: 'company-id',
    takesReason: true,
    warns: (id) => `This ends every device of company ${id} for good: every user must register again.`,
    does: (api, companyId, { reason }: ActOptions) =>
      api.call('deactivateCompanyDevices', { params: { companyId }, body: { reason } }),
    tells: ({ deactivated }) => `${deactivated} devices deactivated`,
    examples: ['mtoken company deactivate co_… --reason "key theft" --yes'],
  });
}
