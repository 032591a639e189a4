/** The SDK against the real server over real sockets: activation, unlocking, orders, lockout, and the end of a phone. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCompany } from '../../../src/companies/companies.ts';
import { createUser } from '../../../src/companies/users.ts';
import { createLog } from '../../../src/http/logging.ts';
import { rotateKeys } from '../../../src/keys/keys.ts';
import { type Mailbox, memoryMailbox } from '../../../src/notify/mailbox.ts';
import { createOrder, currentFrame, redeemOrder } from '../../../src/orders/orders.ts';
import { createActivation } from '../../../src/registration/activations.ts';
import { createPhone, type KeyStore, memoryKeyStore, type Phone, type PhoneOptions } from '../../../src/sdk/index.ts';
import { buildServer, type Server } from '../../../src/server.ts';
import { fixedClock } from '../../clock.ts';
import { assertionOf, newCredential } from '../../unit/devices/authenticator.ts';
import { shownWords } from '../../unit/signing/shown.ts';
import { issuer, testConfig } from '../http/rig.ts';

const mpin = '83046';
const device = { name: 'Test phone', platform: 'Node', appVersion: '1.0' };
const operator = { name: 'cli' };
const clock = fixedClock();
const lines: string[] = [];
let directory: string;
let server: Server;
let mailbox: Mailbox;
let publicUrl: string;
let users = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mtoken-sdk-'));
  mailbox = memoryMailbox(clock);
  const log = createLog('debug', { write: (line: string) => void lines.push(line) });
  const config = testConfig({
    MTOKEN_DATA_DIR: directory,
    MTOKEN_LIMIT_PER_DEVICE: '100000',
    MTOKEN_LIMIT_PER_USER: '100000',
  });
  server = await buildServer({ config, clock, log, mailbox, webDirectory: `${directory}/` });
  ({ publicUrl } = await server.start());
});

afterAll(async () => {
  await server.close();
  await rm(directory, { recursive: true, force: true });
});

function newPhone(options: Partial<PhoneOptions> = {}): Phone {
  return createPhone({
    keyStore: memoryKeyStore(),
    issuer,
    allowLoopbackHttp: true,
    clock,
    fetch: async (url, init) => fetch(url.replace(issuer, publicUrl), init),
    ...options,
  });
}

/** An activation for a new user of a new company, and how to read the mail with its confirmation code. */
async function activation(policies: { selfActivation?: boolean; mpinLength?: number } = {}) {
  const deps = server.capabilities.registration;
  const company = await createCompany(deps, { name: 'Northwind', actor: operator, ...policies });
  const email = `user${(users += 1)}@demo.example`;
  const user = await createUser(deps, { companyId: company.id, name: 'Anna', email, actor: operator });
  const { activationText } = await createActivation(deps, { userId: user.id, actor: operator });
  const confirmationCode = async (): Promise<string> => {
    for (let attempt = 0; attempt < 200; attempt += 1) {
      const mail = mailbox
        .messages()
        .find(({ to, text }) => to.address === email && /\b[0-9]{4}[ -]?[0-9]{4}\b/.test(text));
      if (mail !== undefined) return /\b[0-9]{4}[ -]?[0-9]{4}\b/.exec(mail.text)?.[0] ?? '';
      await wait(25);
    }
    throw new Error('the confirmation mail did not come');
  };
  return { activationText, confirmationCode, user, company };
}

async function registered(options: Partial<PhoneOptions> & { biometric?: boolean } = {}): Promise<Phone> {
  const { biometric, ...phoneOptions } = options;
  const phone = newPhone(phoneOptions);
  const { activationText, confirmationCode } = await activation();
  await phone.beginRegistration(activationText, { device, ...(biometric ? { biometric: 'face' as const } : {}) });
  await phone.finishRegistration({ confirmationCode: await confirmationCode(), mpin });
  return phone;
}

const binding = 'b'.repeat(43);

async function order(freshProof = false, text = 'Log in to Demo Portal') {
  const deps = server.capabilities.orders;
  const made = await createOrder(deps, {
    purpose: freshProof ? 'signing' : 'login',
    client: { id: 'portal', name: 'Demo Portal', domain: 'portal.example' },
    origin: 'https://portal.example',
    browser: { name: 'Chrome on Windows', address: '192.0.2.0/24', place: null },
    display: freshProof ? shownWords(text) : { text, locale: 'en' },
    context: 'interaction',
    freshProof,
    ownerUserId: null,
    binding,
  });
  return { id: made.terms.id, frame: (via: 'qr' | 'link' = 'qr') => currentFrame(deps, made, via) ?? '' };
}

