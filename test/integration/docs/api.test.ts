/** The code of docs/api.md, as it stands there, against a server: with curl and with Node. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { exportJWK, generateKeyPair } from 'jose';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createClient } from '../../../src/oidc/clients.ts';
import { adminScopes } from '../../../src/oidc/deps.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import { bank, type System, startSystem } from '../system/rig.ts';

const root = new URL('../../../', import.meta.url).pathname;
// Inside of the project, so that what the examples import is found.
const directory = join(root, 'node_modules', '.cache', `mtoken-api-${process.pid}`);
let page: string;
let stores: SystemStores;
let system: System;

beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('no engine');
  stores = await engine.open();
  system = await startSystem(stores);
  page = await readFile(join(root, 'docs', 'api.md'), 'utf8');
  await mkdir(directory, { recursive: true });
  for (const [, name = '', code = ''] of page.matchAll(/^```js\n\/\/ ([a-z-]+\.mjs):([\s\S]*?)^```$/gm)) {
    await writeFile(join(directory, name), `//${code}`);
  }
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
  await system.close();
  await stores.close();
});

/** The shell parts, each in the directory of the scripts; the first line that fails ends them. */
async function shell(script: string, env: Readonly<Record<string, string>>): Promise<string> {
  const child = spawn('bash', ['-c', `set -euo pipefail\n${script}`], {
    cwd: directory,
    env: { PATH: process.env['PATH'] ?? '', HOME: directory, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const exit = await new Promise<number | null>((resolve) => child.on('close', resolve));
  expect({ exit, err, out: exit === 0 ? '' : out }).toEqual({ exit: 0, err: '', out: '' });
  return out;
}

/** What `mtoken bootstrap` would write: the credential of an operator. */
async function operatorCredential(): Promise<string> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const scope = adminScopes.join(' ');
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'operator' }] };
  const registration = { kind: 'admin', name: 'Operator', metadata: { scope, jwks } } as const;
  const { client } = await createClient(system.server.capabilities.admin, registration, bank);
  const file = join(directory, 'operator.json');
  const { issuer, adminUrl } = system;
  const privateJwk = { ...(await exportJWK(privateKey)), kid: 'operator' };
  await writeFile(
    file,
    JSON.stringify({ issuer, adminUrl, audience: `${issuer}/admin`, clientId: client.id, privateJwk, scope }),
  );
  return file;
}

const hasCurl = spawnSync('curl', ['--version']).status === 0;

it.skipIf(!hasCurl)(
  'makes a key, registers a machine, gets a token, creates and changes a user with curl (X-07, X-09)',
  async () => {
    const parts = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code);
    expect(parts).toHaveLength(2);
    const out = await shell(
      [
        `mtoken() { '${process.execPath}' --import '${root}node_modules/tsx/dist/loader.mjs' '${root}src/cli/main.ts' "$@"; }`,
        'node make-key.mjs',
        ...parts,
        'cat user.json',
      ].join('\n'),
      {
        MTOKEN_CLI_CREDENTIAL: await operatorCredential(),
        COMPANY: system.company.id,
        ISSUER: system.issuer,
        ADMIN: system.adminUrl,
      },
    );
    expect(out).toContain('created hr-system, which authenticates by private_key_jwt');
    expect(out).toContain(`"companyId":"${system.company.id}"`);
    const users = await system.server.stores.records.users.list(system.company.id, { limit: 200 });
    expect(users.find(({ email }) => email === 'ada@example.com')).toMatchObject({ language: 'de', version: 2 });
  },
);

it('goes through lists, hires once and changes what somebody else changes too, with Node', async () => {
  interface Ask {
    (method: string, path: string, options?: object): Promise<{ id: string; version: number; name: string }>;
  }
  interface Examples {
    accessToken(options: Record<string, string>): Promise<string>;
    admin(options: { url: string; token: string }): Ask;
    rows(ask: Ask, path: string, query?: object): AsyncGenerator<{ id: string }>;
    hire(ask: Ask, number: number, person: object): Promise<{ id: string }>;
    changeUser(ask: Ask, userId: string, change: (user: { version: number }) => object): Promise<{ version: number }>;
  }
  const load = async (name: string) => (await import(pathToFileURL(join(directory, name)).href)) as Partial<Examples>;
  const { accessToken, admin, rows, hire, changeUser } = {
    ...(await load('token.mjs')),
    ...(await load('admin.mjs')),
  } as Examples;
  const token = await accessToken({
    issuer: system.issuer,
    clientId: 'hr-system',
    scope: 'admin:read admin:write',
    keyFile: join(directory, 'key.json'),
  });
  const ask = admin({ url: system.adminUrl, token });

  const person = { companyId: system.company.id, name: 'Grace Example', email: 'grace@example.com' };
  const [first, again] = await Promise.all([hire(ask, 1001, person), hire(ask, 1001, person)]);
  expect(again.id).toBe(first.id);

  const ids: string[] = [];
  for await (const { id } of rows(ask, '/users', { limit: '1' })) ids.push(id);
  const own = await system.server.stores.records.users.list(system.company.id, { limit: 200 });
  expect(ids).toEqual(own.map(({ id }) => id));

  let times = 0;
  const changed = await changeUser(ask, first.id, (user) => {
    times += 1;
    return { name: `Grace ${user.version}` };
  });
  expect([changed.version, times]).toEqual([2, 1]);
  // Somebody else is faster, once.
  const change = changeUser(
    async (method, path, options) => {
      if (method === 'PATCH' && times === 1) {
        times += 1;
        await ask('PATCH', path, { body: { version: 2, name: 'Faster' } });
      }
      return ask(method, path, options);
    },
    first.id,
    (user) => ({ name: `Grace ${user.version}` }),
  );
  expect(await change).toMatchObject({ version: 4, name: 'Grace 3' });

  await expect(ask('GET', '/keys')).rejects.toMatchObject({ type: 'urn:mtoken:error:access_denied' });
});

it('names every scope', () => {
  const [, table = ''] = page.split('| scope | for |');
  expect([...table.matchAll(/^\| `(admin:[a-z]+)` \|/gm)].map(([, scope]) => scope)).toEqual([...adminScopes]);
});
