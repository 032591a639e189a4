/** Biometrics switched on and off, and what a biometric key, or a WebAuthn credential in its place, can do and cannot. */
import { type KeyObject, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeBase64url, sha256 } from '../../../src/crypto/bytes.ts';
import { signCompactJws } from '../../../src/crypto/jws.ts';
import { randomId } from '../../../src/crypto/random.ts';
import { disableBiometrics, enableBiometrics, startBiometrics } from '../../../src/mpin/biometrics.ts';
import { loadSession } from '../../../src/mpin/session.ts';
import { startBiometric, unlockByBiometric } from '../../../src/mpin/unlock.ts';
import type { BiometricsEnable } from '../../../src/protocol/biometrics.ts';
import {
  type AssertionOptions,
  assertionOf,
  type Credential,
  checkedUser,
  newCredential,
} from '../devices/authenticator.ts';
import {
  addPhone,
  callerOf,
  clientEphemeral,
  createWorld,
  deviceOf,
  eventsOf,
  failed,
  issuer,
  noticesOf,
  type Phone,
  proofOf,
  refusalOf,
  sessionCall,
  unlock,
  unlockWithFinger,
  type World,
} from './world.ts';

let world: World;
let phone: Phone;
beforeEach(async () => {
  world = await createWorld();
  phone = await addPhone(world, { hasBiometrics: false });
});
afterEach(() => world.close());

const signed = (key: KeyObject, payload: object, typ: string): string =>
  signCompactJws({ payload: { ...payload }, typ, key: { key, alg: 'ES256' } });
const seconds = (): number => Math.floor(world.clock.now() / 1000);

interface Enabling {
  readonly mpin?: string;
  /** Where it is a WebAuthn credential, its assertion; otherwise it signs a JWS. */
  readonly webauthn?: Partial<AssertionOptions>;
  readonly sessionId?: string;
  readonly statement?: object;
  readonly said?: object;
  readonly deviceKey?: KeyObject;
  readonly signedBy?: KeyObject;
  readonly sent?: Partial<BiometricsEnable>;
}

/** A call that switches it on, ready to be sent, right but for what a test changes. */
async function prepareEnabling(key: Credential, changes: Enabling = {}) {
  const sessionId = changes.sessionId ?? randomId('ses');
  const ephemeral = clientEphemeral();
  const start = await sessionCall(world, phone, { body: { clientEphemeral: ephemeral.public }, sessionId });
  const challenge = await startBiometrics(world.deps, start);
  const { handshake } = challenge;
  const { proof } = proofOf({ id: phone.id, mpin: changes.mpin ?? phone.mpin }, challenge, ephemeral);
  const common = { iss: issuer, deviceId: phone.id, iat: seconds() };
  const signature = signed(
    changes.deviceKey ?? phone.key,
    { ...common, handshake, biometricJkt: key.thumbprint, kind: 'fpt', ...changes.statement },
    'mtoken-biometrics-enable+jws',
  );
  const boundHash = encodeBase64url(sha256(signature));
  const said = { ...common, purpose: 'enable', subject: handshake, nonce: null, boundHash, ...changes.said };
  const signer = changes.signedBy ?? key.privateKey;
  const biometricSignature =
    changes.webauthn === undefined
      ? signed(signer, said, 'mtoken-biometric+jws')
      : assertionOf({ privateKey: signer }, said, { origin: issuer, ...changes.webauthn });
  const { publicJwk } = key;
  const body = { handshake, proof, publicJwk, kind: 'fpt' as const, signature, biometricSignature, ...changes.sent };
  return sessionCall(world, phone, { body, sessionId });
}

async function enable(key: Credential, changes: Enabling = {}) {
  return enableBiometrics(world.deps, await prepareEnabling(key, changes));
}

