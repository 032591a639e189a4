import { Value } from 'typebox/value';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { claimOrder } from '../../../src/orders/claim.ts';
import type { Order } from '../../../src/orders/order.ts';
import { cancelOrder } from '../../../src/orders/orders.ts';
import { newTypedCode, typedMisses } from '../../../src/orders/typed.ts';
import { OrderClaim, type OrderClaimed } from '../../../src/protocol/orders.ts';
import { addPhone, eventsOf, type Phone, refusalOf } from '../mpin/world.ts';
import {
  callOf,
  createOrderWorld,
  decide,
  descriptorOf,
  frameNow,
  newLogin,
  type OrderWorld,
  scanned,
  stateOf,
} from './order-world.ts';

let world: OrderWorld;
let phone: Phone;
let order: Order;
beforeEach(async () => {
  world = await createOrderWorld();
  phone = await addPhone(world);
  order = await newLogin(world);
});
afterEach(async () => world.close());

const refused = { code: 'order_unavailable', members: {} };

async function codeOf(of = order): Promise<string> {
  return (await newTypedCode(world.orders, of)).code;
}

async function type(code: string, by = phone): Promise<OrderClaimed> {
  return claimOrder(world.orders, { via: 'code', code }, await callOf(world, by));
}

/** Another code than `code`, as one who guesses would try. */
const wrong = (code: string, step = 1): string =>
  ((BigInt(code) + BigInt(step)) % 1_000_000_000_000n).toString().padStart(12, '0');

describe('a typed code', () => {
  it('is twelve digits, works for two minutes, and leads to the same descriptor as a scan, which names the way', async () => {
    const made = await newTypedCode(world.orders, order);
    expect(made).toEqual({ code: expect.stringMatching(/^[0-9]{12}$/), secondsLeft: 120 });
    world.clock.advance(119_000);
    const claimed = await type(made.code);
    expect(descriptorOf(world, claimed)).toMatchObject({ orderId: order.terms.id, via: 'code' });
    await decide(world, phone, { claimed });
    expect(await stateOf(world, order)).toBe('approved');
  });

  it('is drawn anew each time, every digit in every place (P-01)', async () => {
    const codes: string[] = [];
    for (let count = 0; count < 1_000; count += 1) codes.push(await codeOf());
    expect(new Set(codes).size).toBe(1_000);
    for (let place = 0; place < 12; place += 1) {
      expect(new Set(codes.map((code) => code.charAt(place))).size, `place ${place}`).toBe(10);
    }
  });

  it('is over after two minutes, and never works for an order that has ended', async () => {
    // The page goes on renewing the order underneath; the code has an end of its own.
    const renewed = await newLogin(world);
    const code = await codeOf(renewed);
    world.clock.advance(119_999);
    const late = await newLogin(world);
    const other = await codeOf(late);
    world.clock.advance(1);
    expect(await refusalOf(type(code))).toEqual(refused);
    await cancelOrder(world.orders, late.terms.id, { reason: 'browser', actor: 'browser' });
    expect(await refusalOf(type(other))).toEqual(refused);
    expect(await refusalOf(codeOf((await cancelled(late)) ?? late))).toEqual(refused);
  });

  async function cancelled({ terms }: Order): Promise<Order> {
    return { terms, state: { name: 'cancelled', reason: 'browser', endedAt: world.clock.now() } };
  }

  it('is the only one of its order: a new one kills the old, also of fifty asked for at once', async () => {
    const codes = await Promise.all(Array.from({ length: 50 }, () => codeOf()));
    const last = await codeOf();
    for (const code of codes.slice(0, typedMisses.max - 1)) expect(await refusalOf(type(code))).toEqual(refused);
    expect(await stateOf(world, order)).toBe('pending');
    await type(last);
    expect(await stateOf(world, order)).toBe('claimed');
  });

  it('answers the same descriptor to the same device again, even when the code is over', async () => {
    const code = await codeOf();
    world.clock.advance(110_000);
    const first = await type(code);
    world.clock.advance(30_000);
    expect((await type(code)).descriptor).toBe(first.descriptor);
  });

  it('typed into a second phone ends the order, as a code that is scanned twice does (a code told by telephone)', async () => {
    const code = await codeOf();
    const claimed = await type(code);
    const other = await addPhone(world);
    expect(await refusalOf(type(code, other))).toEqual(refused);
    expect(await stateOf(world, order)).toBe('cancelled');
    expect(await refusalOf(decide(world, phone, { claimed }))).toEqual(refused);
    const trail = await world.deps.records.audit.read(0, 100);
    expect(trail.find(({ event }) => event === 'order.cancelled')).toMatchObject({
      deviceId: other.id,
      data: { reason: 'code_reused' },
    });
  });

  it('ends the order also where the first phone scanned and the second one typed', async () => {
    const code = await codeOf();
    await claimOrder(world.orders, scanned(frameNow(world, order)), await callOf(world, phone));
    expect(await refusalOf(type(code, await addPhone(world)))).toEqual(refused);
    expect(await stateOf(world, order)).toBe('cancelled');
  });

  it('stands in no store, neither whole nor as a plain hash (S-04)', async () => {
    const kept: string[] = [];
    const { shortLived } = world.orders;
    const spied = {
      ...world.orders,
      shortLived: {
        ...shortLived,
        create: (key: string, value: string, ttlMs: number) => {
          kept.push(key, value);
          return shortLived.create(key, value, ttlMs);
        },
      },
    };
    const { code } = await newTypedCode(spied, order);
    expect(kept.length).toBeGreaterThan(0);
    for (const text of kept) expect(text).not.toContain(code);
    expect(JSON.stringify(await world.deps.records.audit.read(0, 100))).not.toContain(code);
  });
});

