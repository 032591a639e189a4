/** A company, a user, phones with real keys and real SRP, and the capabilities under test over any stores. */

import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import client from 'secure-remote-password/client.js';
import { defaultRules } from '../../../src/companies/rules.ts';
import type { Company, User } from '../../../src/companies/store.ts';
import { encodeBase64url, sha256 } from '../../../src/crypto/bytes.ts';
import { checkDeviceKey } from '../../../src/crypto/jwk.ts';
import { signCompactJws } from '../../../src/crypto/jws.ts';
import { randomId } from '../../../src/crypto/random.ts';
import type { KeyedSealing } from '../../../src/crypto/sealing.ts';
import type { EndLogins } from '../../../src/devices/end.ts';
import type { Device } from '../../../src/devices/store.ts';
import { AuthError } from '../../../src/errors.ts';
import type { Caller, MpinDeps } from '../../../src/mpin/deps.ts';
import type { HandshakePurpose } from '../../../src/mpin/handshake.ts';
import { startMpinHandshake } from '../../../src/mpin/mpin.ts';
import type { AppSession } from '../../../src/mpin/session.ts';
import { startBiometric, unlockByBiometric, unlockByMpin } from '../../../src/mpin/unlock.ts';
import type { MpinChallenge, SessionOpened } from '../../../src/protocol/session.ts';
import { createSrpServer, type SrpServer } from '../../../src/srp/server.ts';
import type { ShortLivedStore } from '../../../src/store/ports.ts';
import type { RecordStore } from '../../../src/store/records.ts';
import { fixedClock, type TestClock } from '../../clock.ts';
import { takeMessages } from '../../outbox.ts';
import { type TestStores, testStores } from '../../stores.ts';

export const issuer = 'https://login.example.test';
export const origin = { address: '192.0.2.1', userAgent: 'test', requestId: 'req_1' };

/** One for each test file: making it costs a third of a second. */
export const srp: SrpServer = createSrpServer({ poolSize: 0 });

export interface World {
  readonly clock: TestClock;
  readonly deps: MpinDeps;
  readonly company: Company;
  readonly user: User;
  /** Owners whose logins were ended. */
  readonly endedLogins: unknown[];
  /** Faults that were logged. */
  readonly faults: unknown[];
  close(): Promise<void>;
}

export interface WorldStores {
  readonly records: RecordStore;
  readonly shortLived: ShortLivedStore;
  readonly sealing: KeyedSealing;
  close(): Promise<void>;
}

/** Fresh stores with one active company and user. Waiting for other attempts takes a turn of the event loop instead of real time. */
export async function createWorld(
  options: { readonly stores?: WorldStores; readonly clock?: TestClock; readonly waits?: boolean } = {},
): Promise<World> {
  const clock = options.clock ?? fixedClock();
  const stores: WorldStores | TestStores = options.stores ?? (await testStores(clock));
  const endedLogins: unknown[] = [];
  const faults: unknown[] = [];
  const endLogins: EndLogins = async (_records, owner) => {
    endedLogins.push(owner);
  };
  const deps: MpinDeps = {
    records: stores.records,
    shortLived: stores.shortLived,
    sealing: stores.sealing,
    clock,
    endLogins,
    srp,
    issuer,
    log: { error: (fault: unknown) => void faults.push(fault) } as MpinDeps['log'],
    ...(options.waits === true ? {} : { pause: () => new Promise((resolve) => setImmediate(resolve)) }),
  };
  const company = await insertCompany(deps);
  const user = await insertUser(deps, company.id);
  return { clock, deps, company, user, endedLogins, faults, close: () => stores.close() };
}

export async function insertCompany({ records, clock }: MpinDeps): Promise<Company> {
  const company: Company = {
    id: randomId('co'),
    name: 'Example NV',
    status: 'active',
    userLimit: 2,
    deviceLimit: 5,
    selfActivation: true,
    mpinLength: 5,
    rules: defaultRules,
    isBank: false,
    createdAt: clock.now(),
    version: 1,
  };
  await records.companies.insert(company);
  return company;
}

