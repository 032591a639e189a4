/** Wire schemas of registration: an activation becomes a registered device. */
import { type Static, Type } from 'typebox';
import { BiometricKind, BiometricProof } from './biometrics.ts';
import { Base64Url, CompactJws, Id, PlainText, PublicJwk, SrpHash, SrpInteger, SrpProfile, strict } from './common.ts';

export const RegistrationStart = strict({
  /** As shown or scanned; case, blanks and dashes do not matter. */
  activationCode: Type.String({ minLength: 24, maxLength: 64 }),
  profile: SrpProfile,
  biometric: Type.Union([
    Type.Null(),
    strict({
      publicJwk: PublicJwk,
      kind: BiometricKind,
    }),
  ]),
  device: strict({
    name: PlainText(64),
    platform: PlainText(32),
    appVersion: PlainText(32),
  }),
});
export type RegistrationStart = Static<typeof RegistrationStart>;

export const RegistrationStarted = strict({
  registrationId: Id('reg'),
  deviceId: Id('dev'),
  /** 32 bytes; signed by the device key at finish. */
  nonce: Base64Url(43),
  confirmation: strict({ channel: Type.Literal('email'), hint: Type.String() }),
  mpin: strict({ minLength: Type.Integer(), maxLength: Type.Integer() }),
  expiresInSeconds: Type.Integer(),
});
export type RegistrationStarted = Static<typeof RegistrationStarted>;

export const RegistrationFinish = strict({
  registrationId: Id('reg'),
  confirmationCode: Type.String({ pattern: '^[0-9]{8}$' }),
  salt: SrpHash,
  verifier: SrpInteger,
  /** JWS by the device key over `RegistrationStatement`. */
  signature: CompactJws,
  /** By the biometric key over `BiometricStatement` with purpose `registration`; present when such a key is registered. */
  biometricSignature: Type.Union([Type.Null(), BiometricProof]),
});
export type RegistrationFinish = Static<typeof RegistrationFinish>;

/** What the device key signs at registration: everything that could be swapped on the way. */
export const RegistrationStatement = strict({
  iss: Type.String(),
  registrationId: Id('reg'),
  deviceId: Id('dev'),
  nonce: Base64Url(43),
  /** RFC 7638 thumbprint of the device key. */
  jkt: Base64Url(43),
  biometricJkt: Type.Union([Type.Null(), Base64Url(43)]),
  profile: SrpProfile,
  salt: SrpHash,
  verifier: SrpInteger,
  iat: Type.Integer(),
});
export type RegistrationStatement = Static<typeof RegistrationStatement>;

export const RegistrationFinished = strict({
  deviceId: Id('dev'),
  status: Type.Union([Type.Literal('active'), Type.Literal('pending')]),
  user: strict({ name: Type.String(), locale: Type.String() }),
  company: strict({ name: Type.String() }),
  permissions: Type.Union([Type.Literal('mtoken'), Type.Literal('full')]),
});
export type RegistrationFinished = Static<typeof RegistrationFinished>;

export const RegistrationStatus = strict({
  deviceId: Id('dev'),
});
export type RegistrationStatus = Static<typeof RegistrationStatus>;

export const RegistrationStatusReply = strict({
  status: Type.Union([
    Type.Literal('pending'),
    Type.Literal('active'),
    Type.Literal('refused'),
    Type.Literal('blocked'),
    Type.Literal('deactivated'),
  ]),
});
export type RegistrationStatusReply = Static<typeof RegistrationStatusReply>;
