/** How an activation becomes a registered device: begun with the code, finished with the confirmation code and signed by the phone. */
import { randomBytes } from 'node:crypto';
import type { Company, User } from '../companies/store.ts';
import { encodeBase64url, equalBytes } from '../crypto/bytes.ts';
import { checkDeviceKey } from '../crypto/jwk.ts';
import { randomId } from '../crypto/random.ts';
import type { Device } from '../devices/store.ts';
import { AuthError } from '../errors.ts';
import { addressNetwork } from '../http/addresses.ts';
import type { AppCall, CallOrigin } from '../http/app-endpoint.ts';
import { guardAttempt } from '../lockout/lockout.ts';
import { notify } from '../notify/notify.ts';
import { wakeOutbox } from '../notify/outbox.ts';
import type {
  AcceptedTerms,
  RegistrationFinish,
  RegistrationFinished,
  RegistrationStart,
  RegistrationStarted,
  RegistrationStatus,
  RegistrationStatusReply,
  TermsOffered,
} from '../protocol/registration.ts';
import { checkSalt, checkVerifier } from '../srp/server.ts';
import type { Records } from '../store/records.ts';
import { assertAccepted, recordAcceptance, termsToAccept } from '../terms/terms.ts';
import { findOpenActivation, isUsable, mayRegister } from './activations.ts';
import { activationTtlMs, confirmationHash, defaultRegistrationLimits, type RegistrationDeps } from './deps.ts';
import { emailHint } from './hint.ts';
import { findPending, forgetPending, keepPending, type PendingRegistration } from './pending.ts';
import { type Stated, verifyStatements } from './statements.ts';
import type { Activation } from './store.ts';
import { recordRefusal, refusalReasons, refuse, startedEvent } from './trail.ts';

const longestMpin = 8;

/**
 * Begins a registration: fixes keys and profile, gives out device id and nonce. May be done again with the same code; only the finish
 * uses it up. Throws `too_many_requests`, `authentication_failed` for every code that cannot be used, `invalid_request` for an
 * unacceptable key, `already_exists` to the proven owner of a key that was registered before.
 */
export async function startRegistration(
  deps: RegistrationDeps,
  call: AppCall<RegistrationStart>,
): Promise<RegistrationStarted> {
  const { body, proofKey, origin } = call;
  const { perAddress, global, perActivation } = deps.limits ?? defaultRegistrationLimits;
  await throttle(deps, `address:${addressNetwork(origin.address)}`, perAddress);
  await throttle(deps, 'all', global);
  const activation = await findOpenActivation(deps, body.activationCode);
  if (activation === undefined) throw await refuse(deps, { origin, reason: 'code' });
  await throttle(deps, `activation:${activation.id}`, perActivation);
  // Only of the key whose possession was proved: what others registered is nobody's business.
  if (call.device !== undefined) throw new AuthError('already_exists', { message: 'this key was registered before' });
  const user = await deps.records.users.find(activation.userId);
  const company = await deps.records.companies.find(activation.companyId);
  if (user === undefined || company === undefined) throw await refuse(deps, { origin, activation, reason: 'user' });

  const registrationId = randomId('reg');
  const terms = await termsToAccept(deps.records, user);
  const pending = pendingFor(deps, call, { activation, terms });
  await keepPending(deps, registrationId, pending);
  await deps.records.audit.append(
    startedEvent({
      activation,
      origin,
      data: { registrationId, deviceId: pending.deviceId, thumbprint: proofKey.thumbprint },
    }),
    deps.clock.now(),
  );
  return {
    registrationId,
    deviceId: pending.deviceId,
    nonce: pending.nonce,
    confirmation:
      activation.delivery === 'shown'
        ? { channel: 'email', hint: emailHint(user.email) }
        : { channel: 'administrator', hint: '' },
    mpin: { minLength: company.mpinLength, maxLength: longestMpin },
    expiresInSeconds: Math.floor((activation.expiresAt - deps.clock.now()) / 1000),
    ...(terms === undefined ? {} : { terms }),
  };
}

/**
 * Finishes it. A wrong confirmation code may be corrected, five times for the activation as a whole; whatever else does not fit costs
 * no attempt, since no secret was judged. Throws `invalid_request` for salt or verifier out of range, `authentication_failed` (with
 * `attemptsLeft` after a wrong confirmation code), `invalid_request` where terms are in force and not accepted, `limit_reached`, `already_exists`, `too_many_requests` to made-up registrations.
 */
