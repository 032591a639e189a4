/** From where and when a company's people may approve, and each way around it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { updateCompany } from '../../../src/companies/companies.ts';
import type { RuleChanges } from '../../../src/companies/rule-checks.ts';
import { decideOrder } from '../../../src/orders/decide.ts';
import { readOrder } from '../../../src/orders/live.ts';
import type { Order } from '../../../src/orders/order.ts';
import { redeemOrder } from '../../../src/orders/orders.ts';
import { addPhone, type Phone } from '../mpin/world.ts';
import {
  callOf,
  claim,
  createOrderWorld,
  decide,
  newBinding,
  newLogin,
  type OrderWorld,
  signed,
  statementOf,
  stateOf,
} from './order-world.ts';

let world: OrderWorld;
let phone: Phone;
beforeEach(async () => {
  world = await createOrderWorld();
  phone = await addPhone(world);
});
afterEach(async () => world.close());

const denied = { code: 'access_denied' };
/** Where every phone of these tests is. */
const phoneNetwork = '192.0.2.0/24';
const inside = '192.0.2.44';
const outside = '203.0.113.5';

async function setRules(rules: RuleChanges): Promise<void> {
  const { records } = world.deps;
  const company = await records.companies.find(world.company.id);
  if (company === undefined) throw new Error('no company');
  const { id: companyId, version } = company;
  await updateCompany(world.deps, { companyId, version, changes: { rules }, actor: { name: 'cli' } });
}

async function lastOf(event: string) {
  return (await world.deps.records.audit.read(0, 200)).findLast((entry) => entry.event === event);
}

/** The decision of a phone that is at another address. */
async function decideFrom(order: Order, address: string) {
  const claimed = await claim(world, phone, { order });
  const approval = signed(phone.key, statementOf(world, claimed, 'approve'));
  const call = await callOf(world, phone);
  const body = { orderId: claimed.orderId, approval, proof: null };
  return decideOrder(world.orders, body, { ...call, origin: { ...call.origin, address } });
}

describe('a company that names its networks', () => {
  beforeEach(() => setRules({ networks: [phoneNetwork] }));

  it('lets in a login whose browser and phone are both there', async () => {
    const binding = newBinding();
    const order = await newLogin(world, { binding, askedFrom: inside });
    await decide(world, phone, { claimed: await claim(world, phone, { order }) });
    await redeemOrder(world.orders, order.terms.id, { binding, address: inside });
    expect(await stateOf(world, order)).toBe('redeemed');
  });

  it.each([
    ['a browser elsewhere', outside],
    ['a browser whose address nobody knows', undefined],
    ['a browser in a network that only looks like it', '192.0.22.1'],
  ])('refuses %s, ends the order so that its page says so, and writes down why (A-02)', async (_, askedFrom) => {
    const order = await newLogin(world, askedFrom === undefined ? {} : { askedFrom });
    const claimed = await claim(world, phone, { order });
    await expect(decide(world, phone, { claimed })).rejects.toMatchObject(denied);
    const ended = await readOrder(world.orders, order.terms.id);
    expect(ended?.state).toMatchObject({ name: 'cancelled', reason: 'policy' });
    expect(await lastOf('order.decision_refused')).toMatchObject({
      orderId: order.terms.id,
      companyId: world.company.id,
      data: { reason: expect.stringContaining('the rule on network') },
    });
    expect(await lastOf('order.approved')).toBeUndefined();
  });

  it('refuses a phone that is elsewhere, also where it claimed within the network (relay)', async () => {
    const order = await newLogin(world, { askedFrom: inside });
    await expect(decideFrom(order, outside)).rejects.toMatchObject(denied);
    expect(await stateOf(world, order)).toBe('cancelled');
  });

  it('refuses a browser that carries the approved login out of the network (session transfer)', async () => {
    const binding = newBinding();
    const order = await newLogin(world, { binding, askedFrom: inside });
    await decide(world, phone, { claimed: await claim(world, phone, { order }) });
    const redeemed = redeemOrder(world.orders, order.terms.id, { binding, address: outside });
    await expect(redeemed).rejects.toMatchObject(denied);
    expect(await stateOf(world, order)).toBe('cancelled');
    expect(await lastOf('order.cancelled')).toMatchObject({ data: { reason: 'policy', rule: 'network' } });
    const back = redeemOrder(world.orders, order.terms.id, { binding, address: inside });
    await expect(back).rejects.toMatchObject({ code: 'order_unavailable' });
  });

  it('refuses what was approved before the rule was made', async () => {
    const binding = newBinding();
    const order = await newLogin(world, { binding, askedFrom: outside });
    await setRules({ networks: [] });
    await decide(world, phone, { claimed: await claim(world, phone, { order }) });
    await setRules({ networks: [phoneNetwork] });
    const redeemed = redeemOrder(world.orders, order.terms.id, { binding, address: outside });
    await expect(redeemed).rejects.toMatchObject(denied);
  });

  it.each(['decline', 'report'] as const)(
    'lets anybody %s from anywhere: who is attacked is heard',
    async (decision) => {
      const order = await newLogin(world, { askedFrom: outside });
      const claimed = await claim(world, phone, { order });
      await decide(world, phone, { claimed, decision });
      expect(await stateOf(world, order)).toBe(decision === 'decline' ? 'declined' : 'reported');
    },
  );

  it('spends no attempt of the mPIN on what it refuses', async () => {
    const order = await newLogin(world, { askedFrom: outside, freshProof: true });
    const claimed = await claim(world, phone, { order });
    const proof = { handshake: 'hs_x', proof: 'ab'.repeat(32) };
    await expect(decide(world, phone, { claimed, proof })).rejects.toMatchObject(denied);
    expect(await world.deps.records.devices.find(phone.id)).toMatchObject({ pinAttempts: 0 });
  });
});

describe('a company that names its hours', () => {
  it('refuses an approval outside of them, and takes one within', async () => {
    const hour = new Date(world.clock.now()).getUTCHours();
    const at = (ahead: number) => `${String((hour + ahead + 24) % 24).padStart(2, '0')}:00`;
    const everyDay = [1, 2, 3, 4, 5, 6, 7];
    await setRules({ hours: { days: everyDay, from: at(2), until: at(3), timeZone: 'UTC' } });
    const order = await newLogin(world, { askedFrom: inside });
    const claimed = await claim(world, phone, { order });
    await expect(decide(world, phone, { claimed })).rejects.toMatchObject(denied);
    expect(await lastOf('order.decision_refused')).toMatchObject({
      data: { reason: expect.stringContaining('the rule on hours') },
    });
    await setRules({ hours: { days: everyDay, from: at(-1), until: at(2), timeZone: 'UTC' } });
    const next = await newLogin(world, { askedFrom: inside });
    await decide(world, phone, { claimed: await claim(world, phone, { order: next }) });
    expect(await stateOf(world, next)).toBe('approved');
  });
});
