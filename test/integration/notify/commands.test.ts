/** Notifications and webhooks as an operator and a receiver meet them: commands, metrics, health, and the manual's own ten lines. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { exportJWK } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { suspendUser } from '../../../src/companies/user-status.ts';
import { commandProgram } from '../../bundled-programs.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import { addAdminClient, addUser, bank, eventually, type System, startSystem } from '../system/rig.ts';
import { type Received, type Receiver, startReceiver } from './receiver.ts';

type Verify = (headers: unknown, body: string, secret: string) => { id: string; type: string; data: object };

const command = await commandProgram();
const manual = fileURLToPath(new URL('../../../docs/operations.md', import.meta.url));

let stores: SystemStores;
let system: System;
let receiver: Receiver;
let folder: string;
let credential: string;
let verify: Verify;

beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('no engine');
  stores = await engine.open();
  receiver = await startReceiver();
  system = await startSystem(stores, { env: { MTOKEN_INTERNAL_WEBHOOKS: receiver.host } });
  folder = await mkdtemp(join(tmpdir(), 'mtoken-commands-'));
  const { id, privateKey, publicJwk, scope } = await addAdminClient(system.server);
  credential = join(folder, 'operator.json');
  const privateJwk = { ...(await exportJWK(privateKey)), kid: publicJwk.kid };
  const { issuer, adminUrl } = system;
  await writeFile(
    credential,
    JSON.stringify({ issuer, adminUrl, audience: `${issuer}/admin`, clientId: id, privateJwk, scope }),
  );
  const [, code = ''] = /```js\n([\s\S]*?verifyWebhook[\s\S]*?)```/.exec(await readFile(manual, 'utf8')) ?? [];
  await writeFile(join(folder, 'verify.mjs'), code);
  ({ verifyWebhook: verify } = (await import(pathToFileURL(join(folder, 'verify.mjs')).href)) as {
    verifyWebhook: Verify;
  });
});

afterAll(async () => {
  await system.close();
  await receiver.close();
  await stores.close();
  await rm(folder, { recursive: true });
});

function mtoken(...words: string[]): Promise<{ exit: number; out: string; err: string }> {
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    MTOKEN_ISSUER: system.issuer,
    MTOKEN_CLI_CREDENTIAL: credential,
    ...stores.env,
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [command, ...words], { env }, (error, out, err) =>
      resolve({ exit: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

async function json<T>(...words: string[]): Promise<T> {
  const { exit, out, err } = await mtoken(...words, '--json');
  expect({ exit, err }, words.join(' ')).toEqual({ exit: 0, err: '' });
  return JSON.parse(out) as T;
}

const newest = () => receiver.received.at(-1) as Received;
const suspendSomebody = async (): Promise<string> => {
  const user = await addUser(system.server, system.company.id, { name: 'Gone Soon' });
  await suspendUser(system.server.capabilities.admin, { userId: user.id, reason: 'left', actor: bank });
  return user.id;
};
const deadLetters = () => system.server.stores.records.outbox.deadLetters({ limit: 50 });

describe('mtoken webhook', () => {
  let webhook: { id: string; secret: string };

  it('registers an address, shows its secret once, and tries it (add, test, list)', async () => {
    const added = await mtoken('webhook', 'add', receiver.url, '--name', 'Fraud desk', '--event', 'user.suspended');
    expect(added).toMatchObject({ exit: 0, err: '' });
    expect(added.out).toMatch(
      /^id {6}whk_\S+\nsecret {2}whsec_\S+ {3}\(shown this once\)\nnext: mtoken webhook test whk_/,
    );
    webhook = { id: /whk_\S+/.exec(added.out)?.[0] ?? '', secret: /whsec_\S+/.exec(added.out)?.[0] ?? '' };
    expect(await mtoken('webhook', 'test', webhook.id)).toEqual({ exit: 0, out: 'taken: status 204\n', err: '' });
    const listed = await mtoken('webhook', 'list');
    expect(listed.out).toMatch(/Fraud desk\s+active\s+all\s+user\.suspended\s+http:\/\/127\.0\.0\.1:\d+\/hook/);
    expect(listed.out).not.toContain('whsec_');
    receiver.manners.push(500);
    const refused = await mtoken('webhook', 'test', webhook.id);
    expect(refused).toMatchObject({ exit: 1, out: 'not taken: status 500\n' });
  }, 60_000);

  it("is verified by the manual's ten lines, which refuse what is forged, changed, old or of another secret (A-09)", async () => {
    const userId = await suspendSomebody();
    const { headers, body } = await eventually('the webhook', () =>
      receiver.received.find((one) => one.body.includes(userId)),
    );
    expect(verify(headers, body, webhook.secret)).toMatchObject({
      id: headers['webhook-id'],
      type: 'user.suspended',
      data: { companyId: system.company.id, userId },
    });
    const other = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
    const old = { ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) - 301) };
    const later = { ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) + 1) };
    for (const [given, text, secret] of [
      [headers, body.replace('suspended', 'restored'), webhook.secret],
      [headers, body, other],
      [old, body, webhook.secret],
      [later, body, webhook.secret],
      [{ ...headers, 'webhook-id': 'box_other' }, body, webhook.secret],
      [{ ...headers, 'webhook-signature': 'v1,' }, body, webhook.secret],
      [{ ...headers, 'webhook-signature': undefined }, body, webhook.secret],
      [{}, body, webhook.secret],
    ] as const) {
      expect(() => verify(given, text, secret)).toThrow(/too old|not signed/);
    }
  });

  it('rotates the secret with an overlap in which both verify (rotate)', async () => {
    const rotated = await mtoken('webhook', 'rotate', webhook.id, '--overlap-hours', '1');
    expect(rotated.out).toMatch(/^secret {2}whsec_\S+ {3}\(shown this once\)\nthe one before signs too until 20\d\d-/);
    const next = /whsec_\S+/.exec(rotated.out)?.[0] ?? '';
    const userId = await suspendSomebody();
    await eventually('the webhook', () => receiver.received.find((one) => one.body.includes(userId)));
    for (const secret of [webhook.secret, next])
      expect(verify(newest().headers, newest().body, secret).id).toMatch(/^box_/);
  }, 60_000);

  it('refuses what could make the server call its neighbours (P6)', async () => {
    const refused = await mtoken('webhook', 'add', 'https://169.254.169.254/', '--name', 'x');
    expect(refused).toMatchObject({ exit: 1, out: '' });
    expect(refused.err).toContain('MTOKEN_INTERNAL_WEBHOOKS');
  }, 60_000);
});

describe('mtoken notification', () => {
  it('lists what was given up with the reason, sends it again, and doctor, metrics and health tell how many (A-13)', async () => {
    const [{ id } = { id: '' }] = await json<{ id: string }[]>('webhook', 'list');
    receiver.manners.push(410);
    const userId = await suspendSomebody();
    const [letter] = await eventually('a dead letter', async () => {
      const letters = await deadLetters();
      return letters.length > 0 ? letters : undefined;
    });
    const listed = await mtoken('notification', 'list');
    expect((await mtoken('notification', 'status')).out).toMatch(/^webhook {14}0 waiting, 1 given up\n/);
    expect(listed.out).toMatch(
      /box_\S+\s+webhook\s+user\.suspended\s+whk_\S+\s+20\S+Z\s+1\s+\S+: the receiver answered 410/,
    );
    expect(listed.out).not.toContain(userId);
    expect((await mtoken('doctor')).out).toMatch(
      /^warn {2}outbox\s+0 waiting, 1 given up\n\s+→ mtoken notification list/m,
    );
    const metrics = await (await fetch(`${system.adminUrl}/metrics`)).text();
    expect(metrics).toMatch(/^mtoken_outbox_dead 1$/m);
    expect(metrics).toMatch(/^mtoken_outbox_oldest_seconds 0$/m);
    expect(await (await fetch(`${system.adminUrl}/health`)).json()).toMatchObject({
      isReady: true,
      outbox: { pending: 0, dead: 1, oldestSeconds: 0 },
    });
    expect((await mtoken('webhook', 'enable', id)).out).toBe(`${id} is active\n`);
    expect((await mtoken('notification', 'resend', letter?.id ?? '')).out).toBe('1 is on its way again\n');
    await eventually('the webhook', () => (newest().headers['webhook-id'] === letter?.id ? true : undefined));
    expect(await mtoken('notification', 'resend', letter?.id ?? '')).toMatchObject({ exit: 1, out: '' });
    expect((await mtoken('notification', 'resend', '--all')).out).toBe('0 are on their way again\n');
    expect((await mtoken('notification', 'resend')).exit).toBe(2);
    expect((await mtoken('notification', 'resend', 'box_x', '--all')).exit).toBe(2);
    expect((await mtoken('notification', 'list')).out).toBe('nothing was given up\n');
    expect((await mtoken('notification', 'status')).out).toBe('nothing waits\n');
  }, 120_000);
});
