/** A whole signing in the small: a portal that asks, a phone that approves, the receipt, and the key history that verifies it. */

import { createHash, type KeyObject } from 'node:crypto';
import { GeneralSign } from 'jose';
import { signCompactJws } from '../../../src/crypto/jws.ts';
import type { Client } from '../../../src/oidc/store.ts';
import { claimOrder } from '../../../src/orders/claim.ts';
import { startOrderProof } from '../../../src/orders/decide.ts';
import type { OrderDeps } from '../../../src/orders/deps.ts';
import type { OrderClaimed } from '../../../src/protocol/orders.ts';
import type { Receipt } from '../../../src/protocol/receipt.ts';
import type { SigningOrder } from '../../../src/protocol/signing-api.ts';
import type { TemplateName } from '../../../src/protocol/templates/templates.ts';
import type { SigningDeps } from '../../../src/signing/deps.ts';
import { signingParts } from '../../../src/signing/parts.ts';
import { createPortalOrder, portalFrame, readPortalOrder } from '../../../src/signing/portal-orders.ts';
import { addPhone, clientEphemeral, type Phone, proofOf, type WorldStores } from '../mpin/world.ts';
import { callOf, createOrderWorld, decide, type OrderWorld, scanned } from '../orders/order-world.ts';
import { samples } from './samples.ts';

export interface SigningWorld extends OrderWorld {
  readonly signing: SigningDeps;
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

/** Both portals are registered, and the phone of the user. `signing`: what is another one than usual. */
export async function createSigningWorld(
  options: { stores?: WorldStores; signing?: Partial<SigningDeps> } = {},
): Promise<SigningWorld> {
  const world = await createOrderWorld(options.stores === undefined ? {} : { stores: options.stores });
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
  const bare: OrderDeps = { ...world.orders, signCompact };
  const signing: SigningDeps = { ...bare, endLogins: world.deps.endLogins, ended: [], ...options.signing };
  const orders: OrderDeps = { ...bare, signing: signingParts(signing) };
  for (const client of [portal, otherPortal]) {
    if ((await world.deps.records.clients.find(client.id)) === undefined)
      await world.deps.records.clients.insert(client);
  }
  return { ...world, kid, orders, signing, phone: await addPhone(world) };
}

interface Ask {
  readonly template: TemplateName;
  readonly client: Client;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Whom the portal names. */
  readonly user: string;
  readonly expiresInSeconds: number;
}

export function ask(
  world: SigningWorld,
  {
    template = 'payment',
    client = portal,
    fields = samples[template],
    user = world.user.id,
    ...more
  }: Partial<Ask> = {},
): Promise<SigningOrder> {
  const body = { user, template, version: 1, fields, locale: 'en', reference: `my ${template}`, ...more };
  return createPortalOrder(world.signing, client, { body, requestId: 'req_1' });
}

/** What the phone scans of the portal's page. */
export async function claimShown(world: SigningWorld, signingId: string, phone = world.phone): Promise<OrderClaimed> {
  const { qr } = await portalFrame(world.signing, portal, signingId);
  return claimOrder(world.orders, scanned(qr), await callOf(world, phone));
}

/** What the phone opens from its inbox. */
export async function claimWaiting(world: SigningWorld, signingId: string, phone = world.phone): Promise<OrderClaimed> {
  return claimOrder(world.orders, { via: 'inbox', signingId }, await callOf(world, phone));
}

/** The mPIN proof that this order alone takes. */
export async function proofFor(world: SigningWorld, { orderId }: OrderClaimed, phone = world.phone) {
  const ephemeral = clientEphemeral();
  const call = await callOf(world, phone);
  const challenge = await startOrderProof(world.orders, { orderId, clientEphemeral: ephemeral.public }, call);
  return { handshake: challenge.handshake, proof: proofOf(phone, challenge, ephemeral).proof };
}

/** Decides with the mPIN about what the phone has claimed. */
export async function approveClaimed(world: SigningWorld, claimed: OrderClaimed, phone = world.phone): Promise<void> {
  await decide(world, phone, { claimed, proof: await proofFor(world, claimed, phone) });
}

/** The phone claims what the page shows, and approves with its mPIN. */
export async function approve(world: SigningWorld, signingId: string, phone = world.phone): Promise<void> {
  await approveClaimed(world, await claimShown(world, signingId, phone), phone);
}

/** Asked, approved and fetched. */
export async function signedReceipt(
  world: SigningWorld,
  template: TemplateName = 'payment',
  fields = samples[template],
): Promise<Receipt> {
  const { signingId } = await ask(world, { template, fields });
  await approve(world, signingId);
  const { state, receipts } = await readPortalOrder(world.signing, portal, signingId);
  const [receipt] = receipts;
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
