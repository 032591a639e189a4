/** A phone as these tests need it: keys of its own, the statements it signs, and the calls that reach the server's rules. */
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import type { Actor } from '../../../src/companies/actor.ts';
import { checkDeviceKey, type DeviceKey } from '../../../src/crypto/jwk.ts';
import { type JwsKey, signCompactJws } from '../../../src/crypto/jws.ts';
import type { AppCall } from '../../../src/http/app-endpoint.ts';
import { typ } from '../../../src/protocol/names.ts';
import type {
  RegistrationFinish,
  RegistrationFinished,
  RegistrationStart,
  RegistrationStarted,
} from '../../../src/protocol/registration.ts';
import { createActivation, type ShownActivation } from '../../../src/registration/activations.ts';
import type { RegistrationDeps } from '../../../src/registration/deps.ts';
import { finishRegistration, startRegistration } from '../../../src/registration/registration.ts';
import { takeMessages } from '../../outbox.ts';

export const issuer = 'https://auth.example';
export const origin = { address: '192.0.2.7', userAgent: 'test', requestId: 'r1' };

export interface KeyPair extends DeviceKey {
  readonly privateKey: KeyObject;
}

export function newKey(kind: 'ec' | 'rsa' = 'ec'): KeyPair {
  const { publicKey, privateKey } =
    kind === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...checkDeviceKey(publicKey.export({ format: 'jwk' })), privateKey };
}

export interface Phone {
  readonly key: KeyPair;
  readonly biometric: KeyPair | null;
}

export const newPhone = (biometric: KeyPair | null = null): Phone => ({ key: newKey(), biometric });

export const signer = ({ alg, privateKey }: KeyPair): JwsKey => ({ alg, key: privateKey });

/** The call as the app channel hands it over: the device is looked up by the key that signed. */
export async function callOf<Body>(
  deps: Pick<RegistrationDeps, 'records'>,
  key: KeyPair,
  body: Body,
  address = origin.address,
): Promise<AppCall<Body>> {
  const { publicJwk, thumbprint } = key;
  const device = await deps.records.devices.findByThumbprint(thumbprint);
  return { body, proofKey: { publicJwk, thumbprint }, device, origin: { ...origin, address } };
}

export function startBody(code: string, { biometric }: Phone): RegistrationStart {
  return {
    activationCode: code,
    profile: 'srp6a-2048-sha256',
    biometric: biometric === null ? null : { publicJwk: biometric.publicJwk, kind: 'fpt' },
    device: { name: 'Anna’s phone', platform: 'Android 17', appVersion: '1.0' },
  };
}

export async function start(
  deps: RegistrationDeps,
  code: string,
  phone: Phone,
  address?: string,
): Promise<RegistrationStarted> {
  return startRegistration(deps, await callOf(deps, phone.key, startBody(code, phone), address));
}

/** What a test may send, sign or sign with otherwise. */
export interface Tampering {
  readonly sent?: Partial<RegistrationFinish>;
  readonly statement?: Readonly<Record<string, unknown>>;
  readonly biometricStatement?: Readonly<Record<string, unknown>>;
  readonly statementTyp?: string;
  readonly biometricTyp?: string;
  readonly statementKey?: KeyPair;
  readonly biometricKey?: KeyPair;
}

export function finishBody(
  deps: Pick<RegistrationDeps, 'clock'>,
  phone: Phone,
  started: RegistrationStarted,
  code: string,
  tampering: Tampering = {},
): RegistrationFinish {
  const { registrationId, deviceId, nonce } = started;
  const salt = randomBytes(32).toString('hex');
  const verifier = `0${randomBytes(256).toString('hex').slice(1)}`;
  const iat = Math.floor(deps.clock.now() / 1000);
  const common = { iss: issuer, deviceId, nonce, iat };
  const statement = {
    ...common,
    registrationId,
    jkt: phone.key.thumbprint,
    biometricJkt: phone.biometric?.thumbprint ?? null,
    profile: 'srp6a-2048-sha256',
    salt,
    verifier,
    ...tampering.statement,
  };
  const biometricStatement = {
    ...common,
    purpose: 'registration',
    subject: registrationId,
    boundHash: null,
    ...tampering.biometricStatement,
  };
  const biometricKey = tampering.biometricKey ?? phone.biometric;
  return {
    registrationId,
    confirmationCode: code,
    salt,
    verifier,
    signature: signCompactJws({
      payload: defined(statement),
      typ: tampering.statementTyp ?? typ.registration,
      key: signer(tampering.statementKey ?? phone.key),
    }),
    biometricSignature:
      biometricKey === null
        ? null
        : signCompactJws({
            payload: defined(biometricStatement),
            typ: tampering.biometricTyp ?? typ.biometric,
            key: signer(biometricKey),
          }),
    ...tampering.sent,
  };
}

const defined = (members: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));

export async function finish(
  deps: RegistrationDeps,
  phone: Phone,
  started: RegistrationStarted,
  code: string,
  tampering: Tampering = {},
): Promise<RegistrationFinished> {
  const body = finishBody(deps, phone, started, code, tampering);
  return finishRegistration(deps, await callOf(deps, phone.key, body));
}

export interface Activated extends ShownActivation {
  /** As the user reads it in the e-mail. */
  readonly confirmation: string;
}

/** Creates an activation and opens the e-mail. */
export async function activate(
  deps: RegistrationDeps,
  userId: string,
  actor: Actor = { name: 'cli' },
): Promise<Activated> {
  const created = await createActivation(deps, { userId, actor });
  const messages = await takeMessages(deps.records, deps.clock.now());
  const mails = messages.map(({ payload }) => JSON.parse(payload) as { event: string; data: Record<string, string> });
  const mail = mails.find(({ event, data }) => event === 'activation.created' && data['userId'] === userId);
  return { ...created, confirmation: mail?.data['confirmationCode'] ?? '' };
}
