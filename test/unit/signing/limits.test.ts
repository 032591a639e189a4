/** One portal’s share of the signing API. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  leavePlace,
  limitPortal,
  limitRead,
  limitStranger,
  portalLimits,
  takePlace,
} from '../../../src/signing/limits.ts';
import { cancelPortalOrder, createPortalOrder, readPortalOrder } from '../../../src/signing/portal-orders.ts';
import { refusalOf } from '../mpin/world.ts';
import { samples } from './samples.ts';
import { ask, createSigningWorld, otherPortal, portal, type SigningWorld } from './signed.ts';

let world: SigningWorld;
beforeEach(async () => {
  world = await createSigningWorld();
});
afterEach(async () => world.close());

const by = { address: '192.0.2.1', requestId: 'req_2' };
const refused = (seconds: number) => ({ code: 'too_many_requests', members: { retryAfterSeconds: seconds } });

async function takeAll(): Promise<string[]> {
  const names: string[] = [];
  while (names.length < portalLimits.open) names.push(await takePlace(world.orders, portal.id, 100));
  return names;
}

describe('the open orders of a portal', () => {
  it('are a thousand at most: one that begins orders without end fills no store, and keeps nobody else from it (X-10)', async () => {
    const [name = ''] = await takeAll();
    expect(await refusalOf(ask(world))).toMatchObject(refused(540));
    await ask(world, { client: otherPortal });
    await leavePlace(world.orders, portal.id, name);
    const { orderId } = await ask(world);
    expect((await refusalOf(ask(world))).code).toBe('too_many_requests');
    await cancelPortalOrder(world.orders, portal, { orderId, ...by });
    const next = await ask(world);
    // What ends by itself leaves its place when that is seen, and at the latest when it must be over.
    world.clock.advance(301_000);
    expect((await readPortalOrder(world.orders, portal, next.orderId)).state).toBe('expired');
    await ask(world);
    expect(await refusalOf(ask(world))).toMatchObject(refused(239));
    world.clock.advance(240_000);
    await ask(world);
  });

  it('take no place when they are refused', async () => {
    const names = await takeAll();
    await leavePlace(world.orders, portal.id, names[0] ?? '');
    const fields = { ...samples.payment, amount: 0 };
    const body = { user: world.user.id, template: 'payment', version: 1, fields, locale: 'en', reference: 'r' };
    const wrong = createPortalOrder(world.orders, portal, { body, requestId: 'req_1' });
    expect((await refusalOf(wrong)).code).toBe('invalid_request');
    await ask(world);
  });

  it('are counted right when very many begin at once', async () => {
    const taken = await Promise.all(Array.from({ length: 60 }, () => takePlace(world.orders, portal.id, 1)));
    const key = `signing-open:{${portal.id}}`;
    const places = JSON.parse((await world.deps.shortLived.get(key))?.value ?? '{}') as object;
    expect(Object.keys(places).sort()).toEqual([...taken].sort());
  });

  it('keep so many bytes at most, as long as a list is kept, though their orders are cancelled at once (X-10)', async () => {
    const large = 4 * 1024 * 1024;
    for (let sum = 0; sum < portalLimits.bytes; sum += large) {
      await leavePlace(world.orders, portal.id, await takePlace(world.orders, portal.id, large));
    }
    expect(await refusalOf(takePlace(world.orders, portal.id, large))).toMatchObject(refused(960));
    await takePlace(world.orders, portal.id, 1_000);
    await takePlace(world.orders, otherPortal.id, large);
    world.clock.advance(960_000);
    await takePlace(world.orders, portal.id, large);
  });
});

describe('the requests of one address', () => {
  it('are counted by portal where the token was good, and by address where it was not: neither takes from the other (X-10)', async () => {
    const limits = { perAddress: 3, perDevice: 1, perUser: 1, global: 1_000 };
    const deps = { shortLived: world.deps.shortLived, limits };
    for (let count = 0; count < 600; count += 1) await limitPortal(deps, portal.id);
    for (let count = 0; count < 3; count += 1) await limitStranger(deps, by.address);
    expect((await refusalOf(limitStranger(deps, by.address))).code).toBe('too_many_requests');
    await limitPortal(deps, portal.id);
    await limitStranger(deps, '198.51.100.1');
  });
});

describe('the questions about an order', () => {
  it('are counted by portal and order: one portal cannot use up another’s (X-10)', async () => {
    const limits = { perAddress: 1, perDevice: 1, perUser: 1, global: 1 };
    const deps = { shortLived: world.deps.shortLived, limits };
    for (let count = 0; count < portalLimits.readsPerOrder; count += 1) await limitRead(deps, otherPortal.id, 'ord_1');
    expect((await refusalOf(limitRead(deps, otherPortal.id, 'ord_1'))).code).toBe('too_many_requests');
    await limitRead(deps, portal.id, 'ord_1');
  });
});
