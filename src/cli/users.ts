/** `mtoken user …`: the people of a company. */

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { Command } from 'commander';
import type { Reply } from '../admin-client/client.ts';
import { type ActOptions, actCommand, showCommand } from './acts.ts';
import { confirm, withConfirmation } from './confirm.ts';
import { answer, connect, given, type SharedOptions, withAdminOptions, withExamples } from './context.ts';
import { type ListOptions, listCommand } from './lists.ts';
import { instant, oneOf } from './option-values.ts';
import { CommandError, exitCode, printable, say, time } from './output.ts';

const roles = ['user', 'administrator'] as const;
const anyRole = [...roles, 'operator', 'support', 'auditor'] as const;
const statuses = ['invited', 'active', 'suspended', 'removed'] as const;
const permissions = ['mtoken', 'full'] as const;

/** What a person is made and changed with. */
export interface PersonOptions extends SharedOptions {
  readonly name?: string;
  readonly role?: (typeof roles)[number];
  readonly permissions?: (typeof permissions)[number];
  readonly locale?: string;
  readonly language?: string;
  readonly document?: string;
  readonly documentExpires?: number;
}

/** The options of a person besides name, address and role. */
export function withPerson(command: Command): Command {
  return command
    .option('--permissions <what>', 'mtoken or full (mtoken for a new one)', oneOf('--permissions', permissions))
    .option('--locale <tag>', 'as portals are told it, such as en or nl-BE (en for a new one)')
    .option('--language <code>', 'in which mtoken writes to them, such as de; none for that of the locale')
    .option('--document <reference>', 'the identity document they were identified by; none for none')
    .option('--document-expires <day>', 'until when it is valid; warned of in time', instant('--document-expires'));
}

/** The document as it is sent: undefined for none given. */
export function documentOf({ document: reference, documentExpires }: PersonOptions) {
  if (reference !== undefined && reference !== 'none') return { reference, expiresAt: documentExpires ?? null };
  if (documentExpires === undefined) return undefined;
  throw new CommandError('--document-expires goes with --document', { exit: exitCode.usage });
}

/** The `user` command. */
export function userCommand(): Command {
  return new Command('user')
    .description('users of a company')
    .addCommand(addCommand())
    .addCommand(usersListCommand())
    .addCommand(
      showCommand({
        argument: 'user-id',
        describes: 'look at a user',
        finds: (api, userId) => api.call('getUser', { params: { userId } }),
        members: userMembers,
        examples: ['mtoken user show usr_…'],
      }),
    )
    .addCommand(changeCommand())
    .addCommand(emailCommand())
    .addCommand(statusCommand('suspend', 'suspendUser', 'logins end, devices stop, nothing is lost'))
    .addCommand(statusCommand('restore', 'restoreUser', 'undo a suspension'))
    .addCommand(statusCommand('remove', 'removeUser', 'for good: their devices end, and they make room for another'))
    .addCommand(deactivateCommand())
    .addCommand(exportCommand())
    .addCommand(eraseCommand());
}

function userMembers(user: Reply<'getUser'>) {
  const { document } = user;
  const expires = document?.expiresAt ? `, valid until ${time(document.expiresAt)}` : '';
  return {
    id: user.id,
    company: user.companyId,
    name: user.name,
    'e-mail': user.email,
    role: user.staffRole ?? user.role,
    permissions: user.permissions,
    locale: user.locale,
    language: user.language,
    document: document === null ? '-' : `${document.reference}${expires}`,
    status: user.status,
    created: time(user.createdAt),
    version: user.version,
  };
}

function usersListCommand(): Command {
  type Filter = ListOptions & {
    readonly company?: string;
    readonly search?: string;
    readonly role?: (typeof anyRole)[number];
    readonly status?: (typeof statuses)[number];
  };
  return listCommand<'listUsers', Filter>({
    operation: 'listUsers',
    describes: 'list and search users',
    filter: (command) =>
      command
        .option('--company <id>', 'only of this company')
        .option('--search <text>', 'a part of the name, or a whole e-mail address')
        .option('--role <role>', anyRole.join(', '), oneOf('--role', anyRole))
        .option('--status <status>', statuses.join(', '), oneOf('--status', statuses)),
    query: ({ company: companyId, search, role, status }) => given({ companyId, search, role, status }),
    columns: {
      ID: ({ id }) => id,
      NAME: ({ name }) => name,
      'E-MAIL': ({ email }) => email,
      ROLE: ({ role, staffRole }) => staffRole ?? role,
      PERMISSIONS: ({ permissions: granted }) => granted,
      LANGUAGE: ({ language }) => language ?? '-',
      STATUS: ({ status }) => status,
      COMPANY: ({ companyId }) => companyId,
    },
    empty: 'no users yet: mtoken user add --help',
    examples: ['mtoken user list --company co_… --status active', 'mtoken user list --search ada@example.com'],
  });
}

interface AddOptions extends PersonOptions {
  readonly company: string;
  readonly name: string;
  readonly email: string;
}