/** A WebAuthn unlock, right but for what a test changes. */
async function prepareUnlock(
  key: Pick<Credential, 'privateKey'>,
  options: Partial<AssertionOptions> = {},
  said: object = {},
) {
  const caller = await callerOf(world, phone);
  const { handshake, nonce } = await startBiometric(world.deps, caller, phone.id);
  const secret = new Uint8Array(randomBytes(32));
  const boundHash = encodeBase64url(sha256(secret));
  const own = { iss: issuer, deviceId: phone.id, purpose: 'session', subject: handshake, nonce, boundHash };
  const statement = { ...own, iat: seconds(), ...said };
  const signature = assertionOf(key, statement, { origin: issuer, ...options });
  return { caller, finish: { handshake, signature, sessionSecret: encodeBase64url(secret) } };
}

async function unlockWithCredential(...given: Parameters<typeof prepareUnlock>) {
  const { caller, finish } = await prepareUnlock(...given);
  return unlockByBiometric(world.deps, caller, finish);
}

describe('switching biometrics on', () => {
  it('takes the mPIN and both keys; then the new key unlocks, and it is told and written down (P-24)', async () => {
    const key = newCredential();
    const { serverProof } = await enable(key);
    expect(serverProof).toMatch(/^[0-9a-f]{64}$/);
    expect((await deviceOf(world, phone)).biometric).toEqual({
      thumbprint: key.thumbprint,
      publicJwk: key.publicJwk,
      kind: 'fpt',
    });
    const { sessionId } = await unlockWithFinger(world, phone, { key: key.privateKey });
    expect((await loadSession(world.deps, sessionId))?.session).toMatchObject({ method: 'biometric', factor: 'fpt' });
    expect(await noticesOf(world)).toEqual([{ event: 'biometrics.enabled', recipient: world.user.id }]);
    const written = (await world.deps.records.audit.read(0, 100)).find(({ event }) => event === 'biometrics.enabled');
    expect(written).toMatchObject({
      actor: `device:${phone.id}`,
      deviceId: phone.id,
      data: { thumbprint: key.thumbprint, kind: 'fpt', form: 'key', backup: null },
    });
  });

  it('puts a new key in place of a lost one: the old one opens nothing any more', async () => {
    const [lost, key] = [newCredential(), newCredential()];
    await enable(lost);
    await enable(key);
    expect(await refusalOf(unlockWithFinger(world, phone, { key: lost.privateKey }))).toEqual(failed(5));
    await unlockWithFinger(world, phone, { key: key.privateKey });
  });

  it('with a wrong mPIN counts like any other, and the fifth blocks: no second place to guess at (T6, L-01)', async () => {
    for (let left = 4; left >= 0; left -= 1) {
      expect(await refusalOf(enable(newCredential(), { mpin: '99999' }))).toEqual(failed(left));
    }
    expect(await deviceOf(world, phone)).toMatchObject({ status: 'blocked', biometric: undefined });
  });

  it('is refused where the device key is given as the biometric key (P-24)', async () => {
    const own: Credential = { ...newCredential(), privateKey: phone.key, thumbprint: phone.thumbprint };
    const call = await prepareEnabling(own, { sent: { publicJwk: phone.publicJwk as BiometricsEnable['publicJwk'] } });
    expect((await refusalOf(enableBiometrics(world.deps, call))).code).toBe('invalid_request');
  });

  it('is refused for a key that was ever registered, of whichever device and purpose, and spends no attempt (R-10, P-24)', async () => {
    const other = await addPhone(world);
    const key = newCredential();
    await enable(key);
    await disableBiometrics(world.deps, await sessionCall(world, phone, { body: {}, sessionId: 'ses_1' }));
    const device = await deviceOf(world, other);
    const known = [
      { ...key },
      {
        ...newCredential(),
        publicJwk: device.biometric?.publicJwk,
        privateKey: other.biometricKey,
        thumbprint: device.biometric?.thumbprint,
      },
      { ...newCredential(), publicJwk: other.publicJwk, privateKey: other.key, thumbprint: other.thumbprint },
    ] as Credential[];
    for (const one of known) expect((await refusalOf(enable(one))).code).toBe('already_exists');
    expect(await deviceOf(world, phone)).toMatchObject({ pinAttempts: 0, biometric: undefined });
  });

  it.each<[string, Enabling]>([
    ['another server', { statement: { iss: 'https://evil.test' } }],
    ['another device', { statement: { deviceId: randomId('dev') } }],
    ['another handshake', { statement: { handshake: randomId('hs') } }],
    ['another key', { statement: { biometricJkt: 'A'.repeat(43) } }],
    ['another kind', { statement: { kind: 'face' } }],
    ['another hour', { statement: { iat: 1 } }],
    ['the new key of another purpose (P-20)', { said: { purpose: 'session' } }],
    ['the new key of another handshake', { said: { subject: randomId('hs') } }],
    ['the new key of another device', { said: { deviceId: randomId('dev') } }],
    ['the new key of something else than the device key’s word', { said: { boundHash: 'A'.repeat(43) } }],
    ['the new key with a nonce', { said: { nonce: 'A'.repeat(43) } }],
    ['another page', { webauthn: { clientData: { origin: 'https://evil.test' } } }],
    ['a credential whose user was not checked', { webauthn: { flags: 0x01 } }],
  ])('is refused before the mPIN is looked at when what is signed is of %s (L-09)', async (_, changes) => {
    for (const mpin of [phone.mpin, '99999']) {
      expect(await refusalOf(enable(newCredential(), { ...changes, mpin }))).toEqual(failed(5));
    }
    expect(await deviceOf(world, phone)).toMatchObject({ pinAttempts: 0, biometric: undefined });
  });

  it('is refused when either signature is another key’s: nobody enrols a key that they do not hold (R-04)', async () => {
    expect(await refusalOf(enable(newCredential(), { deviceKey: newCredential().privateKey }))).toEqual(failed(5));
    expect(await refusalOf(enable(newCredential(), { signedBy: newCredential().privateKey }))).toEqual(failed(5));
    expect(await refusalOf(enable(newCredential(), { signedBy: phone.key }))).toEqual(failed(5));
  });

  it('takes a handshake of this session and this purpose alone, once (P-15, P-25)', async () => {
    const call = await prepareEnabling(newCredential());
    const elsewhere = { ...call, session: { ...call.session, id: randomId('ses') } };
    expect(await refusalOf(enableBiometrics(world.deps, elsewhere))).toEqual(failed(5));
    const again = await prepareEnabling(newCredential());
    await enableBiometrics(world.deps, again);
    expect(await refusalOf(enableBiometrics(world.deps, again))).toEqual(failed(5));
  });

  it('that breaks in the middle changes nothing: no key without its record (A-11)', async () => {
    const key = newCredential();
    const call = await prepareEnabling(key);
    const transaction: typeof world.deps.records.transaction = (work) =>
      world.deps.records.transaction((records) =>
        work({ ...records, audit: { ...records.audit, append: () => Promise.reject(new Error('power cut')) } }),
      );
    const deps = { ...world.deps, records: { ...world.deps.records, transaction } };
    await expect(enableBiometrics(deps, call)).rejects.toThrow();
    expect((await deviceOf(world, phone)).biometric).toBeUndefined();
    await enable(key);
  });
});

