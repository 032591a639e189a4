/** `mtoken user …` and `mtoken activation …`: people, and the codes with which they register a phone. */
import { Command } from 'commander';
import { toString as drawQr } from 'qrcode';
import { confirm } from './confirm.ts';
import { answer, connect, query, type SharedOptions, withAdminOptions } from './context.ts';
import { CommandError, exitCode, printable, say, sayTable, time } from './output.ts';

interface UserView {
  readonly id: string;
  readonly companyId: string;
  readonly name: string;
  readonly email: string;
  readonly role: string;
  readonly permissions: string;
  readonly locale: string;
  readonly language: string | null;
  readonly status: string;
  readonly version: number;
}

interface UserAddOptions extends SharedOptions {
  readonly company: string;
  readonly name: string;
  readonly email: string;
  readonly role?: string;
  readonly permissions?: string;
  readonly locale?: string;
  readonly language?: string;
}

const languageHelp = 'in which mtoken writes to them, such as de';

function addCommand(): Command {
  return withAdminOptions(
    new Command('add')
      .description('create a user of a company')
      .requiredOption('--company <id>', 'the company they belong to')
      .requiredOption('--name <name>', 'the individual, as they are called')
      .requiredOption('--email <address>', 'gets the confirmation codes and notices')
      .option('--role <role>', 'user or administrator (default user)')
      .option('--permissions <what>', 'mtoken or full (default mtoken)')
      .option('--locale <tag>', 'as portals are told it, such as en or nl-BE (default en)')
      .option('--language <code>', `${languageHelp} (default that of --locale)`)
      .addHelpText(
        'after',
        '\nExample:\n  $ mtoken user add --company co_… --name "Ada Example" --email ada@example.com',
      ),
  ).action(async (options: UserAddOptions) => {
    const { credential: _credential, json: _json, company, ...person } = options;
    const user = await (await connect(options)).post<UserView>('/users', { companyId: company, ...person });
    answer(options, user, () => {
      say(`created ${user.id}  ${printable(user.name)}`);
      say(`next: mtoken activation create ${user.id}`);
    });
  });
}

interface UserChangeOptions extends SharedOptions {
  readonly name?: string;
  readonly role?: string;
  readonly permissions?: string;
  readonly locale?: string;
  readonly language?: string;
}

function changeCommand(): Command {
  return withAdminOptions(
    new Command('change')
      .description('change what is named, and nothing else')
      .argument('<user-id>')
      .option('--name <name>', 'the individual, as they are called')
      .option('--role <role>', 'user or administrator')
      .option('--permissions <what>', 'mtoken or full')
      .option('--locale <tag>', 'as portals are told it, such as en or nl-BE')
      .option('--language <code>', `${languageHelp}; none for that of the locale`)
      .addHelpText('after', '\nExample:\n  $ mtoken user change usr_… --language de'),
  ).action(async (userId: string, options: UserChangeOptions) => {
    const { credential: _credential, json: _json, language, ...others } = options;
    const changes = {
      ...others,
      ...(language === undefined ? {} : { language: language === 'none' ? null : language }),
    };
    if (Object.keys(changes).length === 0) {
      throw new CommandError('nothing to change was named', {
        exit: exitCode.usage,
        hint: 'mtoken user change --help',
      });
    }
    const client = await connect(options);
    const path = `/users/${encodeURIComponent(userId)}`;
    const { version } = await client.get<UserView>(path);
    const user = await client.patch<UserView>(path, { version, ...changes });
    answer(options, user, () => say(`changed ${user.id}  ${printable(user.name)}`));
  });
}

function listCommand(): Command {
  return withAdminOptions(
    new Command('list').description('list users').option('--company <id>', 'only of this company'),
  ).action(async (options: SharedOptions & { company?: string }) => {
    const path = `/users${query({ companyId: options.company, limit: 200 })}`;
    const { items } = await (await connect(options)).get<{ items: UserView[] }>(path);
    answer(options, items, () =>
      sayTable(
        ['ID', 'NAME', 'E-MAIL', 'ROLE', 'PERMISSIONS', 'LANGUAGE', 'STATUS', 'COMPANY'],
        items.map((user) => [
          user.id,
          user.name,
          user.email,
          user.role,
          user.permissions,
          user.language ?? '-',
          user.status,
          user.companyId,
        ]),
        'no users yet: mtoken user add --help',
      ),
    );
  });
}

function deactivateCommand(): Command {
  return withAdminOptions(
    new Command('deactivate')
      .description('end every device of a user at once; cannot be undone')
      .argument('<user-id>')
      .requiredOption('--reason <text>', 'why, for the audit trail')
      .option('--yes', 'do not ask'),
  ).action(async (userId: string, options: SharedOptions & { reason: string; yes?: boolean }) => {
    await confirm(options.yes, `This ends every device of user ${userId} for good.`);
    const path = `/users/${encodeURIComponent(userId)}/deactivate-devices`;
    const result = await (await connect(options)).post<{ deactivated: number }>(path, { reason: options.reason });
    answer(options, result, () => say(`${result.deactivated} devices deactivated`));
  });
}

function statusCommand(verb: 'suspend' | 'restore', description: string): Command {
  return withAdminOptions(
    new Command(verb)
      .description(description)
      .argument('<user-id>')
      .requiredOption('--reason <text>', 'why, for the audit trail'),
  ).action(async (userId: string, options: SharedOptions & { reason: string }) => {
    const path = `/users/${encodeURIComponent(userId)}/${verb}`;
    const user = await (await connect(options)).post<UserView>(path, { reason: options.reason });
    answer(options, user, () => say(`${user.id} is ${user.status}`));
  });
}

/** The `user` command. */
export function userCommand(): Command {
  return new Command('user')
    .description('users of a company')
    .addCommand(addCommand())
    .addCommand(changeCommand())
    .addCommand(listCommand())
    .addCommand(statusCommand('suspend', 'suspend a user: logins end, devices stop, nothing is lost'))
    .addCommand(statusCommand('restore', 'restore a suspended user'))
    .addCommand(deactivateCommand());
}

interface ActivationView {
  readonly activationId: string;
  readonly activationText: string;
  readonly code: string;
  readonly expiresAt: number;
}

/** The `activation` command. */
export function activationCommand(): Command {
  const create = withAdminOptions(
    new Command('create')
      .description('make a one-time activation; the confirmation code goes to the user by e-mail')
      .argument('<user-id>')
      .option('--no-qr', 'do not draw the QR code'),
  ).action(async (userId: string, options: SharedOptions & { qr: boolean }) => {
    const path = `/users/${encodeURIComponent(userId)}/activations`;
    const activation = await (await connect(options)).post<ActivationView>(path);
    const drawing =
      options.qr && !options.json ? await drawQr(activation.activationText, { type: 'terminal', small: true }) : '';
    answer(options, activation, () => {
      if (drawing) say(drawing);
      say(`activation text  ${activation.activationText}`);
      say(`code             ${activation.code}`);
      say(`works until      ${time(activation.expiresAt)}`);
      say('the user scans or types it, then enters the confirmation code from their e-mail');
    });
  });
  return new Command('activation').description('one-time codes with which a user registers a phone').addCommand(create);
}
