/**
 * Every administrative command against a server, as it is typed and as it answers: transcript.txt is what an operator reads. Ids, times
 * and secrets are left out of it. `npx vitest run -u` writes it anew.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { operations } from '../../../src/admin-client/operations.ts';
import { execute } from '../../../src/cli/execute.ts';
import { updateCompany } from '../../../src/companies/companies.ts';
import { createOperator } from '../../../src/companies/staff.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import { addAdminClient, bank, deviceIdOf, registerPhone, type System, startSystem } from '../system/rig.ts';

let stores: SystemStores;
let system: System;
let directory: string;
let transcript = '';
let output = '';
const sent = new Set<string>();

beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('no engine');
  stores = await engine.open();
  system = await startSystem(stores);
  directory = await mkdtemp(join(tmpdir(), 'mtoken-transcript-'));
  const { admin } = system.server.capabilities;
  await createOperator(admin, { name: 'Olga', email: 'olga@bank.example', bankName: 'The bank', actor: bank });
  const client = await addAdminClient(system.server);
  const { issuer, adminUrl } = system;
  const privateJwk = { ...(await exportJWK(client.privateKey)), kid: client.publicJwk.kid };
  const credential = join(directory, 'credential.json');
  const content = {
    issuer,
    adminUrl,
    audience: `${issuer}/admin`,
    clientId: client.id,
    privateJwk,
    scope: client.scope,
  };
  await writeFile(credential, JSON.stringify(content));
  await writeFile(join(directory, 'jwks.json'), JSON.stringify({ keys: [client.publicJwk] }));
  await writeFile(join(directory, 'terms.txt'), 'Be kind.\nBe careful.\n');
  await writeFile(
    join(directory, 'rules.json'),
    '{"hours":{"days":[1,2,3,4,5],"from":"07:00","until":"19:00","timeZone":"Europe/Vienna"}}',
  );
  vi.stubEnv('MTOKEN_CLI_CREDENTIAL', credential);
  listenIn();
});

afterAll(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await rm(directory, { recursive: true, force: true });
  await system.close();
  await stores.close();
});

beforeEach(() => {
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((chunk, ...rest) => {
      output += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
      for (const done of rest) if (typeof done === 'function') done();
      return true;
    });
  }
  // As in a script: nobody is there to be asked.
  Object.defineProperty(process.stdout, 'columns', { value: 80, configurable: true });
  Object.defineProperty(process.stdin, 'isTTY', { value: false, configurable: true });
});
afterEach(() => {
  for (const stream of [process.stdout, process.stderr]) vi.mocked(stream.write).mockRestore();
});

/** Notes which operations the commands really send. */
function listenIn(): void {
  const original = globalThis.fetch;
  vi.stubGlobal('fetch', (input: string | URL, init?: RequestInit) => {
    const { pathname } = new URL(input);
    const method = init?.method ?? 'GET';
    for (const [name, place] of Object.entries(operations)) {
      const pattern = new RegExp(`^/admin/v1${place.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
      // `/audit/export` is no `/audit/{id}`: the longer way to say it wins by having no parameter.
      if (place.method === method && pattern.test(pathname)) sent.add(name);
    }
    return original(input, init);
  });
}

/** Runs a command, adds it to the transcript, and answers what it printed. */
async function mtoken(...words: string[]): Promise<string> {
  output = '';
  const exit = await execute(words);
  const typed = words.map((word) => (/^[\w./:@=,-]+$/.test(word) ? word : `"${word}"`)).join(' ');
  transcript += `$ mtoken ${typed}\n${output}${exit === 0 ? '' : `[exit code ${exit}]\n`}\n`;
  return output;
}

const idIn = (text: string, prefix: string): string =>
  new RegExp(`${prefix}_[\\w-]{22}`).exec(text)?.[0] ?? `no ${prefix}`;

function heading(text: string): void {
  transcript += `# ${text}\n\n`;
}

/** Without what differs from run to run; columns keep their width. */
function normalised(text: string): string {
  return (
    text
      .replaceAll(
        /\b(co|usr|dev|whk|box|apr|req|act|key|cli)_[\w-]{22}/g,
        (_, prefix: string) => `${prefix}_${'x'.repeat(22)}`,
      )
      .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '0000-00-00T00:00:00Z')
      .replaceAll(/whsec_[\w+/=-]+/g, 'whsec_SECRET')
      .replaceAll(/(client_secret {2})\S+/g, '$1SECRET')
      .replaceAll(/[\w-]{20,}\.[\w-]{40,}\.[\w-]{40,}/g, 'JWS')
      .replaceAll(/[0-9a-f]{64}/g, 'HASH')
      .replaceAll(/(?:[0-9A-Z]{4}-){5}[0-9A-Z]{4}/g, 'CODE')
      .replaceAll(/&k=\S+/g, '&k=KEY')
      .replaceAll(/(confirmation code {2})\d{8}/g, '$1DIGITS')
      .replaceAll(/localhost:\d+|127\.0\.0\.1:\d+/g, 'HOST')
      .replaceAll(/"(at|seq|createdAt)": ?\d+/g, '"$1":0')
      // Numbers in the trail: every event that is added anywhere would move them.
      .replaceAll(/^\d+(,| +)(?=0000-00-00T)/gm, 'N$1')
      .replaceAll(/--after \d+$/gm, '--after N')
      .replaceAll(directory, '.')
      .replaceAll(/ +$/gm, '')
  );
}

it('every administrative command says what an operator should read', async () => {
  heading('Who is it?');
  await mtoken('me');

  heading('A company, from its beginning to its end');
  const company = idIn(
    await mtoken('company', 'add', 'Umbra Ltd', '--user-limit', '10', '--self-activation', 'no'),
    'co',
  );
  await mtoken('company', 'list', '--search', 'umbra');
  await mtoken(
    'company',
    'change',
    company,
    '--network',
    '10.0.0.0/8',
    '--email-domain',
    'umbra.example',
    '--rules',
    join(directory, 'rules.json'),
  );
  await mtoken('company', 'show', company);
  await mtoken('company', 'change', company);
  await mtoken('company', 'change', company, '--network', 'none', '--email-domain', 'none');
  await mtoken('company', 'suspend', company, '--reason', 'unpaid');
  await mtoken('company', 'suspend', company, '--reason', 'unpaid', '--yes');
  await mtoken('company', 'restore', company, '--reason', 'paid');

  heading('Its people');
  const person = ['user', 'add', '--company', company, '--name', 'Ada Umbra', '--email'];
  const user = idIn(
    await mtoken(...person, 'ada@umbra.example', '--document', 'P1234567', '--document-expires', '2031-05-01'),
    'usr',
  );
  await mtoken(...person, 'ADA@umbra.example');
  await mtoken(...person, 'not an address');
  await mtoken('user', 'list', '--company', company, '--status', 'invited');
  await mtoken('user', 'list', '--role', 'king');
  await mtoken('user', 'change', user, '--language', 'de', '--permissions', 'full');
  await mtoken('user', 'show', user);
  await mtoken('user', 'email', user, '--to', 'ada.umbra@umbra.example');
  await mtoken('user', 'email', user, '--to', 'ada.umbra@umbra.example', '--yes');
  await mtoken('activation', 'create', user, '--no-qr');
  await mtoken('activation', 'create', user, '--delivery', 'email');
  await mtoken('user', 'suspend', user, '--reason', 'on leave');
  await mtoken('user', 'restore', user, '--reason', 'back');
  await mtoken('user', 'deactivate', user, '--reason', 'lost', '--yes');
  await mtoken('user', 'remove', user, '--reason', 'left', '--yes');
  expect(await mtoken('user', 'export', user, '--reason', 'request', '--yes')).toContain('ada.umbra@umbra.example');
  transcript = transcript.replace(
    /(\$ mtoken user export [^\n]+\n)[\s\S]*$/,
    '$1(everything that is held of the person, as JSON)\n\n',
  );
  await mtoken('user', 'erase', user, '--reason', 'request', '--yes');

  heading("The bank's own people");
  const staff = ['staff', 'add', '--name', 'Sam Support', '--email', 'sam@bank.example', '--staff-role', 'support'];
  await mtoken(...staff);
  const sam = idIn(await mtoken(...staff, '--yes'), 'usr');
  await mtoken('staff', 'role', sam, '--to', 'auditor', '--yes');
  await mtoken('user', 'list', '--role', 'auditor');

  await devices();
  await terms();
  await machinesAndMessages();
  await trail();
  heading('The end');
  await mtoken('company', 'deactivate', company, '--reason', 'key theft', '--yes');
  await mtoken('company', 'close', company, '--reason', 'contract ended', '--yes');

  // Every operation was sent, by the command that is for it.
  expect(Object.keys(operations).filter((name) => !sent.has(name))).toEqual([]);
  await expect(normalised(transcript)).toMatchFileSnapshot('transcript.txt');
}, 120_000);

async function devices(): Promise<void> {
  heading('Devices, and acts of two people');
  const { admin } = system.server.capabilities;
  const { id: companyId, version } = system.company;
  await updateCompany(admin, { companyId, version, changes: { selfActivation: false }, actor: bank });
  const options = { user: system.user };
  const [first, second] = [
    await deviceIdOf(await registerPhone(system, options)),
    await deviceIdOf(await registerPhone(system, options)),
  ];
  await mtoken('device', 'approve', first);
  await mtoken('device', 'approve', first);
  await mtoken('device', 'refuse', second, '--reason', 'nobody knows it');
  await mtoken('device', 'list', '--user', system.user.id, '--status', 'active');
  await mtoken('device', 'show', first);
  await mtoken('device', 'deactivate', first, '--reason', 'lost');
  await mtoken('device', 'deactivate', first, '--reason', 'lost', '--yes');
  await mtoken('device', 'show', `dev_${'A'.repeat(22)}`);
  await mtoken('device', 'show', '../users');
  const none = `apr_${'A'.repeat(22)}`;
  await mtoken('approval', 'list', '--status', 'pending');
  await mtoken('approval', 'show', none);
  await mtoken('approval', 'approve', none);
  await mtoken('approval', 'approve', none, '--yes');
  await mtoken('approval', 'refuse', none, '--reason', 'no');
  await mtoken('approval', 'withdraw', none);
}

async function terms(): Promise<void> {
  heading('Terms');
  await mtoken('terms', 'list');
  const text = `en=${join(directory, 'terms.txt')}`;
  await mtoken('terms', 'publish', '2026-11', '--title', 'en=Terms of use', '--text', text);
  await mtoken('terms', 'publish', '2026-11', '--title', 'en=Terms of use', '--text', text, '--yes');
  await mtoken('terms', 'publish', '2026-11', '--title', 'de=Bedingungen', '--text', text, '--yes');
  await mtoken('terms', 'show');
  await mtoken('terms', 'show', '2026-11', '--language', 'de');
  await mtoken('terms', 'list');
  await mtoken('terms', 'accepted', system.user.id);
}

/** CIBA and a portal's own webhook. */
async function portalsWithoutBrowser(): Promise<void> {
  const address = 'https://umbra.example';
  const desk = ['client', 'add', 'desk', '--name', 'Desk', '--redirect-uri', `${address}/callback`];
  const keys = ['--jwks', join(directory, 'jwks.json')];
  await mtoken(...desk, '--ciba', 'poll');
  await mtoken(...desk, ...keys, '--ciba', 'push');
  await mtoken(...desk, ...keys, '--ciba', 'poll', '--ciba-notification', `${address}/ciba`);
  await mtoken(...desk, ...keys, '--ciba', 'poll', '--signing-webhook', `${address}/signing`);
  await mtoken('client', 'update', 'desk', '--ciba', 'ping', '--ciba-notification', `${address}/ciba`);
  await mtoken('client', 'rotate-webhook', 'desk', '--overlap-hours', '0');
  await mtoken('client', 'update', 'desk', '--ciba', 'none', '--no-signing-webhook');
  await mtoken('client', 'rotate-webhook', 'desk');
}

async function machinesAndMessages(): Promise<void> {
  heading('Portals, machines, keys');
  const uri = ['--redirect-uri', 'https://umbra.example/callback'];
  await mtoken('client', 'add', 'umbra', '--name', 'Umbra portal', ...uri);
  await mtoken('client', 'add', 'umbra', '--name', 'Umbra portal', ...uri);
  await mtoken(
    'client',
    'add-machine',
    'umbra-hr',
    '--name',
    'HR',
    '--jwks',
    join(directory, 'jwks.json'),
    '--scope',
    'admin:read',
  );
  await mtoken('client', 'update', 'umbra', '--name', 'Umbra bank');
  await mtoken('client', 'show', 'umbra');
  await mtoken('client', 'list', '--after', 'portal', '--limit', '1', '--json');
  transcript = transcript.replace(/(\$ mtoken client list --after [^\n]+\n)[\s\S]*$/, '$1(one row)\n\n');
  await mtoken('client', 'disable', 'umbra');
  await mtoken('client', 'disable', 'umbra', '--yes');
  await portalsWithoutBrowser();
  await mtoken('keys', 'rotate', '--without-overlap');
  const keys = await mtoken('keys', 'list');
  expect(keys.split('\n')[0]).toMatch(/^KID\s+USE\s+ALG\s+STATUS\s+CREATED$/);
  const rotated = await mtoken('keys', 'rotate');
  expect(rotated).toMatch(/^ES256\s+\S+ {2}\S+ → \S+$/m);
  transcript = transcript.replace(
    /(\$ mtoken keys list\n)[\s\S]*$/,
    '$1(the keys)\n\n$ mtoken keys rotate\n(each step)\n\n',
  );

  heading('Messages and webhooks');
  await mtoken('notification', 'list');
  await mtoken('notification', 'resend');
  await mtoken('notification', 'resend', '--all');
  await mtoken('notification', 'resend', `box_${'A'.repeat(22)}`);
  expect(await mtoken('notification', 'status')).toMatch(/nothing waits|waiting/);
  transcript = transcript.replace(/(\$ mtoken notification status\n)[\s\S]*$/, '$1(how many wait)\n\n');
  await mtoken('webhook', 'add', 'http://hook.example/mtoken', '--name', 'Hook');
  const hook = idIn(
    await mtoken('webhook', 'add', 'https://hook.invalid/mtoken', '--name', 'Hook', '--event', 'mpin.blocked'),
    'whk',
  );
  await mtoken('webhook', 'list');
  await mtoken('webhook', 'show', hook);
  await mtoken('webhook', 'rotate', hook, '--overlap-hours', '0');
  expect(await mtoken('webhook', 'test', hook)).toMatch(/^not taken: /);
  transcript = transcript.replace(/(\$ mtoken webhook test [^\n]+\n)[^\n]*\n/, '$1not taken: (why)\n');
  await mtoken('webhook', 'disable', hook, '--yes');
  await mtoken('webhook', 'enable', hook);
}

async function trail(): Promise<void> {
  heading('The audit trail');
  await mtoken('audit', 'list', '--event', 'company.created', '--limit', '1', '--newest');
  await mtoken('audit', 'list', '--event', 'no.such_event');
  await mtoken('audit', 'list', '--from', 'yesterday');
  await mtoken('audit', 'export', '--format', 'csv', '--event', 'terms.published');
  await mtoken('audit', 'checkpoint');
  transcript = transcript.replace(/(\$ mtoken audit checkpoint\n)[\s\S]*$/, '$1(the signed head)\n\n');
  heading('Is it well?');
  await mtoken('health');
  heading('What cannot work');
  await mtoken('company', 'list', '--limit', '0');
  await mtoken('company', 'fly');
  await mtoken('user', 'add', '--company', 'x', '--name', 'N', '--email', 'n@example.com');
  await mtoken('company', 'list', '--credential', join(directory, 'none.json'));
  await mtoken('device', 'deactivate', '--help');
}

it('goes through every row with --all, as many as are asked for with --limit, and says where the next begins', async () => {
  for (let index = 0; index < 5; index += 1) await execute(['company', 'add', `Row ${index}`]);
  const list = async (...words: string[]) =>
    JSON.parse(await mtoken('company', 'list', '--search', 'Row', '--json', ...words));
  expect(await list('--all')).toHaveLength(5);
  output = '';
  await execute(['company', 'list', '--search', 'Row', '--limit', '2']);
  const [, after = ''] = /there are more: --all, --limit, or --after (co_[\w-]{22})\n$/.exec(output) ?? [];
  expect(after).toMatch(/^co_/);
  expect(await list('--after', after)).toHaveLength(3);
  expect(await list('--limit', '5')).toHaveLength(5);
});
