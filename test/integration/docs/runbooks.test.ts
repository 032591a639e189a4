/** Every command of docs/runbooks, as it stands there, against a server on PostgreSQL and Redis that the first page installs. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../../src/config/config.ts';
import { explainProblems } from '../../../src/config/problem.ts';
import { createLog } from '../../../src/http/logging.ts';
import { buildServer } from '../../../src/server.ts';
import { commandProgram } from '../../bundled-programs.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import { type MailServer, startMailServer } from '../system/mail-server.ts';
import { type ServerProcess, startServerProcess } from '../system/processes.ts';
import { addUser, deviceIdOf, freePort, furnish, registerPhone, type System } from '../system/rig.ts';
import { blocksOf, scriptOf } from './runbooks.ts';

const folder = new URL('../../../docs/runbooks/', import.meta.url);
const engines = systemEngines().filter(({ name }) => name === 'postgres and redis');

/** In the order of a life of an installation; one after the other, on what the one before has left. */
const pages = [
  'install.md',
  'upgrade.md',
  'lost-phone.md',
  'blocked-mpin.md',
  'suspected-fraud.md',
  'backup-and-restore.md',
  'rotate-keys.md',
  'personal-data.md',
  'administrator-left.md',
] as const;
type PageName = (typeof pages)[number];

it('Every page of docs/runbooks is run, and every block that is not run says why', async () => {
  const names = readdirSync(folder).filter((name) => name !== 'README.md');
  expect([...pages].sort()).toEqual(names.sort());
  for (const name of names) {
    for (const { language, reason } of await blocksOf(new URL(name, folder))) {
      if (language !== 'sh') expect(reason, `${name}: a block of ${language}`).not.toBeUndefined();
      if (reason !== undefined) expect(reason.length, name).toBeGreaterThan(8);
    }
  }
});

describe.skipIf(engines.length > 0)('The commands of docs/runbooks', () => {
  it.skip('need PostgreSQL and Redis: .ci/run brings both', () => {});
});

/** In whose place `usr_…`, `dev_…` and `co_…` stand on a page. */
interface Subject {
  readonly userId: string;
  readonly deviceId: string;
  readonly companyId: string;
}