export async function finishRegistration(
  deps: RegistrationDeps,
  call: AppCall<RegistrationFinish>,
): Promise<RegistrationFinished> {
  const { body, proofKey, origin } = call;
  const pending = await findPending(deps, body.registrationId);
  // Bound to the key that began it: a registration id that was overheard is of no use to another phone.
  if (pending === undefined || pending.thumbprint !== proofKey.thumbprint) {
    // Any key that was made a moment ago comes as far as this, and each refusal is a record in the one trail of all.
    const { perAddress, global } = deps.limits ?? defaultRegistrationLimits;
    await throttle(deps, `finish:address:${addressNetwork(origin.address)}`, perAddress);
    await throttle(deps, 'finish:all', global);
    throw await refuse(deps, { origin, reason: 'registration' });
  }
  const activation = await deps.records.activations.find(pending.activationId);
  if (activation === undefined || !(await isUsable(deps, activation))) {
    throw await refuse(deps, { origin, activation, reason: 'activation' });
  }
  checkSalt(body.salt);
  checkVerifier(body.verifier);
  let stated: Stated;
  try {
    stated = verifyStatements(deps, call, pending);
    await assertAccepted(deps.records, pending.userId, stated.acceptedTerms);
  } catch (error) {
    const reason = error instanceof AuthError ? refusalReasons[error.code] : undefined;
    if (reason !== undefined) await recordRefusal(deps, { origin, activation, reason });
    throw error;
  }
  return judge(deps, call, { pending, activation, stated });
}

/** The device's status, told to the owner of its key. Throws `authentication_failed` for any other device id. */
export function registrationStatus(call: AppCall<RegistrationStatus>): RegistrationStatusReply {
  const { device, body } = call;
  if (device === undefined || device.id !== body.deviceId) throw new AuthError('authentication_failed');
  return { status: device.status };
}

interface Begun {
  readonly pending: PendingRegistration;
  readonly activation: Activation;
  readonly stated: Stated;
}

async function judge(
  deps: RegistrationDeps,
  call: AppCall<RegistrationFinish>,
  { pending, activation, stated }: Begun,
): Promise<RegistrationFinished> {
  const { body, origin } = call;
  let finished: RegistrationFinished | undefined;
  const outcome = await guardAttempt(
    deps,
    {
      target: { kind: 'confirmation', activationId: activation.id },
      purpose: 'registration',
      origin,
      onRight: async (records) => {
        finished = await register(records, deps, { call, pending, stated });
      },
    },
    () => {
      const hash = confirmationHash(deps.sealing, activation.id, body.confirmationCode);
      return equalBytes(Buffer.from(hash), Buffer.from(activation.confirmationHash))
        ? { isRight: true, value: undefined }
        : { isRight: false };
    },
  );
  if (outcome.outcome === 'right' && finished !== undefined) {
    await forgetPending(deps, body.registrationId);
    await wakeOutbox(deps.shortLived);
    return finished;
  }
  const attemptsLeft = outcome.outcome === 'wrong' ? outcome.attemptsLeft : null;
  throw new AuthError('authentication_failed', { detail: 'registration: confirmation', members: { attemptsLeft } });
}

/**
 * Everything that a registration changes, in one transaction. The user's row comes first: it is what a suspension or another
 * registration of the same user would change, so that what is read of it here holds until the commit.
 */
async function register(
  records: Records,
  deps: RegistrationDeps,
  { call, pending, stated }: Pick<Begun, 'pending' | 'stated'> & { readonly call: AppCall<RegistrationFinish> },
): Promise<RegistrationFinished> {
  const at = deps.clock.now();
  const company = await records.companies.find(pending.companyId);
  if (company === undefined) throw new AuthError('authentication_failed');
  if (!(await records.users.takeDevicePlace(pending.userId, company.deviceLimit))) {
    throw new AuthError('limit_reached', { message: 'the user has as many devices as the company allows' });
  }
  const user = await records.users.find(pending.userId);
  if (user === undefined || !(await mayRegister(records, user))) throw new AuthError('authentication_failed');
  // Of any number of finishes one gets past this line (P-03).
  if (!(await records.activations.use(pending.activationId, pending.deviceId, at))) {
    throw new AuthError('authentication_failed', { members: { attemptsLeft: null } });
  }
  // Judged again, within the transaction: other terms may have been published since.
  await assertAccepted(records, user.id, stated.acceptedTerms);
  const status = company.selfActivation ? 'active' : 'pending';
  const device: Device = { ...newDevice(pending, { status, at }), biometric: stated.biometric };
  const { salt, verifier } = call.body;
  await records.devices.insert(device, { salt, verifier }, new Uint8Array(randomBytes(32)));
  if (stated.acceptedTerms !== undefined)
    await keepAcceptance(records, device, { accepted: stated.acceptedTerms, call, at });
  if (device.status === 'active' && user.status === 'invited') await activateUser(records, user);
  await tellOf(records, { device, origin: call.origin, activationId: pending.activationId, at });
  return finishedReply(device, user, company);
}

