/** Orders over real stores, with real phones, real signatures and the real mPIN proof. */
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { encodeBase64url, sha256 } from '../../../src/crypto/bytes.ts';
import { readJwsHeader, signCompactJws, verifyCompactJws } from '../../../src/crypto/jws.ts';
import { assertUsable } from '../../../src/devices/devices.ts';
import type { Device } from '../../../src/devices/store.ts';
import { orderProofs } from '../../../src/mpin/order-proof.ts';
import { claimOrder } from '../../../src/orders/claim.ts';
import { decideOrder } from '../../../src/orders/decide.ts';
import type { OrderDeps, PhoneCall } from '../../../src/orders/deps.ts';
import { frameText } from '../../../src/orders/frames.ts';
import { openFrameCode, readOrder } from '../../../src/orders/live.ts';
import type { Order } from '../../../src/orders/order.ts';
import { createOrder, type NewOrder } from '../../../src/orders/orders.ts';
import type {
  ApprovalStatement,
  Decision,
  FrameClaim,
  OrderClaimed,
  OrderDecide,
  OrderDecided,
  OrderDescriptor,
} from '../../../src/protocol/orders.ts';
import { createWorld, deviceOf, issuer, origin, type Phone, type World, type WorldStores } from '../mpin/world.ts';

export interface OrderWorld extends World {
  readonly orders: OrderDeps;
  readonly serverKey: KeyObject;
  readonly serverPrivateKey: KeyObject;
}

export async function createOrderWorld(
  options: { stores?: WorldStores; orders?: Partial<OrderDeps> } = {},
): Promise<OrderWorld> {
  const world = await createWorld(options.stores === undefined ? {} : { stores: options.stores });
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { records, shortLived, sealing, clock } = world.deps;
  const orders: OrderDeps = {
    records,
    shortLived,
    sealing,
    clock,
    issuer,
    signCompact: async (typ, payload) =>
      signCompactJws({
        payload: { ...payload },
        typ,
        key: { key: privateKey, alg: 'ES256' },
        header: { kid: 'server' },
      }),
    assertUsable: (deviceId) => assertUsable(world.deps, deviceId),
    proofs: orderProofs(world.deps),
    ...options.orders,
  };
  return { ...world, orders, serverKey: publicKey, serverPrivateKey: privateKey };
}

/** A cookie of a browser. */
export const newBinding = (): string => randomBytes(32).toString('base64url');

export function newLogin(world: OrderWorld, changes: Partial<NewOrder> = {}): Promise<Order> {
  return createOrder(world.orders, {
    purpose: 'login',
    client: { id: 'portal', name: 'Example Bank', domain: 'portal.example' },
    origin: 'https://portal.example',
    browser: { name: 'Chrome on Windows', address: '198.51.100.0/24', place: 'BE' },
    display: { text: 'Log in to Example Bank (portal.example)', locale: 'en' },
    context: 'interaction-1',
    freshProof: false,
    ownerUserId: null,
    binding: newBinding(),
    ...changes,
  });
}

/** The frame that the page shows at this moment, or that it would show if it still did. */
export function frameNow(world: OrderWorld, order: Order, via: FrameClaim['via'] = 'qr'): string {
  return frameText(openFrameCode(world.orders, order.terms), via, { issuer, now: world.clock.now() });
}

/** What an app sends of a frame that it scanned. */
export function scanned(frame: string): FrameClaim {
  const [, via = '', rest = ''] = /^https:\/\/login\.example\.test\/([qsl])\/(.*)$/.exec(frame) ?? [];
  const [token = '', step = '', tag = ''] = rest.split('.');
  return { via: via === 'q' ? 'qr' : via === 's' ? 'steady' : 'link', token, step: Number(step), tag };
}

/** A call in a session of the phone, opened now by the mPIN unless told otherwise. */
export async function callOf(
  world: OrderWorld,
  phone: Phone,
  changes: Partial<PhoneCall['session']> = {},
): Promise<PhoneCall> {
  const device: Device = await deviceOf(world, phone);
  const { userId, companyId } = device;
  const opened = { method: 'mpin', factor: 'pin', openedAt: world.clock.now() } as const;
  return { device, origin, session: { id: 'ses_test', deviceId: phone.id, userId, companyId, ...opened, ...changes } };
}

export async function claim(
  world: OrderWorld,
  phone: Phone,
  { order, frame = frameNow(world, order) }: { order: Order; frame?: string },
): Promise<OrderClaimed> {
  return claimOrder(world.orders, scanned(frame), await callOf(world, phone));
}

/** The descriptor as an app reads it: verified under the server's key. */
export function descriptorOf(world: OrderWorld, { descriptor }: { descriptor: string }): OrderDescriptor {
  const key = { key: world.serverKey, alg: 'ES256' } as const;
  return verifyCompactJws({ token: descriptor, typ: 'mtoken-order+jws', key }).payload as OrderDescriptor;
}

/** The statement of an honest phone. */
export function statementOf(
  world: OrderWorld,
  claimed: OrderClaimed,
  decision: Decision,
  factor: 'mpin' | 'biometric' = 'mpin',
): ApprovalStatement {
  const { orderId, deviceId, purpose, client, origin: page, challenge, display } = descriptorOf(world, claimed);
  return {
    aud: issuer,
    orderId,
    deviceId,
    purpose,
    decision,
    clientId: client.id,
    origin: page,
    challenge,
    displayHash: encodeBase64url(sha256(display.text)),
    descriptorHash: encodeBase64url(sha256(claimed.descriptor)),
    factors: [factor],
    iat: Math.floor(world.clock.now() / 1000),
  };
}

export function signed(key: KeyObject, statement: object, typ = 'mtoken-approval+jws'): string {
  return signCompactJws({ payload: { ...statement }, typ, key: { key, alg: 'ES256' } });
}

export async function decide(
  world: OrderWorld,
  phone: Phone,
  body: { claimed: OrderClaimed; decision?: Decision; proof?: OrderDecide['proof']; approval?: string },
): Promise<OrderDecided> {
  const { claimed, decision = 'approve', proof = null } = body;
  const approval = body.approval ?? signed(phone.key, statementOf(world, claimed, decision));
  return decideOrder(world.orders, { orderId: claimed.orderId, approval, proof }, await callOf(world, phone));
}

export async function stateOf(world: OrderWorld, order: Order): Promise<Order['state']['name'] | 'gone'> {
  return (await readOrder(world.orders, order.terms.id))?.state.name ?? 'gone';
}

export { readJwsHeader };
