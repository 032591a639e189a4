/** `mtoken user …` and `mtoken activation …`: people, and the codes with which they register a phone. */
import { Command } from 'commander';
import { toString as drawQr } from 'qrcode';
import { confirm } from './confirm.ts';
import { answer, connect, query, type SharedOptions, withAdminOptions } from './context.ts';
import { printable, say, sayTable, time } from './output.ts';

interface UserView {
  readonly id: string;
  readonly companyId: string;
  readonly name: string;
  readonly email: string;
  readonly role: string;
  readonly permissions: string;
  readonly locale: string;
  readonly status: string;
}

interface UserAddOptions extends SharedOptions {
  readonly company: string;
  readonly name: string;
  readonly email: string;
  readonly role?: string;
  readonly permissions?: string;
  readonly locale?: string;
}

function addCommand(): Command {
  return withAdminOptions(
    new Command('add')
      .description('create a user of a company')
      .requiredOption('--company <id>', 'the company they belong to')
      .requiredOption('--name <name>', 'the individual, as they are called')
      .requiredOption('--email <address>', 'gets the confirmation codes and notices')
      .option('--role <role>', 'user or administrator (default user)')
      .option('--permissions <what>', 'mtoken or full (default full)')
      .option('--locale <tag>', 'language, such as en or nl-BE (default en)')
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

function listCommand(): Command {
  return withAdminOptions(
    new Command('list').description('list users').option('--company <id>', 'only of this company'),
  ).action(async (options: SharedOptions & { company?: string }) => {
    const path = `/users${query({ companyId: options.company, limit: 200 })}`;
    const { items } = await (await connect(options)).get<{ items: UserView[] }>(path);
    answer(options, items, () =>
      sayTable(
        ['ID', 'NAME', 'E-MAIL', 'ROLE', 'PERMISSIONS', 'STATUS', 'COMPANY'],
        items.map((user) => [user.id, user.name, user.email, user.role, user.permissions, user.status, user.companyId]),
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
