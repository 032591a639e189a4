/** `mtoken doctor`: checks configuration, stores, keys, clock, mail and listeners, and says what to do. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { createTransport } from 'nodemailer';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { outboxState } from '../notify/dead-letters.ts';
import { smtpConnection } from '../notify/email.ts';
import { explainStanding, standingOf, witnessOf } from '../restore/standing.ts';
import type { Stores } from '../server/stores.ts';
import { openCommandStores, readServerConfig } from './local.ts';
import { CommandError, exitCode, say, sayJson } from './output.ts';

/** One thing that was looked at; `advice` where it is not well. */
interface Finding {
  readonly part: string;
  readonly outcome: 'ok' | 'warning' | 'failed';
  readonly found: string;
  readonly advice?: string;
}

/** The `doctor` command. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('check configuration, stores, clock, keys, mail and listeners; says what to do')
    .option('--json', 'print the findings as JSON')
    .addHelpText('after', '\nExit code 1 where anything failed. Run it with the environment of the server.')
    .action(async (options: { json?: boolean }) => {
      const findings = await examine();
      if (options.json) sayJson(findings);
      else for (const finding of findings) sayFinding(finding);
      const failed = findings.filter(({ outcome }) => outcome === 'failed').length;
      if (failed > 0)
        throw new CommandError(`${failed} of ${findings.length} checks failed`, { exit: exitCode.failed });
    });
}

function sayFinding({ part, outcome, found, advice }: Finding): void {
  const mark = { ok: 'ok  ', warning: 'warn', failed: 'FAIL' }[outcome];
  say(`${mark}  ${part.padEnd(16)} ${found}`);
  if (advice) say(`${' '.repeat(23)}→ ${advice}`);
}

async function examine(): Promise<Finding[]> {
  const findings: Finding[] = [checkNode()];
  let config: Config;
  try {
    config = readServerConfig();
  } catch (error) {
    return [...findings, failed('configuration', reason(error), 'docs/configuration.md describes every setting')];
  }
  findings.push({ part: 'configuration', outcome: 'ok', found: `${config.mode}, issuer ${config.issuer}` });
  findings.push(...(await checkStores(config)));
  findings.push(await checkMail(config));
  findings.push(await checkPublicListener(config), await checkAdminListener(config));
  return findings;
}

function checkNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isFit = major > 20 || (major === 20 && minor >= 20);
  const found = `${process.version}`;
  if (!isFit) return failed('node', found, 'install Node 20.20 or newer; the container uses the current LTS');
  if (major >= 22) return { part: 'node', outcome: 'ok', found };
  return { part: 'node', outcome: 'warning', found, advice: 'Node 20 gets no more fixes: run production on the LTS' };
}

async function checkStores(config: Config): Promise<Finding[]> {
  const names = {
    durable: config.databaseUrl === undefined ? `SQLite in ${config.dataDir}` : 'PostgreSQL',
    shortLived: config.redisUrl === undefined ? 'in process (one server only)' : 'Redis',
  };
  if (config.databaseUrl === undefined && !existsSync(join(config.dataDir, 'mtoken.db'))) {
    // Looking must not make anything.
    const advice = 'the server makes it when it first starts, and so does mtoken migrate';
    return [{ part: 'stores', outcome: 'warning', found: `no database in ${config.dataDir}`, advice }];
  }
  let stores: Stores;
  try {
    stores = await openCommandStores(config);
  } catch (error) {
    return [failed('stores', reason(error), 'are they reachable, and is the schema current? mtoken migrate')];
  }
  try {
    return [
      { part: 'durable store', outcome: 'ok', found: `${names.durable}, schema current` },
      { part: 'short-lived', outcome: 'ok', found: names.shortLived },
      await checkNewest(config, stores),
      await checkKeys(stores),
      await checkDatabaseClock(stores),
      await checkOutbox(stores),
    ];
  } finally {
    await stores.close();
  }
}

/** A restored backup is told before a server refuses to start on it. */
async function checkNewest(config: Config, { records, shortLived }: Stores): Promise<Finding> {
  const standing = await standingOf({ records, witness: witnessOf(config, shortLived) });
  const text = explainStanding(standing);
  if (text === undefined) return { part: 'backup', outcome: 'ok', found: 'this database is the newest one' };
  return failed('backup', text, 'mtoken restore --help, and docs/runbooks/backup-and-restore.md');
}

/** Reading a key opens its seal: with another data key than it was sealed with, this fails. */
async function checkKeys({ records }: Stores): Promise<Finding> {
  try {
    const keys = await records.keys.list();
    const active = keys.filter(({ status }) => status === 'active').map(({ alg }) => alg);
    if (active.length === 0) {
      return {
        part: 'keys',
        outcome: 'warning',
        found: 'none yet',
        advice: 'the server makes them when it first starts',
      };
    }
    return { part: 'keys', outcome: 'ok', found: `${active.join(', ')} active, ${keys.length} in all` };
  } catch (error) {
    return failed('keys', reason(error), 'MTOKEN_DATA_KEY_FILES must name the key with which this database was sealed');
  }
}