describe('the SDK and the server', () => {
  it.each(['ECDH-ES', 'RSA-OAEP-256'] as const)(
    'register, unlock, claim, approve and log out through %s',
    async (envelope) => {
      const phone = await registered({ envelope });
      expect(await phone.state()).toMatchObject({
        kind: 'registered',
        isApproved: true,
        owner: null,
      });
      await phone.unlockWithMpin(mpin);
      expect(await phone.state()).toMatchObject({ owner: { user: { name: 'Anna' } } });
      expect((await phone.vaultKey()).length).toBe(32);
      const { id, frame } = await order();
      const claimed = await phone.claim(frame());
      expect(claimed.descriptor).toMatchObject({
        orderId: id,
        client: { name: 'Demo Portal' },
        display: { text: 'Log in to Demo Portal' },
      });
      await phone.approve(claimed);
      const redeemed = await redeemOrder(server.capabilities.orders, id, { binding });
      expect(redeemed.state.name).toBe('redeemed');
      await phone.logout();
      expect(await phone.status()).toBe('active');
    },
  );

  it('unlock and sign with biometrics, and sign with a fresh mPIN (P-24)', async () => {
    const phone = await registered({ biometric: true });
    await phone.unlockWithBiometrics();
    const [first, second] = [await order(true, 'Pay € 12,50'), await order(true, 'Pay € 13,00')];
    await phone.approve(await phone.claim(first.frame('link')), { method: 'biometric' });
    await phone.approve(await phone.claim(second.frame()), { method: 'mpin', mpin });
  });

  it.each(['ec', 'rsa'] as const)(
    'switch biometrics on, unlock and sign by a WebAuthn credential (%s), and switch them off again (R-17)',
    async (kind) => {
      const credential = newCredential(kind);
      let signCount = 0;
      const inner = memoryKeyStore();
      const publicJwk = credential.publicJwk;
      const keyStore: KeyStore = {
        ...inner,
        createKey: async (name) => (name === 'biometric' ? publicJwk : inner.createKey(name)),
        publicKey: async (name) => (name === 'biometric' ? publicJwk : inner.publicKey(name)),
        assert: async (bytes) => {
          const challenge = Buffer.from(bytes).toString('base64url');
          signCount += 1;
          const { statement: _own, ...assertion } = assertionOf(credential, '', {
            origin: issuer,
            challenge,
            signCount,
          });
          return assertion;
        },
      };
      const phone = await registered({ keyStore });
      await phone.unlockWithMpin(mpin);
      await phone.enableBiometrics({ mpin });
      await phone.logout();
      await phone.unlockWithBiometrics();
      const { id, frame } = await order(true, 'Pay € 12,50');
      await phone.approve(await phone.claim(frame()), { method: 'biometric' });
      const { state } = await redeemOrder(server.capabilities.orders, id, { binding });
      expect(state).toMatchObject({ name: 'redeemed', outcome: { factor: 'user' } });
      await phone.disableBiometrics();
      await phone.logout();
      expect(await phone.state()).toMatchObject({ hasBiometrics: false });
      await expect(phone.unlockWithBiometrics()).rejects.toMatchObject({ code: 'biometric_unavailable' });
      await phone.unlockWithMpin(mpin);
      // The key that was taken away stays known, and cannot come back.
      await expect(phone.enableBiometrics({ mpin })).rejects.toMatchObject({ code: 'conflict' });
    },
  );

  it('decline and report: the order is over then (P-09)', async () => {
    const phone = await registered();
    await phone.unlockWithMpin(mpin);
    const [one, other] = [await order(), await order()];
    const claimed = await phone.claim(one.frame());
    await phone.decline(claimed);
    await expect(phone.approve(claimed)).rejects.toMatchObject({ code: 'order_unavailable' });
    await phone.report(await phone.claim(other.frame()));
    await expect(phone.claim(other.frame())).rejects.toMatchObject({ code: 'stale_frame' });
  });

  it('a frame is stale after its seconds, and another phone finds a claimed one taken (P-02)', async () => {
    const [phone, other] = [await registered(), await registered()];
    await phone.unlockWithMpin(mpin);
    await other.unlockWithMpin(mpin);
    const { frame } = await order();
    const shown = frame();
    await phone.claim(shown);
    await expect(other.claim(shown)).rejects.toMatchObject({ code: 'stale_frame' });
    const late = (await order()).frame();
    clock.advance(8_000);
    await expect(phone.claim(late)).rejects.toMatchObject({ code: 'stale_frame' });
  });

  it('a wrong confirmation code costs one of five, and then the activation (R-02)', async () => {
    const phone = newPhone();
    const { activationText, confirmationCode } = await activation();
    await phone.beginRegistration(activationText, { device });
    const right = await confirmationCode();
    const wrong = right.startsWith('1') ? '20000000' : '10000000';
    for (const attemptsLeft of [4, 3, 2, 1]) {
      await expect(phone.finishRegistration({ confirmationCode: wrong, mpin })).rejects.toMatchObject({
        code: 'wrong_confirmation',
        attemptsLeft,
      });
    }
    await expect(phone.finishRegistration({ confirmationCode: wrong, mpin })).rejects.toMatchObject({
      code: 'activation_refused',
    });
    await expect(phone.finishRegistration({ confirmationCode: right, mpin })).rejects.toMatchObject({
      code: 'activation_refused',
    });
    await expect(newPhone().beginRegistration(activationText, { device })).rejects.toMatchObject({
      code: 'activation_refused',
    });
  });

  it('the fifth wrong mPIN blocks the phone for good, and the right one does not help (L-01)', async () => {
    const phone = await registered({ biometric: true });
    for (const attemptsLeft of [4, 3, 2, 1]) {
      await expect(phone.unlockWithMpin('83047')).rejects.toMatchObject({ code: 'wrong_mpin', attemptsLeft });
    }
    await expect(phone.unlockWithMpin('83047')).rejects.toMatchObject({ code: 'blocked' });
    await expect(phone.unlockWithMpin(mpin)).rejects.toMatchObject({ code: 'blocked' });
    await expect(phone.unlockWithBiometrics()).rejects.toMatchObject({ code: 'blocked' });
    expect(await phone.status()).toBe('blocked');
  });

  it('change the mPIN: the old one is dead (R-07)', async () => {
    const phone = await registered();
    await phone.unlockWithMpin(mpin);
    await phone.changeMpin({ oldMpin: mpin, newMpin: '96130' });
    await expect(phone.unlockWithMpin(mpin)).rejects.toMatchObject({ code: 'wrong_mpin' });
    await phone.unlockWithMpin('96130');
  });

  it('a phone that awaits approval is told so', async () => {
    const phone = newPhone();
    const { activationText, confirmationCode } = await activation({ selfActivation: false, mpinLength: 6 });
    expect((await phone.beginRegistration(activationText, { device })).mpin).toEqual({ minLength: 6, maxLength: 8 });
    const code = await confirmationCode();
    expect(await phone.finishRegistration({ confirmationCode: code, mpin: '830461' })).toMatchObject({
      approval: 'pending',
    });
    await expect(phone.unlockWithMpin('830461')).rejects.toMatchObject({ code: 'approval_pending' });
  });

  it('the session ends by idle time at the server too, and the phone says so (S-01)', async () => {
    const phone = await registered({ clock: { now: () => clock.now() } });
    await phone.unlockWithMpin(mpin);
    clock.advance(299_000);
    await phone.listDevices();
    clock.advance(301_000);
    await expect(phone.listDevices()).rejects.toMatchObject({ code: 'session_ended' });
  });

  it('follow a rotation of the server keys (C-12)', async () => {
    const phone = await registered();
    const { records, shortLived } = server.stores;
    await rotateKeys({ records, shortLived, clock }, { actor: 'cli', immediately: true });
    clock.advance(1_000);
    await phone.unlockWithMpin(mpin);
    await phone.approve(await phone.claim((await order()).frame()));
  });

  it('list devices and sessions, and deactivate this phone: its keys are gone on both sides (R-10)', async () => {
    const keyStore = memoryKeyStore();
    const phone = await registered({ keyStore });
    await phone.unlockWithMpin(mpin);
    const devices = await phone.listDevices();
    expect(devices).toMatchObject([{ name: 'Test phone', isThis: true, status: 'active' }]);
    expect(await phone.listSessions()).toEqual([]);
    await expect(phone.endSession('nothing')).rejects.toMatchObject({ code: 'not_found' });
    await phone.deactivate();
    expect(await phone.state()).toEqual({ kind: 'new' });
    const found = await server.stores.records.devices.find(devices[0]?.deviceId ?? '');
    expect(found?.status).toBe('deactivated');
  });

  it('choose the language of mails: kept, and refused where there are no texts in it', async () => {
    const { activationText, confirmationCode, user } = await activation();
    const phone = newPhone();
    await phone.beginRegistration(activationText, { device });
    await phone.finishRegistration({ confirmationCode: await confirmationCode(), mpin });
    await expect(phone.setLanguage('de')).rejects.toMatchObject({ code: 'locked' });
    await phone.unlockWithMpin(mpin);
    await phone.setLanguage('de');
    const language = async () => (await server.stores.records.users.find(user.id))?.language;
    expect(await language()).toBe('de');
    for (const unknown of ['xx', 'tlh', 'de-AT', 'DE', '', 'd\u202ee']) {
      await expect(phone.setLanguage(unknown), unknown).rejects.toMatchObject({
        code: 'refused',
        serverCode: 'invalid_request',
      });
    }
    expect(await language()).toBe('de');
  });

  it('two servers cannot be confused: a set of keys signed by others is refused (P-27)', async () => {
    const { activationText } = await activation();
    const other = activationText.replace(/k=.{43}$/, `k=${'A'.repeat(43)}`);
    await expect(newPhone().beginRegistration(other, { device })).rejects.toMatchObject({
      code: 'server_not_authentic',
    });
  });

  it('no mPIN, verifier, proof or session secret reached the log (A-03)', () => {
    const everything = lines.join('\n');
    expect(lines.length).toBeGreaterThan(20);
    expect(everything).not.toMatch(/[0-9a-f]{64}/);
    expect(everything).not.toMatch(/"(?:mpin|verifier|salt|proof|serverProof|vaultKey|accessToken)"/);
  });
});
