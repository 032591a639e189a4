/** Opening, using up and closing the app session (protocol §6), and the change of the mPIN. */
import type { Static } from 'typebox';
import { Empty } from '../protocol/common.ts';
import { label, typ } from '../protocol/names.ts';
import {
  BiometricChallenge,
  MpinChallenge,
  MpinChanged,
  type SessionFinish,
  SessionOpened,
} from '../protocol/session.ts';
import { loseBiometrics, sayWithBiometrics } from './biometrics.ts';
import { type Bytes, frame, fromBase64url, hashText, hkdfSha512, randomBytes, sha512, toBase64url } from './bytes.ts';
import { callInSession, callWithDeviceKey } from './calls.ts';
import { liveSession, loadRegistered, type OpenSession, type PhoneContext, type UnlockMethod } from './context.ts';
import { PhoneError } from './errors.ts';
import { signStatement } from './jws.ts';
import type { SignOptions } from './key-store.ts';
import { checkMpinForm, checkNewMpin, mpinPassword } from './mpin.ts';
import { believe, mpinProblems } from './mpin-proof.ts';
import { explainRefusal } from './registration.ts';
import { beginExchange, enrol } from './srp-client.ts';
import { type RegisteredPhone, sealOwner, writePhone } from './state.ts';

/** What an open session tells the app. Times in epoch milliseconds by this phone's clock. */
export interface SessionInfo {
  readonly method: UnlockMethod;
  /** Ends then without a request; each one moves it. */
  readonly idleUntil: number;
  /** Ends then in any case. */
  readonly absoluteUntil: number;
}

type Opened = Static<typeof SessionOpened>;

/** Opens a session with the mPIN. Throws `wrong_mpin`, `blocked`, `server_not_authentic`. */
export async function unlockWithMpin(context: PhoneContext, mpin: string): Promise<SessionInfo> {
  const phone = await loadRegistered(context);
  checkMpinForm(mpin, phone.mpin);
  const { deviceId } = phone;
  const exchange = beginExchange();
  const { clientEphemeral } = exchange;
  const challenge = await callWithDeviceKey(context, phone, {
    name: 'session/start',
    body: { deviceId, method: 'mpin', clientEphemeral },
    reply: MpinChallenge,
  });
  const answer = await exchange.answer({
    challenge,
    identity: deviceId,
    password: await mpinPassword(context.keys, mpin),
  });
  const { handshake, serverEphemeral } = challenge;
  const opened = await finish(context, phone, { handshake, proof: answer.proof });
  // Before anything of the answer is believed: a server that does not know the verifier cannot make this proof (P-27).
  answer.checkServerProof(opened.serverProof);
  const transcript = [
    'mpin',
    handshake,
    deviceId,
    clientEphemeral,
    serverEphemeral,
    answer.proof,
    opened.serverProof ?? '',
  ];
  return open(context, phone, { opened, method: 'mpin', secret: answer.sessionSecret, transcript });
}

/** Opens a session with the biometric key. Throws `biometric_unavailable`, `biometric_failed`, `biometric_lost`, `blocked`. */
export async function unlockWithBiometrics(context: PhoneContext, options?: SignOptions): Promise<SessionInfo> {
  const phone = await loadRegistered(context);
  if (!phone.biometric) throw new PhoneError('biometric_unavailable');
  const { deviceId } = phone;
  const { handshake, nonce } = await callWithDeviceKey(context, phone, {
    name: 'session/start',
    body: { deviceId, method: 'biometric' },
    reply: BiometricChallenge,
  });
  const secret = randomBytes(32);
  const said = { purpose: 'session', subject: handshake, nonce, boundHash: await hashText(secret) } as const;
  const signature = await sayWithBiometrics(context, phone, said, options);
  const body = { handshake, signature, sessionSecret: toBase64url(secret) };
  const opened = await finish(context, phone, body).catch(async (error: unknown) => {
    // The phone itself is in order, or the reason would have been found: it is this key that does not count any more.
    const isKey = error instanceof PhoneError && error.code === 'authentication_failed';
    throw isKey ? await loseBiometrics(context, error) : error;
  });
  const signed = typeof signature === 'string' ? signature : signature.signature;
  const transcript = ['biometric', handshake, deviceId, nonce, signed];
  return open(context, phone, { opened, method: 'biometric', secret, transcript });
}

async function finish(context: PhoneContext, phone: RegisteredPhone, body: SessionFinish): Promise<Opened> {
  // Only an answer to an mPIN can be about the mPIN.
  const problems = 'proof' in body ? mpinProblems : {};
  try {
    return await callWithDeviceKey(context, phone, { name: 'session/finish', body, reply: SessionOpened, problems });
  } catch (error) {
    throw await explainRefusal(context, phone, error);
  }
}