async function keepAcceptance(
  records: Records,
  { id: deviceId, userId, companyId }: Device,
  { accepted, call, at }: { readonly accepted: AcceptedTerms; readonly call: AppCall<unknown>; readonly at: number },
): Promise<void> {
  await recordAcceptance(records, { userId, companyId, deviceId, ...accepted, acceptedAt: at }, call.origin);
}

async function activateUser(records: Records, user: User): Promise<void> {
  if (!(await records.users.update({ ...user, status: 'active' }))) throw new AuthError('conflict');
}

async function tellOf(
  records: Records,
  told: { readonly device: Device; readonly origin: CallOrigin; readonly activationId: string; readonly at: number },
): Promise<void> {
  const { device, origin, activationId, at } = told;
  const { userId, companyId, id: deviceId, name: deviceName } = device;
  const isPending = device.status === 'pending';
  await notify(records, { event: 'device.registered', userId, deviceName, isPending, fromDeviceId: deviceId }, at);
  if (isPending) await notify(records, { event: 'approval.wanted', userId, deviceName }, at);
  await records.audit.append(
    {
      event: 'registration.finished',
      actor: `device:${deviceId}`,
      companyId,
      userId,
      deviceId,
      address: origin.address,
      requestId: origin.requestId,
      data: {
        activationId,
        status: device.status,
        thumbprint: device.thumbprint,
        biometricThumbprint: device.biometric?.thumbprint ?? null,
        profile: device.profile,
        name: deviceName,
        platform: device.platform,
        appVersion: device.appVersion,
        userAgent: origin.userAgent,
      },
    },
    at,
  );
}

function pendingFor(
  deps: RegistrationDeps,
  { body, proofKey }: AppCall<RegistrationStart>,
  { activation, terms }: { readonly activation: Activation; readonly terms: TermsOffered | undefined },
): PendingRegistration {
  const own = checkDeviceKey(proofKey.publicJwk, deps.keyCache);
  const biometric = body.biometric === null ? undefined : checkDeviceKey(body.biometric.publicJwk, deps.keyCache);
  // One key for both would make the fingerprint a formality: possession alone would pass for two factors (P-24).
  if (biometric?.thumbprint === own.thumbprint) {
    throw new AuthError('invalid_request', { message: 'the biometric key must differ from the device key' });
  }
  return {
    activationId: activation.id,
    activationExpiresAt: activation.expiresAt,
    userId: activation.userId,
    companyId: activation.companyId,
    deviceId: randomId('dev'),
    nonce: encodeBase64url(randomBytes(32)),
    thumbprint: own.thumbprint,
    deviceJwk: own.publicJwk,
    biometric:
      biometric === undefined || body.biometric === null
        ? null
        : { thumbprint: biometric.thumbprint, publicJwk: biometric.publicJwk, kind: body.biometric.kind },
    profile: body.profile,
    device: body.device,
    ...(terms === undefined
      ? {}
      : { terms: { version: terms.version, language: terms.language, sha256: terms.sha256 } }),
  };
}

function newDevice(
  pending: PendingRegistration,
  { status, at }: { readonly status: 'active' | 'pending'; readonly at: number },
): Device {
  return {
    id: pending.deviceId,
    userId: pending.userId,
    companyId: pending.companyId,
    ...pending.device,
    status,
    profile: pending.profile,
    thumbprint: pending.thumbprint,
    publicJwk: pending.deviceJwk,
    biometric: undefined,
    attestationLevel: 'none',
    pinAttempts: 0,
    pinEpoch: 1,
    createdAt: at,
    activatedAt: status === 'active' ? at : undefined,
    lastUsedAt: undefined,
    endedAt: undefined,
    endedReason: undefined,
  };
}

function finishedReply(device: Device, user: User, company: Company): RegistrationFinished {
  return {
    deviceId: device.id,
    status: device.status === 'active' ? 'active' : 'pending',
    user: { name: user.name, locale: user.locale },
    company: { name: company.name },
    permissions: user.permissions,
  };
}

async function throttle(deps: RegistrationDeps, subject: string, max: number): Promise<void> {
  const { count, resetMs } = await deps.shortLived.hit(`limit:{registration:${subject}}`, activationTtlMs);
  if (count <= max) return;
  const retryAfterSeconds = Math.max(1, Math.ceil(resetMs / 1000));
  throw new AuthError('too_many_requests', { detail: `registration: ${subject}`, members: { retryAfterSeconds } });
}
