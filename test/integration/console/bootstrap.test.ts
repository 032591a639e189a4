/** From an empty machine to an operator at the console, by the one way that there is. */
import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandProgram } from '../../bundled-programs.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import { registerPhone } from '../system/rig.ts';
import { callAdmin, logInToConsole, startConsoleSystem } from './desk.ts';

let stores: SystemStores;
const command = await commandProgram();
let credential: string;

beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('no engine');
  stores = await engine.open();
  credential = join(stores.dataDir, 'operator.json');
});

afterAll(async () => {
  await stores.close();
});

async function bootstrap(...words: string[]): Promise<{ exit: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [command, 'bootstrap', '--out', credential, ...words], {
    env: { PATH: process.env['PATH'] ?? '', HOME: stores.dataDir, ...stores.env },
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
  return { exit, out, err };
}

describe('mtoken bootstrap --operator', () => {
  it('wants name and address together, judges them first, and makes nothing otherwise', async () => {
    for (const words of [
      ['--operator', 'Olga'],
      ['--email', 'olga@bank.example'],
    ]) {
      const { exit, err } = await bootstrap(...words);
      expect([exit, err], words.join(' ')).toEqual([2, 'mtoken: --operator and --email go together\n']);
    }
    const odd = await bootstrap('--operator', 'Olga', '--email', 'olga@');
    expect(odd.exit).toBe(1);
    expect(odd.err).toMatch(/mtoken: email must be an address like name@example\.com/);
    expect(existsSync(credential)).toBe(false);
  });

  it('makes credential, bank and operator, says what comes next, and then further operators only (X-07)', async () => {
    const words = ['--operator', 'Olga Operator', '--email', 'olga@bank.example', '--bank', 'Example Bank'];
    const first = await bootstrap(...words);
    expect(first.exit, first.err).toBe(0);
    expect(first.out).toMatch(
      /^made client cli_\S+, its credential is in \S+operator\.json\nmade the bank's own company co_\S+ \(Example Bank\)\nmade operator (usr_\S+) \(Olga Operator\)\nnext: mtoken activation create \1\n$/,
    );
    expect(statSync(credential).mode & 0o777).toBe(0o600);
    const again = await bootstrap(...words);
    expect([again.exit, again.err]).toEqual([1, 'mtoken: the bank has a user with that address\n']);
    const second = await bootstrap('--operator', 'Otto', '--email', 'otto@bank.example', '--json');
    expect(JSON.parse(second.out)).toEqual({
      userId: expect.stringMatching(/^usr_/),
      companyId: /co_\S+/.exec(first.out)?.[0],
    });
  });

  it('is the beginning of a person who logs in to the console and may do everything, and stands in the trail (X-07, A-02)', async () => {
    const desk = await startConsoleSystem(stores);
    try {
      const { records } = desk.system.server.stores;
      const bank = await records.companies.findBank();
      const [olga] = (await records.users.list(bank?.id, { limit: 10 })).filter(({ name }) => name === 'Olga Operator');
      if (olga === undefined) throw new Error('no operator');
      const trail = await records.audit.read(0, 100, { userId: olga.id });
      expect(trail[0]).toMatchObject({ event: 'user.created', actor: 'cli', data: { staffRole: 'operator' } });
      const phone = await registerPhone(desk.system, { user: olga });
      const { browser, url } = await logInToConsole(desk, { phone });
      expect(url).toBe(`${desk.origin}/console/`);
      const me = await callAdmin(desk, browser.cookies(desk.origin), '/me');
      expect(JSON.parse(me.text)).toMatchObject({ role: 'operator', companyName: 'Example Bank' });
    } finally {
      await desk.system.close();
    }
  });
});
