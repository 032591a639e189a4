/** Registration (protocol §5): an activation text and a confirmation code make this phone a registered device. */
import type { Static } from 'typebox';
import { typ } from '../protocol/names.ts';
import {
  RegistrationFinished,
  RegistrationStarted,
  RegistrationStatusReply,
  type TermsOffered,
} from '../protocol/registration.ts';
import { type BiometricKind, sayWithBiometrics } from './biometrics.ts';
import { fromHex, sha256, toBase64url } from './bytes.ts';
import { callWithDeviceKey } from './calls.ts';
import { readConfiguration } from './configuration.ts';
import { loadPhone, loadRegistered, type PhoneContext } from './context.ts';
import { PhoneError } from './errors.ts';
import { publicKeyOf, signStatement, thumbprintOf } from './jws.ts';
import { checkNewMpin, type MpinRules, mpinPassword } from './mpin.ts';
import { type Enrolment, enrol, srpProfile } from './srp-client.ts';
import { type Owner, type RegisteredPhone, type RegisteringPhone, writePhone } from './state.ts';
import { parseActivation } from './texts.ts';
import { fetchTrustedKeys } from './trust.ts';

/** What the phone says of itself; shown to its user and to administrators. */
export interface PhoneDescription {
  /** Such as "Anna's Pixel"; at most 64 characters. */
  readonly name: string;
  /** Such as "Android 16"; at most 32 characters. */
  readonly platform: string;
  /** At most 32 characters. */
  readonly appVersion: string;
}

export interface RegistrationOptions {
  readonly device: PhoneDescription;
  /** Registers a biometric key too; `user` where the phone does not tell which. */
  readonly biometric?: BiometricKind;
}

/** What the person needs for the second step. */
export interface RegistrationBegun {
  readonly issuer: string;
  /** Who has the confirmation code: the user's mailbox, or the administrator, who tells it by telephone or in person. */
  readonly confirmationChannel: 'email' | 'administrator';
  /** Where it was sent, such as "a•••@example.com"; empty where the administrator has it. */
  readonly confirmationHint: string;
  /** What the person has to read and accept before the second step; null where there is nothing. Plain text: never show it as markup. */
  readonly terms: TermsOffered | null;
  readonly mpin: MpinRules;
  /** Epoch milliseconds by this phone's clock. */
  readonly expiresAt: number;
}

/** The end of a registration. With `pending` an administrator has yet to approve it. */
export interface RegistrationDone {
  readonly deviceId: string;
  readonly approval: 'active' | 'pending';
  /** Null where the answer was lost on the way and the server was found to have registered the phone. */
  readonly owner: Owner | null;
}

/** Makes new keys and spends the activation code. Throws `already_registered` on a phone that is registered. */
export async function beginRegistration(
  context: PhoneContext,
  activationText: string,
  options: RegistrationOptions,
): Promise<RegistrationBegun> {
  const activation = parseActivation(activationText, context.issuers);
  const before = await loadPhone(context);
  if (before?.phase === 'registered') throw new PhoneError('already_registered');
  // New keys would orphan a device that the server has registered without our hearing of it.
  if (before?.isFinishSent && (await findLostRegistration(context, before))) throw new PhoneError('already_registered');
  const { issuer } = activation;
  await readConfiguration(context, issuer);
  const trusted = await fetchTrustedKeys(context.http, issuer, activation.keyThumbprint);
  await context.keys.createKey('device');
  await context.keys.createSecret();
  const biometricJwk = options.biometric === undefined ? null : await context.keys.createKey('biometric');
  const started = await callWithDeviceKey(
    context,
    { issuer, trusted },
    {
      name: 'registration/start',
      body: {
        activationCode: activation.code,
        profile: srpProfile,
        biometric: biometricJwk === null ? null : { publicJwk: biometricJwk, kind: options.biometric },
        device: options.device,
      },
      reply: RegistrationStarted,
      problems: {
        already_exists: 'already_registered',
        authentication_failed: 'activation_refused',
        conflict: 'activation_refused',
        not_found: 'activation_refused',
      },
    },
  );
  const expiresAt = context.time.now() + started.expiresInSeconds * 1000;
  const { registrationId, deviceId, nonce, confirmation, mpin, terms } = started;
  await assertWhole(terms);
  await writePhone(context.keys, {
    version: 1,
    phase: 'registering',
    issuer,
    trusted,
    offsetSeconds: context.time.offsetSeconds(),
    registrationId,
    deviceId,
    nonce,
    confirmationHint: confirmation.hint,
    confirmationChannel: confirmation.channel,
    ...(terms === undefined ? {} : { terms }),
    mpin,
    biometric: biometricJwk !== null,
    expiresAt,
    isFinishSent: false,
  });
  const { channel: confirmationChannel, hint: confirmationHint } = confirmation;
  return { issuer, confirmationChannel, confirmationHint, terms: terms ?? null, mpin, expiresAt };
}

