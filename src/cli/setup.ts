/** `mtoken serve | migrate | bootstrap`: from an empty machine to a server with its first operator. */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Command } from 'commander';
import { exportJWK, generateKeyPair } from 'jose';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { randomId } from '../crypto/random.ts';
import { createClient } from '../oidc/clients.ts';
import { adminScopes } from '../oidc/deps.ts';
import type { Stores } from '../server/stores.ts';
import { type Credential, defaultCredentialPath } from './admin-client.ts';
import { openCommandStores, readServerConfig } from './local.ts';
import { CommandError, remark, say, sayJson } from './output.ts';

/** The `serve` command. */
export function serveCommand(): Command {
  return new Command('serve')
    .description('run the server; settings come from the environment (docs/configuration.md)')
    .action(async () => {
      await import('../main.ts');
    });
}

/** The `migrate` command. */
export function migrateCommand(): Command {
  return new Command('migrate')
    .description('bring the database up to date; safe beside running servers and from many at once')
    .option('--json', 'print the answer as JSON')
    .action(async (options: { json?: boolean }) => {
      const applied: string[] = [];
      const stores = await openCommandStores(readServerConfig(), {
        migrates: true,
        onMigrated: (id) => {
          applied.push(id);
        },
      });
      await stores.close();
      if (options.json) sayJson({ applied });
      else say(applied.length === 0 ? 'the database is up to date' : `applied ${applied.join(', ')}`);
    });
}

interface BootstrapOptions {
  readonly out?: string;
  readonly adminUrl?: string;
  readonly name: string;
  readonly json?: boolean;
}

/** The `bootstrap` command: the only way in without a credential, and it takes the server's own machine and data key. */
export function bootstrapCommand(): Command {
  return new Command('bootstrap')
    .description("make an operator's credential, on the server's machine; there is no default one")
    .option('--name <name>', 'who it is for, as the audit trail shows it', 'operator')
    .option('--out <file>', 'where the credential goes (default: ~/.config/mtoken/operator.json)')
    .option('--admin-url <url>', 'where commands reach the admin listener (default: as configured)')
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      '\nThe file holds a private key; keep it as you would keep the key of the vault.\nRun it again for another operator, and "mtoken client disable ID" to take one away.',
    )
    .action(async (options: BootstrapOptions) => {
      const config = readServerConfig();
      const file = resolve(options.out ?? defaultCredentialPath());
      // Before a client is made that nobody could use.
      if (existsSync(file)) throw fileExists(file);
      const stores = await openCommandStores(config, { migrates: true, onMigrated: (id) => sayIfNew(config, id) });
      try {
        const credential = await makeCredential(config, stores, options);
        await writeCredential(file, credential);
        if (options.json) sayJson({ clientId: credential.clientId, file });
        else {
          say(`made client ${credential.clientId}, its credential is in ${file}`);
          say('next: mtoken company add "Name of the company"');
        }
      } finally {
        await stores.close();
      }
    });
}

/** The trap of a shell without the server's settings: a credential of a database that no server uses. */
function sayIfNew({ databaseUrl, dataDir }: Config, migration: string): void {
  if (databaseUrl !== undefined || !migration.startsWith('0001_')) return;
  remark(`made a new database in ${dataDir}; if your server has another one, run this with its settings`);
}

async function makeCredential(config: Config, stores: Stores, options: BootstrapOptions): Promise<Credential> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const kid = randomId('key');
  const publicJwk = { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' };
  const scope = adminScopes.join(' ');
  const { client } = await createClient(
    { records: stores.records, clock: systemClock },
    { kind: 'admin', name: options.name, metadata: { scope, jwks: { keys: [publicJwk] } } },
    { name: 'cli' },
  );
  return {
    issuer: config.issuer,
    adminUrl: options.adminUrl ?? `http://${hostOf(config)}:${config.admin.port}`,
    audience: config.admin.audience,
    clientId: client.id,
    privateJwk: { ...(await exportJWK(privateKey)), kid },
    scope,
  };
}

/** A listener on every address is reached on this machine by the loopback one. */
function hostOf({ admin }: Config): string {
  if (admin.host === '0.0.0.0' || admin.host === '::') return '127.0.0.1';
  return admin.host.includes(':') ? `[${admin.host}]` : admin.host;
}

/** Never over an existing file: it may be the only copy of a credential that is in use. */
async function writeCredential(file: string, credential: Credential): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  try {
    await writeFile(file, `${JSON.stringify(credential, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') throw fileExists(file);
    throw new CommandError(`cannot write ${file}`, {
      hint: 'choose another file with --out; the client that was just made is not used by anybody and can be disabled',
      cause,
    });
  }
}

function fileExists(file: string): CommandError {
  return new CommandError(`${file} exists already`, {
    hint: 'choose another file with --out, or remove this one if its server is gone',
  });
}