function addCommand(): Command {
  const command = new Command('add')
    .description('create a user of a company')
    .requiredOption('--company <id>', 'the company they belong to')
    .requiredOption('--name <name>', 'the individual, as they are called')
    .requiredOption('--email <address>', 'gets the confirmation codes and notices')
    .option('--role <role>', 'user or administrator (user unless told)', oneOf('--role', roles));
  return withExamples(
    withAdminOptions(withPerson(command)),
    'mtoken user add --company co_… --name "Ada Example" --email ada@example.com',
  ).action(async (options: AddOptions) => {
    const { company: companyId, name, email, role, permissions: granted, locale } = options;
    const language = options.language === 'none' ? undefined : options.language;
    const api = await connect(options);
    const optional = given({ role, permissions: granted, locale, language, document: documentOf(options) });
    const user = await api.call('createUser', { body: { companyId, name, email, ...optional } });
    answer(options, user, () => {
      say(`created ${user.id}  ${printable(user.name)}`);
      say(`next: mtoken activation create ${user.id}`);
    });
  });
}

function changeCommand(): Command {
  const command = new Command('change')
    .description('change what is named, and nothing else')
    .argument('<user-id>')
    .option('--name <name>', 'the individual, as they are called')
    .option('--role <role>', 'user or administrator', oneOf('--role', roles));
  return withExamples(
    withAdminOptions(withPerson(command)),
    'mtoken user change usr_… --language de',
    'mtoken user change usr_… --document P1234567 --document-expires 2031-05-01',
  ).action(async (userId: string, options: PersonOptions) => {
    const { name, role, permissions: granted, locale, language } = options;
    const changes = {
      ...given({ name, role, permissions: granted, locale, document: documentOf(options) }),
      ...(language === undefined ? {} : { language: language === 'none' ? null : language }),
      ...(options.document === 'none' ? { document: null } : {}),
    };
    if (Object.keys(changes).length === 0) {
      throw new CommandError('nothing to change was named', {
        exit: exitCode.usage,
        hint: 'mtoken user change --help',
      });
    }
    const api = await connect(options);
    const params = { userId };
    const { version } = await api.call('getUser', { params });
    const user = await api.call('changeUser', { params, body: { version, ...changes } });
    answer(options, user, () => say(`changed ${user.id}  ${printable(user.name)}`));
  });
}

function emailCommand(): Command {
  return actCommand({
    name: 'email',
    describes: "change a user's e-mail address; the old address is told too",
    argument: 'user-id',
    options: (command) => command.requiredOption('--to <address>', 'the new one'),
    warns: (id) => `From now on confirmation codes and notices of user ${id} go to the new address.`,
    does: async (api, userId, { to: email }: ActOptions & { readonly to: string }) => {
      const params = { userId };
      const { version } = await api.call('getUser', { params });
      return api.call('changeUserEmail', { params, body: { version, email } });
    },
    tells: ({ id, email }) => `${id} is written to at ${printable(email)}`,
    examples: ['mtoken user email usr_… --to ada@northwind.example --yes'],
  });
}

function statusCommand(
  name: 'suspend' | 'restore' | 'remove',
  operation: `${typeof name}User`,
  describes: string,
): Command {
  return actCommand({
    name,
    describes: `${name} a user: ${describes}`,
    argument: 'user-id',
    takesReason: true,
    ...(name === 'remove'
      ? { warns: (id: string) => `This removes user ${id} for good, and ends their devices.` }
      : {}),
    does: (api, userId, { reason }: ActOptions) => api.call(operation, { params: { userId }, body: { reason } }),
    tells: ({ id, status }) => `${id} is ${status}`,
    examples: [`mtoken user ${name} usr_… --reason "left the company"`],
  });
}

function deactivateCommand(): Command {
  return actCommand({
    name: 'deactivate',
    describes: 'end every device of a user at once; cannot be undone',
    argument: 'user-id',
    takesReason: true,
    warns: (id) => `This ends every device of user ${id} for good: they must register again.`,
    does: (api, userId, { reason }: ActOptions) =>
      api.call('deactivateUserDevices', { params: { userId }, body: { reason } }),
    tells: ({ deactivated }) => `${deactivated} devices deactivated`,
    examples: ['mtoken user deactivate usr_… --reason "lost on the train" --yes'],
  });
}

function exportCommand(): Command {
  const command = new Command('export')
    .description('everything that is held of a person, as JSON on standard output; the export itself is recorded')
    .argument('<user-id>')
    .requiredOption('--reason <text>', 'why, for the audit trail')
    .option('--credential <file>', 'credential written by "mtoken bootstrap" (or MTOKEN_CLI_CREDENTIAL)');
  return withExamples(
    withConfirmation(command),
    'mtoken user export usr_… --reason "request of 20 November" --yes > ada.json',
  ).action(async (userId: string, options: ActOptions) => {
    await confirm(options.yes, `This gives out everything that is held of user ${userId}.`);
    const api = await connect(options);
    const file = await api.download('exportPersonalData', { params: { userId }, body: { reason: options.reason } });
    try {
      await pipeline(Readable.fromWeb(file.body as ReadableStream), process.stdout, { end: false });
    } catch (cause) {
      throw new CommandError('the export broke off: what was written is a part', { exit: exitCode.unreachable, cause });
    }
  });
}

function eraseCommand(): Command {
  return actCommand({
    name: 'erase',
    describes: "erase a removed user's name, address and document; cannot be undone",
    argument: 'user-id',
    takesReason: true,
    warns: (id) => `This erases name, address and document of user ${id} for good.`,
    does: (api, userId, { reason }: ActOptions) =>
      api.call('erasePersonalData', { params: { userId }, body: { reason } }),
    tells: ({ id }) => `${id} is erased`,
    examples: ['mtoken user erase usr_… --reason "request of 20 November" --yes'],
  });
}
