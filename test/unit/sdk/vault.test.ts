/** What a phone keeps of its user: nothing that could be read while it is locked. */
import { describe, expect, it } from 'vitest';
import { type KeyStore, memoryKeyStore } from '../../../src/sdk/index.ts';
import { openFromVault, sealInVault } from '../../../src/sdk/vault.ts';
import { confirmationCode, description, mpin, openBank } from './bank.ts';

const key = new Uint8Array(32).fill(7);

async function registeredPhone() {
  const bank = await openBank();
  const keyStore = memoryKeyStore();
  const phone = bank.phone({ keyStore });
  await phone.beginRegistration(bank.activationText, { device: description });
  await phone.finishRegistration({ confirmationCode, mpin });
  return { bank, keyStore, phone };
}

const remembered = async (keyStore: KeyStore): Promise<string> => (await keyStore.readState()) ?? '';

describe('what a phone remembers', () => {
  it('names nobody to a thief who reads the storage of a locked phone (C-13)', async () => {
    const { bank, keyStore, phone } = await registeredPhone();
    for (const step of ['registered', 'unlocked', 'locked', 'started again']) {
      if (step === 'unlocked') await phone.unlockWithMpin(mpin);
      if (step === 'locked') await phone.logout();
      const text = await remembered(keyStore);
      expect(text.length, step).toBeGreaterThan(100);
      for (const name of ['Anna', 'Demo', 'demo.example', '"user"']) expect(text, step).not.toContain(name);
    }
    expect(JSON.parse(await remembered(keyStore)).sealedOwner).toMatch(/^[\w-]{100,}$/);
    expect(await phone.state()).toMatchObject({ owner: null });
    const later = bank.phone({ keyStore });
    expect(await later.state()).toMatchObject({ kind: 'registered', owner: null });
    await later.unlockWithMpin(mpin);
    expect(await later.state()).toMatchObject({ owner: { user: { name: 'Anna' }, company: { name: 'Demo' } } });
  });

  it('keeps a phone that was registered when names were in clear, and takes them out at the next unlock', async () => {
    const { keyStore, phone } = await registeredPhone();
    const { sealedOwner: _sealedOwner, ...rest } = JSON.parse(await remembered(keyStore));
    const owner = { user: { name: 'Anna', locale: 'en' }, company: { name: 'Demo' }, permissions: 'full' };
    await keyStore.writeState(JSON.stringify({ ...rest, owner }));
    expect(await phone.state()).toMatchObject({ kind: 'registered', owner: null });
    await phone.unlockWithMpin(mpin);
    expect(await remembered(keyStore)).not.toContain('Anna');
    expect(await phone.state()).toMatchObject({ owner: { user: { name: 'Anna' } } });
  });

  it('does not lose the phone over a seal that does not open', async () => {
    const { keyStore, phone } = await registeredPhone();
    await phone.unlockWithMpin(mpin);
    const state = JSON.parse(await remembered(keyStore));
    await keyStore.writeState(JSON.stringify({ ...state, sealedOwner: `A${state.sealedOwner.slice(1)}` }));
    expect(await phone.state()).toMatchObject({ kind: 'registered', owner: null });
  });
});

describe('the vault', () => {
  it('opens what it sealed, never seals alike, and opens nothing under another key, for another purpose, or changed (C-04)', async () => {
    const sealed = await sealInVault(key, 'test', { name: 'Ünï' });
    expect(await openFromVault(key, 'test', sealed)).toEqual({ name: 'Ünï' });
    expect(await sealInVault(key, 'test', { name: 'Ünï' })).not.toBe(sealed);
    expect(await openFromVault(new Uint8Array(32).fill(8), 'test', sealed)).toBeUndefined();
    expect(await openFromVault(key, 'other', sealed)).toBeUndefined();
    for (let at = 0; at < sealed.length; at += 1) {
      const other = sealed[at] === 'A' ? 'B' : 'A';
      expect(await openFromVault(key, 'test', sealed.slice(0, at) + other + sealed.slice(at + 1))).toBeUndefined();
    }
    for (const text of ['', 'AAAA', 'not base64url!']) expect(await openFromVault(key, 'test', text)).toBeUndefined();
  });
});
