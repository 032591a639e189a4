import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuthError } from '../../../src/errors.ts';
import { claimOrder } from '../../../src/orders/claim.ts';
import { decideOrder } from '../../../src/orders/decide.ts';
import type { Order } from '../../../src/orders/order.ts';
import { cancelOrder, redeemOrder, renewOrder } from '../../../src/orders/orders.ts';
import type { Decision, OrderClaimed } from '../../../src/protocol/orders.ts';
import { type FreshShortLived, shortLivedEngines } from '../../engines.ts';
import { type TestStores, testStores } from '../../stores.ts';
import { addPhone, type Phone } from '../../unit/mpin/world.ts';
import {
  callOf,
  createOrderWorld,
  frameNow,
  newBinding,
  newLogin,
  type OrderWorld,
  scanned,
  signed,
  statementOf,
  stateOf,
} from '../../unit/orders/order-world.ts';

type Who = 'a' | 'b';
type Act =
  | { readonly act: 'claim'; readonly who: Who; readonly frame: 'fresh' | 'stale' | 'altered' }
  | { readonly act: 'decide'; readonly who: Who; readonly decision: Decision }
  | { readonly act: 'redeem'; readonly cookie: 'own' | 'other' }
  | { readonly act: 'renew' }
  | { readonly act: 'cancel' }
  | { readonly act: 'wait'; readonly seconds: number };

const who = fc.constantFrom<Who>('a', 'a', 'b');
const anyAct: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      act: fc.constant('claim' as const),
      who,
      frame: fc.constantFrom('fresh' as const, 'fresh' as const, 'stale' as const, 'altered' as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      act: fc.constant('decide' as const),
      who,
      decision: fc.constantFrom<Decision>('approve', 'approve', 'decline', 'report'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      act: fc.constant('redeem' as const),
      cookie: fc.constantFrom('own' as const, 'own' as const, 'other' as const),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ act: 'renew' } as const) },
  { weight: 1, arbitrary: fc.constant({ act: 'cancel' } as const) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 130 }) }) },
);

/** Most random sequences would end before anything is approved: many begin where the interesting part begins. */
const claimFirst: Act = { act: 'claim', who: 'a', frame: 'fresh' };
const approveThen: Act = { act: 'decide', who: 'a', decision: 'approve' };
const anySequence: fc.Arbitrary<Act[]> = fc
  .tuple(
    fc.constantFrom<Act[]>([], [claimFirst], [claimFirst, approveThen]),
    fc.array(anyAct, { minLength: 1, maxLength: 10 }),
  )
  .map(([begin, rest]) => [...begin, ...rest]);

/** What the specification says, written down a second time and without a store. */
class Model {
  state: Order['state']['name'] = 'pending';
  owner: Who | undefined;
  now = 0;
  deadline = 120;

  /** Whether the act succeeds. */
  apply(act: Act): boolean {
    if (act.act === 'wait') {
      this.now += act.seconds;
      const isLive = this.state === 'pending' || this.state === 'claimed' || this.state === 'approved';
      if (isLive && this.now >= this.deadline) this.state = 'expired';
      return true;
    }
    if (act.act === 'claim') return this.claim(act);
    if (act.act === 'decide') return this.decide(act);
    if (act.act === 'redeem') return this.state === 'approved' && act.cookie === 'own' && this.enter('redeemed');
    if (act.act === 'cancel') {
      return ['pending', 'claimed', 'approved'].includes(this.state) && this.enter('cancelled');
    }
    const end = Math.min(this.now + 120, 300);
    if (this.state !== 'pending' || end <= this.deadline) return false;
    this.deadline = end;
    return true;
  }

  private claim({ who: phone, frame }: Act & { act: 'claim' }): boolean {
    if (frame === 'altered') return false;
    if (this.state === 'claimed' && this.owner === phone) return true;
    if (frame === 'stale') return false;
    if (this.state === 'claimed') this.state = 'cancelled';
    if (this.state !== 'pending') return false;
    this.owner = phone;
    this.deadline = Math.min(this.now + 120, 540);
    return this.enter('claimed');
  }

  private decide({ who: phone, decision }: Act & { act: 'decide' }): boolean {
    if (this.state !== 'claimed' || this.owner !== phone) return false;
    this.deadline = this.now + 60;
    return this.enter(({ approve: 'approved', decline: 'declined', report: 'reported' } as const)[decision]);
  }

  private enter(state: Order['state']['name']): boolean {
    this.state = state;
    return true;
  }
}