describe('switching biometrics off', () => {
  it('ends what the key could do, and is written down once', async () => {
    const key = newCredential();
    await enable(key);
    const off = await sessionCall(world, phone, { body: {}, sessionId: 'ses_1' });
    await disableBiometrics(world.deps, off);
    await disableBiometrics(world.deps, off);
    expect((await deviceOf(world, phone)).biometric).toBeUndefined();
    expect(await refusalOf(unlockWithFinger(world, phone, { key: key.privateKey }))).toEqual(failed(5));
    expect((await eventsOf(world)).filter((event) => event === 'biometrics.disabled')).toHaveLength(1);
    await unlock(world, phone);
  });
});

describe('the sessions that a biometric key opened', () => {
  const isLive = async (id: string): Promise<boolean> => (await loadSession(world.deps, id)) !== undefined;
  const open = async (key: Credential): Promise<string> =>
    (await unlockWithFinger(world, phone, { key: key.privateKey })).sessionId;
  const off = async (sessionId: string) =>
    disableBiometrics(world.deps, await sessionCall(world, phone, { body: {}, sessionId }));

  it('end when it is switched off: a stolen finger is not in for another half hour (S-07, R-07)', async () => {
    const key = newCredential();
    await enable(key);
    const stolen = await open(key);
    const { sessionId: own } = await unlock(world, phone);
    await off(own);
    expect([await isLive(stolen), await isLive(own)]).toEqual([false, true]);
  });

  it('end when another takes its place, and the new key does not bring them back', async () => {
    const key = newCredential();
    await enable(key);
    const stolen = await open(key);
    const { sessionId: own } = await unlock(world, phone);
    const next = newCredential();
    await enable(next, { sessionId: own });
    expect([await isLive(stolen), await isLive(own), await isLive(await open(next))]).toEqual([false, true, true]);
  });

  it('go on where the key does, and the one in which it is switched off goes on too', async () => {
    const key = newCredential();
    await enable(key);
    const [own, other] = [await open(key), await open(key)];
    expect([await isLive(own), await isLive(other)]).toEqual([true, true]);
    await off(own);
    expect([await isLive(own), await isLive(other)]).toEqual([true, false]);
  });

  it('do not come of an unlock that is judged while the key is taken away', async () => {
    const key = newCredential();
    await enable(key);
    const { sessionId: own } = await unlock(world, phone);
    const [opened] = await Promise.allSettled([open(key), off(own)]);
    expect(opened.status === 'fulfilled' && (await isLive(opened.value))).toBe(false);
  });
});

