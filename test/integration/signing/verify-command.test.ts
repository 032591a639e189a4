/** `mtoken verify`, as somebody runs it who has a receipt in a file. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Receipt } from '../../../src/protocol/receipt.ts';
import { commandProgram } from '../../bundled-programs.ts';
import { createSigningWorld, historyOf, type SigningWorld, signedReceipt } from '../../unit/signing/signed.ts';

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
      '  | 2. 2,500.01\u00a0EUR · Zoë Peeters · BE71 0961 2345 6769 · November',
      '  asked by   Business portal (portal.example), as my payment-batch',
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
});
