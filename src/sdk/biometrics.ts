/** Biometrics: what the biometric key says, in whichever form the key store has it, and switching it on and off (protocol §6). */
import { type BiometricProof, type BiometricStatement, BiometricsEnabled } from '../protocol/biometrics.ts';
import { Empty } from '../protocol/common.ts';
import { label, typ } from '../protocol/names.ts';
import { MpinChallenge } from '../protocol/session.ts';
import { frame, hashText, sha256, toBase64url, utf8 } from './bytes.ts';
import { callInSession } from './calls.ts';
import { liveSession, loadPhone, loadRegistered, type PhoneContext } from './context.ts';
import { PhoneError } from './errors.ts';
import { signStatement, thumbprintOf } from './jws.ts';
import type { SignOptions } from './key-store.ts';
import { checkMpinForm, mpinPassword } from './mpin.ts';
import { believe, mpinProblems } from './mpin-proof.ts';
import { beginExchange } from './srp-client.ts';
import { type StoredPhone, writePhone } from './state.ts';

/** Which of them; `user` where the phone does not tell. */
export type BiometricKind = 'fpt' | 'face' | 'user';

/**
 * Asks for finger or face and says something with the biometric key. Throws `biometric_failed`, and `biometric_lost` where the key is
 * gone: then this phone has no biometrics any more.
 */
export async function sayWithBiometrics(
  context: PhoneContext,
  phone: StoredPhone,
  said: Pick<BiometricStatement, 'purpose' | 'subject' | 'nonce' | 'boundHash'>,
  options?: SignOptions,
): Promise<BiometricProof> {
  const { keys } = context;
  const { issuer, deviceId } = phone;
  const claims: BiometricStatement = { iss: issuer, deviceId, ...said, iat: context.time.nowSeconds() };
  try {
    const statement = utf8(JSON.stringify(claims));
    const assertion = await keys.assert?.(await sha256(frame([label.webauthn, statement])), options);
    if (assertion !== undefined) return { statement: toBase64url(statement), ...assertion };
    return await signStatement(keys, 'biometric', { typ: typ.biometric, claims }, options);
  } catch (error) {
    const isLost = error instanceof PhoneError && (error.code === 'biometric_lost' || error.code === 'key_store');
    throw isLost ? await loseBiometrics(context, error) : error;
  }
}

/** Forgets a biometric key that does not work any more. Gives the error to throw. */
export async function loseBiometrics(context: PhoneContext, cause: unknown): Promise<PhoneError> {
  await setBiometric(context, false);
  await context.keys.removeKey('biometric');
  return new PhoneError('biometric_lost', { cause });
}

/** Makes a biometric key and has the server take it. Takes a session and the mPIN. Throws `wrong_mpin`, `blocked`, `biometric_failed`. */
export async function enableBiometrics(
  context: PhoneContext,
  { mpin, kind = 'user' }: { readonly mpin: string; readonly kind?: BiometricKind },
): Promise<void> {
  const phone = await loadRegistered(context);
  checkMpinForm(mpin, phone.mpin);
  await liveSession(context);
  const { issuer, deviceId } = phone;
  // First of all: browsers want the question to follow the press of a button at once.
  const publicJwk = await context.keys.createKey('biometric');
  try {
    const exchange = beginExchange();
    const { clientEphemeral } = exchange;
    const challenge = await callInSession(context, phone, {
      name: 'biometrics/start',
      body: { clientEphemeral },
      reply: MpinChallenge,
    });
    const password = await mpinPassword(context.keys, mpin);
    const { proof, checkServerProof } = await exchange.answer({ challenge, identity: deviceId, password });
    const { handshake } = challenge;
    const biometricJkt = await thumbprintOf(publicJwk);
    const signature = await signStatement(context.keys, 'device', {
      typ: typ.biometricsEnable,
      claims: { iss: issuer, deviceId, handshake, biometricJkt, kind, iat: context.time.nowSeconds() },
    });
    const said = { purpose: 'enable', subject: handshake, nonce: null, boundHash: await hashText(signature) } as const;
    const biometricSignature = await sayWithBiometrics(context, phone, said);
    const { serverProof } = await callInSession(context, phone, {
      name: 'biometrics/enable',
      body: { handshake, proof, publicJwk, kind, signature, biometricSignature },
      reply: BiometricsEnabled,
      problems: mpinProblems,
    });
    await believe(context, () => checkServerProof(serverProof));
  } catch (error) {
    await context.keys.removeKey('biometric');
    throw error;
  }
  await setBiometric(context, true);
}

/** Has the server forget the biometric key, then destroys it. Takes a session. */
export async function disableBiometrics(context: PhoneContext): Promise<void> {
  const phone = await loadRegistered(context);
  await callInSession(context, phone, { name: 'biometrics/disable', body: {}, reply: Empty });
  await setBiometric(context, false);
  await context.keys.removeKey('biometric');
}

async function setBiometric(context: PhoneContext, biometric: boolean): Promise<void> {
  const phone = await loadPhone(context);
  if (phone !== undefined && phone.biometric !== biometric) await writePhone(context.keys, { ...phone, biometric });
}
