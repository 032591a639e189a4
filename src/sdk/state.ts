/** What a phone remembers between starts, besides its keys. It holds no secret. */
import { type Static, Type } from 'typebox';
import { Base64Url, Id, strict } from '../protocol/common.ts';
import { PhoneError } from './errors.ts';
import type { KeyStore } from './key-store.ts';
import { matches, parseJson } from './matches.ts';
import { TrustedKeys } from './trust.ts';

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
  /** Null until the first unlock where the answer to the registration was lost. */
  owner: Type.Union([
    Type.Null(),
    strict({
      user: strict({ name: Type.String(), locale: Type.String() }),
      company: strict({ name: Type.String() }),
      permissions: Type.Union([Type.Literal('mtoken'), Type.Literal('full')]),
    }),
  ]),
});
export type RegisteredPhone = Static<typeof RegisteredPhone>;

const StoredPhone = Type.Union([RegisteringPhone, RegisteredPhone]);
export type StoredPhone = RegisteringPhone | RegisteredPhone;

/** The remembered phone, or `undefined` for a new one. Throws `key_store` where the text is damaged. */
export async function readPhone(keys: KeyStore): Promise<StoredPhone | undefined> {
  const text = await keys.readState();
  if (text === undefined) return undefined;
  const value = parseJson(text);
  if (!matches(StoredPhone, value)) throw new PhoneError('key_store', { detail: 'the remembered state is damaged' });
  return value;
}

/** Replaces what is remembered. */
export async function writePhone(keys: KeyStore, phone: StoredPhone): Promise<void> {
  await keys.writeState(JSON.stringify(phone));
}
