import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deactivateDevice } from '../../../src/devices/devices.ts';
import { readOrder } from '../../../src/orders/live.ts';
import type { Order } from '../../../src/orders/order.ts';
import { cancelOrder, currentFrame, expireOrder, redeemOrder, renewOrder } from '../../../src/orders/orders.ts';
import { addPhone, eventsOf, type Phone, refusalOf } from '../mpin/world.ts';
import {
  claim,
  createOrderWorld,
  decide,
  frameNow,
  newBinding,
  newLogin,
  type OrderWorld,
  scanned,
  stateOf,
} from './order-world.ts';

let world: OrderWorld;
let phone: Phone;
beforeEach(async () => {
  world = await createOrderWorld();
  phone = await addPhone(world);
});
afterEach(async () => world.close());

const unavailable = { code: 'order_unavailable', members: {} };

async function approved(binding: string): Promise<Order> {
  const order = await newLogin(world, { binding });
  await decide(world, phone, { claimed: await claim(world, phone, { order }) });
  return order;
}

describe('redeeming of an order', () => {
  it('gives the login to the browser that began it', async () => {
    const binding = newBinding();
    const provedAt = world.clock.now();
    const order = await approved(binding);
    world.clock.advance(59_999);
    const { state } = await redeemOrder(world.orders, order.terms.id, { binding });
    expect(state).toMatchObject({
      claim: { userId: world.user.id, deviceId: phone.id },
      outcome: { factor: 'pin', provedAt },
    });
  });

  it('refuses everybody who does not have the cookie: the frame, token and order id are not enough (P-04, T17)', async () => {
    const binding = newBinding();
    const order = await approved(binding);
    const { token, tag } = scanned(frameNow(world, order));
    for (const guess of [
      newBinding(),
      '',
      token,
      tag,
      order.terms.id,
      order.terms.bindingHash,
      order.terms.challenge,
    ]) {
      expect(await refusalOf(redeemOrder(world.orders, order.terms.id, { binding: guess }))).toEqual(unavailable);
    }
    expect(await refusalOf(redeemOrder(world.orders, token, { binding }))).toEqual(unavailable);
    await redeemOrder(world.orders, order.terms.id, { binding });
  });

  it('happens once, also for fifty at the same time (P-03, T19)', async () => {
    const binding = newBinding();
    const order = await approved(binding);
    const tries = Array.from({ length: 50 }, () => redeemOrder(world.orders, order.terms.id, { binding }));
    const results = await Promise.allSettled(tries);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await refusalOf(redeemOrder(world.orders, order.terms.id, { binding }))).toEqual(unavailable);
    expect((await eventsOf(world)).filter((event) => event === 'order.redeemed')).toHaveLength(1);
  });

  it('is too late after sixty seconds (P-02)', async () => {
    const binding = newBinding();
    const order = await approved(binding);
    world.clock.advance(60_000);
    expect(await refusalOf(redeemOrder(world.orders, order.terms.id, { binding }))).toEqual(unavailable);
    expect(await stateOf(world, order)).toBe('expired');
  });

  it('refuses orders that were not approved (P-25)', async () => {
    const binding = newBinding();
    const order = await newLogin(world, { binding });
    expect(await refusalOf(redeemOrder(world.orders, order.terms.id, { binding }))).toEqual(unavailable);
    const claimed = await claim(world, phone, { order });
    expect(await refusalOf(redeemOrder(world.orders, order.terms.id, { binding }))).toEqual(unavailable);
    await decide(world, phone, { claimed, decision: 'decline' });
    expect(await refusalOf(redeemOrder(world.orders, order.terms.id, { binding }))).toEqual(unavailable);
  });

  it('refuses the approval of a device that has ended since (T8, S-07)', async () => {
    const binding = newBinding();
    const order = await approved(binding);
    await deactivateDevice(world.deps, { deviceId: phone.id, actor: 'cli', reason: 'stolen' });
    expect((await refusalOf(redeemOrder(world.orders, order.terms.id, { binding }))).code).toBe('access_denied');
    expect(await stateOf(world, order)).toBe('cancelled');
  });
});

describe('the page of an order', () => {
  it('lives 120 seconds, is renewed up to five minutes, and shows no frame afterwards (P-02)', async () => {
    const order = await newLogin(world);
    for (let elapsed = 0; elapsed < 240; elapsed += 60) {
      world.clock.advance(60_000);
      const isLimit = elapsed + 60 > 180;
      expect(await renewOrder(world.orders, order.terms.id), `${elapsed + 60}`).toBe(!isLimit);
    }
    world.clock.advance(59_999);
    expect(await stateOf(world, order)).toBe('pending');
    world.clock.advance(1);
    const over = await readOrder(world.orders, order.terms.id);
    expect(over?.state.name).toBe('expired');
    expect(over && currentFrame(world.orders, over)).toBeUndefined();
    expect(await renewOrder(world.orders, order.terms.id)).toBe(false);
  });

  it('is over after 120 seconds without renewal, which one process records once', async () => {
    const order = await newLogin(world);
    world.clock.advance(119_999);
    await expireOrder(world.orders, order.terms.id);
    expect(await stateOf(world, order)).toBe('pending');
    world.clock.advance(1);
    await Promise.all(Array.from({ length: 10 }, () => expireOrder(world.orders, order.terms.id)));
    expect((await eventsOf(world)).filter((event) => event === 'order.expired')).toHaveLength(1);
  });

  it('cancels once and for good', async () => {
    const order = await newLogin(world);
    const by = { reason: 'browser', actor: 'browser' } as const;
    expect(await cancelOrder(world.orders, order.terms.id, by)).toBe(true);
    expect(await cancelOrder(world.orders, order.terms.id, by)).toBe(false);
    expect(await refusalOf(claim(world, phone, { order }))).toEqual(unavailable);
  });

  it('is forgotten by the store some minutes after its end', async () => {
    const { clock, deps } = world;
    const shared = await createOrderWorld({ stores: { ...deps, close: async () => undefined } });
    const order = await newLogin(world);
    expect(await stateOf(shared, order)).toBe('pending');
    clock.advance(120_000 + 120_000);
    expect(await stateOf(world, order)).toBe('gone');
  });
});
