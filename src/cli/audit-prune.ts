/** `mtoken audit prune`: cuts off what is older than the retention and was exported, on the server's own database. */
import { createReadStream, existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { planPrune, pruneTrail } from '../audit/prune.ts';
import { systemClock } from '../clock.ts';
import { AuthError } from '../errors.ts';
import { createKeyRing } from '../keys/key-ring.ts';
import { confirm } from './confirm.ts';
import { openCommandStores, readServerConfig } from './local.ts';
import { instant } from './option-values.ts';
import { CommandError, exitCode, say, sayJson } from './output.ts';

interface PruneOptions {
  readonly before: number;
  readonly exported: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const dayMs = 86_400_000;

/** The `audit prune` command. */
export function pruneCommand(): Command {
  return new Command('prune')
    .description('cut off the oldest part of the trail, at a checkpoint, once it was exported')
    .requiredOption(
      '--before <time>',
      'only records from before it; not within MTOKEN_AUDIT_RETENTION_DAYS',
      instant('--before'),
    )
    .requiredOption(
      '--exported <file>',
      'an export (jsonl, without filter) that holds all of it: each record is compared',
    )
    .option('--yes', 'do not ask')
    .option('--json', 'print the answer as JSON')
    .action(prune);
}

async function prune(options: PruneOptions): Promise<void> {
  const config = readServerConfig();
  const { retentionDays } = config.audit;
  if (retentionDays === undefined) {
    throw new CommandError('the trail is kept for ever: MTOKEN_AUDIT_RETENTION_DAYS is not set', {
      exit: exitCode.usage,
    });
  }
  if (!existsSync(options.exported))
    throw new CommandError(`there is no ${options.exported}`, { exit: exitCode.usage });
  const stores = await openCommandStores(config);
  const keys = await createKeyRing({ ...stores, clock: systemClock, issuer: config.issuer });
  try {
    const deps = { records: stores.records, clock: systemClock, issuer: config.issuer, keys };
    const plan = await planPrune(deps, options.before);
    if (plan !== undefined)
      await confirm(options.yes, `Records ${plan.from + 1} to ${plan.through} are removed for good.`);
    const cut = await pruneTrail(deps, {
      before: options.before,
      retentionMs: retentionDays * dayMs,
      actor: 'cli',
      exported: () => createInterface({ input: createReadStream(options.exported, 'utf8'), crlfDelay: Infinity }),
    });
    if (options.json) sayJson(cut ?? null);
    else say(cut === undefined ? 'nothing to cut off: no checkpoint lies before that time' : cutText(cut));
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new CommandError(`${options.exported} is no export in JSON Lines`, { exit: exitCode.usage });
    if (error instanceof AuthError) throw new CommandError(error.publicMessage ?? error.message, { cause: error });
    throw error;
  } finally {
    keys.close();
    await stores.close();
  }
}

function cutText({ from, through }: { readonly from: number; readonly through: number }): string {
  return `cut off records ${from + 1} to ${through}; the rest still verifies`;
}
