/** What the rules of orders need from outside. Types only. */
import type { AuditRecord } from '../audit/store.ts';
import type { Clock } from '../clock.ts';
import type { KeyCache } from '../crypto/jwk.ts';
import type { Sealing } from '../crypto/sealing.ts';
import type { Standing } from '../devices/store.ts';
import type { SessionCall } from '../http/app-endpoint.ts';
import type { DeclineReason } from '../protocol/orders.ts';
import type { MpinChallenge } from '../protocol/session.ts';
import type { ShortLivedStore } from '../store/ports.ts';
import type { RecordStore, Records } from '../store/records.ts';
import type { Claim, Order, OrderTerms, Outcome } from './order.ts';

/** The phone that calls: the device whose key signed, and the session it calls in. */
export type PhoneCall = Pick<SessionCall<unknown>, 'device' | 'session' | 'origin'>;

/** The mPIN proof that one order alone accepts; `mpin/` provides it, and with it the one gate that counts attempts. */
export interface OrderProofs {
  /** Begins a handshake that no other order and no session accepts. */
  start(call: PhoneCall, order: { readonly orderId: string; readonly clientEphemeral: string }): Promise<MpinChallenge>;
  /** Evaluates the proof; throws `authentication_failed`. Answers the server's proof. */
  prove(
    call: PhoneCall,
    order: { readonly orderId: string; readonly handshake: string; readonly proof: string },
  ): Promise<{ readonly serverProof: string }>;
}

/** Where an address is, as far as the operator's lookup knows, and what happens when phone and browser are not in one place (P-10). */
export interface Proximity {
  /** A country or city, or null where it is not known. */
  readonly placeOf: (address: string) => string | null;
  readonly onMismatch: 'record' | 'refuse';
}

/** How a phone decided about an order to sign, before anybody wrote it down. */
export type SigningDecision = {
  readonly order: Order;
  readonly claim: Claim;
  /** Of the phone that decides, a moment ago. */
  readonly standing: Standing;
  /** As the trail names who decides. */
  readonly by: Pick<AuditRecord, 'actor' | 'deviceId' | 'address' | 'requestId'>;
} & (
  | { readonly kind: 'approve'; readonly outcome: Outcome }
  | { readonly kind: 'decline'; readonly reason: DeclineReason | undefined }
  | { readonly kind: 'report' }
);

/**
 * Counts a decision, within the transaction that writes it down: it is this that decides, whatever becomes of the order. Answers what the
 * trail says of it besides. Throws `order_unavailable` where it cannot count.
 */
export type CountDecision = (records: Records) => Promise<readonly AuditRecord[]>;

/** What the phone that claims an order to sign is told of it, as it is at that moment. */
export type SigningAdmission = NonNullable<OrderTerms['signing']> & { readonly mpinOnly: boolean };

/** What orders to sign are parts of; `signing/` provides it. */
export interface SigningParts {
  /** The id of the order in which the caller decides about what waits for them, made where there is none; undefined where nothing such waits for them. */
  open(signingId: string, call: PhoneCall): Promise<string | undefined>;
  /** Judges the phone that claims the order. Throws `order_unavailable` where it may not. */
  admit(order: Order, standing: Standing): Promise<SigningAdmission>;
  /** Makes everything that the decision needs to count, the receipt of an approval among it. Throws `order_unavailable` where it cannot. */
  prepare(decision: SigningDecision): Promise<CountDecision>;
  /** Told of every order to sign that was claimed, decided about or cancelled; told again, it does nothing more. */
  changed(order: Order): Promise<void>;
}

export interface OrderDeps {
  readonly records: RecordStore;
  readonly shortLived: ShortLivedStore;
  readonly sealing: Pick<Sealing, 'seal' | 'open' | 'lookup'>;
  readonly clock: Clock;
  /** The server's origin, without a slash at its end. */
  readonly issuer: string;
  /** Signs with the server's active key; `typ` goes into the protected header. */
  readonly signCompact: (typ: string, payload: object) => Promise<string>;
  /** Throws an `AuthError` unless device, user and company may act at this moment: the one such check of the server (T9). */
  readonly assertUsable: (deviceId: string) => Promise<Standing>;
  readonly proofs: OrderProofs;
  readonly signing?: SigningParts | undefined;
  readonly proximity?: Proximity | undefined;
  /** Imported keys, for speed. */
  readonly keyCache?: KeyCache | undefined;
}
