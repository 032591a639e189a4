/** Wire schemas of registration: an activation becomes a registered device. */
import { type Static, Type } from 'typebox';
import { BiometricKind, BiometricProof } from './biometrics.ts';
import {
  Base64Url,
  CompactJws,
  Hex,
  Id,
  PlainText,
  PublicJwk,
  SrpHash,
  SrpInteger,
  SrpProfile,
  strict,
} from './common.ts';

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

/** A version of the terms: letters, digits, `.`, `_`, `-`. */
export const TermsVersion = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$' });
const TermsLanguage = Type.String({ pattern: '^[a-z]{2,3}$' });
/** Longest text of the terms in one language, in UTF-16 units. */
export const longestTerms = 40_000;

/** The terms in the user's language. `sha256` is that of the text's UTF-8 bytes; the text is plain, whatever is in it. */
export const TermsOffered = strict({
  version: TermsVersion,
  language: TermsLanguage,
  title: Type.String({ maxLength: 200 }),
  text: Type.String({ maxLength: longestTerms }),
  sha256: Hex(64),
});
export type TermsOffered = Static<typeof TermsOffered>;

/** What a person has read and agreed to. */
export const AcceptedTerms = strict({ version: TermsVersion, language: TermsLanguage, sha256: Hex(64) });
export type AcceptedTerms = Static<typeof AcceptedTerms>;

export const RegistrationStarted = strict({
  registrationId: Id('reg'),
  deviceId: Id('dev'),
  /** 32 bytes; signed by the device key at finish. */
  nonce: Base64Url(43),
  /** `administrator`: the one who invited tells the code by telephone or in person; the hint is empty. */
  confirmation: strict({
    channel: Type.Union([Type.Literal('email'), Type.Literal('administrator')]),
    hint: Type.String(),
  }),
  mpin: strict({ minLength: Type.Integer(), maxLength: Type.Integer() }),
  expiresInSeconds: Type.Integer(),
  /** To be accepted before the finish; left out where there is nothing to accept. */
  terms: Type.Optional(TermsOffered),
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
  /** What was offered, where the person accepted it; otherwise null or left out. */
  acceptedTerms: Type.Optional(Type.Union([Type.Null(), AcceptedTerms])),
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
