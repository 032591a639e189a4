/** `mtoken audit …`: check the trail, on the server's own database. */
import { Command } from 'commander';
import { verifyChain } from '../audit/verify.ts';
import { openCommandStores } from './local.ts';
import { CommandError, exitCode, say, sayJson } from './output.ts';

interface NotedHead {
  readonly seq: number;
  readonly hash: string;
}

function notedHead(text: string): NotedHead {
  const [, seq, hash] = /^([1-9][0-9]{0,14}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (seq !== undefined && hash !== undefined) return { seq: Number(seq), hash };
  throw new CommandError('--noted takes a head as "mtoken audit verify" prints it', { exit: exitCode.usage });
}

/** The `audit` command. */
export function auditCommand(): Command {
  const verify = new Command('verify')
    .description('check the whole chain: finds edits, deletions, reordering and truncation')
    .option(
      '--noted <seq:hash>',
      'a head that was noted elsewhere: finds a trail that was made anew, or cut',
      notedHead,
    )
    .option('--json', 'print the answer as JSON')
    .action(async (options: { json?: boolean; noted?: NotedHead }) => {
      const stores = await openCommandStores();
      try {
        const result = await verifyChain(stores.records.audit, { known: options.noted });
        if (options.json) sayJson(result);
        if (result.outcome === 'broken') {
          throw new CommandError(`the trail is broken at record ${result.seq}: ${result.what}`, {
            hint: 'compare with the last good backup from this record on',
          });
        }
        if (!options.json) say(`${result.count} records, unbroken; head ${result.count}:${result.head || '(empty)'}`);
      } finally {
        await stores.close();
      }
    });
  return new Command('audit').description('the audit trail').addCommand(verify);
}
