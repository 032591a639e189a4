/** Verifies what phones sign about orders: the device key's approval and the biometric key's statement, member by member. */
import { Compile } from 'typebox/compile';
import { encodeBase64url, sha256 } from '../crypto/bytes.ts';
import { proveBiometric } from '../devices/biometric.ts';
import { readStatement } from '../devices/statement.ts';
import type { Device } from '../devices/store.ts';
import { AuthError } from '../errors.ts';
import type { BiometricKind, BiometricProof } from '../protocol/biometrics.ts';
import { typ } from '../protocol/names.ts';
import { ApprovalStatement } from '../protocol/orders.ts';
import type { OrderDeps } from './deps.ts';
import type { Claim, Order } from './order.ts';

type StatementDeps = Pick<OrderDeps, 'clock' | 'issuer' | 'keyCache' | 'records'>;

const approvalSchema = Compile(ApprovalStatement);

/** The order as this server stores it: never what the phone says about it. */
export interface Expected {
  readonly order: Order;
  readonly claim: Claim;
}

/**
 * Checks an approval of a claimed order: kind of object, device key, every member against the server's own values, time (T-05, T-10,
 * T-12). Throws `invalid_request` whatever does not fit.
 */
export function verifyApproval(
  deps: StatementDeps,
  device: Device,
  { approval, order, claim }: Expected & { readonly approval: string },
): ApprovalStatement {
  const { terms } = order;
  const statement = readStatement(
    deps,
    { token: approval, typ: typ.approval, publicJwk: device.publicJwk },
    {
      schema: approvalSchema,
      members: {
        aud: deps.issuer,
        orderId: terms.id,
        deviceId: claim.deviceId,
        purpose: terms.purpose,
        clientId: terms.client.id,
        origin: terms.origin,
        challenge: terms.challenge,
        displayHash: encodeBase64url(sha256(terms.display.text)),
        descriptorHash: encodeBase64url(sha256(claim.descriptor)),
      } satisfies Omit<ApprovalStatement, 'decision' | 'reason' | 'factors' | 'iat'>,
    },
  );
  const mayHaveReason = statement?.decision === 'decline' && terms.purpose === 'signing';
  if (statement === undefined || (statement.reason !== undefined && !mayHaveReason)) {
    throw new AuthError('invalid_request', { message: 'the signed statement does not fit the order' });
  }
  return statement;
}

/** Checks the biometric key's statement for one order and one approval (P-24). Throws `authentication_failed` whatever does not fit. */
export async function verifyOrderBiometric(
  deps: StatementDeps,
  device: Device,
  { proof, approval, order }: Expected & { readonly proof: BiometricProof; readonly approval: string },
): Promise<BiometricKind> {
  const { id, challenge } = order.terms;
  const kind = await proveBiometric(deps, device, {
    proof,
    deviceId: device.id,
    purpose: 'order',
    subject: id,
    nonce: challenge,
    // Bound to these very bytes of the approval: the finger that confirmed one payment confirms no other.
    boundHash: encodeBase64url(sha256(approval)),
  });
  if (kind !== undefined) return kind;
  throw new AuthError('authentication_failed', { detail: 'the biometric statement of an order does not fit' });
}
