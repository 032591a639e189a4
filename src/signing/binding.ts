/** That a decision is about this very request and by this very person: orders wait in the short-lived store, and what stands there alone releases nothing. */
import { tryDecodeBase64url } from '../crypto/bytes.ts';
import type { SigningDecision } from '../orders/deps.ts';
import { unavailable } from '../orders/orders.ts';
import type { OrderDescriptor } from '../protocol/orders.ts';
import type { SigningRequest } from './store.ts';

/**
 * Throws `order_unavailable` where the description that the phone was given, and to whose bytes its statement is bound, is not that of
 * the request, where another person's phone claimed the order than the one that decides, or an approval lacks the proof that it takes
 * (T-02, T-04, T-12, T-15).
 */
export function assertAbout(request: SigningRequest, decision: SigningDecision): void {
  const { claim, standing } = decision;
  const { signing, display, client, origin, deviceId, mpinOnly } = descriptorOf(claim.descriptor);
  const isAbout =
    signing?.id === request.id &&
    client?.id === request.clientId &&
    origin === request.origin &&
    JSON.stringify(display) === JSON.stringify(request.display);
  if (!isAbout) throw unavailable('signing: the order is about something else than its request');
  const isBy = deviceId === standing.device.id && claim.userId === standing.user.id;
  if (!isBy) throw unavailable('signing: the order was claimed by somebody else');
  if (decision.kind === 'approve') assertProved(decision, request.mpinOnly || mpinOnly === true);
}

/** By a proof for this order alone, and by the mPIN where the request or the phone that claimed it takes no other. */
function assertProved({ order, outcome }: Extract<SigningDecision, { kind: 'approve' }>, isMpinOnly: boolean): void {
  if (!order.terms.freshProof) throw unavailable('signing: the order takes no proof of its own');
  if (isMpinOnly && outcome.factor !== 'pin') throw unavailable('signing: it was not proved by the mPIN');
}

/** Unverified: the phone's statement, which was verified, has the hash of these bytes. */
function descriptorOf(jws: string): Partial<OrderDescriptor> {
  const payload = tryDecodeBase64url(jws.split('.')[1] ?? '');
  if (payload === undefined) throw unavailable('signing: the order has no description');
  return JSON.parse(Buffer.from(payload).toString()) as Partial<OrderDescriptor>;
}
