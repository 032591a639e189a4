/**
 * What a phone remembers between starts, besides its keys: what it needs while it is locked, and sealed, whom it belongs to. It holds
 * no secret, and no name that could be read without an open session.
 */
import { type Static, Type } from 'typebox';
import { Base64Url, Id, strict } from '../protocol/common.ts';
import { TermsOffered } from '../protocol/registration.ts';
import type { Bytes } from './bytes.ts';
import { PhoneError } from './errors.ts';
import type { KeyStore } from './key-store.ts';
import { matches, parseJson } from './matches.ts';
import { TrustedKeys } from './trust.ts';
import { openFromVault, sealInVault } from './vault.ts';

const common = {
  version: Type.Literal(1),
  issuer: Type.String(),
  trusted: TrustedKeys,
  /** Seconds to add to the phone's clock to get the server's. */
  offsetSeconds: Type.Integer(),
  deviceId: Id('dev'),
  mpin: strict({ minLength: Type.Integer(), maxLength: Type.Integer() }),
  biometric: Type.Boolean(),
};

export const RegisteringPhone = strict({
  ...common,
  phase: Type.Literal('registering'),
  registrationId: Id('reg'),
  nonce: Base64Url(43),
  confirmationHint: Type.String(),
  /** Left out by phones that were begun before there was a choice: by e-mail. */
  confirmationChannel: Type.Optional(Type.Union([Type.Literal('email'), Type.Literal('administrator')])),
  /** To be accepted before the last step. */
  terms: Type.Optional(TermsOffered),
  /** Epoch milliseconds. */
  expiresAt: Type.Integer(),
  /** True once the last step was sent: its answer may have been lost on the way. */
  isFinishSent: Type.Boolean(),
});
export type RegisteringPhone = Static<typeof RegisteringPhone>;

export const RegisteredPhone = strict({
  ...common,
  phase: Type.Literal('registered'),
  isApproved: Type.Boolean(),
  /** An {@link Owner} under the vault key; null until the first unlock. */
  sealedOwner: Type.Union([Type.Null(), Type.String()]),
});
export type RegisteredPhone = Static<typeof RegisteredPhone>;

/** Whose phone it is. */
const Owner = strict({
  user: strict({ name: Type.String(), locale: Type.String() }),
  company: strict({ name: Type.String() }),
  permissions: Type.Union([Type.Literal('mtoken'), Type.Literal('full')]),
});
export type Owner = Static<typeof Owner>;

const StoredPhone = Type.Union([RegisteringPhone, RegisteredPhone]);
export type StoredPhone = RegisteringPhone | RegisteredPhone;

/** The remembered phone, or `undefined` for a new one. Throws `key_store` where the text is damaged. */
export async function readPhone(keys: KeyStore): Promise<StoredPhone | undefined> {
  const text = await keys.readState();
  if (text === undefined) return undefined;
  const value = withoutNames(parseJson(text));
  if (!matches(StoredPhone, value)) throw new PhoneError('key_store', { detail: 'the remembered state is damaged' });
  return value;
}

/** Replaces what is remembered. */
export async function writePhone(keys: KeyStore, phone: StoredPhone): Promise<void> {
  await keys.writeState(JSON.stringify(phone));
}

/** Names as they are kept while the phone is locked. */
export async function sealOwner(phone: { readonly deviceId: string }, owner: Owner, vaultKey: Bytes): Promise<string> {
  return sealInVault(vaultKey, `owner ${phone.deviceId}`, owner);
}

/** Whose phone it is; null without the key, and where the seal is another's. */
export async function openOwner(phone: RegisteredPhone, vaultKey: Bytes | undefined): Promise<Owner | null> {
  const { sealedOwner, deviceId } = phone;
  if (sealedOwner === null || vaultKey === undefined) return null;
  const owner = await openFromVault(vaultKey, `owner ${deviceId}`, sealedOwner);
  return matches(Owner, owner) ? owner : null;
}

/** Phones registered before names were sealed hold them in clear: read without them, and written without them at the next unlock. */
function withoutNames(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('owner' in value)) return value;
  const { owner: _owner, ...rest } = value;
  return { ...rest, sealedOwner: null };
}
