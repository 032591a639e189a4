/** Wire schemas of the app session and of a change of mPIN. */
import { type Static, Type } from 'typebox';
import { BiometricProof } from './biometrics.ts';
import { Base64Url, CompactJws, Id, SrpHash, SrpInteger, strict } from './common.ts';

export const SessionStart = Type.Union([
  strict({ deviceId: Id('dev'), method: Type.Literal('mpin'), clientEphemeral: SrpInteger }),
  strict({ deviceId: Id('dev'), method: Type.Literal('biometric') }),
]);
export type SessionStart = Static<typeof SessionStart>;

export const MpinChallenge = strict({
  handshake: Id('hs'),
  salt: SrpHash,
  serverEphemeral: SrpInteger,
  expiresInSeconds: Type.Integer(),
});
export type MpinChallenge = Static<typeof MpinChallenge>;

export const BiometricChallenge = strict({
  handshake: Id('hs'),
  nonce: Base64Url(43),
  expiresInSeconds: Type.Integer(),
});
export type BiometricChallenge = Static<typeof BiometricChallenge>;

export const SessionFinish = Type.Union([
  strict({ handshake: Id('hs'), proof: SrpHash }),
  strict({
    handshake: Id('hs'),
    /** By the biometric key over `BiometricStatement` with purpose `session`. */
    signature: BiometricProof,
    /** 32 random bytes made by the app; the session's keys come from them. */
    sessionSecret: Base64Url(43),
  }),
]);
export type SessionFinish = Static<typeof SessionFinish>;

export const SessionOpened = strict({
  sessionId: Id('ses'),
  /** Null after a biometric unlock. The app must compare it before it believes that it speaks to its server. */
  serverProof: Type.Union([Type.Null(), SrpHash]),
  accessToken: Base64Url(43),
  idleSeconds: Type.Integer(),
  absoluteSeconds: Type.Integer(),
  /** 32 bytes under which the app keeps its local data; never stored on the phone. */
  vaultKey: Base64Url(43),
  user: strict({ name: Type.String(), locale: Type.String() }),
  company: strict({ name: Type.String() }),
  permissions: Type.Union([Type.Literal('mtoken'), Type.Literal('full')]),
});
export type SessionOpened = Static<typeof SessionOpened>;

export const MpinChangeStart = strict({ clientEphemeral: SrpInteger });
export type MpinChangeStart = Static<typeof MpinChangeStart>;

export const MpinChangeFinish = strict({
  handshake: Id('hs'),
  proof: SrpHash,
  salt: SrpHash,
  verifier: SrpInteger,
  /** JWS by the device key over `MpinChangeStatement`. */
  signature: CompactJws,
});
export type MpinChangeFinish = Static<typeof MpinChangeFinish>;

export const MpinChangeStatement = strict({
  iss: Type.String(),
  deviceId: Id('dev'),
  handshake: Id('hs'),
  salt: SrpHash,
  verifier: SrpInteger,
  iat: Type.Integer(),
});
export type MpinChangeStatement = Static<typeof MpinChangeStatement>;

export const MpinChanged = strict({ serverProof: SrpHash });
export type MpinChanged = Static<typeof MpinChanged>;
