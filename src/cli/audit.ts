/** `mtoken audit …`: check the trail, on the server's own database. */
import { Command } from 'commander';
import { verifyChain } from '../audit/verify.ts';
import { openCommandStores } from './local.ts';
import { CommandError, say, sayJson } from './output.ts';

/** The `audit` command. */
export function auditCommand(): Command {
  const verify = new Command('verify')
    .description('check the whole chain: finds edits, deletions, reordering and truncation')
    .option('--json', 'print the answer as JSON')
    .action(async (options: { json?: boolean }) => {
      const stores = await openCommandStores();
      try {
        const result = await verifyChain(stores.records.audit);
        if (options.json) sayJson(result);
        if (result.outcome === 'broken') {
          throw new CommandError(`the trail is broken at record ${result.seq}: ${result.what}`, {
            hint: 'compare with the last good backup from this record on',
          });
        }
        if (!options.json) say(`${result.count} records, unbroken; head ${result.head || '(empty)'}`);
      } finally {
        await stores.close();
      }
    });
  return new Command('audit').description('the audit trail').addCommand(verify);
}
