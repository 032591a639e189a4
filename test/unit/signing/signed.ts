/** A whole signing in the small: a portal that asks, a phone that approves, the receipt, and the key history that verifies it. */

import { createHash, type KeyObject } from 'node:crypto';
import { GeneralSign } from 'jose';
import { signCompactJws } from '../../../src/crypto/jws.ts';
import type { Client } from '../../../src/oidc/store.ts';
import { claimOrder } from '../../../src/orders/claim.ts';
import { startOrderProof } from '../../../src/orders/decide.ts';
import type { Receipt } from '../../../src/protocol/receipt.ts';
import type { SigningOrder } from '../../../src/protocol/signing-api.ts';
import type { TemplateName } from '../../../src/protocol/templates/templates.ts';
import { createPortalOrder, portalFrame, readPortalOrder } from '../../../src/signing/portal-orders.ts';
import { addPhone, clientEphemeral, type Phone, proofOf } from '../mpin/world.ts';
import { callOf, createOrderWorld, decide, type OrderWorld, scanned } from '../orders/order-world.ts';
import { samples } from './samples.ts';

export interface SigningWorld extends OrderWorld {
  readonly phone: Phone;
  readonly kid: string;
}

export const portal: Client = {
  id: 'business',
  kind: 'portal',
  name: 'Business portal',
  companyId: undefined,
  metadata: { redirect_uris: ['https://portal.example/callback', 'https://pay.example/back'], scope: 'sign' },
  secret: undefined,
  status: 'active',
  createdAt: 0,
  version: 1,
};
export const otherPortal: Client = { ...portal, id: 'other' };

export async function createSigningWorld(): Promise<SigningWorld> {
  const world = await createOrderWorld();
  const { x, y } = world.serverKey.export({ format: 'jwk' });
  const kid = createHash('sha256')
    .update(JSON.stringify({ crv: 'P-256', kty: 'EC', x, y }))
    .digest('base64url');
  const signCompact = async (typ: string, payload: object): Promise<string> =>
    signCompactJws({
      payload: { ...payload },
      typ,
      key: { key: world.serverPrivateKey, alg: 'ES256' },
      header: { kid },
    });
  const signing = { ...world, kid, orders: { ...world.orders, signCompact } };
  return { ...signing, phone: await addPhone(signing) };
}

interface Ask {
  readonly template: TemplateName;
  readonly client: Client;
  readonly fields: Readonly<Record<string, unknown>>;
}

export function ask(
  world: SigningWorld,
  { template = 'payment', client = portal, fields = samples[template] }: Partial<Ask> = {},
): Promise<SigningOrder> {
  const body = { user: world.user.id, template, version: 1, fields, locale: 'en', reference: `my ${template}` };
  return createPortalOrder(world.orders, client, { body, requestId: 'req_1' });
}

/** The phone claims and approves with its mPIN. */
export async function approve(world: SigningWorld, orderId: string, phone = world.phone): Promise<void> {
  const { qr } = await portalFrame(world.orders, portal, orderId);
  const call = await callOf(world, phone);
  const claimed = await claimOrder(world.orders, scanned(qr), call);
  const ephemeral = clientEphemeral();
  const challenge = await startOrderProof(world.orders, { orderId, clientEphemeral: ephemeral.public }, call);
  const { proof } = proofOf(phone, challenge, ephemeral);
  await decide(world, phone, { claimed, proof: { handshake: challenge.handshake, proof } });
}

/** Asked, approved and fetched. */
export async function signedReceipt(
  world: SigningWorld,
  template: TemplateName = 'payment',
  fields = samples[template],
): Promise<Receipt> {
  const { orderId } = await ask(world, { template, fields });
  await approve(world, orderId);
  const { state, receipt } = await readPortalOrder(world.orders, portal, orderId);
  if (state !== 'approved' || receipt === undefined) throw new Error(`it is ${state}`);
  return receipt;
}

/** The document of `/.well-known/mtoken-key-history`. */
export async function historyOf(
  world: SigningWorld,
  times: { from?: number | null; until?: number | null; iss?: string } = {},
): Promise<unknown> {
  const { iss = world.orders.issuer, from = 0, until = null } = times;
  const jwk = world.serverKey.export({ format: 'jwk' });
  const payload = { iss, iat: 0, keys: [{ ...jwk, kid: world.kid, from, until }] };
  return new GeneralSign(new TextEncoder().encode(JSON.stringify(payload)))
    .addSignature(world.serverPrivateKey)
    .setProtectedHeader({ alg: 'ES256', kid: world.kid, typ: 'mtoken-key-history+jws' })
    .sign();
}

/** What a statement says, unjudged. */
export const payloadOf = (jws: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;

/** A statement with something else in it, signed by whoever has the key. */
export function signedAnew(jws: string, change: object, key: KeyObject): string {
  const head = JSON.parse(Buffer.from(jws.split('.')[0] ?? '', 'base64url').toString()) as Record<string, string>;
  return signCompactJws({
    payload: { ...payloadOf(jws), ...change },
    typ: head['typ'] ?? '',
    key: { key, alg: 'ES256' },
    ...(head['kid'] === undefined ? {} : { header: { kid: head['kid'] } }),
  });
}