describe.each(engines)('The commands of docs/runbooks, $name', { timeout: 240_000 }, (engine) => {
  let stores: SystemStores;
  let mail: MailServer;
  let control: HttpServer;
  let server: ServerProcess | undefined;
  let system: System | undefined;
  let directory: string;
  let issuer: string;
  /** As the page before has left it. */
  let env: Record<string, string>;
  let webhookId = '';
  const subjects = new Map<PageName, Subject>();

  beforeAll(async () => {
    stores = await engine.open();
    mail = await startMailServer();
    directory = stores.dataDir;
    for (const part of ['etc', 'backup', 'bin']) await mkdir(join(directory, part));
    control = await startControl();
    await makeCommand(join(directory, 'bin'));
    const [port, adminPort] = [await freePort(), await freePort()];
    issuer = `http://localhost:${port}`;
    env = {
      PATH: `${join(directory, 'bin')}:${process.env['PATH']}`,
      HOME: directory,
      MTOKEN_PORT: String(port),
      MTOKEN_ADMIN_PORT: String(adminPort),
      MTOKEN_DATA_DIR: directory,
      MTOKEN_LOG_LEVEL: 'info',
      CONTROL: `http://127.0.0.1:${(control.address() as AddressInfo).port}`,
    };
    const etc = (name: string, text: string) => writeFile(join(directory, 'etc', name), text);
    await etc('database_url', stores.env['DATABASE_URL'] ?? '');
    await etc('redis_url', stores.env['REDIS_URL'] ?? '');
    await etc('smtp_url', mail.url);
  }, 120_000);

  afterAll(async () => {
    await server?.kill();
    await system?.close();
    control.close();
    await mail.close();
    await stores.close();
  });

  /** `systemctl start|stop|restart mtoken`, with the environment of who typed it. */
  async function startControl(): Promise<HttpServer> {
    const listener = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      request.on('end', () => {
        const { action, env: settings } = JSON.parse(text) as { action: string; env: Record<string, string> };
        act(action, settings).then(
          () => response.writeHead(200).end(),
          (error: unknown) => response.writeHead(500).end(String(error)),
        );
      });
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const shim = `#!/usr/bin/env node
fetch(process.env.CONTROL, { method: 'POST', body: JSON.stringify({ action: process.argv[2], env: process.env }) })
  .then(async (response) => { if (!response.ok) { console.error(await response.text()); process.exitCode = 1; } });
`;
    await executable(join(directory, 'bin', 'systemctl'), shim);
    return listener;
  }

  async function act(action: string, given: Readonly<Record<string, string>>): Promise<void> {
    if (action === 'stop' || action === 'restart') await server?.end();
    if (action === 'stop') return;
    const settings = Object.entries(given).filter(([name]) => /^(MTOKEN_(?!CLI_)|DATABASE_URL|REDIS_URL)/.test(name));
    server = await startServerProcess({ ...Object.fromEntries(settings), MTOKEN_INTERNAL_PORTALS: '127.0.0.1' });
  }

  /** `mtoken` on the path. */
  async function makeCommand(bin: string): Promise<void> {
    await executable(join(bin, 'mtoken'), `#!/bin/sh\nexec '${process.execPath}' '${await commandProgram()}' "$@"\n`);
  }

  async function executable(path: string, text: string): Promise<void> {
    await writeFile(path, text);
    await chmod(path, 0o755);
  }

  /** Runs a script as an operator's shell; keeps what it exported for the next page. */
  async function run(script: string): Promise<string> {
    const kept = join(directory, 'environment');
    const text = `${script}\nenv -0 > '${kept}'\n`;
    const child = spawn('bash', ['-c', text], { cwd: directory, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        said += chunk;
      });
    }
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`ended with ${code}:\n${said}\n${server?.isRunning() ? '' : server?.output()}`);
    const variables = (await readFile(kept, 'utf8')).split('\0').filter((line) => line !== '');
    env = Object.fromEntries(
      variables.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
    return said;
  }

  async function runPage(name: PageName, between: Readonly<Record<number, string>> = {}): Promise<string> {
    const { userId = '', deviceId = '', companyId = '' } = subjects.get(name) ?? {};
    const script = scriptOf(await blocksOf(new URL(name, folder)), between)
      .replaceAll('https://login.bank.example', issuer)
      // The test's issuer is http on the loopback interface, which production refuses.
      .replaceAll('MTOKEN_MODE=production', 'MTOKEN_MODE=development')
      .replaceAll('/etc/mtoken', join(directory, 'etc'))
      .replaceAll('/backup/', `${join(directory, 'backup')}/`)
      .replaceAll('usr_…', userId)
      .replaceAll('dev_…', deviceId)
      .replaceAll('co_…', companyId)
      .replaceAll('whk_…', webhookId);
    expect(script).not.toContain('…');
    return run(script);
  }

  const shown = async (command: string): Promise<Record<string, unknown>> =>
    JSON.parse(await run(`mtoken ${command} --json`)) as Record<string, unknown>;
  const subjectOf = (name: PageName): Subject => subjects.get(name) as Subject;

  it('install', async () => {
    await runPage('install.md');
    await prepare();
  });

  /** A user with a phone for each page, as life would bring them. */
  async function prepare(): Promise<void> {
    const settings = { ...env, MTOKEN_PORT: '0', MTOKEN_ADMIN_PORT: '0' };
    const result = readConfig({
      env: settings,
      readFile: (path, encoding = 'utf8') => readFileSync(path, encoding),
      realPath: (path) => path,
    });
    if (result.outcome === 'refused') throw new Error(explainProblems(result.problems));
    const beside = await buildServer({ config: result.config, log: createLog('silent') });
    const made = await furnish(beside, { issuer, mails: mail });
    system = { ...made, adminUrl: '' };
    for (const page of pages.slice(2)) {
      const role = page === 'administrator-left.md' ? 'administrator' : 'user';
      const user = await addUser(beside, made.company.id, { name: 'Ada Example', role });
      const phone = await registerPhone(made, { user });
      subjects.set(page, { userId: user.id, deviceId: await deviceIdOf(phone), companyId: made.company.id });
    }
    const webhook = await shown(
      'webhook add https://fraud.bank.example/mtoken --name "Fraud desk" --event mpin.blocked',
    );
    webhookId = String(webhook['id']);
  }

  it('upgrade', async () => {
    await runPage('upgrade.md');
  });

  it('lost phone: it is dead after the page (S-07, R-10)', async () => {
    await runPage('lost-phone.md');
    expect(await shown(`device show ${subjectOf('lost-phone.md').deviceId}`)).toMatchObject({ status: 'deactivated' });
  });

  it('blocked mPIN', async () => {
    await runPage('blocked-mpin.md');
  });

  it('suspected fraud: the user is back, the phone is not', async () => {
    await runPage('suspected-fraud.md');
    const { userId, deviceId } = subjectOf('suspected-fraud.md');
    expect(await shown(`device show ${deviceId}`)).toMatchObject({ status: 'deactivated' });
    expect((await shown(`user show ${userId}`))['status']).not.toBe('suspended');
  });

  it('backup and restore: a phone that was deactivated after the backup is dead after the drill (X-05, R-14)', async () => {
    const { deviceId } = subjectOf('backup-and-restore.md');
    const after = `mtoken device deactivate ${deviceId} --reason "after the backup" --yes\n`;
    const said = await runPage('backup-and-restore.md', { 1: after });
    expect(said).toContain('it is a restored backup');
    expect(said).toMatch(/ended again 1 devices/);
    expect(await shown(`device show ${deviceId}`)).toMatchObject({ status: 'deactivated' });
  });

  it('rotate each key: everything goes on with the new ones (C-12)', async () => {
    await runPage('rotate-keys.md');
    expect(await shown('client show portal')).toMatchObject({ status: 'disabled' });
    await run('mtoken user list && mtoken audit verify');
  });

  it('personal data: nothing of the person is left', async () => {
    await runPage('personal-data.md');
    const { userId } = subjectOf('personal-data.md');
    const exported = JSON.parse(await readFile(join(directory, 'person.json'), 'utf8')) as object;
    expect(JSON.stringify(exported)).toContain('Ada Example');
    expect(JSON.stringify(await shown(`user show ${userId}`))).not.toContain('Ada Example');
  });

  it('an administrator left: removed, and the credential is another one', async () => {
    await runPage('administrator-left.md');
    const { userId } = subjectOf('administrator-left.md');
    expect(await shown(`user show ${userId}`)).toMatchObject({ status: 'removed' });
  });
});
