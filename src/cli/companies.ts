/** `mtoken company …`: create and look at companies. */
import { Command } from 'commander';
import { confirm } from './confirm.ts';
import { answer, connect, query, type SharedOptions, wholeNumber, withAdminOptions, yesNo } from './context.ts';
import { printable, say, sayTable, time } from './output.ts';

interface CompanyView {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly userLimit: number;
  readonly deviceLimit: number;
  readonly selfActivation: boolean;
  readonly mpinLength: number;
  readonly createdAt: number;
}

interface AddOptions extends SharedOptions {
  readonly userLimit?: number;
  readonly deviceLimit?: number;
  readonly selfActivation?: boolean;
  readonly mpinLength?: number;
}

/** The `company` command. */
export function companyCommand(): Command {
  const command = new Command('company').description('companies and their policies');
  withAdminOptions(
    command
      .command('add')
      .description('create a company')
      .argument('<name>', 'its name, as users will see it')
      .option('--user-limit <n>', 'how many users it may have (default 2)', wholeNumber('--user-limit', 1, 1_000_000))
      .option('--device-limit <n>', 'devices a user may have (default 3)', wholeNumber('--device-limit', 1, 20))
      .option(
        '--self-activation <yes|no>',
        'no: an administrator approves every registration',
        yesNo('--self-activation'),
      )
      .option('--mpin-length <n>', 'fewest digits of an mPIN, 5 to 8', wholeNumber('--mpin-length', 5, 8))
      .addHelpText('after', '\nExample:\n  $ mtoken company add "Northwind Ltd" --user-limit 10 --self-activation no'),
  ).action(async (name: string, options: AddOptions) => {
    const { credential: _credential, json: _json, ...policy } = options;
    const company = await (await connect(options)).post<CompanyView>('/companies', { name, ...policy });
    answer(options, company, () => say(`created ${company.id}  ${printable(company.name)}`));
  });
  withAdminOptions(command.command('list').description('list companies')).action(async (options: SharedOptions) => {
    const { items } = await (await connect(options)).get<{ items: CompanyView[] }>(
      `/companies${query({ limit: 200 })}`,
    );
    answer(options, items, () =>
      sayTable(
        ['ID', 'NAME', 'STATUS', 'USERS', 'DEVICES', 'SELF-ACTIVATION', 'CREATED'],
        items.map((company) => [
          company.id,
          company.name,
          company.status,
          company.userLimit,
          company.deviceLimit,
          company.selfActivation ? 'yes' : 'no',
          time(company.createdAt),
        ]),
        'no companies yet: mtoken company add "Name"',
      ),
    );
  });
  withAdminOptions(
    command
      .command('deactivate')
      .description('end every device of a company at once; cannot be undone')
      .argument('<company-id>')
      .requiredOption('--reason <text>', 'why, for the audit trail')
      .option('--yes', 'do not ask'),
  ).action(async (companyId: string, options: SharedOptions & { reason: string; yes?: boolean }) => {
    await confirm(options.yes, `This ends every device of company ${companyId} for good.`);
    const path = `/companies/${encodeURIComponent(companyId)}/deactivate-devices`;
    const result = await (await connect(options)).post<{ deactivated: number }>(path, { reason: options.reason });
    answer(options, result, () => say(`${result.deactivated} devices deactivated`));
  });
  return command;
}
