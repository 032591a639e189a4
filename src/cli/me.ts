/** `mtoken me`: who the credential is, and what it may do. */
import { Command } from 'commander';
import { sayMembers } from './acts.ts';
import { answer, connect, type SharedOptions, withAdminOptions, withExamples } from './context.ts';
import { say } from './output.ts';

/** The `me` command. */
export function meCommand(): Command {
  const command = withAdminOptions(new Command('me').description('who the credential is, and what it may do'));
  return withExamples(command, 'mtoken me').action(async (options: SharedOptions) => {
    const me = await (await connect(options)).call('getMe');
    answer(options, me, ({ permissions }) => {
      sayMembers({ kind: me.kind, id: me.clientId ?? me.userId, name: me.name, company: me.companyName ?? 'all' });
      say(`may${''.padEnd(5)} ${Object.keys(permissions).join('\n         ')}`);
    });
  });
}