describe('guessing codes', () => {
  it('tells nothing: a code that never was, one that is over and one of an ended order are refused alike (P-11)', async () => {
    const code = await codeOf();
    expect(await refusalOf(type(wrong(code)))).toEqual(refused);
    const second = await codeOf();
    expect(await refusalOf(type(code))).toEqual(refused);
    await cancelOrder(world.orders, order.terms.id, { reason: 'browser', actor: 'browser' });
    expect(await refusalOf(type(second))).toEqual(refused);
  });

  it('stops after ten misses of a device in ten minutes, is written down, and stops no other device (L-12)', async () => {
    const code = await codeOf();
    for (let miss = 1; miss <= typedMisses.max; miss += 1) {
      expect(await refusalOf(type(wrong(code, miss)))).toEqual(refused);
    }
    const stopped = { code: 'too_many_requests', members: { retryAfterSeconds: 600 } };
    // Not even the right one: otherwise the limit would tell which it is.
    expect(await refusalOf(type(code))).toEqual(stopped);
    const [last] = (await world.deps.records.audit.read(0, 100)).slice(-1);
    expect(last).toMatchObject({
      event: 'order.claim_refused',
      deviceId: phone.id,
      data: { reason: 'too_many_codes' },
    });
    // Whoever holds the phone can still scan.
    await claimOrder(world.orders, scanned(frameNow(world, order)), await callOf(world, phone));
    await type(await codeOf(await newLogin(world)), await addPhone(world));
    world.clock.advance(typedMisses.windowMs);
    await type(await codeOf(await newLogin(world)));
  });

  it('looks at no more than ten of fifty guesses made at once', async () => {
    const code = await codeOf();
    const tries = await Promise.all(Array.from({ length: 50 }, (_, index) => refusalOf(type(wrong(code, index + 1)))));
    expect(tries.filter(({ code: error }) => error === 'order_unavailable')).toHaveLength(typedMisses.max);
    expect(tries.filter(({ code: error }) => error === 'too_many_requests')).toHaveLength(50 - typedMisses.max);
    const unknown = (await eventsOf(world)).filter((event) => event === 'order.claim_refused');
    expect(unknown).toHaveLength(50);
  });

  it('counts misses alone: right codes and a server in trouble cost nobody anything', async () => {
    for (let count = 0; count < 2 * typedMisses.max; count += 1) await type(await codeOf(await newLogin(world)));
    const down = {
      ...world.orders,
      assertUsable: async () => {
        throw new Error('down');
      },
    };
    const code = await codeOf();
    const call = await callOf(world, phone);
    for (let count = 0; count < 2 * typedMisses.max; count += 1) {
      await expect(claimOrder(down, { via: 'code', code }, call)).rejects.toThrow('down');
    }
    await type(code);
  });
});

describe('a typed code and a frame', () => {
  it('cannot be sent in the place of one another', async () => {
    const code = await codeOf();
    const frame = scanned(frameNow(world, order));
    for (const claim of [
      { ...frame, via: 'code' },
      { ...frame, code },
      { via: 'qr', code },
      { via: 'code', code, step: frame.step },
      { via: 'code', code: frame.token },
      { via: 'code', code: `${code}0` },
      { via: 'code', code: code.slice(1) },
      { via: 'code', code: Number(code) },
      { via: 'code', code: `${code.slice(0, 11)}٣` },
    ]) {
      expect(Value.Check(OrderClaim, claim), JSON.stringify(claim)).toBe(false);
    }
    expect(Value.Check(OrderClaim, { via: 'code', code })).toBe(true);
    const padded = { ...frame, token: `${code}AAAAAAAAAA` };
    expect(await refusalOf(claimOrder(world.orders, padded, await callOf(world, phone)))).toEqual(refused);
    expect(await stateOf(world, order)).toBe('pending');
  });
});