const toleratedSkewMs = 5_000;

async function checkDatabaseClock({ durable }: Stores): Promise<Finding> {
  if (durable.dialect === 'sqlite') return { part: 'clock', outcome: 'ok', found: new Date().toISOString() };
  const [row] = await durable.query<{ now: number }>(
    'select (extract(epoch from clock_timestamp()) * 1000)::bigint as now',
  );
  const skewMs = Math.abs(Number(row?.now ?? 0) - Date.now());
  const found = `${Math.round(skewMs)} ms between this machine and the database`;
  if (skewMs <= toleratedSkewMs) return { part: 'clock', outcome: 'ok', found };
  return failed('clock', found, 'run NTP on both: proofs are accepted within 60 seconds only');
}

/** Every try waits at most twenty minutes for the next: what is older by far has nobody who delivers it, or a receiver that is down. */
const toleratedWaitSeconds = 3_600;

async function checkOutbox({ records }: Stores): Promise<Finding> {
  const { pending, dead, oldestSeconds } = await outboxState({ records, clock: systemClock });
  const age = pending === 0 ? '' : ` (the oldest for ${oldestSeconds} s)`;
  const found = `${pending} waiting${age}, ${dead} given up`;
  if (dead > 0) {
    const advice = 'mtoken notification list says why; mtoken notification resend sends them again';
    return { part: 'outbox', outcome: 'warning', found, advice };
  }
  if (oldestSeconds <= toleratedWaitSeconds) return { part: 'outbox', outcome: 'ok', found };
  const advice = 'is a server running, and do the mail server, portals and webhook receivers answer? the log says';
  return { part: 'outbox', outcome: 'warning', found, advice };
}

async function checkMail({ smtp, mode }: Config): Promise<Finding> {
  if (smtp === undefined) {
    const advice = 'set MTOKEN_SMTP_URL and MTOKEN_MAIL_FROM: confirmation codes go by mail';
    if (mode === 'production') return failed('mail', 'none', advice);
    const meanwhile = 'until then mtoken serve prints every mail, codes included, on its standard error';
    return { part: 'mail', outcome: 'warning', found: 'none', advice: `${advice}; ${meanwhile}` };
  }
  const transport = createTransport({
    ...smtpConnection(smtp.url),
    connectionTimeout: 5_000,
    greetingTimeout: 5_000,
  });
  try {
    await transport.verify();
    return { part: 'mail', outcome: 'ok', found: new URL(smtp.url).host };
  } catch (error) {
    return failed('mail', reason(error), 'is MTOKEN_SMTP_URL right, and does the mail server accept this machine?');
  } finally {
    transport.close();
  }
}

async function checkPublicListener({ issuer }: Config): Promise<Finding> {
  try {
    const response = await fetch(`${issuer}/.well-known/mtoken-configuration`, { signal: AbortSignal.timeout(5_000) });
    const document = (await response.json()) as { issuer?: string; time?: number };
    if (document.issuer !== issuer) {
      return failed(
        'issuer',
        `${issuer} answers as ${document.issuer ?? 'something else'}`,
        'does the proxy lead here?',
      );
    }
    const skewSeconds = Math.abs((document.time ?? 0) - Date.now() / 1000);
    return { part: 'issuer', outcome: 'ok', found: `answers, ${skewSeconds.toFixed(0)} s off this clock` };
  } catch (error) {
    const advice = 'start it with mtoken serve; behind a proxy, check that this machine reaches its own public name';
    return { part: 'issuer', outcome: 'warning', found: reason(error), advice };
  }
}

async function checkAdminListener({ admin }: Config): Promise<Finding> {
  const host = admin.host === '0.0.0.0' || admin.host === '::' ? '127.0.0.1' : admin.host;
  try {
    const url = `http://${host.includes(':') ? `[${host}]` : host}:${admin.port}/health`;
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    const { isReady, components } = (await response.json()) as {
      isReady: boolean;
      components: { name: string; isHealthy: boolean }[];
    };
    const ill = components.filter(({ isHealthy }) => !isHealthy).map(({ name }) => name);
    if (!isReady) return failed('server', `not ready: ${ill.join(', ')}`, 'the log says why');
    return { part: 'server', outcome: 'ok', found: 'ready' };
  } catch (error) {
    return { part: 'server', outcome: 'warning', found: reason(error), advice: 'no server runs here' };
  }
}

function failed(part: string, found: string, advice: string): Finding {
  return { part, outcome: 'failed', found, advice };
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.message === 'fetch failed' ? error.cause.message : error.message;
}
