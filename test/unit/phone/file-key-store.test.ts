/** The key store of the phone in the terminal: the contract, and how its files lie on the disk. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fileKeyStore } from '../../../src/cli/phone/file-key-store.ts';
import { openHome } from '../../../src/cli/phone/home.ts';
import { fileSessionHolder } from '../../../src/cli/phone/session-file.ts';
import type { OpenSession } from '../../../src/sdk/index.ts';
import { describeKeyStore } from '../sdk/key-store-contract.ts';

const root = mkdtempSync(join(tmpdir(), 'mtoken-phone-'));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;
const newFolder = () => join(root, String((count += 1)));

for (const [name, passphrase] of [
  ['file', undefined],
  ['encrypted file', 'correct horse'],
] as const) {
  describeKeyStore(name, async () => {
    const folder = newFolder();
    const open = () => fileKeyStore(openHome(folder, passphrase));
    return { store: open(), reopen: open };
  });
}

const session: OpenSession = {
  id: 'ses_x',
  method: 'mpin',
  accessToken: 'token-of-the-session',
  appToServer: new Uint8Array(64).fill(1),
  serverToApp: new Uint8Array(64).fill(2),
  vaultKey: new Uint8Array(32).fill(0xab),
  idleSeconds: 300,
  idleUntil: 1,
  absoluteUntil: 2,
};

describe('the files of the phone in the terminal', () => {
  it('can be read by their owner alone, whatever the umask, and no half-written one stays (M-04)', async () => {
    const folder = newFolder();
    const before = process.umask(0);
    try {
      const store = fileKeyStore(openHome(folder, undefined));
      await store.createKey('device');
      await store.writeState('x');
    } finally {
      process.umask(before);
    }
    expect(readdirSync(folder)).toEqual(['phone.json']);
    expect(statSync(join(folder, 'phone.json')).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  it('are refused once others can read them', async () => {
    const folder = newFolder();
    const store = fileKeyStore(openHome(folder, undefined));
    await store.writeState('x');
    chmodSync(join(folder, 'phone.json'), 0o644);
    await expect(store.readState()).rejects.toMatchObject({
      code: 'key_store',
      detail: expect.stringContaining('chmod 600'),
    });
  });

  it('tell nothing without the passphrase, and refuse a wrong one or an altered file', async () => {
    const folder = newFolder();
    const store = fileKeyStore(openHome(folder, 'right'));
    await store.createKey('device');
    await store.writeState('a-known-text');
    const path = join(folder, 'phone.json');
    const text = readFileSync(path, 'utf8');
    expect(text).not.toMatch(/a-known-text|"d"|"kty"/);
    for (const passphrase of ['wrong', undefined, '']) {
      await expect(fileKeyStore(openHome(folder, passphrase)).readState()).rejects.toMatchObject({ code: 'key_store' });
    }
    const sealed = JSON.parse(text) as { box: string };
    const first = sealed.box[0] === 'A' ? 'B' : 'A';
    writeFileSync(path, JSON.stringify({ ...sealed, box: first + sealed.box.slice(1) }));
    await expect(store.readState()).rejects.toMatchObject({ code: 'key_store' });
  });

  it('that are damaged are said to be', async () => {
    const folder = newFolder();
    const store = fileKeyStore(openHome(folder, undefined));
    await store.writeState('x');
    writeFileSync(join(folder, 'phone.json'), '{"version":1,');
    await expect(store.readState()).rejects.toMatchObject({
      code: 'key_store',
      detail: expect.stringContaining('damaged'),
    });
  });

  it('hold the session between commands, but never the vault key', async () => {
    const folder = newFolder();
    const holder = fileSessionHolder(openHome(folder, undefined));
    await holder.set(session);
    expect(await holder.get()).toEqual({ ...session, vaultKey: undefined });
    const text = readFileSync(join(folder, 'session.json'), 'utf8');
    expect(text).not.toContain(
      Buffer.from(session.vaultKey ?? [])
        .toString('base64url')
        .slice(0, 20),
    );
    await holder.set(undefined);
    expect(readdirSync(folder)).toEqual([]);
  });
});
