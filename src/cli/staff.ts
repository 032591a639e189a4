/** `mtoken staff …`: the bank's own people. */
import { Command } from 'commander';
import { type ActOptions, actCommand } from './acts.ts';
import { confirm, withConfirmation } from './confirm.ts';
import { answer, connect, given, withAdminOptions, withExamples } from './context.ts';
import { oneOf } from './option-values.ts';
import { printable, say } from './output.ts';
import { documentOf, type PersonOptions, withPerson } from './users.ts';

const staffRoles = ['operator', 'support', 'auditor'] as const;
type StaffRole = (typeof staffRoles)[number];

/** The `staff` command. */
export function staffCommand(): Command {
  return new Command('staff')
    .description("the bank's own people: operators, support and auditors")
    .addCommand(addCommand())
    .addCommand(
      actCommand({
        name: 'role',
        describes: 'change what a member of the staff is; their logins end',
        argument: 'user-id',
        options: (command) => command.requiredOption('--to <role>', staffRoles.join(', '), oneOf('--to', staffRoles)),
        warns: (id) => `This changes what ${id} may do to every company, and ends their logins.`,
        does: async (api, userId, { to: staffRole }: ActOptions & { readonly to: StaffRole }) => {
          const params = { userId };
          const { version } = await api.call('getUser', { params });
          return api.call('changeStaffRole', { params, body: { version, staffRole } });
        },
        tells: ({ id, staffRole }) => `${id} is ${staffRole ?? 'no staff'}`,
        examples: ['mtoken staff role usr_… --to auditor --yes'],
      }),
    );
}

interface AddOptions extends PersonOptions {
  readonly name: string;
  readonly email: string;
  readonly staffRole: StaffRole;
  readonly yes?: boolean;
}

function addCommand(): Command {
  const command = new Command('add')
    .description("create a member of the bank's staff")
    .requiredOption('--name <name>', 'the individual, as they are called')
    .requiredOption('--email <address>', 'gets the confirmation codes and notices')
    .requiredOption('--staff-role <role>', staffRoles.join(', '), oneOf('--staff-role', staffRoles));
  return withExamples(
    withAdminOptions(withConfirmation(withPerson(command))),
    'mtoken staff add --name "Sam Support" --email sam@bank.example --staff-role support --yes',
    'mtoken user list --role operator     who they are',
  ).action(async (options: AddOptions) => {
    const { name, email, staffRole, permissions, locale, language } = options;
    await confirm(options.yes, `This makes a person of the bank's staff (${staffRole}), who sees every company.`);
    const api = await connect(options);
    const optional = given({ permissions, locale, language, document: documentOf(options) });
    const user = await api.call('createStaff', { body: { name, email, staffRole, ...optional } });
    answer(options, user, () => {
      say(`created ${user.id}  ${printable(user.name)}`);
      say(`next: mtoken activation create ${user.id}`);
    });
  });
}