export async function insertUser({ records, clock }: MpinDeps, companyId: string): Promise<User> {
  const id = randomId('usr');
  const user: User = {
    id,
    companyId,
    name: 'Ann',
    email: `${id}@example.test`,
    role: 'user',
    permissions: 'full',
    locale: 'en',
    language: undefined,
    staffRole: undefined,
    document: undefined,
    status: 'active',
    createdAt: clock.now(),
    version: 1,
  };
  await records.users.insert(user);
  return user;
}

/** A phone and what is in it. */
export interface Phone {
  readonly id: string;
  readonly mpin: string;
  readonly salt: string;
  readonly thumbprint: string;
  readonly key: KeyObject;
  readonly biometricKey: KeyObject;
  readonly publicJwk: Device['publicJwk'];
}

/** Registers an active phone of the world's user. The mPIN stands for the password that the phone makes of it. */
export async function addPhone(
  world: World,
  {
    mpin = '27594',
    status = 'active',
    hasBiometrics = true,
    user = world.user,
  }: {
    mpin?: string;
    status?: Device['status'];
    hasBiometrics?: boolean;
    user?: User;
  } = {},
): Promise<Phone> {
  const id = randomId('dev');
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const finger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = checkDeviceKey(pair.publicKey.export({ format: 'jwk' }));
  const biometric = checkDeviceKey(finger.publicKey.export({ format: 'jwk' }));
  const { salt, verifier } = secretsFor(id, mpin);
  const at = world.clock.now();
  const device: Device = {
    id,
    userId: user.id,
    companyId: user.companyId,
    name: 'Phone',
    platform: 'test',
    appVersion: '1',
    status,
    profile: 'srp6a-2048-sha256',
    thumbprint: key.thumbprint,
    publicJwk: key.publicJwk,
    biometric: hasBiometrics
      ? { thumbprint: biometric.thumbprint, publicJwk: biometric.publicJwk, kind: 'fpt' }
      : undefined,
    attestationLevel: 'none',
    pinAttempts: 0,
    pinEpoch: 1,
    createdAt: at,
    activatedAt: at,
    lastUsedAt: undefined,
    endedAt: undefined,
    endedReason: undefined,
  };
  await world.deps.records.users.takeDevicePlace(user.id, 5);
  await world.deps.records.devices.insert(device, { salt, verifier }, new Uint8Array(randomBytes(32)));
  const { thumbprint, publicJwk } = key;
  return { id, mpin, salt, thumbprint, publicJwk, key: pair.privateKey, biometricKey: finger.privateKey };
}

/** Salt and verifier as a phone makes them. */
export function secretsFor(deviceId: string, mpin: string): { salt: string; verifier: string } {
  const salt = randomBytes(32).toString('hex');
  return { salt, verifier: client.deriveVerifier(client.derivePrivateKey(salt, deviceId, mpin)) };
}

/** The call of a phone: its device as the channel finds it by its key, whatever its status. */
export async function callerOf({ deps }: World, { thumbprint }: { readonly thumbprint: string }): Promise<Caller> {
  return { thumbprint, device: await deps.records.devices.findByThumbprint(thumbprint), origin };
}

/** A caller whose key nobody registered. */
export function stranger(): Caller {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { thumbprint: checkDeviceKey(publicKey.export({ format: 'jwk' })).thumbprint, device: undefined, origin };
}

export function clientEphemeral(): { secret: string; public: string } {
  return client.generateEphemeral();
}

/** The proof of whatever mPIN, right or wrong. */
export function proofOf(
  { id, mpin }: { readonly id: string; readonly mpin: string },
  { salt, serverEphemeral }: MpinChallenge,
  ephemeral: { readonly secret: string },
): { proof: string; key: string } {
  const privateKey = client.derivePrivateKey(salt, id, mpin);
  return client.deriveSession(ephemeral.secret, serverEphemeral, salt, id, privateKey);
}

