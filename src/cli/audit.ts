/** `mtoken audit …`: the trail read and exported through the admin API, checked and cut off on the server's own database. */
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { Command } from 'commander';
import type { Reply, Row } from '../admin-client/client.ts';
import type { AuditEvent } from '../audit/events.ts';
import type { AuditHead } from '../audit/store.ts';
import { type TrailVerdict, verifyTrail } from '../audit/trail.ts';
import { pruneCommand } from './audit-prune.ts';
import { answer, connect, given, type SharedOptions, withAdminOptions, withExamples } from './context.ts';
import { knownEvent } from './event-names.ts';
import { openCommandStores } from './local.ts';
import { instant, oneOf, wholeNumber } from './option-values.ts';
import { CommandError, exitCode, isOfGoneReader, remark, say, sayJson, sayTable, time } from './output.ts';

/** The `audit` command. */
export function auditCommand(): Command {
  return new Command('audit')
    .description('the audit trail')
    .addCommand(verifyCommand())
    .addCommand(listCommand())
    .addCommand(exportCommand())
    .addCommand(checkpointCommand())
    .addCommand(pruneCommand());
}

function notedHead(text: string): AuditHead {
  const [, seq, hash] = /^([1-9][0-9]{0,14}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (seq !== undefined && hash !== undefined) return { seq: Number(seq), hash };
  throw new CommandError('--noted takes a head as "mtoken audit verify" prints it', { exit: exitCode.usage });
}

/** One checkpoint a line, as `mtoken audit checkpoint >> file` leaves them. */
function keptCheckpoints(path: string): readonly string[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new CommandError(`${path} cannot be read`, { exit: exitCode.usage, cause });
  }
  const lines = text.split('\n').flatMap((line) => line.trim() || []);
  if (lines.length > 0 && lines.every((line) => /^[\w-]+\.[\w-]+\.[\w-]+$/.test(line))) return lines;
  throw new CommandError(`${path} does not hold checkpoints`, {
    exit: exitCode.usage,
    hint: 'it takes what "mtoken audit checkpoint" printed, one a line',
  });
}

interface VerifyOptions {
  readonly json?: boolean;
  readonly noted?: AuditHead;
  readonly checkpoint?: readonly string[];
}

function verifyCommand(): Command {
  return new Command('verify')
    .description('check chain and checkpoints: finds edits, deletions, insertions, reordering and truncation')
    .option('--noted <seq:hash>', 'a head that was noted elsewhere: finds a trail made anew, or cut', notedHead)
    .option('--checkpoint <file>', 'checkpoints that were kept elsewhere, one a line: finds the same', keptCheckpoints)
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      '\nExit codes: 0 as it was written · 4 not so · 2 wrong usage · 3 the database cannot be reached',
    )
    .action(async (options: VerifyOptions) => {
      const stores = await openCommandStores();
      try {
        const noted = options.noted === undefined ? [] : [options.noted];
        const verdict = await verifyTrail(stores.records, { noted, kept: options.checkpoint ?? [] });
        if (options.json) sayJson(verdict);
        else if (verdict.outcome === 'intact') sayIntact(verdict);
        if (verdict.outcome === 'broken') {
          throw new CommandError(`the trail is broken at record ${verdict.seq}: ${verdict.what}`, {
            exit: exitCode.broken,
            hint: `expected ${verdict.expected}\nfound ${verdict.found}\ncompare with the last good backup or export from this record on`,
          });
        }
      } finally {
        await stores.close();
      }
    });
}

function sayIntact(verdict: Extract<TrailVerdict, { outcome: 'intact' }>): void {
  const { count, seq, head, cut, checkpoints, unsigned, notCompared } = verdict;
  say(`${count} records, unbroken; head ${seq}:${head || '(empty)'}`);
  if (cut > 0) say(`records up to ${cut} were cut off after they were exported`);
  const since = unsigned === 0 ? 'at the head' : `${unsigned} records before the head`;
  say(checkpoints === 0 ? 'no checkpoint yet' : `${checkpoints} checkpoints, the last one ${since}`);
  if (unsigned > 0) say('those could be cut off together with the head unseen: keep a checkpoint elsewhere');
  if (notCompared > 0) say(`${notCompared} of the kept ones are of records that were cut off since`);
}

interface FilterOptions extends SharedOptions {
  readonly company?: string;
  readonly user?: string;
  readonly device?: string;
  readonly order?: string;
  readonly client?: string;
  readonly event?: AuditEvent;
  readonly actor?: string;
  readonly from?: number;
  readonly to?: number;
}

function withFilter(command: Command): Command {
  return withAdminOptions(command)
    .option('--company <id>')
    .option('--user <id>')
    .option('--device <id>')
    .option('--order <id>')
    .option('--client <id>', 'the portal or machine it is about')
    .option('--event <name>', 'such as device.deactivated', knownEvent)
    .option('--actor <name>', 'who acted, such as client:cli_…')
    .option('--from <time>', 'from this time on, such as 2026-11-20 or 2026-11-20T09:30:00Z (UTC)', instant('--from'))
    .option('--to <time>', 'up to this time, not included', instant('--to'));
}

