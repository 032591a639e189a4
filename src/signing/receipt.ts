/** Receipts: what the phone signed, what it was shown, and the server's word for whose key that was (T-14). */
import type { JWK } from 'jose';
import { encodeBase64url, sha256 } from '../crypto/bytes.ts';
import type { Standing } from '../devices/store.ts';
import type { OrderDeps } from '../orders/deps.ts';
import type { Claim, Order, Outcome } from '../orders/order.ts';
import type { PublicJwk } from '../protocol/common.ts';
import { typ } from '../protocol/names.ts';
import type { Countersignature, Receipt } from '../protocol/receipt.ts';

export interface Approval {
  readonly order: Order;
  readonly claim: Claim;
  readonly outcome: Outcome;
  /** Of the device that approved, found to be usable for this decision. */
  readonly standing: Standing;
  /** What the portal knows it by. */
  readonly signingId: string;
}

/** The receipt of an approval, countersigned now; without the list of a batch, which is kept once for all its approvers. */
export async function makeReceipt(deps: OrderDeps, approval: Approval): Promise<Receipt> {
  const { order, claim, outcome, standing, signingId } = approval;
  const { device, user } = standing;
  const { terms } = order;
  const statement: Countersignature = {
    iss: deps.issuer,
    orderId: terms.id,
    signingId,
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
  return {
    format: 'mtoken-receipt',
    version: 1,
    order: claim.descriptor,
    approval: outcome.approval,
    countersignature: await deps.signCompact(typ.receipt, statement),
  };
}

/** The members that make the key, and no other. */
function bareJwk({ kty, crv, x, y, n, e }: JWK): PublicJwk {
  return (kty === 'EC' ? { kty, crv, x, y } : { kty, n, e }) as PublicJwk;
}

const hashOf = (jws: string): string => encodeBase64url(sha256(jws));
const seconds = (milliseconds: number): number => Math.floor(milliseconds / 1000);