/** A started handshake with the proof for it, ready to be sent. */
export interface Ready {
  readonly handshake: string;
  readonly proof: string;
}

export async function prepare(
  world: World,
  phone: Phone,
  {
    mpin = phone.mpin,
    purpose = 'session',
    caller,
  }: { mpin?: string; purpose?: HandshakePurpose; caller?: Caller } = {},
): Promise<Ready> {
  const ephemeral = clientEphemeral();
  const challenge = await startMpinHandshake(world.deps, caller ?? (await callerOf(world, phone)), {
    deviceId: phone.id,
    clientEphemeral: ephemeral.public,
    purpose,
  });
  return { handshake: challenge.handshake, proof: proofOf({ id: phone.id, mpin }, challenge, ephemeral).proof };
}

/** Start and finish of a session by the given mPIN. */
export async function unlock(world: World, phone: Phone, mpin = phone.mpin): Promise<SessionOpened> {
  const ready = await prepare(world, phone, { mpin });
  return unlockByMpin(world.deps, await callerOf(world, phone), ready);
}

/** Start and finish of a session by the biometric key, or by what a test puts in its place. */
export async function unlockWithFinger(
  world: World,
  phone: Phone,
  { key = phone.biometricKey, changes = {} }: { key?: KeyObject; changes?: Record<string, unknown> } = {},
): Promise<SessionOpened> {
  const caller = await callerOf(world, phone);
  const { handshake, nonce } = await startBiometric(world.deps, caller, phone.id);
  const secret = new Uint8Array(randomBytes(32));
  const signature = signCompactJws({
    typ: 'mtoken-biometric+jws',
    key: { key, alg: 'ES256' },
    payload: {
      iss: issuer,
      deviceId: phone.id,
      purpose: 'session',
      subject: handshake,
      nonce,
      boundHash: encodeBase64url(sha256(secret)),
      iat: Math.floor(world.clock.now() / 1000),
      ...changes,
    },
  });
  return unlockByBiometric(world.deps, caller, { handshake, signature, sessionSecret: encodeBase64url(secret) });
}

/** What a refused call answers, as a caller sees it. */
export async function refusalOf(call: Promise<unknown>): Promise<{ code: string; message?: string; members: unknown }> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    const { code, publicMessage, members } = error;
    return { code, ...(publicMessage === undefined ? {} : { message: publicMessage }), members };
  }
  throw new Error('the call was not refused');
}

/** The one answer to a failed proof. */
export function failed(attemptsLeft: number | null) {
  return { code: 'authentication_failed', members: { attemptsLeft } };
}

export async function deviceOf({ deps }: World, { id }: { readonly id: string }): Promise<Device> {
  const device = await deps.records.devices.find(id);
  if (device === undefined) throw new Error(`no device ${id}`);
  return device;
}

export async function eventsOf({ deps }: World): Promise<string[]> {
  return (await deps.records.audit.read(0, 10_000)).map(({ event }) => event);
}

/** The events of the notices that came to the outbox since the last call, with the ids of their recipients. */
export async function noticesOf({ deps, clock }: World): Promise<{ event: string; recipient: string }[]> {
  const messages = await takeMessages(deps.records, clock.now());
  return messages.map(({ payload, recipient }) => ({
    event: (JSON.parse(payload) as { event: string }).event,
    recipient,
  }));
}

/** A call within an app session, as the channel hands it to an endpoint. */
export async function sessionCall<Body>(
  world: World,
  phone: Phone,
  { body, sessionId }: { body: Body; sessionId: string },
) {
  const device = await deviceOf(world, phone);
  const session: AppSession = {
    id: sessionId,
    deviceId: phone.id,
    userId: device.userId,
    companyId: device.companyId,
    method: 'mpin',
    factor: 'pin',
    openedAt: world.clock.now(),
  };
  return { body, device, session, origin, proofKey: { publicJwk: phone.publicJwk, thumbprint: phone.thumbprint } };
}
