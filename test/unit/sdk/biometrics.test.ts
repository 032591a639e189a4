/** Biometrics of a phone: switched on with the mPIN, used, lost and switched off, and what is left of it each time. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type KeyStore, memoryKeyStore, PhoneError } from '../../../src/sdk/index.ts';
import { issuer, mpin, openBankWithPhone } from './bank.ts';
import { frameText } from './protocol-server.ts';

/** A store whose biometric key answers as the test says. */
function touchyKeyStore(): { store: KeyStore; touch: { fault: PhoneError | undefined; asked: number } } {
  const inner = memoryKeyStore();
  const touch: { fault: PhoneError | undefined; asked: number } = { fault: undefined, asked: 0 };
  const store: KeyStore = {
    ...inner,
    sign: async (name, data) => {
      if (name === 'biometric') {
        touch.asked += 1;
        if (touch.fault !== undefined) throw touch.fault;
      }
      return inner.sign(name, data);
    },
  };
  return { store, touch };
}

const hasBiometrics = async (phone: { state(): Promise<object> }) =>
  ((await phone.state()) as { hasBiometrics?: boolean }).hasBiometrics;

describe('biometrics', () => {
  it('are switched on with the mPIN and unlock then, until they are switched off', async () => {
    const keyStore = memoryKeyStore();
    const { bank, phone } = await openBankWithPhone({ keyStore });
    await phone.unlockWithMpin(mpin);
    expect(await hasBiometrics(phone)).toBe(false);
    await phone.enableBiometrics({ mpin });
    expect(await hasBiometrics(phone)).toBe(true);
    await phone.logout();
    await phone.unlockWithBiometrics();
    await phone.approve(await phone.claim(frameText(issuer)));
    expect(bank.decisions[0]?.claims).toMatchObject({ factors: ['biometric'] });
    await phone.disableBiometrics();
    expect(await hasBiometrics(phone)).toBe(false);
    expect(await keyStore.publicKey('biometric')).toBeUndefined();
    expect(bank.device().biometricJwk).toBeUndefined();
    await phone.logout();
    await expect(phone.unlockWithBiometrics()).rejects.toMatchObject({ code: 'biometric_unavailable' });
  });

  it('take an open session: a locked phone makes no key', async () => {
    const keyStore = memoryKeyStore();
    const { phone } = await openBankWithPhone({ keyStore });
    await expect(phone.enableBiometrics({ mpin })).rejects.toMatchObject({ code: 'locked' });
    expect(await keyStore.publicKey('biometric')).toBeUndefined();
  });

  it.each([
    ['a wrong mPIN', '58204613', 'wrong_mpin'],
    ['no mPIN at all', 'x', 'mpin_format'],
  ])('are not on after %s, and no key is left', async (_, wrong, code) => {
    const keyStore = memoryKeyStore();
    const { bank, phone } = await openBankWithPhone({ keyStore });
    await phone.unlockWithMpin(mpin);
    await expect(phone.enableBiometrics({ mpin: wrong })).rejects.toMatchObject({ code });
    expect(await hasBiometrics(phone)).toBe(false);
    expect(await keyStore.publicKey('biometric')).toBeUndefined();
    expect(bank.device().biometricJwk).toBeUndefined();
  });

  it('are not believed to be on by a server that cannot prove itself: the session is over (P-27)', async () => {
    const { bank, phone } = await openBankWithPhone();
    await phone.unlockWithMpin(mpin);
    bank.tamper.changed = () => ({ serverProof: 'ab'.repeat(32) });
    await expect(phone.enableBiometrics({ mpin })).rejects.toMatchObject({ code: 'server_not_authentic' });
    expect(await hasBiometrics(phone)).toBe(false);
    await expect(phone.vaultKey()).rejects.toMatchObject({ code: 'locked' });
  });

  it('that were not recognised, or not answered, stay on for another try', async () => {
    const { store, touch } = touchyKeyStore();
    const { phone } = await openBankWithPhone({ keyStore: store, biometric: true });
    touch.fault = new PhoneError('biometric_failed');
    await expect(phone.unlockWithBiometrics()).rejects.toMatchObject({ code: 'biometric_failed' });
    expect(await hasBiometrics(phone)).toBe(true);
    touch.fault = undefined;
    await phone.unlockWithBiometrics();
  });

  it('that the platform has lost are forgotten here; the mPIN works, and they can be switched on again (M-02)', async () => {
    const { store, touch } = touchyKeyStore();
    const { phone } = await openBankWithPhone({ keyStore: store, biometric: true });
    touch.fault = new PhoneError('biometric_lost');
    await expect(phone.unlockWithBiometrics()).rejects.toMatchObject({ code: 'biometric_lost' });
    expect(await hasBiometrics(phone)).toBe(false);
    expect(await store.publicKey('biometric')).toBeUndefined();
    touch.fault = undefined;
    await phone.unlockWithMpin(mpin);
    await phone.enableBiometrics({ mpin });
    await phone.logout();
    await phone.unlockWithBiometrics();
  });

  it('whose key is missing from the store are lost, and are no damaged phone', async () => {
    const keyStore = memoryKeyStore();
    const { phone } = await openBankWithPhone({ keyStore, biometric: true });
    await keyStore.removeKey('biometric');
    await expect(phone.unlockWithBiometrics()).rejects.toMatchObject({ code: 'biometric_lost' });
    await phone.unlockWithMpin(mpin);
  });

  it('that the server does not know any more are lost, while the phone itself is in order', async () => {
    const { bank, phone } = await openBankWithPhone({ biometric: true });
    bank.device().biometricJwk = undefined;
    await expect(phone.unlockWithBiometrics()).rejects.toMatchObject({ code: 'biometric_lost' });
    expect(await hasBiometrics(phone)).toBe(false);
    await phone.unlockWithMpin(mpin);
  });

  it('of a phone that was deactivated are not lost: that is the end of the phone', async () => {
    const { bank, phone } = await openBankWithPhone({ biometric: true });
    bank.device().status = 'deactivated';
    await expect(phone.unlockWithBiometrics()).rejects.toMatchObject({ code: 'deactivated' });
  });

  it('send the assertion in place of a signature where the store gives one, over the hash of the statement (R-17)', async () => {
    const challenges: Uint8Array[] = [];
    const assertion = { authenticatorData: 'A'.repeat(50), clientDataJSON: 'AAAA', signature: 'AAAA' };
    const keyStore: KeyStore = {
      ...memoryKeyStore(),
      assert: async (challenge) => {
        challenges.push(challenge);
        return assertion;
      },
    };
    const { bank, phone } = await openBankWithPhone({ keyStore });
    await phone.unlockWithMpin(mpin);
    // This server wants JWS; what matters here is what was sent.
    await expect(phone.enableBiometrics({ mpin })).rejects.toThrow();
    const sent = bank.recorded.find(({ name }) => name === 'biometrics/enable')?.body ?? {};
    const biometricSignature = sent['biometricSignature'] as { statement: string };
    expect(biometricSignature).toMatchObject(assertion);
    const text = Buffer.from(biometricSignature.statement, 'base64url');
    const length = (count: number) => Buffer.from([0, 0, 0, count]);
    const label = Buffer.from('mtoken/v1/webauthn');
    const size = Buffer.alloc(4);
    size.writeUInt32BE(text.length);
    const expected = createHash('sha256')
      .update(Buffer.concat([length(label.length), label, size, text]))
      .digest();
    expect(Buffer.from(challenges[0] ?? [])).toEqual(expected);
    expect(JSON.parse(text.toString())).toMatchObject({ purpose: 'enable', nonce: null });
  });
});
