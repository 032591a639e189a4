/** `mtoken audit …`: check the trail on the server's own database, and read it through the admin API. */
import { Command } from 'commander';
import { verifyChain } from '../audit/verify.ts';
import { connect, query, type SharedOptions, wholeNumber, withAdminOptions } from './context.ts';
import { openCommandStores } from './local.ts';
import { CommandError, exitCode, say, sayJson, sayTable, time } from './output.ts';

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
  return new Command('audit').description('the audit trail').addCommand(verify).addCommand(listCommand());
}

interface AuditView {
  readonly seq: number;
  readonly at: number;
  readonly event: string;
  readonly actor: string;
  readonly userId?: string;
  readonly deviceId?: string;
  readonly data?: Readonly<Record<string, string | number | boolean | null>>;
}

interface ListOptions extends SharedOptions {
  readonly after?: number;
  readonly company?: string;
  readonly user?: string;
  readonly device?: string;
  readonly lines?: boolean;
}

const pageSize = 200;

function listCommand(): Command {
  return withAdminOptions(
    new Command('list')
      .description('read the trail, oldest first')
      .option('--after <seq>', 'only records after this one', wholeNumber('--after', 0, Number.MAX_SAFE_INTEGER))
      .option('--company <id>')
      .option('--user <id>')
      .option('--device <id>')
      .option('--lines', 'all records, one JSON line each: to keep a copy elsewhere')
      .addHelpText(
        'after',
        '\nExample, a copy that goes on where the last one ended:\n  $ mtoken audit list --lines --after "$(tail -n 1 trail.jsonl | jq .seq)" >> trail.jsonl',
      ),
  ).action(async (options: ListOptions) => {
    const admin = await connect(options);
    const filter = { companyId: options.company, userId: options.user, deviceId: options.device, limit: pageSize };
    let after: number | null = options.after ?? 0;
    do {
      const page: { items: AuditView[]; next: number | null } = await admin.get(`/audit${query({ ...filter, after })}`);
      if (options.lines) for (const entry of page.items) say(JSON.stringify(entry));
      else if (options.json) sayJson(page.items);
      else sayEntries(page);
      after = options.lines ? page.next : null;
    } while (after !== null);
  });
}

function sayEntries({ items, next }: { readonly items: readonly AuditView[]; readonly next: number | null }): void {
  sayTable(
    ['SEQ', 'AT', 'EVENT', 'ACTOR', 'USER', 'DEVICE', 'DATA'],
    items.map(({ seq, at, event, actor, userId, deviceId, data }) => {
      return [seq, time(at), event, actor, userId, deviceId, data === undefined ? '' : JSON.stringify(data)];
    }),
    'no records',
  );
  if (next !== null) say(`more: --after ${next}`);
}
