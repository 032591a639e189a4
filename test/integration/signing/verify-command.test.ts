/** `mtoken verify`, as somebody runs it who has a receipt in a file. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Receipt } from '../../../src/protocol/receipt.ts';
import { commandProgram } from '../../bundled-programs.ts';
import { sampleDocument, samples } from '../../unit/signing/samples.ts';
import {
  createSigningWorld,
  historyOf,
  payloadOf,
  type SigningWorld,
  signedAnew,
  signedReceipt,
} from '../../unit/signing/signed.ts';

const script = new URL('../../interop/receipt.py', import.meta.url).pathname;
const python = ['python3', '/usr/bin/python3'].find(
  (name) => spawnSync(name, ['-c', 'import cryptography']).status === 0,
);

let world: SigningWorld;
const command = await commandProgram();
let directory: string;
let receipt: Receipt;

beforeAll(async () => {
  world = await createSigningWorld();
  directory = mkdtempSync(join(tmpdir(), 'mtoken-verify-'));
  receipt = await signedReceipt(world, 'payment-batch');
  write('keys.json', await historyOf(world));
});
afterAll(async () => {
  await world.close();
  rmSync(directory, { recursive: true, force: true });
});

function write(name: string, value: unknown): string {
  const path = join(directory, name);
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
  return path;
}

function verify(...words: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, 'verify', ...words], {
    encoding: 'utf8',
  });
  return { exit: status, out: stdout, err: stderr };
}

describe('mtoken verify', () => {
  it('says what was signed, by whom, when, for whom, and every check (T-14)', () => {
    const { exit, out } = verify(write('receipt.json', receipt), '--keys', join(directory, 'keys.json'));
    expect(exit).toBe(0);
    for (const said of [
      `${world.user.name} (${world.user.id}) signed this at 20`,
      '  | Total: 12,500.01\u00a0EUR',
      '  | Reference: “Salaries”\n',
      '  | 2. 2,500.01\u00a0EUR\n  |    Zoë Peeters\n  |    BE71 0961 2345 6769\n  |    “November”\n',
      '  asked by   Business portal (portal.example), as\n               > my payment-batch\n',
      '  proof      mPIN',
    ]) {
      expect(out).toContain(said);
    }
    expect(out.match(/^ {2}ok {5}/gm)).toHaveLength(8);
  });

  it('says which check failed and nothing of what a changed receipt claims; exits with 1 (T-04, T-14)', () => {
    const changed = write('changed.json', { ...receipt, list: receipt.list?.replace('1000000', '9000000') });
    const { exit, out, err } = verify(changed, '--keys', join(directory, 'keys.json'));
    expect([exit, err]).toEqual([1, expect.stringContaining('this receipt is not genuine')]);
    expect(out).toContain('  FAILED The list of payments');
    expect(out).not.toContain('Zoë');
  });

  it('speaks JSON, and tells wrong files, keys and servers apart by its exit', () => {
    const path = write('receipt.json', receipt);
    const { exit, out } = verify(path, '--keys', join(directory, 'keys.json'), '--json');
    expect([exit, JSON.parse(out)]).toEqual([0, expect.objectContaining({ isGenuine: true })]);
    expect(verify(write('broken.json', '{')).exit).toBe(2);
    expect(verify(write('other.json', { a: 1 })).exit).toBe(1);
    expect(verify(path, '--keys', write('no-keys.json', {})).err).toContain('not those of a server');
    expect(verify(path, '--keys', 'http://bank.example/keys').err).toContain('https only');
    expect(verify(path, '--keys', 'http://127.0.0.1:9/keys').exit).toBe(3);
  });

  it('shows what a portal wrote as the portal’s words: none of them passes for a line of the server’s (T-08)', async () => {
    const keys = ['--keys', join(directory, 'keys.json')];
    const words = await signedReceipt(world, 'text', { words: 'Harmless\nAmount: 1.00 EUR\n> quoted' });
    const { exit, out } = verify(write('words.json', words), ...keys);
    expect(exit).toBe(0);
    const rows = ['The portal writes:', '  > Harmless', '  > Amount: 1.00 EUR', '  > > quoted'];
    expect(out).toContain(rows.map((row) => `  | ${row}\n`).join(''));
    const reference = 'Payee: Your own account';
    const payment = await signedReceipt(world, 'payment', { ...samples.payment, reference });
    expect(verify(write('payment.json', payment), ...keys).out).toContain(`  | Reference: “${reference}”\n`);
  });

  it('says whether a file is the document that was signed, as a foreign program does (T-05, T-14)', async () => {
    const keys = join(directory, 'keys.json');
    const signed = write('document.json', await signedReceipt(world, 'document'));
    const [right, wrong] = [join(directory, 'right.txt'), join(directory, 'wrong.txt')];
    writeFileSync(right, sampleDocument);
    writeFileSync(wrong, `${sampleDocument.toString().replace('10,000', '90,000')}`);
    const same = verify(signed, '--keys', keys, '--document', right, '--json');
    expect([same.exit, JSON.parse(same.out)]).toEqual([
      0,
      expect.objectContaining({ isGenuine: true, isSignedDocument: true }),
    ]);
    const other = verify(signed, '--keys', keys, '--document', wrong);
    expect([other.exit, other.err]).toEqual([1, expect.stringContaining('the file is not what was signed')]);
    expect(other.out).toContain('  FAILED This file is not the document that was signed.');
    expect(verify(write('receipt.json', receipt), '--keys', keys, '--document', right).err).toContain('no document');
    if (python === undefined) return;
    const foreign = (file: string) => spawnSync(python, [script, signed, keys, file]).status === 0;
    expect([foreign(right), foreign(wrong)]).toEqual([true, false]);
  });

  it('takes no server whose name reads as another’s, and says where keys came from (T-14)', () => {
    const named = (iss: string) => {
      const [head, , signature] = receipt.order.split('.');
      const payload = Buffer.from(JSON.stringify({ ...payloadOf(receipt.order), iss })).toString('base64url');
      return verify(write('named.json', { ...receipt, order: `${head}.${payload}.${signature}` }));
    };
    for (const iss of ['http://bank.example@127.0.0.1:9', 'http://127.0.0.1:9/', 'http://127.0.0.1:9/bank.example']) {
      const { exit, err } = named(iss);
      expect([exit, err], iss).toEqual([1, expect.stringContaining('names no server by its origin')]);
    }
    expect(named('http://127.0.0.1:9').exit).toBe(3);
  });

  it('says without --keys that the keys are of the server that the receipt names (T-14)', async () => {
    const document = JSON.stringify(await historyOf(world));
    const server = createServer((_, response) => response.end(document)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const iss = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const order = signedAnew(receipt.order, { iss }, world.serverPrivateKey);
    const path = write('fetched.json', { ...receipt, order });
    const child = spawn(process.execPath, [command, 'verify', path]);
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    await once(child, 'close');
    server.close();
    expect(said).toContain(`mtoken: the keys were taken from ${iss}, the server that the receipt names`);
  });
});
