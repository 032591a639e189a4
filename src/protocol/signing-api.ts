/** Wire schemas of the signing API: what a portal's server asks to be signed, and what it is told (docs/signing.md). */
import { type Static, Type } from 'typebox';
import { Id, PlainText, strict } from './common.ts';
import { DeclineReason } from './orders.ts';
import { Receipt } from './receipt.ts';
import { Currency, MinorUnits } from './templates/templates.ts';

export const SigningCreate = strict({
  /** The user's id, the `sub` of the ID token. */
  user: Id('usr'),
  template: Type.String({ maxLength: 64 }),
  version: Type.Integer(),
  /** Judged by the template. */
  fields: Type.Record(Type.String(), Type.Unknown()),
  /** BCP 47. */
  locale: Type.String({ pattern: '^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$', maxLength: 35 }),
  /** The portal's own name for it; it is part of the receipt. */
  reference: PlainText(128),
  /** One of the origins that the portal's redirect URIs have; the first one's unless told. */
  origin: Type.Optional(Type.String({ maxLength: 2000 })),
  /** How long it may be opened; 300 unless told, or a day where several people must sign. Judged by template and company. */
  expiresInSeconds: Type.Optional(Type.Integer({ minimum: 60, maximum: 2_592_000 })),
});
export type SigningCreate = Static<typeof SigningCreate>;

export const SigningOrderParams = strict({ signingId: Id('sig') });

export const SigningQuery = strict({
  /** Seconds to wait for a change. */
  wait: Type.Optional(Type.String({ pattern: '^([1-9]|[1-5][0-9]|60)$' })),
  /** The state that the portal knows: an answer comes at once where it is another one by now. */
  since: Type.Optional(Type.String({ maxLength: 16 })),
});
export type SigningQuery = Static<typeof SigningQuery>;

export const SigningState = Type.Union(
  (['pending', 'claimed', 'approved', 'declined', 'reported', 'expired', 'cancelled'] as const).map((state) =>
    Type.Literal(state),
  ),
);
export type SigningState = 'pending' | 'claimed' | 'approved' | 'declined' | 'reported' | 'expired' | 'cancelled';

export const SigningOrder = strict({
  signingId: Id('sig'),
  reference: Type.String(),
  state: SigningState,
  /** Epoch-milliseconds until which it can be opened; then whoever opened it has as long as its descriptor says. */
  expiresAt: Type.Integer(),
  /** Where nobody is asked yet: epoch-milliseconds from which on somebody is. */
  askableAt: Type.Optional(Type.Integer()),
  /** How many people must approve it, and how many have. */
  approvers: strict({ needed: Type.Integer({ minimum: 1 }), given: Type.Integer({ minimum: 0 }) }),
  /** One of each person who has approved it, the first one's first; for 90 days after its end. */
  receipts: Type.Array(Receipt),
  /** Where it was declined, and the person said why. */
  reason: Type.Optional(DeclineReason),
  /** Of a reservation: minor units that the portal has taken. */
  captured: Type.Optional(Type.Integer({ minimum: 0 })),
});
export type SigningOrder = Omit<Static<typeof SigningOrder>, 'state'> & { readonly state: SigningState };

/** How much of an approved reservation the portal takes. */
export const SigningCapture = strict({
  amount: MinorUnits,
  /** Refused where it is not that of the reservation. */
  currency: Type.Optional(Currency),
});
export type SigningCapture = Static<typeof SigningCapture>;

export const SigningFrame = strict({
  /** To be drawn as a QR code, and anew after `nextInMs`. */
  qr: Type.String(),
  /** For the browser that has the app itself; good for a minute. */
  link: Type.String(),
  nextInMs: Type.Integer(),
});
export type SigningFrame = Static<typeof SigningFrame>;
