/** Receipts: what was signed, by whom and for whom, in one file that anybody can check for ever (docs/signing.md). */
import { type Static, Type } from 'typebox';
import { Base64Url, CompactJws, Id, PublicJwk, strict } from './common.ts';

/** The file. Everything in it is signed; nothing of it is secret but what it says. */
export const Receipt = strict({
  format: Type.Literal('mtoken-receipt'),
  version: Type.Literal(1),
  /** JWS by the server over `OrderDescriptor`: what was asked and shown. */
  order: CompactJws,
  /** JWS by the device key over `ApprovalStatement`. */
  approval: CompactJws,
  /** JWS by the server over `Countersignature`. */
  countersignature: CompactJws,
  /** Of a batch: the list that its fields are bound to, as it was hashed. */
  list: Type.Optional(Type.String({ maxLength: 8_388_608 })),
});
export type Receipt = Static<typeof Receipt>;

/** What the server vouches for at the time of the approval: whose key signed, and how that person was proved. */
export const Countersignature = strict({
  iss: Type.String(),
  orderId: Id('ord'),
  /** What the portal knows it by: with several approvers the same in the receipt of each. */
  signingId: Type.Optional(Id('sig')),
  /** The portal's own name for it. */
  reference: Type.String(),
  user: strict({ id: Id('usr'), name: Type.String() }),
  device: strict({
    id: Id('dev'),
    name: Type.String(),
    /** With this key the approval verifies. */
    jwk: PublicJwk,
    /** As it was at the approval: an ended device approves nothing, and what it signed before stays signed. */
    status: Type.Literal('active'),
    /** What is known of where the key is kept. */
    attestation: Type.String(),
    /** Epoch seconds. */
    registeredAt: Type.Integer(),
  }),
  /** RFC 8176, of the proof that was made for this order alone. */
  factor: Type.Union([Type.Literal('pin'), Type.Literal('fpt'), Type.Literal('face'), Type.Literal('user')]),
  /** Base64url SHA-256 of the compact JWS. */
  orderHash: Base64Url(43),
  approvalHash: Base64Url(43),
  /** Epoch seconds: the proof, the approval, this countersignature. */
  provedAt: Type.Integer(),
  approvedAt: Type.Integer(),
  iat: Type.Integer(),
});
export type Countersignature = Static<typeof Countersignature>;

/** Every key that this server ever signed with, and when it did. */
export const KeyHistory = Type.Object({
  iss: Type.String(),
  iat: Type.Integer(),
  keys: Type.Array(
    Type.Object({
      kid: Type.String(),
      kty: Type.Literal('EC'),
      crv: Type.Literal('P-256'),
      x: Base64Url(43),
      y: Base64Url(43),
      /** Epoch seconds; null: not used yet, or still in use. */
      from: Type.Union([Type.Null(), Type.Integer()]),
      until: Type.Union([Type.Null(), Type.Integer()]),
    }),
  ),
});
export type KeyHistory = Static<typeof KeyHistory>;
