/** Biometrics switched on, by the mPIN and both keys, and off again. */
import { Compile } from 'typebox/compile';
import { encodeBase64url, sha256 } from '../crypto/bytes.ts';
import { checkDeviceKey } from '../crypto/jwk.ts';
import { newBiometricKey } from '../devices/biometric.ts';
import { readStatement } from '../devices/statement.ts';
import type { BiometricKey } from '../devices/store.ts';
import { AuthError } from '../errors.ts';
import type { SessionCall } from '../http/app-endpoint.ts';
import { notify } from '../notify/notify.ts';
import { wakeOutbox } from '../notify/outbox.ts';
import {
  type BiometricsEnable,
  type BiometricsEnabled,
  BiometricsEnableStatement,
  type BiometricsStart,
} from '../protocol/biometrics.ts';
import { typ } from '../protocol/names.ts';
import type { MpinChallenge } from '../protocol/session.ts';
import type { Records } from '../store/records.ts';
import type { MpinDeps } from './deps.ts';
import type { HandshakePurpose } from './handshake.ts';
import { finishMpinHandshake, startMpinHandshake } from './mpin.ts';
import { carryWithoutKey } from './session.ts';

const statementSchema = Compile(BiometricsEnableStatement);

/** Begins a handshake that this session's switching on of biometrics alone accepts. */
export function startBiometrics(deps: MpinDeps, call: SessionCall<BiometricsStart>): Promise<MpinChallenge> {
  const { clientEphemeral } = call.body;
  return startMpinHandshake(deps, callerOf(call), {
    deviceId: call.device.id,
    clientEphemeral,
    purpose: purposeOf(call),
  });
}

/**
 * Makes a key the biometric key of the calling device, in place of any other, with which the sessions that it opened end. It takes the mPIN, so that who finds an unlocked phone
 * does not add a finger of their own; the device key's word for the new key; and the new key's own. The proof passes the gate that
 * counts attempts (T6). Throws `invalid_request` on a key that is not acceptable, the device's own among them; `already_exists` on
 * one that was ever registered; `authentication_failed` for whatever else is wrong.
 */
export async function enableBiometrics(
  deps: MpinDeps,
  call: SessionCall<BiometricsEnable>,
): Promise<BiometricsEnabled> {
  const { handshake, proof } = call.body;
  const key = judgeKey(deps, call);
  const { serverProof } = await finishMpinHandshake(deps, callerOf(call), {
    handshake,
    proof,
    purpose: purposeOf(call),
    // Before the proof: without both keys' words the mPIN is not even looked at (L-09).
    mayEvaluate: key !== undefined,
    onRight: (records) => keep(records, deps, { call, key }),
  });
  await carryWithoutKey(deps, call.session.id);
  await wakeOutbox(deps.shortLived);
  return { serverProof };
}

/**
 * Takes the biometric key away, and with it every other session that it opened. It takes no secret: whoever has the unlocked phone can
 * only make it ask for the mPIN.
 */
export async function disableBiometrics(deps: MpinDeps, call: SessionCall<unknown>): Promise<void> {
  const at = deps.clock.now();
  await deps.records.transaction(async (records) => {
    const before = (await records.devices.find(call.device.id))?.biometric;
    if (before === undefined) return;
    if (!(await records.devices.setBiometric(call.device.id, undefined))) throw new AuthError('conflict');
    await records.audit.append(
      { ...trailOf(call), event: 'biometrics.disabled', data: { thumbprint: before.thumbprint } },
      at,
    );
  });
  await carryWithoutKey(deps, call.session.id);
}

async function keep(
  records: Records,
  deps: MpinDeps,
  { call, key }: { readonly call: SessionCall<BiometricsEnable>; readonly key: BiometricKey | undefined },
): Promise<void> {
  const { id: deviceId, name: deviceName, userId } = call.device;
  if (key === undefined || !(await records.devices.setBiometric(deviceId, key))) throw new AuthError('conflict');
  const at = deps.clock.now();
  await notify(records, { event: 'biometrics.enabled', userId, deviceName, fromDeviceId: deviceId }, at);
  const { thumbprint, kind, webauthn } = key;
  const data = {
    thumbprint,
    kind,
    form: webauthn === undefined ? 'key' : 'webauthn',
    backup: webauthn?.backup ?? null,
  };
  await records.audit.append({ ...trailOf(call), event: 'biometrics.enabled', data }, at);
}

/** The key as it would be kept, if both keys have signed for it. */
function judgeKey(deps: MpinDeps, { body, device }: SessionCall<BiometricsEnable>): BiometricKey | undefined {
  const { publicJwk, thumbprint } = checkDeviceKey(body.publicJwk, deps.keyCache);
  // One key for both would make the fingerprint a formality: possession alone would pass for two factors (P-24).
  if (thumbprint === device.thumbprint) {
    throw new AuthError('invalid_request', { message: 'the biometric key must differ from the device key' });
  }
  const { handshake, kind, signature } = body;
  const stated = readStatement(
    deps,
    { token: signature, typ: typ.biometricsEnable, publicJwk: device.publicJwk },
    {
      schema: statementSchema,
      members: { iss: deps.issuer, deviceId: device.id, handshake, biometricJkt: thumbprint, kind } satisfies Omit<
        BiometricsEnableStatement,
        'iat'
      >,
    },
  );
  const key = newBiometricKey(
    deps,
    { publicJwk, thumbprint, kind },
    {
      proof: body.biometricSignature,
      deviceId: device.id,
      purpose: 'enable',
      subject: handshake,
      nonce: null,
      boundHash: encodeBase64url(sha256(signature)),
    },
  );
  return stated === undefined ? undefined : key;
}

function trailOf({ device, origin }: SessionCall<unknown>) {
  const { id: deviceId, userId, companyId } = device;
  const { address, requestId } = origin;
  return { actor: `device:${deviceId}`, companyId, userId, deviceId, address, requestId };
}

function purposeOf({ session }: SessionCall<unknown>): HandshakePurpose {
  return `biometrics:${session.id}`;
}

function callerOf({ device, origin }: SessionCall<unknown>) {
  return { device, origin, thumbprint: device.thumbprint };
}
