/** `mtoken restore`: after a backup was restored, what must not come back with it; on the server's own machine, while no server runs. */
import { createReadStream, existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { systemClock } from '../clock.ts';
import { AuthError } from '../errors.ts';
import { endLogins } from '../oidc/end-logins.ts';
import {
  type DrillDeps,
  type DrillReport,
  declareNewest,
  restoreFromCopy,
  restoreWithoutCopy,
} from '../restore/drill.ts';
import { explainStanding, standingOf, witnessOf } from '../restore/standing.ts';
import { endedHandlers } from '../server/ended-handlers.ts';
import { openStores } from '../server/stores.ts';
import { confirm } from './confirm.ts';
import { readServerConfig } from './local.ts';
import { CommandError, exitCode, remark, say, sayJson, sayTable } from './output.ts';

interface RestoreOptions {
  readonly sinceAudit?: string;
  readonly endAllDevices?: boolean;
  readonly nothingLost?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const actor = 'cli';

/** The `restore` command. */
export function restoreCommand(): Command {
  return new Command('restore')
    .description('after a backup was restored: end again what was ended since, before a server may start')
    .option(
      '--since-audit <file>',
      'a copy of the audit trail, exported (jsonl) or streamed: what is lost is done again',
    )
    .option(
      '--end-all-devices',
      'there is no copy: every phone is deactivated and registers again, every machine of the admin API is disabled',
    )
    .option(
      '--nothing-lost <reason>',
      'this database is the newest one: Redis, which remembers it, was lost or replaced',
    )
    .option('--yes', 'do not ask')
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      '\nWithout an option it tells how the database stands, and changes nothing.\nStop all servers first. Run it with their environment.\n\nExample:\n  $ mtoken restore --since-audit trail.jsonl',
    )
    .action(restore);
}

async function restore(options: RestoreOptions): Promise<void> {
  const ways = [options.sinceAudit, options.endAllDevices, options.nothingLost].filter((way) => way !== undefined);
  if (ways.length > 1) throw new CommandError('give one of the options', { exit: exitCode.usage });
  const { sinceAudit } = options;
  if (sinceAudit !== undefined && !existsSync(sinceAudit))
    throw new CommandError(`there is no ${sinceAudit}`, { exit: exitCode.usage });
  await withDrill(async (deps) => {
    if (sinceAudit !== undefined) return fromCopy(deps, sinceAudit, options);
    if (options.endAllDevices) return endAll(deps, options);
    if (options.nothingLost !== undefined) return declare(deps, options.nothingLost, options);
    return tell(deps, options);
  });
}

/** As a server opens them: the embedded database is locked against one that runs, and the schema is brought up to date. */
async function withDrill(work: (deps: DrillDeps) => Promise<void>): Promise<void> {
  const config = readServerConfig();
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  try {
    const stores = await openStores({ config, clock: systemClock, log, isServer: true });
    const { records, shortLived } = stores;
    const witness = witnessOf(config, shortLived);
    try {
      await work({ records, shortLived, witness, clock: systemClock, endLogins, ended: endedHandlers, log });
    } finally {
      await stores.close();
    }
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    const exit = error.status === 503 ? exitCode.unreachable : exitCode.failed;
    throw new CommandError(error.publicMessage ?? error.message, { exit, cause: error });
  }
}

async function tell(deps: DrillDeps, { json }: RestoreOptions): Promise<void> {
  const standing = await standingOf(deps);
  const text = explainStanding(standing);
  if (json) sayJson(standing);
  else say(text ?? `the database is the newest one, at record ${standing.head.seq} of the audit trail`);
  if (text === undefined) return;
  throw new CommandError('no server starts on it', {
    hint: 'mtoken restore --since-audit FILE, or one of the other ways in mtoken restore --help',
  });
}

async function fromCopy(deps: DrillDeps, file: string, { yes, json }: RestoreOptions): Promise<void> {
  await confirm(yes, 'What the copy tells is done again: devices end, and every login with them.');
  const lines = () => createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Infinity });
  const report = await restoreFromCopy(deps, lines, actor);
  if (json) sayJson(report);
  else sayReport(report);
}

function sayReport(report: DrillReport): void {
  const { records, devicesEnded, attemptsSpent, changes, approvalsFailed, unproved, toLookAt, notListed } = report;
  say(`${records} records taken back; ended again ${devicesEnded} devices, spent again ${attemptsSpent} attempts`);
  say(`changed again ${changes} users, companies, clients and biometric keys; ended every login; servers may start`);
  if (approvalsFailed > 0)
    say(`failed ${approvalsFailed} acts that waited for a second person: who wants them asks again`);
  if (unproved > 0)
    remark(`the last ${unproved} records stand behind what was seen: nothing proves them but the copy; read them`);
  if (toLookAt.length === 0) return;
  remark(`${toLookAt.length + notListed} records tell of what was lost and is not done again; look at them:`);
  sayTable(
    ['record', 'event', 'company', 'user', 'device', 'client'],
    toLookAt.map(({ seq, event, companyId, userId, deviceId, clientId }) => [
      seq,
      event,
      companyId ?? '-',
      userId ?? '-',
      deviceId ?? '-',
      clientId ?? '-',
    ]),
    '',
  );
  const last = toLookAt.at(-1)?.seq;
  if (notListed > 0) remark(`${notListed} more are behind record ${last}: mtoken audit list --after ${last}`);
}

async function endAll(deps: DrillDeps, { yes, json }: RestoreOptions): Promise<void> {
  await confirm(
    yes,
    'Every phone of every user is deactivated for good, all of them register again; every machine of the admin API is disabled.',
  );
  const report = await restoreWithoutCopy(deps, actor);
  if (json) return sayJson(report);
  const { devicesEnded, clientsDisabled, approvalsFailed } = report;
  say(`ended ${devicesEnded} devices and every login; disabled ${clientsDisabled} machines of the admin API`);
  say(`failed ${approvalsFailed} acts that waited for a second person; servers may start`);
  remark(checkByHand);
}

/** What a backup revives and nothing tells: printed, because nobody reads a runbook again on such a day. */
const checkByHand = `Your own credential is disabled too. A new one, on this machine: mtoken bootstrap --out NEW-FILE

What was changed since the backup is forgotten. Before anybody is invited again, check by hand:
  - users and companies that were suspended or removed since, and persons who were erased: mtoken user list, mtoken company list
  - administrators and staff who lost their role since: mtoken user list --role administrator (operator, support, auditor)
  - e-mail addresses that were changed since: invitations and codes go to the old ones
  - rules of companies that were tightened since: mtoken company show ID
  - portals, machines and webhooks that were changed or disabled since: mtoken client list, mtoken webhook list
  - keys that were rotated since because somebody had them: mtoken keys list`;

async function declare(deps: DrillDeps, reason: string, { yes, json }: RestoreOptions): Promise<void> {
  await confirm(yes, 'You say that no newer database than this one ever served.');
  await declareNewest(deps, { actor, reason });
  if (json) sayJson({ outcome: 'current' });
  else say('noted; servers may start');
}