function filterOf({ company, user, device, order, client, event, actor, from, to }: FilterOptions) {
  return given({
    companyId: company,
    userId: user,
    deviceId: device,
    orderId: order,
    clientId: client,
    event,
    actor,
    from,
    until: to,
  });
}

interface SearchOptions extends FilterOptions {
  readonly after?: number;
  readonly newest?: boolean;
  readonly lines?: boolean;
  readonly all?: boolean;
  readonly limit?: number;
}

const rowsUnlessTold = 200;
/** What the server gives at once. */
const largestPage = 200;

function listCommand(): Command {
  const command = withFilter(
    new Command('list')
      .description('search the trail, oldest first')
      .option('--newest', 'newest first')
      .option('--after <seq>', 'only records behind this one', wholeNumber('--after', 0, Number.MAX_SAFE_INTEGER))
      .option(
        '--limit <n>',
        `how many records at most (default ${rowsUnlessTold})`,
        wholeNumber('--limit', 1, 1_000_000),
      )
      .option('--all', 'every record that is found')
      .option('--lines', 'every record, one JSON line each, as it comes: to keep a copy elsewhere'),
  );
  return withExamples(
    command,
    'mtoken audit list --newest --event device.deactivated',
    'mtoken audit list --user usr_… --from 2026-11-01 --all --json',
    'mtoken audit list --lines --after "$(tail -n 1 trail.jsonl | jq .seq)" >> trail.jsonl     goes on where the last copy ended',
  ).action(async (options: SearchOptions) => {
    const wanted = options.all || options.lines ? Number.POSITIVE_INFINITY : (options.limit ?? rowsUnlessTold);
    const query = {
      ...filterOf(options),
      order: options.newest ? 'newest' : 'oldest',
      limit: Math.min(wanted + 1, largestPage),
      after: options.after ?? (options.newest ? Number.MAX_SAFE_INTEGER : 0),
    } as const;
    const found: Row<'searchAudit'>[] = [];
    let hasMore = false;
    for await (const record of (await connect(options)).rows('searchAudit', { query })) {
      hasMore = found.length === wanted;
      if (hasMore) break;
      if (options.lines) say(JSON.stringify(record));
      else found.push(record);
    }
    if (options.lines) return;
    if (options.json) sayJson(found);
    else sayRecords(found);
    if (hasMore) remark(`there are more: --all, --limit, or --after ${found.at(-1)?.seq}`);
  });
}

function sayRecords(records: readonly Row<'searchAudit'>[]): void {
  sayTable(
    ['SEQ', 'AT', 'EVENT', 'ACTOR', 'USER', 'DEVICE', 'DATA'],
    records.map(({ seq, at, event, actor, userId, deviceId, data }) => {
      return [seq, time(at), event, actor, userId, deviceId, data === undefined ? '' : JSON.stringify(data)];
    }),
    'no records',
  );
}

const formats = ['jsonl', 'csv'] as const;

function exportCommand(): Command {
  const command = withFilter(
    new Command('export')
      .description('the whole trail, or a part of it, to standard output; the export itself is recorded')
      .option('--format <format>', 'jsonl or csv', oneOf('--format', formats), 'jsonl')
      .addHelpText('after', '\nIn CSV, a text that a spreadsheet would run as a formula begins with an apostrophe.'),
  );
  return withExamples(
    command,
    'mtoken audit export --format csv --from 2026-01-01 --to 2026-02-01 --company co_… > january.csv',
  ).action(async (options: FilterOptions & { readonly format: (typeof formats)[number] }) => {
    const query = { ...filterOf(options), format: options.format };
    const { body } = await (await connect(options)).download('exportAudit', { query });
    try {
      if (body !== null) await pipeline(Readable.fromWeb(body as ReadableStream), process.stdout, { end: false });
    } catch (cause) {
      if (isOfGoneReader(cause)) return;
      throw new CommandError('the export broke off: what was written is a part', { exit: exitCode.unreachable, cause });
    }
  });
}

function checkpointCommand(): Command {
  const command = withAdminOptions(
    new Command('checkpoint').description('print the last signed head of the trail, for keeping elsewhere'),
  );
  return withExamples(
    command,
    'mtoken audit checkpoint >> checkpoints              from a timer on another machine',
    'mtoken audit verify --checkpoint checkpoints        later, against what is in the database',
  ).action(async (options: SharedOptions) => {
    const checkpoint = await (await connect(options)).call('getAuditCheckpoint');
    answer(options, checkpoint, ({ statement }: Reply<'getAuditCheckpoint'>) => say(statement));
  });
}
