/** Receipts: what the phone signed, what it was shown, and the server's word for whose key that was (T-14). */
import type { JWK } from 'jose';
import { encodeBase64url, sha256 } from '../crypto/bytes.ts';
import type { Standing } from '../devices/store.ts';
import type { OrderDeps } from '../orders/deps.ts';
import { readList } from '../orders/list.ts';
import type { RedeemedOrder } from '../orders/orders.ts';
import type { PublicJwk } from '../protocol/common.ts';
import { typ } from '../protocol/names.ts';
import type { Countersignature, Receipt } from '../protocol/receipt.ts';

/** The receipt of an approved order, countersigned now. `standing` is that of the device that approved, found to be usable when it was redeemed. */
export async function makeReceipt(
  deps: OrderDeps,
  { terms, state }: RedeemedOrder,
  { device, user }: Standing,
): Promise<Receipt> {
  const { claim, outcome } = state;
  const statement: Countersignature = {
    iss: deps.issuer,
    orderId: terms.id,
    reference: terms.context,
    user: { id: user.id, name: user.name },
    device: {
      id: device.id,
      name: device.name,
      jwk: bareJwk(device.publicJwk),
      status: 'active',
      attestation: device.attestationLevel,
      registeredAt: seconds(device.createdAt),
    },
    factor: outcome.factor,
    orderHash: hashOf(claim.descriptor),
    approvalHash: hashOf(outcome.approval),
    provedAt: seconds(outcome.provedAt),
    approvedAt: seconds(outcome.approvedAt),
    // Two processes' clocks differ: a statement of what has happened is not dated before it.
    iat: seconds(Math.max(deps.clock.now(), outcome.approvedAt)),
  };
  const list = await readList(deps, terms.id);
  return {
    format: 'mtoken-receipt',
    version: 1,
    order: claim.descriptor,
    approval: outcome.approval,
    countersignature: await deps.signCompact(typ.receipt, statement),
    ...(list === undefined ? {} : { list }),
  };
}

/** The members that make the key, and no other. */
function bareJwk({ kty, crv, x, y, n, e }: JWK): PublicJwk {
  return (kty === 'EC' ? { kty, crv, x, y } : { kty, n, e }) as PublicJwk;
}

const hashOf = (jws: string): string => encodeBase64url(sha256(jws));
const seconds = (milliseconds: number): number => Math.floor(milliseconds / 1000);
