/** Verifies what phones sign about orders: the device key's approval and the biometric key's statement, member by member. */
import type { JWK } from 'jose';
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { encodeBase64url, sha256 } from '../crypto/bytes.ts';
import { checkDeviceKey } from '../crypto/jwk.ts';
import { verifyCompactJws } from '../crypto/jws.ts';
import type { Device } from '../devices/store.ts';
import { AuthError } from '../errors.ts';
import { proofWindowSeconds, typ } from '../protocol/names.ts';
import { ApprovalStatement } from '../protocol/orders.ts';
import { BiometricStatement } from '../protocol/session.ts';
import type { Claim, Order } from './order.ts';

/** Server, clock and the order as this server stores it: never what the phone says about it. */
export interface Expected {
  readonly issuer: string;
  readonly now: number;
  readonly order: Order;
  readonly claim: Claim;
}

/**
 * Checks an approval of a claimed order: kind of object, device key, every member against the server's own values, time (T-05, T-10,
 * T-12). Throws `invalid_request` whatever does not fit.
 */
export function verifyApproval(jws: string, device: Device, expected: Expected): ApprovalStatement {
  const statement = openStatement(jws, { jwk: device.publicJwk, type: typ.approval, schema: ApprovalStatement });
  const { terms } = expected.order;
  const own: Omit<ApprovalStatement, 'decision' | 'factors' | 'iat'> = {
    aud: expected.issuer,
    orderId: terms.id,
    deviceId: expected.claim.deviceId,
    purpose: terms.purpose,
    clientId: terms.client.id,
    origin: terms.origin,
    challenge: terms.challenge,
    displayHash: encodeBase64url(sha256(terms.display.text)),
    descriptorHash: encodeBase64url(sha256(expected.claim.descriptor)),
  };
  assertMembers(statement, own);
  assertTimely(statement.iat, expected.now);
  return statement;
}

/** Checks the biometric key's statement for one order and one approval (P-24). Throws `authentication_failed` whatever does not fit. */
export function verifyOrderBiometric(
  signature: string,
  device: Device,
  expected: Expected & { readonly approval: string },
): NonNullable<Device['biometric']>['kind'] {
  try {
    if (device.biometric === undefined) throw misfit('no biometric key is registered');
    const { publicJwk, kind } = device.biometric;
    const statement = openStatement(signature, { jwk: publicJwk, type: typ.biometric, schema: BiometricStatement });
    const own: Omit<BiometricStatement, 'iat'> = {
      iss: expected.issuer,
      deviceId: device.id,
      purpose: 'order',
      subject: expected.order.terms.id,
      nonce: expected.order.terms.challenge,
      // Bound to these very bytes of the approval: the finger that confirmed one payment confirms no other.
      boundHash: encodeBase64url(sha256(expected.approval)),
    };
    assertMembers(statement, own);
    assertTimely(statement.iat, expected.now);
    return kind;
  } catch (cause) {
    throw new AuthError('authentication_failed', { detail: 'the biometric statement of an order does not fit', cause });
  }
}

interface Opening<Schema extends TSchema> {
  readonly jwk: JWK;
  readonly type: string;
  readonly schema: Schema;
}

/** One kind of object and one key: nothing in the header chooses what is accepted (RFC 8725 §3.1, §3.11). */
function openStatement<S extends TSchema>(token: string, { jwk, type, schema }: Opening<S>): Static<S> {
  try {
    const { payload } = verifyCompactJws({ token, typ: type, key: checkDeviceKey(jwk) });
    if (!Value.Check(schema, payload)) throw misfit('the members are not those of the schema');
    return payload;
  } catch (cause) {
    throw misfit('the signature or the form is not valid', cause);
  }
}

function assertMembers(statement: Readonly<Record<string, unknown>>, own: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(own)) {
    if (statement[name] !== value) throw misfit(`${name} is not that of the order`);
  }
}

function assertTimely(iat: number, now: number): void {
  if (Math.abs(iat - Math.floor(now / 1000)) > proofWindowSeconds) throw misfit('iat is out of the window');
}

function misfit(detail: string, cause?: unknown): AuthError {
  return new AuthError('invalid_request', { message: 'the signed statement does not fit the order', detail, cause });
}
