/** Opening an app session: by the mPIN through the gate, or by the biometric key, which neither needs nor resets an attempt. */
import { encodeBase64url, sha256, tryDecodeBase64url } from '../crypto/bytes.ts';
import { biometricTranscript, deriveSessionKeys, mpinTranscript, type SessionKeys } from '../crypto/envelope.ts';
import { randomId, randomToken } from '../crypto/random.ts';
import { proveBiometric } from '../devices/biometric.ts';
import { findUsable } from '../devices/devices.ts';
import type { Standing } from '../devices/store.ts';
import { AuthError } from '../errors.ts';
import { networkPrefix } from '../login/browser.ts';
import type { BiometricKind, BiometricProof } from '../protocol/biometrics.ts';
import type { BiometricChallenge, SessionOpened } from '../protocol/session.ts';
import type { Records } from '../store/records.ts';
import { type Caller, decoyDeviceId, type MpinDeps } from './deps.ts';
import { authenticationFailed } from './failure.ts';
import { type BiometricHandshake, handshakeSeconds, keepHandshake, takeHandshake } from './handshake.ts';
import { finishMpinHandshake } from './mpin.ts';
import { type AppSession, absoluteSeconds, idleSeconds, openSession } from './session.ts';

const sessionSecretBytes = 32;

/** Opens a session by an mPIN proof. Throws as `finishMpinHandshake` does. */
export async function unlockByMpin(
  deps: MpinDeps,
  caller: Caller,
  finish: { readonly handshake: string; readonly proof: string },
): Promise<SessionOpened> {
  const id = randomId('ses');
  const { standing, handshake, serverProof, sessionKey } = await finishMpinHandshake(deps, caller, {
    ...finish,
    purpose: 'session',
    onRight: (records) => recordOpened(records, deps, { caller, sessionId: id, factor: 'pin' }),
  });
  const { deviceId, clientEphemeral, serverEphemeral } = handshake;
  const transcript = mpinTranscript({ ...finish, deviceId, clientEphemeral, serverEphemeral, serverProof });
  const keys = deriveSessionKeys({ secret: sessionKey, transcript });
  return answerOpened(deps, { standing, keys, serverProof, session: sessionOf(deps, id, standing, 'pin') });
}

/** Begins a biometric unlock; answers alike for every device (L-11). */
export async function startBiometric(deps: MpinDeps, caller: Caller, deviceId: string): Promise<BiometricChallenge> {
  const standing = await findUsable(deps, caller.device?.id === deviceId ? deviceId : decoyDeviceId);
  const nonce = randomToken();
  const isReal = standing?.device.biometric !== undefined;
  const { thumbprint } = caller;
  const handshake = await keepHandshake(deps, { kind: 'biometric', deviceId, thumbprint, isReal, nonce });
  return { handshake, nonce, expiresInSeconds: handshakeSeconds };
}

/** Opens a session by the biometric key. A wrong signature costs no attempt and a right one gives none back (L-05). */
export async function unlockByBiometric(
  deps: MpinDeps,
  caller: Caller,
  finish: { readonly handshake: string; readonly signature: BiometricProof; readonly sessionSecret: string },
): Promise<SessionOpened> {
  const secret = tryDecodeBase64url(finish.sessionSecret);
  if (secret?.length !== sessionSecretBytes) {
    throw new AuthError('invalid_request', { message: 'sessionSecret must be 32 bytes in base64url' });
  }
  const handshake = await takeHandshake(deps, finish.handshake);
  const isFitting =
    handshake?.kind === 'biometric' &&
    handshake.isReal &&
    handshake.thumbprint === caller.thumbprint &&
    handshake.deviceId === caller.device?.id;
  // A blocked mPIN blocks biometrics with it (L-10): the same question is asked of every way in.
  const standing = await findUsable(deps, isFitting ? handshake.deviceId : decoyDeviceId);
  const factor =
    isFitting && standing !== undefined ? await prove(deps, standing, { finish, handshake, secret }) : undefined;
  if (!isFitting || standing === undefined || factor === undefined) {
    throw await authenticationFailed(deps, caller, { about: handshake?.deviceId, cause: 'biometric' });
  }
  const id = randomId('ses');
  await deps.records.transaction((records) => recordOpened(records, deps, { caller, sessionId: id, factor }));
  const { deviceId, nonce } = handshake;
  const signature = typeof finish.signature === 'string' ? finish.signature : finish.signature.signature;
  const transcript = biometricTranscript({ handshake: finish.handshake, deviceId, nonce, signature });
  const keys = deriveSessionKeys({ secret, transcript });
  return answerOpened(deps, { standing, keys, serverProof: null, session: sessionOf(deps, id, standing, factor) });
}

function prove(
  deps: MpinDeps,
  { device }: Standing,
  signed: {
    readonly finish: { readonly handshake: string; readonly signature: BiometricProof };
    readonly handshake: BiometricHandshake;
    readonly secret: Uint8Array;
  },
): Promise<BiometricKind | undefined> {
  const { finish, handshake, secret } = signed;
  return proveBiometric(deps, device, {
    proof: finish.signature,
    deviceId: device.id,
    purpose: 'session',
    subject: finish.handshake,
    nonce: handshake.nonce,
    boundHash: encodeBase64url(sha256(secret)),
  });
}

async function recordOpened(
  records: Records,
  { clock }: MpinDeps,
  opened: { readonly caller: Caller; readonly sessionId: string; readonly factor: AppSession['factor'] },
): Promise<void> {
  const { device, origin } = opened.caller;
  if (device === undefined) return;
  const at = clock.now();
  const { id: deviceId, userId, companyId } = device;
  const { address, requestId } = origin;
  await records.devices.markUsed(deviceId, at, networkPrefix(address));
  const data = { factor: opened.factor, session: opened.sessionId };
  const actor = `device:${deviceId}`;
  await records.audit.append(
    { event: 'session.opened', actor, companyId, userId, deviceId, address, requestId, data },
    at,
  );
}

function sessionOf(deps: MpinDeps, id: string, { device }: Standing, factor: AppSession['factor']): AppSession {
  const { id: deviceId, userId, companyId } = device;
  const method = factor === 'pin' ? 'mpin' : 'biometric';
  return { id, deviceId, userId, companyId, method, factor, openedAt: deps.clock.now() };
}

/** The vault key leaves the server here and nowhere else. */
async function answerOpened(
  deps: MpinDeps,
  opened: {
    readonly session: AppSession;
    readonly standing: Standing;
    readonly keys: SessionKeys;
    readonly serverProof: string | null;
  },
): Promise<SessionOpened> {
  const { session, standing, serverProof } = opened;
  const vaultKey = await deps.records.devices.vaultKey(session.deviceId);
  // Erased: the device ended between proof and answer.
  if (vaultKey === undefined) throw new AuthError('authentication_failed', { members: { attemptsLeft: 0 } });
  const accessToken = await openSession(deps, opened);
  const { user, company } = standing;
  return {
    sessionId: session.id,
    serverProof,
    accessToken,
    idleSeconds,
    absoluteSeconds,
    vaultKey: encodeBase64url(vaultKey),
    user: { name: user.name, locale: user.locale },
    company: { name: company.name },
    permissions: user.permissions,
  };
}
