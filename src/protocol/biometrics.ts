/** Wire schemas of biometrics: what the biometric key says, in either of its two forms, and switching it on and off. */
import { type Static, Type } from 'typebox';
import { Base64Url, CompactJws, Id, PublicJwk, SrpHash, SrpInteger, strict } from './common.ts';

/** RFC 8176: fingerprint, face, or a check of the user whose kind is not known. */
export const BiometricKind = Type.Union([Type.Literal('fpt'), Type.Literal('face'), Type.Literal('user')]);
export type BiometricKind = Static<typeof BiometricKind>;

/** What the biometric key says: one nonce, one purpose, one registration, handshake or order. */
export const BiometricStatement = strict({
  iss: Type.String(),
  deviceId: Id('dev'),
  purpose: Type.Union([
    Type.Literal('registration'),
    Type.Literal('enable'),
    Type.Literal('session'),
    Type.Literal('order'),
  ]),
  /** The registration id, handshake id or order id that it is for. */
  subject: Type.String({ maxLength: 64 }),
  /** Null with `enable`, where the handshake is what the server chose. */
  nonce: Type.Union([Type.Null(), Base64Url(43)]),
  /**
   * Base64url SHA-256 of the session secret; of the approval's compact JWS for an order; of the device key's compact JWS with
   * `enable`; null at registration.
   */
  boundHash: Type.Union([Type.Null(), Base64Url(43)]),
  iat: Type.Integer(),
});
export type BiometricStatement = Static<typeof BiometricStatement>;

/** A WebAuthn assertion whose challenge is the hash of a `BiometricStatement`; all members in base64url. */
export const WebauthnAssertion = strict({
  /** The statement's JSON. */
  statement: Base64Url(1, 2048),
  /** 37 bytes: nothing is attested and no extension answers. */
  authenticatorData: Base64Url(50),
  clientDataJSON: Base64Url(1, 4096),
  /** As the authenticator gave it: DER for ES256. */
  signature: Base64Url(1, 700),
});
export type WebauthnAssertion = Static<typeof WebauthnAssertion>;

/** The biometric key's statement: a compact JWS, or an assertion where the key is a WebAuthn credential. */
export const BiometricProof = Type.Union([CompactJws, WebauthnAssertion]);
export type BiometricProof = Static<typeof BiometricProof>;

export const BiometricsStart = strict({ clientEphemeral: SrpInteger });
export type BiometricsStart = Static<typeof BiometricsStart>;

export const BiometricsEnable = strict({
  handshake: Id('hs'),
  proof: SrpHash,
  publicJwk: PublicJwk,
  kind: BiometricKind,
  /** JWS by the device key over `BiometricsEnableStatement`. */
  signature: CompactJws,
  /** By the new biometric key over `BiometricStatement` with purpose `enable`. */
  biometricSignature: BiometricProof,
});
export type BiometricsEnable = Static<typeof BiometricsEnable>;

/** What the device key signs when biometrics are switched on: which key shall count from now on. */
export const BiometricsEnableStatement = strict({
  iss: Type.String(),
  deviceId: Id('dev'),
  handshake: Id('hs'),
  /** RFC 7638 thumbprint of the biometric key. */
  biometricJkt: Base64Url(43),
  kind: BiometricKind,
  iat: Type.Integer(),
});
export type BiometricsEnableStatement = Static<typeof BiometricsEnableStatement>;

export const BiometricsEnabled = strict({ serverProof: SrpHash });
export type BiometricsEnabled = Static<typeof BiometricsEnabled>;
