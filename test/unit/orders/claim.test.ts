import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deactivateDevice } from '../../../src/devices/devices.ts';
import { claimOrder } from '../../../src/orders/claim.ts';
import { ordersChangedTopic } from '../../../src/orders/live.ts';
import { addPhone, eventsOf, insertUser, type Phone, refusalOf } from '../mpin/world.ts';
import {
  callOf,
  claim,
  createOrderWorld,
  decide,
  descriptorOf,
  frameNow,
  newBinding,
  newLogin,
  type OrderWorld,
  readJwsHeader,
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

const refused = { code: 'order_unavailable', members: {} };

describe('claim of an order', () => {
  it('answers a descriptor, signed by the server, with everything a person needs to decide (P-08, T18)', async () => {
    const order = await newLogin(world);
    const claimed = await claim(world, phone, { order });
    expect(readJwsHeader(claimed.descriptor)).toEqual({ alg: 'ES256', typ: 'mtoken-order+jws', kid: 'server' });
    const iat = world.clock.now() / 1000;
    expect(descriptorOf(world, claimed)).toEqual({
      iss: 'https://login.example.test',
      orderId: order.terms.id,
      deviceId: phone.id,
      purpose: 'login',
      client: { id: 'portal', name: 'Example Bank', domain: 'portal.example' },
      origin: 'https://portal.example',
      via: 'qr',
      browser: { name: 'Chrome on Windows', address: '198.51.100.0/24', place: 'BE' },
      display: { text: 'Log in to Example Bank (portal.example)', locale: 'en' },
      challenge: order.terms.challenge,
      freshProof: false,
      iat,
      exp: iat + 120,
    });
    expect(claimed.expiresInSeconds).toBe(120);
    const altered = `${claimed.descriptor.slice(0, -2)}${claimed.descriptor.endsWith('AA') ? 'BB' : 'AA'}`;
    expect(() => descriptorOf(world, { descriptor: altered })).toThrow();
  });

  it('refuses a stale frame, a frame of a time to come and an altered one alike, and leaves the order as it is (P-02)', async () => {
    const order = await newLogin(world);
    const frame = frameNow(world, order);
    world.clock.advance(6_000);
    expect(await refusalOf(claim(world, phone, { order, frame }))).toEqual(refused);
    world.clock.advance(2_000);
    const later = frameNow(world, order);
    world.clock.advance(-2_000);
    expect(await refusalOf(claim(world, phone, { order, frame: later }))).toEqual(refused);
    const fresh = scanned(frameNow(world, order));
    const call = await callOf(world, phone);
    for (const change of [{ tag: 'A'.repeat(16) }, { token: 'A'.repeat(22) }, { via: 'link' as const }]) {
      expect(await refusalOf(claimOrder(world.orders, { ...fresh, ...change }, call))).toEqual(refused);
    }
    expect(await stateOf(world, order)).toBe('pending');
    expect((await eventsOf(world)).filter((event) => event === 'order.claim_refused')).toHaveLength(5);
  });

  it('takes a link of the same device for a minute', async () => {
    const order = await newLogin(world);
    const frame = frameNow(world, order, 'link');
    world.clock.advance(59_000);
    const claimed = await claim(world, phone, { order, frame });
    expect(descriptorOf(world, claimed).via).toBe('link');
  });

  it('answers the same descriptor to the same device again, even when its frame has gone stale', async () => {
    const order = await newLogin(world);
    const frame = frameNow(world, order);
    const first = await claim(world, phone, { order, frame });
    world.clock.advance(30_000);
    const again = await claim(world, phone, { order, frame });
    expect(again.descriptor).toBe(first.descriptor);
    expect(again.expiresInSeconds).toBe(90);
    expect((await eventsOf(world)).filter((event) => event === 'order.claimed')).toHaveLength(1);
  });

  it('ends the order when a second device comes with the same code (QRLjacking by forwarding)', async () => {
    const order = await newLogin(world);
    const claimed = await claim(world, phone, { order });
    const other = await addPhone(world);
    expect(await refusalOf(claim(world, other, { order }))).toEqual(refused);
    expect(await stateOf(world, order)).toBe('cancelled');
    expect(await refusalOf(decide(world, phone, { claimed }))).toEqual(refused);
    const trail = await world.deps.records.audit.read(0, 100);
    expect(trail.find(({ event }) => event === 'order.cancelled')).toMatchObject({
      orderId: order.terms.id,
      deviceId: other.id,
      data: { reason: 'code_reused' },
    });
  });

  it('lets nobody end a claimed order with a frame that the server did not make', async () => {
    const order = await newLogin(world);
    await claim(world, phone, { order });
    const other = await callOf(world, await addPhone(world));
    const guess = { ...scanned(frameNow(world, order)), tag: 'A'.repeat(16) };
    expect(await refusalOf(claimOrder(world.orders, guess, other))).toEqual(refused);
    expect(await stateOf(world, order)).toBe('claimed');
  });

  it('refuses the phone of another user where the order has an owner (T-09, T17)', async () => {
    const stranger = await addPhone(world, { user: await insertUser(world.deps, world.company.id) });
    const order = await newLogin(world, { ownerUserId: world.user.id });
    expect(await refusalOf(claim(world, stranger, { order }))).toEqual(refused);
    expect(await stateOf(world, order)).toBe('pending');
    await claim(world, phone, { order });
  });

  it('refuses a device that has been deactivated (S-07)', async () => {
    const order = await newLogin(world);
    const call = await callOf(world, phone);
    await deactivateDevice(world.deps, { deviceId: phone.id, actor: 'cli', reason: 'lost' });
    const frame = scanned(frameNow(world, order));
    expect((await refusalOf(claimOrder(world.orders, frame, call))).code).toBe('access_denied');
    expect(await stateOf(world, order)).toBe('pending');
  });

  it('takes one claim of fifty at once by fifty devices (P-03)', async () => {
    const order = await newLogin(world);
    const frame = frameNow(world, order);
    const phones = await Promise.all(Array.from({ length: 50 }, () => addPhone(world)));
    const results = await Promise.allSettled(phones.map((each) => claim(world, each, { order, frame })));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    // The others are second devices with the same code.
    expect(await stateOf(world, order)).toBe('cancelled');
  });

  it('gives fifty parallel claims of one device one and the same descriptor', async () => {
    const order = await newLogin(world);
    const frame = frameNow(world, order);
    const results = await Promise.all(Array.from({ length: 50 }, () => claim(world, phone, { order, frame })));
    expect(new Set(results.map(({ descriptor }) => descriptor)).size).toBe(1);
  });

  it('records that phone and browser are in different places, and refuses where the operator says so (P-10)', async () => {
    const placeOf = (): string => 'FR';
    for (const onMismatch of ['record', 'refuse'] as const) {
      const orders = { ...world.orders, proximity: { placeOf, onMismatch } };
      const order = await newLogin(world);
      const attempt = claimOrder(orders, scanned(frameNow(world, order)), await callOf(world, phone));
      if (onMismatch === 'refuse') expect(await refusalOf(attempt)).toEqual(refused);
      else await attempt;
      const [last] = (await world.deps.records.audit.read(0, 100)).slice(-1);
      if (onMismatch === 'refuse')
        expect(last).toMatchObject({ event: 'order.claim_refused', data: { reason: 'place_mismatch' } });
      else expect(last).toMatchObject({ event: 'order.claimed', data: { isPlaceMismatch: true, phonePlace: 'FR' } });
    }
  });

  it('keeps id, token, secret and cookie apart and none of the last three in clear (S-04)', async () => {
    const binding = newBinding();
    const order = await newLogin(world, { binding });
    const { token } = scanned(frameNow(world, order));
    const stored = (await world.deps.shortLived.get(`order:{${order.terms.id}}`))?.value ?? '';
    expect(stored).toContain(order.terms.id);
    expect(stored).not.toContain(token);
    expect(stored).not.toContain(binding);
    expect(frameNow(world, order)).not.toContain(order.terms.id);
    expect(frameNow(world, order)).not.toContain(binding);
  });

  it('tells every process of each step', async () => {
    const heard: string[] = [];
    await world.deps.shortLived.subscribe(ordersChangedTopic, (id) => heard.push(id));
    const order = await newLogin(world);
    const claimed = await claim(world, phone, { order });
    await decide(world, phone, { claimed });
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard).toEqual([order.terms.id, order.terms.id]);
  });
});