/** What is signed is the hash: it must be that of what the person reads. */
async function assertWhole(terms: TermsOffered | undefined): Promise<void> {
  if (terms === undefined) return;
  if (toBase64url(await sha256(terms.text)) !== toBase64url(fromHex(terms.sha256))) {
    throw new PhoneError('server_not_authentic', { detail: 'the terms are not those of their hash' });
  }
}

/** What the person gives for the second step. */
export interface FinishInput {
  readonly confirmationCode: string;
  readonly mpin: string;
  readonly acceptedTerms?: string | undefined;
}

/**
 * Sends salt and verifier of the chosen mPIN with the confirmation code, signed by the new keys. Also after a restart of the app.
 * `acceptedTerms` is the version that the person accepted, where `beginRegistration` gave terms. Throws `terms_not_accepted`,
 * `weak_mpin` and `mpin_format` before anything is sent, `wrong_confirmation` after a wrong code, and `terms_not_accepted` also
 * where other terms have come into force: then the registration begins anew, with the same activation.
 */
export async function finishRegistration(
  context: PhoneContext,
  { confirmationCode, mpin, acceptedTerms }: FinishInput,
): Promise<RegistrationDone> {
  const phone = await loadPhone(context);
  if (phone?.phase === 'registered') throw new PhoneError('already_registered');
  if (phone === undefined) throw new PhoneError('not_registered');
  const code = confirmationCode.replace(/[\s-]/g, '');
  if (!/^[0-9]{8}$/.test(code)) throw new PhoneError('wrong_confirmation', { detail: 'it has 8 digits' });
  if (phone.terms !== undefined && phone.terms.version !== acceptedTerms) throw new PhoneError('terms_not_accepted');
  checkNewMpin(mpin, phone.mpin);
  const found = phone.isFinishSent ? await findLostRegistration(context, phone) : undefined;
  if (found !== undefined) return found;
  const body = await finishBody(context, phone, { code, mpin });
  const { trusted } = (await loadPhone(context)) ?? phone;
  await writePhone(context.keys, { ...phone, trusted, isFinishSent: true });
  const finished = await callWithDeviceKey(context, phone, {
    name: 'registration/finish',
    body,
    reply: RegistrationFinished,
    problems: { authentication_failed: 'wrong_confirmation', invalid_request: 'terms_not_accepted' },
  });
  if (finished.deviceId !== phone.deviceId)
    throw new PhoneError('server_not_authentic', { detail: 'another device id' });
  const { user, company, permissions } = finished;
  return complete(context, phone, { approval: finished.status, owner: { user, company, permissions } });
}

