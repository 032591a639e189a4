/** Wire schemas of what lies inside and beside every enveloped request. */
import { type Static, Type } from 'typebox';
import { Base64Url, strict } from './common.ts';

/** Plaintext of a request before an app session: the reply key comes with it. */
export const RequestEnvelope = strict({
  htm: Type.Literal('POST'),
  htu: Type.String({ maxLength: 512 }),
  iat: Type.Integer(),
  /** The same as in the DPoP proof beside it. */
  jti: Base64Url(22, 86),
  /** Thumbprint of the key that signed the DPoP proof: nobody else can send this envelope. */
  jkt: Base64Url(43),
  /** 64 bytes: the reply comes encrypted under it. Absent within a session. */
  replyKey: Type.Optional(Base64Url(86)),
  body: Type.Unknown(),
});
export type RequestEnvelope = Static<typeof RequestEnvelope>;

/** Plaintext of a reply. `body` is the endpoint's reply, or problem details where `status` is not 200. */
export const ReplyEnvelope = strict({
  re: Base64Url(22, 86),
  htu: Type.String(),
  iat: Type.Integer(),
  status: Type.Integer(),
  body: Type.Unknown(),
  pad: Type.String(),
});
export type ReplyEnvelope = Static<typeof ReplyEnvelope>;

/** Claims of the DPoP proof (RFC 9449 §4.2) with one of ours: `bh`, the hash of the body that travels beside it. */
export const DpopClaims = strict({
  jti: Base64Url(22, 86),
  htm: Type.Literal('POST'),
  htu: Type.String({ maxLength: 512 }),
  iat: Type.Integer(),
  /** Base64url SHA-256 of the request body's bytes, so that the signature covers the whole request. */
  bh: Base64Url(43),
  /** Base64url SHA-256 of the access token, within a session (RFC 9449 §4.2). */
  ath: Type.Optional(Base64Url(43)),
});
export type DpopClaims = Static<typeof DpopClaims>;
