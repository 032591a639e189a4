/** Activations: a one-time code for one user's next device, and a confirmation code that goes another way. */
import { type Actor, actedBy, within } from '../companies/actor.ts';
import type { User } from '../companies/store.ts';
import { encodeBase64url } from '../crypto/bytes.ts';
import { activationCode, confirmationCode, normaliseActivationCode, randomId } from '../crypto/random.ts';
import { AuthError } from '../errors.ts';
import type { Notice } from '../notify/notices.ts';
import { notify } from '../notify/notify.ts';
import { wakeOutbox } from '../notify/outbox.ts';
import type { Records } from '../store/records.ts';
import { activationTtlMs, codeHash, confirmationHash, type RegistrationDeps } from './deps.ts';
import type { Activation, ActivationDelivery } from './store.ts';

interface Created {
  readonly activationId: string;
  /** Epoch-milliseconds. */
  readonly expiresAt: number;
}

/** The code itself, to be shown to the user: the confirmation code went to the user's e-mail address. */
export interface ShownActivation extends Created {
  readonly delivery: 'shown';
  /** 24 characters in groups of four. */
  readonly code: string;
  /** For the QR code: address, code, and the key by which the app knows the server (docs/protocol.md §5). */
  readonly activationText: string;
}

/** The confirmation code, to be told by telephone or in person: the code went to the user's e-mail address. */
export interface MailedActivation extends Created {
  readonly delivery: 'email';
  /** 8 digits. */
  readonly confirmationCode: string;
}

/** What the one who asked for it gets, once: one of the two codes, both of which are kept as hashes. */
export type CreatedActivation = ShownActivation | MailedActivation;

interface ActivationRequest {
  readonly userId: string;
  readonly actor: Actor;
  readonly delivery: ActivationDelivery;
}

/**
 * Makes the user's one open activation, older ones becoming void. One of its two codes goes to the user's own e-mail address, the
 * other to who asks: neither works alone, and no channel has both. Throws `not_found`, `conflict` where user or company may not register, `limit_reached` where the
 * user has as many devices as the company allows.
 */
export async function createActivation<D extends ActivationDelivery = 'shown'>(
  deps: RegistrationDeps,
  { userId, actor, delivery }: Omit<ActivationRequest, 'delivery'> & { readonly delivery?: D },
): Promise<Extract<CreatedActivation, { readonly delivery: D }>> {
  const created = await makeActivation(deps, { userId, actor, delivery: delivery ?? 'shown' });
  return created as Extract<CreatedActivation, { readonly delivery: D }>;
}

async function makeActivation(
  deps: RegistrationDeps,
  { userId, actor, delivery }: ActivationRequest,
): Promise<CreatedActivation> {
  const at = deps.clock.now();
  const code = activationCode();
  const confirmation = confirmationCode();
  const id = randomId('act');
  const expiresAt = at + activationTtlMs;
  await deps.records.transaction(async (records) => {
    const user = within(actor, await records.users.find(userId));
    await assertMayRegister(records, user);
    const { companyId } = user;
    await records.activations.voidOpen(userId);
    await records.activations.insert({
      id,
      userId,
      companyId,
      codeHash: codeHash(deps.sealing, normalised(code)),
      confirmationHash: confirmationHash(deps.sealing, id, confirmation),
      confirmationAttempts: 0,
      status: 'open',
      delivery,
      deviceId: undefined,
      createdBy: actor.name,
      createdAt: at,
      expiresAt,
    });
    const notice: Notice =
      delivery === 'shown'
        ? { event: 'activation.created', userId, confirmationCode: confirmation, expiresAt }
        : { event: 'activation.invited', userId, activationText: plainText(deps, code), expiresAt };
    await notify(records, notice, at);
    const data = { activationId: id, expiresAt, delivery };
    await records.audit.append({ event: 'activation.created', ...actedBy(actor), companyId, userId, data }, at);
  });
  await wakeOutbox(deps.shortLived);
  if (delivery === 'email') return { activationId: id, delivery, confirmationCode: confirmation, expiresAt };
  const activationText = `${deps.issuer}/activate#c=${code}&k=${deps.keys.trustThumbprint()}`;
  return { activationId: id, delivery, code, activationText, expiresAt };
}

/** The same as an activation text, but no link: nobody should learn to open links in an e-mail. */
function plainText({ issuer, keys }: RegistrationDeps, code: string): string {
  return ['mtoken1', encodeBase64url(issuer), code, keys.trustThumbprint()].join('.');
}

/**
 * The activation of that code if it can still be used; undefined for a code that is unknown, expired, used, void, exhausted, or of a
 * user or company that may not register: nobody learns which (T16).
 */
export async function findOpenActivation(deps: RegistrationDeps, typedCode: string): Promise<Activation | undefined> {
  const code = normaliseActivationCode(typedCode);
  if (code === undefined) return undefined;
  const activation = await deps.records.activations.findByCodeHash(codeHash(deps.sealing, code));
  return activation !== undefined && (await isUsable(deps, activation)) ? activation : undefined;
}

/** Whether a device may be registered with it at this moment. */
export async function isUsable(deps: RegistrationDeps, activation: Activation): Promise<boolean> {
  if (activation.status !== 'open' || activation.expiresAt <= deps.clock.now()) return false;
  const user = await deps.records.users.find(activation.userId);
  return user !== undefined && (await mayRegister(deps.records, user));
}

/** Whether user and company are in a state in which a device may be registered. */
export async function mayRegister(records: Records, user: User): Promise<boolean> {
  const company = await records.companies.find(user.companyId);
  return company?.status === 'active' && (user.status === 'invited' || user.status === 'active');
}

/**
 * Told here, to the one who may change it; at the end of the registration it is decided again. Taking a place and giving it back
 * also holds the user's row until the commit: of two activations made at once, the later one sees the earlier one and voids it.
 */
async function assertMayRegister(records: Records, user: User): Promise<void> {
  const company = await records.companies.find(user.companyId);
  if (company === undefined) throw new AuthError('not_found');
  const hasRoom = await records.users.takeDevicePlace(user.id, company.deviceLimit);
  if (hasRoom) await records.users.freeDevicePlace(user.id);
  const held = await records.users.find(user.id);
  if (held === undefined || !(await mayRegister(records, held))) {
    throw new AuthError('conflict', { message: 'user or company is not active' });
  }
  if (!hasRoom) throw new AuthError('limit_reached', { message: 'the user has as many devices as the company allows' });
}

function normalised(code: string): string {
  const text = normaliseActivationCode(code);
  if (text === undefined) throw new AuthError('internal', { detail: 'an activation code of ours is malformed' });
  return text;
}