async function finishBody(
  context: PhoneContext,
  phone: RegisteringPhone,
  { code, mpin }: { code: string; mpin: string },
) {
  const { registrationId, deviceId, nonce, issuer, terms } = phone;
  const enrolment: Enrolment = enrol(deviceId, await mpinPassword(context.keys, mpin));
  const iat = context.time.nowSeconds();
  const biometricJkt = phone.biometric ? await thumbprintOf(await publicKeyOf(context.keys, 'biometric')) : null;
  const jkt = await thumbprintOf(await publicKeyOf(context.keys, 'device'));
  const about = { iss: issuer, registrationId, deviceId, nonce, jkt, biometricJkt, profile: srpProfile };
  // Left out where there are none: a server of the version before does not know the member.
  const accepted =
    terms === undefined
      ? {}
      : { acceptedTerms: { version: terms.version, language: terms.language, sha256: terms.sha256 } };
  const signature = await signStatement(context.keys, 'device', {
    typ: typ.registration,
    claims: { ...about, ...enrolment, ...accepted, iat },
  });
  const said = { purpose: 'registration', subject: registrationId, nonce, boundHash: null } as const;
  const biometricSignature = phone.biometric ? await sayWithBiometrics(context, phone, said) : null;
  return { registrationId, confirmationCode: code, ...enrolment, signature, biometricSignature };
}

/** Where the answer to the last step was lost, the phone may be registered already, with the mPIN chosen then. */
async function findLostRegistration(
  context: PhoneContext,
  phone: RegisteringPhone,
): Promise<RegistrationDone | undefined> {
  try {
    const { status } = await askStatus(context, phone);
    if (status !== 'active' && status !== 'pending') return undefined;
    return await complete(context, phone, { approval: status, owner: null });
  } catch (error) {
    const isUnknownThere =
      error instanceof PhoneError && !['offline', 'unavailable', 'server_not_authentic'].includes(error.code);
    if (isUnknownThere) return undefined;
    throw error;
  }
}

async function complete(
  context: PhoneContext,
  phone: RegisteringPhone,
  { approval, owner }: Pick<RegistrationDone, 'approval' | 'owner'>,
): Promise<RegistrationDone> {
  const { version, issuer, deviceId, mpin, biometric } = phone;
  // The last step may have brought newer server keys (C-12).
  const { trusted } = (await loadPhone(context)) ?? phone;
  const isApproved = approval === 'active';
  const offsetSeconds = context.time.offsetSeconds();
  await writePhone(context.keys, {
    version,
    phase: 'registered',
    issuer,
    trusted,
    offsetSeconds,
    deviceId,
    mpin,
    biometric,
    isApproved,
    // The key to seal it comes with the first session.
    sealedOwner: null,
  });
  return { deviceId, approval, owner };
}

/** What the server says of this phone. */
export type ServerStatus = Static<typeof RegistrationStatusReply>['status'];

/** Asks the server what has become of this registration or device; remembers an approval. */
export async function fetchStatus(context: PhoneContext): Promise<ServerStatus> {
  const phone = await loadRegistered(context);
  const { status } = await askStatus(context, phone);
  const isApproved = phone.isApproved || status === 'active';
  // As it is now: the question may have brought newer server keys, and those of before would come back with it (C-12).
  if (isApproved !== phone.isApproved)
    await writePhone(context.keys, { ...(await loadRegistered(context)), isApproved });
  return status;
}

/**
 * Why an unlock was not accepted, where the server's answer alone does not say: it tells the state of a device to that device's own
 * key. Gives the error to throw in place of `error`.
 */
export async function explainRefusal(context: PhoneContext, phone: RegisteredPhone, error: unknown): Promise<unknown> {
  if (!(error instanceof PhoneError) || !isUnclear(error, phone)) return error;
  const status = await askStatus(context, phone).then(
    (reply) => reply.status,
    () => undefined,
  );
  if (status === 'pending') return new PhoneError('approval_pending', { cause: error });
  if (status === 'blocked') return new PhoneError('blocked', { cause: error });
  if (status === 'deactivated' || status === 'refused') return new PhoneError('deactivated', { cause: error });
  return error;
}

/** A phone that awaits approval is refused with its attempts untouched; one that has ended has none left, blocked or not. */
function isUnclear({ code }: PhoneError, { isApproved }: RegisteredPhone): boolean {
  return code === 'authentication_failed' || code === 'blocked' || (code === 'wrong_mpin' && !isApproved);
}

async function askStatus(context: PhoneContext, phone: RegisteringPhone | RegisteredPhone) {
  return callWithDeviceKey(context, phone, {
    name: 'registration/status',
    body: { deviceId: phone.deviceId },
    reply: RegistrationStatusReply,
  });
}