describe('a WebAuthn credential as the biometric key', () => {
  it('unlocks by its assertion, and is of kind “user” whatever the phone says: it does not tell finger from face (S-13)', async () => {
    const key = newCredential();
    await enable(key, { webauthn: { flags: checkedUser | 0x18 } });
    expect((await deviceOf(world, phone)).biometric).toMatchObject({
      kind: 'user',
      webauthn: { signCount: 0, backup: 'backed_up' },
    });
    const written = (await world.deps.records.audit.read(0, 100)).find(({ event }) => event === 'biometrics.enabled');
    // A synced passkey is recorded as one; possession is the device key's to prove.
    expect(written?.data).toMatchObject({ form: 'webauthn', backup: 'backed_up' });
    const { sessionId, serverProof } = await unlockWithCredential(key, { flags: checkedUser | 0x08 });
    expect(serverProof).toBeNull();
    expect((await loadSession(world.deps, sessionId))?.session).toMatchObject({ method: 'biometric', factor: 'user' });
    expect((await deviceOf(world, phone)).biometric?.webauthn?.backup).toBe('eligible');
  });

  it('takes an assertion once: replayed, it opens nothing (R-17, P-15)', async () => {
    const key = newCredential();
    await enable(key, { webauthn: {} });
    const { caller, finish } = await prepareUnlock(key);
    await unlockByBiometric(world.deps, caller, finish);
    expect(await refusalOf(unlockByBiometric(world.deps, caller, finish))).toEqual(failed(5));
    // Nor under a new handshake: the statement names the old one.
    const next = await startBiometric(world.deps, caller, phone.id);
    const replayed = { ...finish, handshake: next.handshake };
    expect(await refusalOf(unlockByBiometric(world.deps, caller, replayed))).toEqual(failed(5));
  });

  it.each<[string, Partial<AssertionOptions>, object]>([
    ['of another origin (phishing)', { clientData: { origin: 'https://login.example.test.evil.test' } }, {}],
    ['of another relying party', { rpId: 'evil.test' }, {}],
    ['without a checked user', { flags: 0x01 }, {}],
    ['without anybody present', { flags: 0x04 }, {}],
    ['for an order', {}, { purpose: 'order' }],
    ['for another handshake', {}, { subject: randomId('hs') }],
    ['with another nonce', {}, { nonce: 'A'.repeat(43) }],
    ['for another session secret', {}, { boundHash: 'A'.repeat(43) }],
    ['of another hour', {}, { iat: 1 }],
    ['of another server', {}, { iss: 'https://evil.test' }],
    ['of another device', {}, { deviceId: randomId('dev') }],
    ['of a credential that has become eligible for backup', { flags: checkedUser | 0x08 }, {}],
  ])('refuses an assertion %s (R-17, P-20)', async (_, options, said) => {
    const key = newCredential();
    await enable(key, { webauthn: {} });
    expect(await refusalOf(unlockWithCredential(key, options, said))).toEqual(failed(5));
    await unlockWithCredential(key);
  });

  it('refuses another credential, the device key, and a JWS: one key, one form (P-24)', async () => {
    const key = newCredential();
    await enable(key, { webauthn: {} });
    expect(await refusalOf(unlockWithCredential(newCredential()))).toEqual(failed(5));
    expect(await refusalOf(unlockWithCredential({ privateKey: phone.key }))).toEqual(failed(5));
    expect(await refusalOf(unlockWithFinger(world, phone, { key: key.privateKey }))).toEqual(failed(5));
    const plain = newCredential();
    await enable(plain);
    expect(await refusalOf(unlockWithCredential(plain))).toEqual(failed(5));
  });

  it('whose counter goes back or stands still is refused: a copy of it is at work somewhere (R-17)', async () => {
    const key = newCredential();
    await enable(key, { webauthn: { signCount: 5 } });
    for (const signCount of [0, 4, 5]) {
      expect(await refusalOf(unlockWithCredential(key, { signCount }))).toEqual(failed(5));
    }
    await unlockWithCredential(key, { signCount: 6 });
    expect(await refusalOf(unlockWithCredential(key, { signCount: 6 }))).toEqual(failed(5));
    await unlockWithCredential(key, { signCount: 0xffffffff });
  });

  it('with one count at ten places at once opens one session (R-17)', async () => {
    const key = newCredential();
    await enable(key, { webauthn: { signCount: 1 } });
    const ready = await Promise.all(Array.from({ length: 10 }, () => prepareUnlock(key, { signCount: 2 })));
    const results = await Promise.allSettled(
      ready.map(({ caller, finish }) => unlockByBiometric(world.deps, caller, finish)),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('does not reset the count of wrong mPINs and is blocked with the mPIN (L-05, L-10)', async () => {
    const key = newCredential();
    await enable(key, { webauthn: {} });
    for (let times = 0; times < 4; times += 1) await refusalOf(unlock(world, phone, '99999'));
    await unlockWithCredential(key);
    expect((await deviceOf(world, phone)).pinAttempts).toBe(4);
    const ready = await prepareUnlock(key);
    expect(await refusalOf(unlock(world, phone, '99999'))).toEqual(failed(0));
    expect(await refusalOf(unlockByBiometric(world.deps, ready.caller, ready.finish))).toEqual(failed(0));
  });

  it('is of no use on another phone: the calls are signed by the device key (R-17: possession)', async () => {
    const key = newCredential();
    await enable(key, { webauthn: { flags: checkedUser | 0x18 } });
    const thief = await addPhone(world);
    const { finish } = await prepareUnlock(key, { flags: checkedUser | 0x18 });
    expect(await refusalOf(unlockByBiometric(world.deps, await callerOf(world, thief), finish))).toMatchObject({
      code: 'authentication_failed',
      members: { attemptsLeft: null },
    });
  });
});
