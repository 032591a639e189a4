/** `mtoken serve | migrate | bootstrap`: from an empty machine to a server with its first operator. */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Command } from 'commander';
import { exportJWK, generateKeyPair } from 'jose';
import { systemClock } from '../clock.ts';
import { createOperator, type NewOperator } from '../companies/staff.ts';
import type { Config } from '../config/config.ts';
import { randomId } from '../crypto/random.ts';
import { AuthError } from '../errors.ts';
import { createClient } from '../oidc/clients.ts';
import { adminScopes } from '../oidc/deps.ts';
import type { Stores } from '../server/stores.ts';
import { type Credential, defaultCredentialPath } from './admin-client.ts';
import { openCommandStores, readServerConfig } from './local.ts';
import { CommandError, exitCode, printable, remark, say, sayJson } from './output.ts';

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
  readonly operator?: string;
  readonly email?: string;
  readonly bank: string;
  readonly out?: string;
  readonly adminUrl?: string;
  readonly name: string;
  readonly json?: boolean;
}

/** The `bootstrap` command: the only way in without a credential, and it takes the server's own machine and data key. */
export function bootstrapCommand(): Command {
  return new Command('bootstrap')
    .description(
      "make an operator's credential and a first person of the bank, on the server's machine; there is no default one",
    )
    .option('--operator <name>', 'also make a person who may do everything at the console; takes --email')
    .option('--email <address>', "the person's work address")
    .option('--bank <name>', "what the bank's own company is called, where this makes it", 'Bank')
    .option('--name <name>', 'who the credential is for, as the audit trail shows it', 'operator')
    .option('--out <file>', 'where the credential goes (default: ~/.config/mtoken/operator.json)')
    .option('--admin-url <url>', 'where commands reach the admin listener (default: as configured)')
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', bootstrapHelp)
    .action(bootstrap);
}

const bootstrapHelp = `
The file holds a private key; keep it as you would keep the key of the vault.
Run it again for another credential, and "mtoken client disable ID" to take one away.

Examples:
  $ mtoken bootstrap --operator "Olga Operator" --email olga@bank.example --bank "Example Bank"
  $ mtoken activation create usr_…      her phone, with which she logs in to the console`;

async function bootstrap(options: BootstrapOptions): Promise<void> {
  const config = readServerConfig();
  const file = resolve(options.out ?? defaultCredentialPath());
  const isThere = existsSync(file);
  const operator = operatorOf(options);
  // Before a client is made that nobody could use. Who makes a further operator has a credential already.
  if (isThere && operator === undefined) throw fileExists(file);
  const stores = await openCommandStores(config, { migrates: true, onMigrated: (id) => sayIfNew(config, id) });
  try {
    const made = operator === undefined ? undefined : await makeOperator(stores, operator);
    const credential = isThere ? undefined : await makeCredential(config, stores, options);
    if (credential !== undefined) await writeCredential(file, credential);
    tellOfBootstrap({ made, credential, file, isJson: options.json === true });
  } finally {
    await stores.close();
  }
}

type Operator = Pick<NewOperator, 'name' | 'email' | 'bankName'>;
type MadeOperator = Awaited<ReturnType<typeof createOperator>>;

function operatorOf({ operator, email, bank }: BootstrapOptions): Operator | undefined {
  if (operator === undefined && email === undefined) return undefined;
  if (operator === undefined || email === undefined) {
    throw new CommandError('--operator and --email go together', { exit: exitCode.usage });
  }
  return { name: operator, email, bankName: bank };
}

async function makeOperator({ records }: Stores, operator: Operator): Promise<MadeOperator> {
  try {
    return await createOperator({ records, clock: systemClock }, { ...operator, actor: { name: 'cli' } });
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    const isTaken = error.code === 'already_exists';
    const message = isTaken ? 'the bank has a user with that address' : (error.publicMessage ?? error.message);
    throw new CommandError(message, { cause: error });
  }
}

interface Bootstrapped {
  readonly made: MadeOperator | undefined;
  readonly credential: Credential | undefined;
  readonly file: string;
  readonly isJson: boolean;
}

function tellOfBootstrap({ made, credential, file, isJson }: Bootstrapped): void {
  if (isJson) {
    sayJson({
      ...(credential === undefined ? {} : { clientId: credential.clientId, file }),
      ...(made === undefined ? {} : { userId: made.user.id, companyId: made.bank.id }),
    });
    return;
  }
  if (credential !== undefined) say(`made client ${credential.clientId}, its credential is in ${file}`);
  if (made === undefined) {
    say('next: mtoken company add "Name of the company"');
    return;
  }
  const { user, bank, isNewBank } = made;
  if (isNewBank) say(`made the bank's own company ${bank.id} (${printable(bank.name)})`);
  say(`made operator ${user.id} (${printable(user.name)})`);
  say(`next: mtoken activation create ${user.id}`);
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
