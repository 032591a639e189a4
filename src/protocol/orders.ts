/** Wire schemas of orders: what a phone is asked, what it is shown and what it signs. */
import { type Static, Type } from 'typebox';
import { BiometricProof } from './biometrics.ts';
import { Base64Url, CompactJws, Id, SrpHash, SrpInteger, strict } from './common.ts';
import { RiskReason } from './risk.ts';

export const Purpose = Type.Union([Type.Literal('login'), Type.Literal('signing')]);
export type Purpose = Static<typeof Purpose>;

/**
 * A scanned frame, taken apart: `<issuer>/q/<token>.<step>.<tag>` from the screen, `<issuer>/s/…` from a screen that changes seldom,
 * `<issuer>/l/…` from the same device.
 */
export const FrameClaim = strict({
  via: Type.Union([Type.Literal('qr'), Type.Literal('steady'), Type.Literal('link')]),
  token: Base64Url(22),
  step: Type.Integer({ minimum: 0, maximum: 4_294_967_295 }),
  tag: Base64Url(16),
});
export type FrameClaim = Static<typeof FrameClaim>;

/** The short code that the page shows to whoever cannot scan: its twelve digits alone. */
export const TypedClaim = strict({ via: Type.Literal('code'), code: Type.String({ pattern: '^[0-9]{12}$' }) });
export type TypedClaim = Static<typeof TypedClaim>;

/** What waits in the inbox of the phone's own user. */
export const InboxClaim = strict({ via: Type.Literal('inbox'), signingId: Id('sig') });
export type InboxClaim = Static<typeof InboxClaim>;

export const OrderClaim = Type.Union([FrameClaim, TypedClaim, InboxClaim]);
export type OrderClaim = Static<typeof OrderClaim>;

export const OrderClaimed = strict({
  orderId: Id('ord'),
  /** JWS by the server over `OrderDescriptor`. */
  descriptor: CompactJws,
  expiresInSeconds: Type.Integer(),
});
export type OrderClaimed = Static<typeof OrderClaimed>;

/** Everything that a person needs to decide, signed by the server (P-08). */
export const OrderDescriptor = strict({
  iss: Type.String(),
  orderId: Id('ord'),
  /** The device that claimed it: nobody else's copy is valid. */
  deviceId: Id('dev'),
  purpose: Purpose,
  client: strict({ id: Type.String(), name: Type.String(), domain: Type.String() }),
  /** Origin of the page that began the order. */
  origin: Type.String(),
  /** How the phone came to it: a scanned code, a link, a code that was typed, or its inbox. */
  via: Type.Union([
    Type.Literal('qr'),
    Type.Literal('steady'),
    Type.Literal('link'),
    Type.Literal('code'),
    Type.Literal('inbox'),
  ]),
  browser: strict({
    /** Such as "Chrome on Windows". */
    name: Type.String(),
    /** Network prefix: /24 or /56. */
    address: Type.String(),
    /** Country or city where the operator's lookup knows it. */
    place: Type.Union([Type.Null(), Type.String()]),
  }),
  /** The exact text to show, made by the server; its UTF-8 bytes are hashed into the approval. */
  display: strict({
    text: Type.String(),
    locale: Type.String(),
    /** In an order to sign: what `text` was drawn from, so that the phone can draw it again and compare. */
    template: Type.Optional(
      strict({
        /** A name of src/protocol/templates/templates.ts. */
        name: Type.String(),
        version: Type.Integer(),
        title: Type.String(),
        /** Labels and words of the language, by the names that the drawing gives them. */
        wording: Type.Record(Type.String(), Type.String()),
        fields: Type.Record(Type.String(), Type.Unknown()),
      }),
    ),
  }),
  challenge: Base64Url(43),
  /** True: `decide` with `approve` takes an mPIN or biometric proof of its own. */
  freshProof: Type.Boolean(),
  /** True: that proof must be the mPIN. */
  mpinOnly: Type.Optional(Type.Boolean()),
  /** In an order to sign. */
  signing: Type.Optional(
    strict({
      /** What the portal knows it by. */
      id: Id('sig'),
      /** How many people must approve the same text, and how many have. */
      approvers: strict({ needed: Type.Integer({ minimum: 1 }), given: Type.Integer({ minimum: 0 }) }),
      /** What the person is warned of. */
      warnings: Type.Array(RiskReason, { maxItems: 16 }),
    }),
  ),
  iat: Type.Integer(),
  exp: Type.Integer(),
});
export type OrderDescriptor = Static<typeof OrderDescriptor>;

/** Asks for a part of the list that a batch is bound to; parts are counted from 0. */
export const OrderListPart = strict({ orderId: Id('ord'), part: Type.Integer({ minimum: 0, maximum: 999 }) });
export type OrderListPart = Static<typeof OrderListPart>;

export const OrderListed = strict({
  /** Bytes of the list from `part` × 196,608 on, at most as many. */
  bytes: Type.String({ pattern: '^[A-Za-z0-9_-]*$', maxLength: 262_144 }),
  parts: Type.Integer({ minimum: 1, maximum: 1000 }),
});
export type OrderListed = Static<typeof OrderListed>;

export const Decision = Type.Union([Type.Literal('approve'), Type.Literal('decline'), Type.Literal('report')]);
export type Decision = Static<typeof Decision>;

/** Why somebody does not sign; told to the portal. */
export const DeclineReason = Type.Union([Type.Literal('amount'), Type.Literal('payee'), Type.Literal('unexpected')]);
export type DeclineReason = Static<typeof DeclineReason>;

/** What the phone signs with its device key. */
export const ApprovalStatement = strict({
  /** The server that it is for. */
  aud: Type.String(),
  orderId: Id('ord'),
  deviceId: Id('dev'),
  purpose: Purpose,
  decision: Decision,
  clientId: Type.String(),
  origin: Type.String(),
  challenge: Base64Url(43),
  /** Base64url SHA-256 of the UTF-8 bytes of `display.text`. */
  displayHash: Base64Url(43),
  /** Base64url SHA-256 of the descriptor's compact JWS. */
  descriptorHash: Base64Url(43),
  /** Only where an order to sign is declined, and the person says why. */
  reason: Type.Optional(DeclineReason),
  factors: Type.Array(Type.Union([Type.Literal('mpin'), Type.Literal('biometric')]), { minItems: 1, maxItems: 1 }),
  iat: Type.Integer(),
});
export type ApprovalStatement = Static<typeof ApprovalStatement>;

export const OrderProofStart = strict({ orderId: Id('ord'), clientEphemeral: SrpInteger });
export type OrderProofStart = Static<typeof OrderProofStart>;

export const OrderDecide = strict({
  orderId: Id('ord'),
  /** JWS by the device key over `ApprovalStatement`. */
  approval: CompactJws,
  /** Where the descriptor asks for a fresh proof and the decision is `approve`; null otherwise. */
  proof: Type.Union([
    Type.Null(),
    strict({ handshake: Id('hs'), proof: SrpHash }),
    /** By the biometric key over `BiometricStatement` with purpose `order`. */
    strict({ signature: BiometricProof }),
  ]),
});
export type OrderDecide = Static<typeof OrderDecide>;

export const OrderDecided = strict({
  state: Type.Union([Type.Literal('approved'), Type.Literal('declined'), Type.Literal('reported')]),
  serverProof: Type.Union([Type.Null(), SrpHash]),
});
export type OrderDecided = Static<typeof OrderDecided>;