describe.each(shortLivedEngines())('orders over the $name store', ({ fresh }) => {
  let engine: FreshShortLived;
  let stores: TestStores;
  let world: OrderWorld;
  let phones: Record<Who, Phone>;

  beforeAll(async () => {
    engine = await fresh();
    stores = await testStores();
    const { records, sealing } = stores;
    world = await createOrderWorld({
      stores: { records, sealing, shortLived: engine.store, close: async () => undefined },
    });
    phones = { a: await addPhone(world), b: await addPhone(world) };
  });
  afterAll(async () => {
    await engine.close();
    await stores.close();
  });

  /** Does it for real; whether it succeeded. A refusal must be a clear 4xx. */
  async function perform(
    act: Act,
    run: { order: Order; binding: string; claims: Partial<Record<Who, OrderClaimed>> },
  ): Promise<boolean> {
    const { order, binding, claims } = run;
    const { id } = order.terms;
    try {
      if (act.act === 'wait') world.clock.advance(act.seconds * 1000);
      else if (act.act === 'renew') return await renewOrder(world.orders, id);
      else if (act.act === 'cancel')
        return await cancelOrder(world.orders, id, { reason: 'browser', actor: 'browser' });
      else if (act.act === 'redeem') {
        await redeemOrder(world.orders, id, { binding: act.cookie === 'own' ? binding : newBinding() });
      } else if (act.act === 'claim') {
        if (act.frame === 'stale') world.clock.advance(-10_000);
        const frame = scanned(frameNow(world, order));
        if (act.frame === 'stale') world.clock.advance(10_000);
        const sent = act.frame === 'altered' ? { ...frame, tag: 'A'.repeat(16) } : frame;
        claims[act.who] = await claimOrder(world.orders, sent, await callOf(world, phones[act.who]));
      } else {
        // Who has claimed nothing signs what the other one was shown.
        const claimed = claims[act.who] ?? claims.a ?? claims.b;
        if (claimed === undefined) return false;
        const statement = { ...statementOf(world, claimed, act.decision), deviceId: phones[act.who].id };
        const approval = signed(phones[act.who].key, statement);
        await decideOrder(world.orders, { orderId: id, approval, proof: null }, await callOf(world, phones[act.who]));
      }
      return true;
    } catch (error) {
      expect(error).toBeInstanceOf(AuthError);
      expect((error as AuthError).status).toBeGreaterThanOrEqual(400);
      expect((error as AuthError).status).toBeLessThan(500);
      return false;
    }
  }

  it('follow the specification through every sequence of legal and illegal acts (P-25)', async () => {
    const reached = new Set<string>();
    await fc.assert(
      fc.asyncProperty(anySequence, async (acts) => {
        const binding = newBinding();
        const order = await newLogin(world, { binding });
        const model = new Model();
        const run = { order, binding, claims: {} };
        for (const act of acts) {
          const expected = model.apply(act);
          expect(await perform(act, run), JSON.stringify(act)).toBe(expected);
          const state = await stateOf(world, order);
          // Outcomes are kept for some minutes only.
          if (state !== 'gone') expect(state).toBe(model.state);
          reached.add(state);
        }
      }),
      { numRuns: 150 },
    );
    expect([...reached]).toEqual(
      expect.arrayContaining(['pending', 'claimed', 'approved', 'redeemed', 'cancelled', 'expired']),
    );
  });

  it('take exactly one of fifty parallel decisions and one of fifty parallel redemptions (P-03, T19)', async () => {
    const binding = newBinding();
    const order = await newLogin(world, { binding });
    const { id } = order.terms;
    const call = await callOf(world, phones.a);
    const frame = scanned(frameNow(world, order));
    const claims = await Promise.all(Array.from({ length: 50 }, () => claimOrder(world.orders, frame, call)));
    expect(new Set(claims.map(({ descriptor }) => descriptor)).size).toBe(1);
    const [claimed] = claims;
    if (claimed === undefined) throw new Error('nothing was claimed');
    const approval = signed(phones.a.key, statementOf(world, claimed, 'approve'));
    const succeeded = async (tries: Promise<unknown>[]): Promise<number> =>
      (await Promise.allSettled(tries)).filter(({ status }) => status === 'fulfilled').length;
    const body = { orderId: id, approval, proof: null };
    expect(await succeeded(Array.from({ length: 50 }, () => decideOrder(world.orders, body, call)))).toBe(1);
    expect(await succeeded(Array.from({ length: 50 }, () => redeemOrder(world.orders, id, { binding })))).toBe(1);
  });

  it('take one of many parallel claims of different devices, seen from two processes (P-03, X-06)', async () => {
    const other = { ...world, orders: { ...world.orders, shortLived: engine.another() } };
    const order = await newLogin(world);
    const frame = scanned(frameNow(world, order));
    const tries = await Promise.allSettled(
      (['a', 'b'] as const).map(async (name) =>
        claimOrder(name === 'a' ? world.orders : other.orders, frame, await callOf(world, phones[name])),
      ),
    );
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await stateOf(world, order)).toBe('cancelled');
  });
});
