/** A whole life of a phone against a server that speaks the protocol strictly. */
import { describe, expect, it } from 'vitest';
import { memoryKeyStore } from '../../../src/sdk/index.ts';
import { shownWords } from '../signing/shown.ts';
import { confirmationCode, description, issuer, mpin, openBank, openBankWithPhone } from './bank.ts';
import { frameText, newKey, sha256 } from './protocol-server.ts';

describe('a phone', () => {
  it('registers in two steps, tells where the code went and what the mPIN must be, and says where it stands (R-04)', async () => {
    const bank = await openBank();
    const phone = bank.phone();
    expect(await phone.state()).toEqual({ kind: 'new' });
    const begun = await phone.beginRegistration(`  ${bank.activationText}\n`, { device: description });
    expect(begun).toMatchObject({
      issuer,
      confirmationHint: 'a•••@demo.example',
      mpin: { minLength: 5, maxLength: 8 },
    });
    expect(await phone.state()).toMatchObject({ kind: 'registering', confirmationHint: 'a•••@demo.example' });
    expect(await phone.finishRegistration({ confirmationCode: '0471 1823', mpin })).toMatchObject({
      approval: 'active',
    });
    expect(await phone.state()).toMatchObject({
      kind: 'registered',
      isApproved: true,
      // The registration told who it is; a locked phone does not.
      owner: null,
      session: null,
    });
  });

  it.each(['ECDH-ES', 'RSA-OAEP-256'] as const)(
    'unlocks, approves and logs out through the %s envelope',
    async (envelope) => {
      const { bank, phone } = await openBankWithPhone({ envelope });
      await phone.unlockWithMpin(mpin);
      expect(await phone.vaultKey()).toEqual(new Uint8Array(32).fill(7));
      const order = await phone.claim(frameText(issuer));
      expect(order.descriptor).toMatchObject({
        client: { name: 'Demo Portal' },
        browser: { name: 'Chrome on Windows' },
      });
      await phone.approve(order);
      expect(bank.decisions[0]?.claims).toMatchObject({ decision: 'approve', factors: ['mpin'] });
      await phone.logout();
      expect(bank.sessions.size).toBe(0);
      await expect(phone.vaultKey()).rejects.toMatchObject({ code: 'locked' });
      expect(bank.recorded.map(({ header }) => header['alg'])).toContain(envelope);
    },
  );

  it('unlocks and approves with biometrics, and the approval names that factor', async () => {
    const { bank, phone } = await openBankWithPhone({ biometric: true });
    await phone.unlockWithBiometrics();
    await phone.approve(await phone.claim(frameText(issuer, 'l')));
    expect(bank.decisions[0]?.claims).toMatchObject({ decision: 'approve', factors: ['biometric'] });
  });

  it('declines and reports, each under its own name', async () => {
    const { bank, phone } = await openBankWithPhone();
    await phone.unlockWithMpin(mpin);
    await phone.decline(await phone.claim(frameText(issuer)));
    await phone.report(await phone.claim(frameText(issuer)));
    expect(bank.decisions.map(({ claims }) => claims['decision'])).toEqual(['decline', 'report']);
  });

  it('approves a signing order only with a proof of its own, by mPIN or biometrics, bound to the order', async () => {
    const { bank, phone } = await openBankWithPhone({ biometric: true });
    Object.assign(bank.terms, { freshProof: true, purpose: 'signing', text: 'Pay € 12,50 to Ünal\u00a0& Co' });
    await phone.unlockWithBiometrics();
    const order = await phone.claim(frameText(issuer));
    await expect(phone.approve(order)).rejects.toMatchObject({ code: 'proof_required' });
    await phone.approve(order, { method: 'mpin', mpin });
    await phone.approve(await phone.claim(frameText(issuer)), { method: 'biometric' });
    expect(bank.decisions.map(({ claims }) => claims['factors'])).toEqual([['mpin'], ['biometric']]);
    expect(bank.decisions[0]?.claims['displayHash']).toBe(sha256(shownWords('Pay € 12,50 to Ünal\u00a0& Co').text));
  });

  it('tells the attempts left after a wrong mPIN, and that the phone is blocked after the fifth (L-01)', async () => {
    const { phone } = await openBankWithPhone();
    for (const attemptsLeft of [4, 3, 2, 1]) {
      await expect(phone.unlockWithMpin('83046196')).rejects.toMatchObject({ code: 'wrong_mpin', attemptsLeft });
    }
    await expect(phone.unlockWithMpin('83046196')).rejects.toMatchObject({ code: 'blocked' });
    await expect(phone.unlockWithMpin(mpin)).rejects.toMatchObject({ code: 'blocked' });
  });

  it('changes the mPIN with the old one; the old one is dead then (R-07)', async () => {
    const { phone } = await openBankWithPhone();
    await phone.unlockWithMpin(mpin);
    await expect(phone.changeMpin({ oldMpin: '83046196', newMpin: '96130' })).rejects.toMatchObject({
      code: 'wrong_mpin',
    });
    await phone.changeMpin({ oldMpin: mpin, newMpin: '96130' });
    await expect(phone.unlockWithMpin(mpin)).rejects.toMatchObject({ code: 'wrong_mpin' });
    await phone.unlockWithMpin('96130');
  });

  it('lists and ends devices and sessions, and forgets everything when it deactivates itself (R-10)', async () => {
    const { bank, phone } = await openBankWithPhone();
    await phone.unlockWithMpin(mpin);
    expect(await phone.listDevices()).toMatchObject([{ isThis: true }]);
    expect(await phone.listSessions()).toMatchObject([{ portals: [{ name: 'Demo Portal' }] }]);
    await phone.endSession('s1');
    await expect(phone.endSession('s2')).rejects.toMatchObject({ code: 'not_found' });
    await phone.deactivate();
    expect(bank.device().status).toBe('deactivated');
    expect(await phone.state()).toEqual({ kind: 'new' });
  });

  it.each([
    ['pending', 'approval_pending'],
    ['blocked', 'blocked'],
    ['deactivated', 'deactivated'],
    ['refused', 'deactivated'],
  ])('a phone that is %s learns it when it is refused', async (status, code) => {
    const bank = await openBank();
    bank.policy.approvalNeeded = true;
    const phone = bank.phone();
    await phone.beginRegistration(bank.activationText, { device: description, biometric: 'face' });
    await phone.finishRegistration({ confirmationCode, mpin });
    bank.device().status = status;
    await expect(phone.unlockWithMpin(mpin)).rejects.toMatchObject({ code });
    await expect(phone.unlockWithBiometrics()).rejects.toMatchObject({ code });
  });

  it('waits for an administrator where the company wants that, and learns of the approval', async () => {
    const bank = await openBank();
    bank.policy.approvalNeeded = true;
    const phone = bank.phone();
    await phone.beginRegistration(bank.activationText, { device: description });
    // New keys in the midst of each step: what is remembered of it brings no key of before back (C-12).
    const rotate = async () => {
      bank.clock.advance(3_600_000);
      bank.envelopeKeys = [await newKey('ECDH-ES')];
    };
    const keySets = () => bank.urls.filter((url) => url.endsWith('/mtoken-keys')).length;
    await rotate();
    expect(await phone.finishRegistration({ confirmationCode, mpin })).toMatchObject({ approval: 'pending' });
    const before = keySets();
    expect(await phone.status()).toBe('pending');
    expect(keySets()).toBe(before);
    bank.device().status = 'active';
    await rotate();
    expect(await phone.status()).toBe('active');
    expect(await phone.state()).toMatchObject({ isApproved: true });
    await phone.unlockWithMpin(mpin);
    expect(keySets()).toBe(before + 1);
  });

  it('survives a restart of the app between the two steps, and one with the registration done', async () => {
    const bank = await openBank();
    const keyStore = memoryKeyStore();
    await bank.phone({ keyStore }).beginRegistration(bank.activationText, { device: description });
    await bank.phone({ keyStore }).finishRegistration({ confirmationCode, mpin });
    const phone = bank.phone({ keyStore });
    expect(await phone.state()).toMatchObject({ kind: 'registered', session: null });
    await phone.unlockWithMpin(mpin);
  });

  it('finds out that it is registered when the last answer was lost', async () => {
    const bank = await openBank();
    const phone = bank.phone();
    await phone.beginRegistration(bank.activationText, { device: description });
    bank.tamper.lose = (name) => (name === 'registration/finish' ? 'answer' : undefined);
    await expect(phone.finishRegistration({ confirmationCode, mpin })).rejects.toMatchObject({ code: 'offline' });
    delete bank.tamper.lose;
    expect(await phone.finishRegistration({ confirmationCode, mpin })).toMatchObject({
      approval: 'active',
      owner: null,
    });
    await phone.unlockWithMpin(mpin);
    expect(await phone.state()).toMatchObject({ owner: { user: { name: 'Anna' } } });
  });

  it('does not make new keys while a registration may have succeeded unheard', async () => {
    const bank = await openBank();
    const phone = bank.phone();
    await phone.beginRegistration(bank.activationText, { device: description });
    bank.tamper.lose = (name) => (name === 'registration/finish' ? 'answer' : undefined);
    await expect(phone.finishRegistration({ confirmationCode, mpin })).rejects.toMatchObject({ code: 'offline' });
    delete bank.tamper.lose;
    await expect(phone.beginRegistration(bank.activationText, { device: description })).rejects.toMatchObject({
      code: 'already_registered',
    });
    await phone.unlockWithMpin(mpin);
  });

  it('sends the registration again when the last request itself was lost, and after a wrong confirmation code', async () => {
    const bank = await openBank();
    const phone = bank.phone();
    await phone.beginRegistration(bank.activationText, { device: description });
    await expect(phone.finishRegistration({ confirmationCode: '11111111', mpin })).rejects.toMatchObject({
      code: 'wrong_confirmation',
      attemptsLeft: 4,
    });
    bank.tamper.lose = (name) => (name === 'registration/finish' ? 'request' : undefined);
    await expect(phone.finishRegistration({ confirmationCode, mpin })).rejects.toMatchObject({ code: 'offline' });
    delete bank.tamper.lose;
    expect(await phone.finishRegistration({ confirmationCode, mpin })).toMatchObject({ approval: 'active' });
  });

  it('works with a clock that is hours wrong, and keeps the difference', async () => {
    const bank = await openBank();
    const keyStore = memoryKeyStore();
    const clock = { now: () => bank.clock.now() - 5 * 3_600_000 };
    const phone = bank.phone({ keyStore, clock });
    await phone.beginRegistration(bank.activationText, { device: description });
    await phone.finishRegistration({ confirmationCode, mpin });
    const before = bank.urls.filter((url) => url.includes('.well-known')).length;
    await bank.phone({ keyStore, clock }).unlockWithMpin(mpin);
    expect(bank.urls.filter((url) => url.includes('.well-known')).length).toBe(before);
  });

  it('recovers by itself when its clock jumps, and says so when that does not help', async () => {
    const bank = await openBank();
    let shift = 0;
    const keyStore = memoryKeyStore();
    const jumping = bank.phone({ keyStore, clock: { now: () => bank.clock.now() + shift } });
    await jumping.beginRegistration(bank.activationText, { device: description });
    await jumping.finishRegistration({ confirmationCode, mpin });
    shift = 3_600_000;
    await jumping.unlockWithMpin(mpin);
    shift = -3_600_000;
    bank.tamper.configuration = (honest) => ({ ...honest, time: Number(honest['time']) + 7_200 });
    await expect(jumping.unlockWithMpin(mpin)).rejects.toMatchObject({ code: 'clock' });
  });

  it('ends its session after the idle time and after the absolute time, without asking the server (S-01)', async () => {
    const { bank, phone } = await openBankWithPhone();
    await phone.unlockWithMpin(mpin);
    bank.clock.advance(299_000);
    await phone.listDevices();
    bank.clock.advance(299_000);
    await phone.listDevices();
    bank.clock.advance(300_000);
    const asked = bank.urls.length;
    await expect(phone.listDevices()).rejects.toMatchObject({ code: 'session_ended' });
    await expect(phone.vaultKey()).rejects.toMatchObject({ code: 'locked' });
    expect(bank.urls.length).toBe(asked);
  });

  it('logs out here even when the server cannot be reached', async () => {
    const { bank, phone } = await openBankWithPhone();
    await phone.unlockWithMpin(mpin);
    bank.tamper.lose = () => 'request';
    await phone.logout();
    expect(await phone.state()).toMatchObject({ session: null });
  });

  it('does not come back to life by an answer that was under way during the logout', async () => {
    const { bank, phone } = await openBankWithPhone();
    await phone.unlockWithMpin(mpin);
    const underWay = phone.listDevices().catch(() => undefined);
    bank.tamper.lose = (name) => (name === 'session/end' ? 'request' : undefined);
    await phone.logout();
    await underWay;
    expect(await phone.state()).toMatchObject({ session: null });
  });

  it('does not lose a new session to a logout that still waits for the network', async () => {
    const bank = await openBank();
    let answer: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const phone = bank.phone({
      fetch: async (url, init) => {
        if (url.endsWith('/session/end')) await answered;
        return bank.fetch(url, init);
      },
    });
    await phone.beginRegistration(bank.activationText, { device: description });
    await phone.finishRegistration({ confirmationCode, mpin });
    await phone.unlockWithMpin(mpin);
    const loggingOut = phone.logout();
    await phone.unlockWithMpin(mpin);
    answer();
    await loggingOut;
    expect(await phone.state()).toMatchObject({ session: { method: 'mpin' } });
  });

  it('follows a rotation of the server keys through a set that the known key signed (C-12)', async () => {
    const { bank, phone } = await openBankWithPhone();
    bank.clock.advance(3_600_000);
    const next = await newKey('ES256');
    bank.publishedSigningKeys = [bank.signingKey, next];
    bank.envelopeKeys = [await newKey('ECDH-ES'), await newKey('RSA-OAEP-256')];
    await phone.unlockWithMpin(mpin);
    bank.signingKey = next;
    await phone.approve(await phone.claim(frameText(issuer)));
    expect(bank.decisions).toHaveLength(1);
  });

  it('asks once more where the process that gives the keys is a moment behind the one that signs (C-12, X-06)', async () => {
    const { bank, phone } = await openBankWithPhone();
    await phone.unlockWithMpin(mpin);
    const [behind, next] = [await bank.keySet(), await newKey('ES256')];
    bank.publishedSigningKeys = [bank.signingKey, next];
    bank.signingKey = next;
    bank.tamper.keySet = (honest) => (bank.pauses.length === 0 ? behind : honest);
    await phone.approve(await phone.claim(frameText(issuer)));
    expect(bank.pauses).toEqual([1_000]);
    expect(bank.decisions).toHaveLength(1);
  });
});
