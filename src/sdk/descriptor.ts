/** What the server says of an order, verified: the one thing that a phone shows and signs (protocol §8, P-08). */
import type { Static } from 'typebox';
import { typ } from '../protocol/names.ts';
import { OrderDescriptor } from '../protocol/orders.ts';
import { refreshServer } from './configuration.ts';
import type { PhoneContext } from './context.ts';
import { readDisplay } from './display.ts';
import { PhoneError } from './errors.ts';
import { unverifiedJws, verifyServerJws } from './jws.ts';
import { matches } from './matches.ts';
import type { RegisteredPhone } from './state.ts';

/** A descriptor dated further ahead than this was not made just now. */
const futureToleranceSeconds = 60;

/** By then each process of a server has heard of a key with which another one signs, in milliseconds. */
const newKeyPauseMs = 1_000;

/** An order, and the server's signature over its description. */
interface Described {
  readonly orderId: string;
  readonly signedDescriptor: string;
}

/**
 * The description, out of the server's signature and nothing else: what an app may have changed in its copy does not count. Throws
 * `server_not_authentic` for a wrong signature, or one for another server, device or order.
 */
export async function verifyDescriptor(
  context: PhoneContext,
  phone: RegisteredPhone,
  order: Described,
): Promise<Static<typeof OrderDescriptor>> {
  const known = await verifyServerJws(order.signedDescriptor, typ.order, phone.trusted);
  const { payload } = known ?? (await verifyUnderNewKey(context, phone, order));
  return judged(context, phone, { payload, orderId: order.orderId });
}

/**
 * Signed by a key that is not known yet: after a rotation the new one comes in a set that a known key signed. The process that is asked
 * for the set may not have heard of it: one more look, after a pause, and only for a description that lacks nothing but its key. Whoever
 * sends another one, or a set that no known key signed, is refused without it, and nobody holds the phone for longer.
 */
async function verifyUnderNewKey(
  context: PhoneContext,
  phone: RegisteredPhone,
  { orderId, signedDescriptor }: Described,
): Promise<{ readonly payload: unknown }> {
  const trusted = await refreshServer(context, phone);
  const renewed = await verifyServerJws(signedDescriptor, typ.order, trusted);
  if (renewed !== undefined) return renewed;
  const claimed = unverifiedJws(signedDescriptor, typ.order);
  if (claimed === undefined) throw notFitting('it is not signed by a trusted key');
  judged(context, phone, { payload: claimed.payload, orderId });
  await context.pause(newKeyPauseMs);
  const newest = await refreshServer(context, { issuer: phone.issuer, trusted });
  const verified = await verifyServerJws(signedDescriptor, typ.order, newest);
  if (verified === undefined) throw notFitting('it is not signed by a trusted key');
  return verified;
}

function judged(
  context: PhoneContext,
  phone: RegisteredPhone,
  { payload, orderId }: { readonly payload: unknown; readonly orderId: string },
): Static<typeof OrderDescriptor> {
  if (!matches(OrderDescriptor, payload)) throw notFitting('it lacks something, or has too much');
  if (payload.iss !== phone.issuer) throw notFitting('it is that of another server');
  if (payload.deviceId !== phone.deviceId) throw notFitting('it is for another phone');
  if (payload.orderId !== orderId) throw notFitting('it is that of another order');
  if (payload.purpose === 'signing') readDisplay(payload.display);
  judgeSigning(payload);
  if (payload.iat > context.time.nowSeconds() + futureToleranceSeconds) throw notFitting('it is dated in the future');
  return payload;
}

/** What is said of proof and approvers must make sense together: a person acts on it. */
function judgeSigning({ purpose, via, freshProof, mpinOnly, signing }: Static<typeof OrderDescriptor>): void {
  // Without one, whoever found the phone unlocked could sign, and the receipt would not verify.
  if (purpose === 'signing' && !freshProof) throw notFitting('it is to be signed without a proof of its own');
  if (mpinOnly === true && !freshProof) throw notFitting('it takes the mPIN, and no proof');
  if (signing === undefined) {
    if (via === 'inbox') throw notFitting('it waited, and is no request');
    return;
  }
  if (purpose !== 'signing') throw notFitting('it is a login with something to sign');
  const { needed, given } = signing.approvers;
  if (given >= needed) throw notFitting('it has all its approvals');
}

/** `server_not_authentic`, and why. */
export function notFitting(why: string): PhoneError {
  return new PhoneError('server_not_authentic', { detail: `the description of the order: ${why}` });
}
