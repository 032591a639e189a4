/** That a decision is about this very request and by this very person: orders wait in the short-lived store, and what stands there alone releases nothing. */
import { tryDecodeBase64url } from '../crypto/bytes.ts';
import type { SigningDecision } from '../orders/deps.ts';
import { unavailable } from '../orders/orders.ts';
import type { OrderDescriptor } from '../protocol/orders.ts';
import type { SigningRequest } from './store.ts';

/**
 * Throws `order_unavailable` where the description that the phone was given, and to whose bytes its statement is bound, is not that of
 * the request, or another person's phone claimed the order than the one that decides (T-04, T-12, T-15).
 */
export function assertAbout(request: SigningRequest, { claim, standing }: SigningDecision): void {
  const { signing, display, client, origin, deviceId } = descriptorOf(claim.descriptor);
  const isAbout =
    signing?.id === request.id &&
    client?.id === request.clientId &&
    origin === request.origin &&
    JSON.stringify(display) === JSON.stringify(request.display);
  if (!isAbout) throw unavailable('signing: the order is about something else than its request');
  const isBy = deviceId === standing.device.id && claim.userId === standing.user.id;
  if (!isBy) throw unavailable('signing: the order was claimed by somebody else');
}

/** Unverified: the phone's statement, which was verified, has the hash of these bytes. */
function descriptorOf(jws: string): Partial<OrderDescriptor> {
  const payload = tryDecodeBase64url(jws.split('.')[1] ?? '');
  if (payload === undefined) throw unavailable('signing: the order has no description');
  return JSON.parse(Buffer.from(payload).toString()) as Partial<OrderDescriptor>;
}