interface Opening {
  readonly opened: Opened;
  readonly method: UnlockMethod;
  readonly secret: Bytes;
  readonly transcript: readonly string[];
}

async function open(context: PhoneContext, phone: RegisteredPhone, opening: Opening): Promise<SessionInfo> {
  const { opened, method } = opening;
  const salt = await sha512(frame(opening.transcript));
  const derive = async (info: string) => hkdfSha512(opening.secret, { salt, info, length: 64 });
  const now = context.time.now();
  const vaultKey = fromBase64url(opened.vaultKey);
  const session: OpenSession = {
    id: opened.sessionId,
    method,
    accessToken: opened.accessToken,
    appToServer: await derive(label.appToServer),
    serverToApp: await derive(label.serverToApp),
    vaultKey,
    idleSeconds: opened.idleSeconds,
    idleUntil: now + opened.idleSeconds * 1000,
    absoluteUntil: now + opened.absoluteSeconds * 1000,
  };
  const { user, company, permissions } = opened;
  // Before anyone can end the session, which overwrites the key.
  const sealedOwner = vaultKey === undefined ? null : await sealOwner(phone, { user, company, permissions }, vaultKey);
  opening.secret.fill(0);
  await context.sessions.set(session);
  const offsetSeconds = context.time.offsetSeconds();
  const current = await loadRegistered(context);
  const remembered = { ...current, deviceId: phone.deviceId, isApproved: true, offsetSeconds, sealedOwner };
  // All of it comes again with the next unlock: a phone that has no room left for it is open all the same.
  await writePhone(context.keys, remembered).catch(() => undefined);
  return infoOf(session);
}

/** The open session, or `undefined` where the phone is locked. Asks the server nothing. */
export async function sessionInfo(context: PhoneContext): Promise<SessionInfo | undefined> {
  try {
    return infoOf(await liveSession(context));
  } catch {
    return undefined;
  }
}

function infoOf({ method, idleUntil, absoluteUntil }: OpenSession): SessionInfo {
  return { method, idleUntil, absoluteUntil };
}

/** A copy of the 32 bytes under which the app keeps its local data, while the session lasts. Throws `locked`. */
export async function vaultKey(context: PhoneContext): Promise<Bytes> {
  const { vaultKey: key } = await liveSession(context);
  if (key === undefined) throw new PhoneError('locked');
  return key.slice();
}

/** Ends the session here at once, and at the server if it can be reached. */
export async function logout(context: PhoneContext): Promise<void> {
  const phone = await loadRegistered(context);
  const ended = await context.sessions.get();
  try {
    await callInSession(context, phone, { name: 'session/end', body: {}, reply: Empty });
  } catch (error) {
    // The session ends there by itself within minutes; here it must end now, whatever the network does.
    if (!(error instanceof PhoneError)) throw error;
  } finally {
    // The person may have unlocked again while this call waited for a network that is slow or gone: that session stays.
    if ((await context.sessions.get())?.id === ended?.id) await context.sessions.set(undefined);
  }
}

/** Changes the mPIN; takes the old one. Throws `weak_mpin` before anything is sent, `wrong_mpin`, `blocked`. */
export async function changeMpin(
  context: PhoneContext,
  { oldMpin, newMpin }: { readonly oldMpin: string; readonly newMpin: string },
): Promise<void> {
  const phone = await loadRegistered(context);
  checkMpinForm(oldMpin, phone.mpin);
  checkNewMpin(newMpin, phone.mpin);
  if (oldMpin === newMpin) throw new PhoneError('weak_mpin', { rule: 'unchanged', detail: 'it is the old one' });
  await liveSession(context);
  const { deviceId, issuer } = phone;
  const exchange = beginExchange();
  const challenge = await callInSession(context, phone, {
    name: 'mpin/change/start',
    body: { clientEphemeral: exchange.clientEphemeral },
    reply: MpinChallenge,
  });
  const answer = await exchange.answer({
    challenge,
    identity: deviceId,
    password: await mpinPassword(context.keys, oldMpin),
  });
  const { handshake } = challenge;
  const { salt, verifier } = enrol(deviceId, await mpinPassword(context.keys, newMpin));
  const iat = context.time.nowSeconds();
  const signature = await signStatement(context.keys, 'device', {
    typ: typ.mpinChange,
    claims: { iss: issuer, deviceId, handshake, salt, verifier, iat },
  });
  const changed = await callInSession(context, phone, {
    name: 'mpin/change/finish',
    body: { handshake, proof: answer.proof, salt, verifier, signature },
    reply: MpinChanged,
    problems: mpinProblems,
  });
  await believe(context, () => answer.checkServerProof(changed.serverProof));
}
