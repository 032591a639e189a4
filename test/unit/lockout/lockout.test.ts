/** The gate: five attempts at any concurrency, spent before the evaluation, given back once, blocked for good. */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { randomId } from '../../../src/crypto/random.ts';
import { deviceEndedTopic } from '../../../src/devices/end.ts';
import { AuthError } from '../../../src/errors.ts';
import { guardAttempt, type LockoutDeps, MAX_ATTEMPTS } from '../../../src/lockout/lockout.ts';
import type { RecordStore, Records } from '../../../src/store/records.ts';
import { addPhone, createWorld, deviceOf, eventsOf, noticesOf, origin, type Phone, type World } from '../mpin/world.ts';

let worlds: World[] = [];
afterEach(async () => {
  for (const world of worlds) await world.close();
  worlds = [];
});

async function newWorld(): Promise<World> {
  const world = await createWorld();
  worlds.push(world);
  return world;
}

async function phoneInWorld(): Promise<{ world: World; phone: Phone }> {
  const world = await newWorld();
  return { world, phone: await addPhone(world) };
}

function attemptFor(phone: Phone, purpose = 'session') {
  return { target: { kind: 'mpin', deviceId: phone.id }, purpose, origin } as const;
}

/** One attempt with a known verdict, and whether it was evaluated. */
async function tryOnce(deps: LockoutDeps, phone: Phone, isRight: boolean, purpose?: string) {
  let evaluated = 0;
  const outcome = await guardAttempt(deps, attemptFor(phone, purpose), () => {
    evaluated += 1;
    return isRight ? { isRight: true, value: 'value' } : { isRight: false };
  });
  return { ...outcome, evaluated };
}

describe('the attempt budget', () => {
  it('has five places (L-01)', () => {
    expect(MAX_ATTEMPTS).toBe(5);
  });

  it('blocks at the fifth wrong proof and does not evaluate the sixth, which is right (L-01)', async () => {
    const { world, phone } = await phoneInWorld();
    const left: unknown[] = [];
    for (let index = 0; index < 5; index += 1) {
      const outcome = await tryOnce(world.deps, phone, false);
      if (outcome.outcome === 'wrong') left.push(outcome.attemptsLeft);
    }
    expect(left).toEqual([4, 3, 2, 1, 0]);
    expect(await tryOnce(world.deps, phone, true)).toEqual({ outcome: 'refused', evaluated: 0 });
    expect(await deviceOf(world, phone)).toMatchObject({ status: 'blocked', endedReason: 'mpin' });
  });

  it('counts from zero again after four wrong proofs and a right one (L-01)', async () => {
    const { world, phone } = await phoneInWorld();
    for (let index = 0; index < 4; index += 1) await tryOnce(world.deps, phone, false);
    expect(await tryOnce(world.deps, phone, true)).toMatchObject({ outcome: 'right', failuresBefore: 4 });
    expect(await deviceOf(world, phone)).toMatchObject({ pinAttempts: 0, pinEpoch: 2, status: 'active' });
    for (let index = 0; index < 4; index += 1) await tryOnce(world.deps, phone, false);
    expect(await tryOnce(world.deps, phone, true)).toMatchObject({ outcome: 'right' });
  });

  it('has spent the attempt durably before the proof is evaluated (L-03)', async () => {
    const { world, phone } = await phoneInWorld();
    let spentThen = -1;
    await guardAttempt(world.deps, attemptFor(phone), async () => {
      spentThen = (await deviceOf(world, phone)).pinAttempts;
      return { isRight: false };
    });
    expect(spentThen).toBe(1);
  });

  it('evaluates exactly 5 of 200 parallel wrong proofs (L-02, T1)', async () => {
    const { world, phone } = await phoneInWorld();
    const outcomes = await Promise.all(Array.from({ length: 200 }, () => tryOnce(world.deps, phone, false)));
    expect(outcomes.filter(({ evaluated }) => evaluated === 1)).toHaveLength(5);
    expect(outcomes.filter(({ outcome }) => outcome === 'refused')).toHaveLength(195);
    expect((await deviceOf(world, phone)).status).toBe('blocked');
    expect((await eventsOf(world)).filter((event) => event === 'mpin.blocked')).toHaveLength(1);
  });

  it('lets 50 parallel right proofs all succeed and blocks none (T3)', async () => {
    const { world, phone } = await phoneInWorld();
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => tryOnce(world.deps, phone, true)));
    expect(outcomes.filter(({ outcome }) => outcome === 'right')).toHaveLength(50);
    expect(await deviceOf(world, phone)).toMatchObject({ status: 'active', pinAttempts: 0 });
  });

  it('makes a sixth right proof wait while five are under way, and neither blocks nor refuses it (T3)', async () => {
    const { world, phone } = await phoneInWorld();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const five = Array.from({ length: 5 }, () =>
      guardAttempt(world.deps, attemptFor(phone), async () => {
        await held;
        return { isRight: true, value: 1 };
      }),
    );
    while ((await deviceOf(world, phone)).pinAttempts < 5) await new Promise((resolve) => setImmediate(resolve));
    const sixth = tryOnce(world.deps, phone, true);
    for (let turns = 0; turns < 10; turns += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(await deviceOf(world, phone)).toMatchObject({ status: 'active', pinAttempts: 5 });
    release();
    expect((await Promise.all([...five, sixth])).map(({ outcome }) => outcome)).toEqual(Array(6).fill('right'));
  });

  it('does not block four right proofs because a wrong one was judged first (T3, T11)', async () => {
    const { world, phone } = await phoneInWorld();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let started = 0;
    const right = Array.from({ length: 4 }, () =>
      guardAttempt(world.deps, attemptFor(phone), async () => {
        started += 1;
        await held;
        return { isRight: true, value: 1 };
      }),
    );
    while (started < 4) await new Promise((resolve) => setImmediate(resolve));
    const wrong = tryOnce(world.deps, phone, false);
    while ((await eventsOf(world)).length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect((await deviceOf(world, phone)).status).toBe('active');
    release();
    expect((await Promise.all(right)).map(({ outcome }) => outcome)).toEqual(['right', 'right', 'right', 'right']);
    expect(await wrong).toMatchObject({ outcome: 'wrong' });
    expect((await deviceOf(world, phone)).status).toBe('active');
  });

  it('evaluates at most five wrong ones until a right one came, with 1 right among 99 wrong (L-02)', async () => {
    const { world, phone } = await phoneInWorld();
    let wrongInARow = 0;
    let worst = 0;
    const all = Array.from({ length: 100 }, (_, index) =>
      guardAttempt(world.deps, attemptFor(phone), () => {
        if (index === 40) {
          wrongInARow = 0;
          return { isRight: true, value: 1 };
        }
        wrongInARow += 1;
        worst = Math.max(worst, wrongInARow);
        return { isRight: false };
      }),
    );
    await Promise.all(all);
    expect(worst).toBeLessThanOrEqual(5);
    expect((await deviceOf(world, phone)).status).toBe('blocked');
  });

  it('shares one count between login, signing and change of mPIN (L-04, L-10, T6)', async () => {
    const { world, phone } = await phoneInWorld();
    const purposes = ['session', 'session', 'order', 'mpin-change', 'order'];
    for (const purpose of purposes) await tryOnce(world.deps, phone, false, purpose);
    for (const purpose of ['session', 'order', 'mpin-change']) {
      expect(await tryOnce(world.deps, phone, true, purpose)).toMatchObject({ outcome: 'refused', evaluated: 0 });
    }
  });

  it('is not refilled by time (L-04, T20)', async () => {
    const { world, phone } = await phoneInWorld();
    for (let index = 0; index < 4; index += 1) {
      await tryOnce(world.deps, phone, false);
      world.clock.advance(90 * 24 * 3600_000);
    }
    expect(await tryOnce(world.deps, phone, false)).toMatchObject({ attemptsLeft: 0 });
    expect((await deviceOf(world, phone)).status).toBe('blocked');
  });

  it('counts each device for itself (R-09, T14)', async () => {
    const { world, phone } = await phoneInWorld();
    const other = await addPhone(world);
    for (let index = 0; index < 5; index += 1) await tryOnce(world.deps, phone, false);
    expect(await deviceOf(world, other)).toMatchObject({ status: 'active', pinAttempts: 0 });
    expect(await tryOnce(world.deps, other, true)).toMatchObject({ outcome: 'right' });
  });

  it('evaluates nothing for a device that does not exist or is pending', async () => {
    const world = await newWorld();
    const pending = await addPhone(world, { status: 'pending' });
    expect(await tryOnce(world.deps, pending, true)).toMatchObject({ outcome: 'refused', evaluated: 0 });
    expect(await tryOnce(world.deps, { ...pending, id: randomId('dev') }, true)).toMatchObject({ outcome: 'refused' });
  });

  it('blocks at exactly the fifth miss in a row, whatever came before and whatever it was for (T10, L-05)', async () => {
    const world = await newWorld();
    const step = fc.record({
      isRight: fc.boolean(),
      purpose: fc.constantFrom('session', 'order', 'mpin-change'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const phone = await addPhone(world);
        let misses = 0;
        for (const { isRight, purpose } of steps) {
          const { outcome, evaluated } = await tryOnce(world.deps, phone, isRight, purpose);
          if (misses === 5) {
            expect({ outcome, evaluated }).toEqual({ outcome: 'refused', evaluated: 0 });
            continue;
          }
          misses = isRight ? 0 : misses + 1;
          expect(outcome).toBe(isRight ? 'right' : 'wrong');
          expect(await deviceOf(world, phone)).toMatchObject({
            status: misses === 5 ? 'blocked' : 'active',
            pinAttempts: misses,
          });
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('the block', () => {
  async function missTimes(world: World, phone: Phone, times: number): Promise<void> {
    for (let index = 0; index < times; index += 1) await tryOnce(world.deps, phone, false);
  }

  it('erases the verifier, ends logins, frees the place and tells user, trail and processes (L-06, L-07, S-07, T2)', async () => {
    const { world, phone } = await phoneInWorld();
    const heard: string[] = [];
    await world.deps.shortLived.subscribe(deviceEndedTopic, (id) => heard.push(id));
    await missTimes(world, phone, 5);
    expect(await world.deps.records.devices.secrets(phone.id)).toBeUndefined();
    expect(await world.deps.records.devices.vaultKey(phone.id)).toBeUndefined();
    expect(world.endedLogins).toEqual([{ deviceId: phone.id }]);
    expect(await world.deps.records.users.takeDevicePlace(world.user.id, 1)).toBe(true);
    expect(await eventsOf(world)).toEqual([...Array.from({ length: 5 }, () => 'mpin.wrong'), 'mpin.blocked']);
    expect((await noticesOf(world)).map(({ event }) => event)).toContain('mpin.blocked');
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard).toEqual([phone.id]);
  });

  it('warns the user after the fourth failure and once only (L-07)', async () => {
    const { world, phone } = await phoneInWorld();
    await missTimes(world, phone, 3);
    expect(await noticesOf(world)).toEqual([]);
    await missTimes(world, phone, 1);
    expect(await noticesOf(world)).toEqual([{ event: 'mpin.last_attempt', recipient: world.user.id }]);
  });

  it('tells the user of a success after three failures and not after two (L-15)', async () => {
    const { world, phone } = await phoneInWorld();
    await missTimes(world, phone, 2);
    await tryOnce(world.deps, phone, true);
    expect(await noticesOf(world)).toEqual([]);
    await missTimes(world, phone, 3);
    await tryOnce(world.deps, phone, true);
    expect(await noticesOf(world)).toEqual([{ event: 'login.after_failures', recipient: world.user.id }]);
  });

  it('is written whole or not at all, and the next touch completes what a fault broke off (L-03, L-06)', async () => {
    const { world, phone } = await phoneInWorld();
    await missTimes(world, phone, 4);
    const broken = { ...world.deps, endLogins: () => Promise.reject(new Error('power cut')) };
    await expect(tryOnce(broken, phone, false)).rejects.toThrow();
    expect(await deviceOf(world, phone)).toMatchObject({ status: 'active', pinAttempts: 5 });
    expect(await world.deps.records.devices.secrets(phone.id)).toBeDefined();
    expect(await eventsOf(world)).not.toContain('mpin.blocked');
    expect(await tryOnce(world.deps, phone, true)).toEqual({ outcome: 'refused', evaluated: 0 });
    expect((await deviceOf(world, phone)).status).toBe('blocked');
    expect(await world.deps.records.devices.secrets(phone.id)).toBeUndefined();
    expect((await noticesOf(world)).map(({ event }) => event)).toContain('mpin.blocked');
  });

  it('comes when five are spent though a crash swallowed some verdicts (L-03)', async () => {
    const { world, phone } = await phoneInWorld();
    const subject = { kind: 'mpin', deviceId: phone.id, epoch: 1 } as const;
    await world.deps.records.attempts.spend(subject, 5);
    await world.deps.records.attempts.spend(subject, 5);
    await missTimes(world, phone, 3);
    expect((await deviceOf(world, phone)).status).toBe('blocked');
  });

  it('is not undone by an attempt that is given back after it (L-06)', async () => {
    const { world, phone } = await phoneInWorld();
    let fail: () => void = () => undefined;
    const held = new Promise<never>((_, reject) => {
      fail = () => reject(new Error('fault'));
    });
    let isHeld = false;
    const faulty = guardAttempt(world.deps, attemptFor(phone), () => {
      isHeld = true;
      return held;
    });
    const settled = expect(faulty).rejects.toThrow();
    while (!isHeld) await new Promise((resolve) => setImmediate(resolve));
    await missTimes(world, phone, 4);
    expect((await deviceOf(world, phone)).status).toBe('blocked');
    fail();
    await settled;
    expect(await deviceOf(world, phone)).toMatchObject({ status: 'blocked', pinAttempts: 5 });
  });
});

describe('a fault of ours', () => {
  it('gives the attempt back exactly once in both locks and is recorded (T11)', async () => {
    const { world, phone } = await phoneInWorld();
    await tryOnce(world.deps, phone, false);
    const released: string[] = [];
    const release = async (key: string): Promise<void> => {
      released.push(key);
      await world.deps.shortLived.release(key);
    };
    const deps = { ...world.deps, shortLived: { ...world.deps.shortLived, release } };
    for (let index = 0; index < 20; index += 1) {
      const attempt = guardAttempt(deps, attemptFor(phone), () => Promise.reject(new Error('out of memory')));
      await expect(attempt).rejects.toMatchObject({ code: 'internal' });
    }
    expect(await deviceOf(world, phone)).toMatchObject({ status: 'active', pinAttempts: 1 });
    expect((await eventsOf(world)).filter((event) => event === 'mpin.attempt_returned')).toHaveLength(20);
    expect(released).toEqual(Array(20).fill(`{d:${phone.id}}:pin:1`));
    for (let index = 0; index < 4; index += 1) expect((await tryOnce(world.deps, phone, false)).evaluated).toBe(1);
    expect((await deviceOf(world, phone)).status).toBe('blocked');
  });

  it('keeps its own code when it is one of a store', async () => {
    const { world, phone } = await phoneInWorld();
    const attempt = guardAttempt(world.deps, attemptFor(phone), () => Promise.reject(new AuthError('unavailable')));
    await expect(attempt).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('undoes a right proof whose consequences cannot be written, and costs nothing', async () => {
    const { world, phone } = await phoneInWorld();
    await tryOnce(world.deps, phone, false);
    const attempt = { ...attemptFor(phone), onRight: () => Promise.reject(new AuthError('conflict')) };
    await expect(guardAttempt(world.deps, attempt, () => ({ isRight: true, value: 1 }))).rejects.toMatchObject({
      code: 'conflict',
    });
    expect(await deviceOf(world, phone)).toMatchObject({ pinAttempts: 1, pinEpoch: 1 });
  });

  it('never gives a wrong proof back, though recording it failed', async () => {
    const { world, phone } = await phoneInWorld();
    const records = failingTransactions(world.deps.records);
    await expect(tryOnce({ ...world.deps, records }, phone, false)).rejects.toMatchObject({ code: 'unavailable' });
    expect((await deviceOf(world, phone)).pinAttempts).toBe(1);
  });

  it('leaves the attempt spent where giving it back fails', async () => {
    const { world, phone } = await phoneInWorld();
    const deps = { ...world.deps, records: failingTransactions(world.deps.records) };
    const attempt = guardAttempt(deps, attemptFor(phone), () => Promise.reject(new Error('fault')));
    await expect(attempt).rejects.toMatchObject({ code: 'internal' });
    expect((await deviceOf(world, phone)).pinAttempts).toBe(1);
    expect(world.faults).toHaveLength(1);
  });

  it('means refusal where either store is down, never permission (L-06)', async () => {
    const { world, phone } = await phoneInWorld();
    const down = () => Promise.reject(new AuthError('unavailable'));
    const shortLived = { ...world.deps.shortLived, reserve: down };
    const records = { ...world.deps.records, attempts: { ...world.deps.records.attempts, spend: down } };
    let evaluated = 0;
    const evaluate = () => {
      evaluated += 1;
      return { isRight: true, value: 1 } as const;
    };
    for (const deps of [
      { ...world.deps, shortLived },
      { ...world.deps, records },
    ]) {
      await expect(guardAttempt(deps, attemptFor(phone), evaluate)).rejects.toMatchObject({ code: 'unavailable' });
    }
    expect(evaluated).toBe(0);
    expect((await tryOnce(world.deps, phone, true)).outcome).toBe('right');
  });

  it('in the first lock alone does not keep the owner out for ever', async () => {
    const { world, phone } = await phoneInWorld();
    const key = `{d:${phone.id}}:pin:1`;
    await world.deps.shortLived.seed(key, 5, 3600_000);
    expect(await tryOnce(world.deps, phone, true)).toMatchObject({ outcome: 'right' });
  });
});

describe('the short-lived lock', () => {
  it('that lost its count grants nothing: the durable one holds (L-06)', async () => {
    const { world, phone } = await phoneInWorld();
    const forgetful = { ...world.deps.shortLived, reserve: async () => ({ outcome: 'taken', count: 1 }) as const };
    const deps = { ...world.deps, shortLived: forgetful };
    const outcomes = await Promise.all(Array.from({ length: 40 }, () => tryOnce(deps, phone, false)));
    expect(outcomes.filter(({ evaluated }) => evaluated === 1)).toHaveLength(5);
    expect((await deviceOf(world, phone)).status).toBe('blocked');
  });

  it('is seeded from the durable count, not from zero (L-06)', async () => {
    const { world, phone } = await phoneInWorld();
    for (let index = 0; index < 3; index += 1) await tryOnce(world.deps, phone, false);
    const seeds: number[] = [];
    const fresh = new Map<string, number>();
    const shortLived = {
      ...world.deps.shortLived,
      reserve: async (key: string) =>
        fresh.has(key) ? ({ outcome: 'taken', count: 1 } as const) : ({ outcome: 'missing' } as const),
      seed: async (key: string, count: number) => {
        seeds.push(count);
        fresh.set(key, count);
      },
    };
    await tryOnce({ ...world.deps, shortLived }, phone, false);
    expect(seeds).toEqual([3]);
  });
});

describe('the confirmation code of an activation', () => {
  async function activationIn(world: World): Promise<string> {
    const id = randomId('act');
    const now = world.clock.now();
    await world.deps.records.activations.insert({
      id,
      userId: world.user.id,
      companyId: world.company.id,
      codeHash: randomId('hash'),
      confirmationHash: 'hash',
      delivery: 'shown',
      confirmationAttempts: 0,
      status: 'open',
      deviceId: undefined,
      createdBy: 'test',
      createdAt: now,
      expiresAt: now + 600_000,
    });
    return id;
  }

  const attemptOf = (activationId: string) =>
    ({ target: { kind: 'confirmation', activationId }, purpose: 'registration', origin }) as const;

  it('passes the same gate: the fifth wrong one voids the activation (R-02, T6)', async () => {
    const world = await newWorld();
    const id = await activationIn(world);
    for (let index = 0; index < 5; index += 1)
      await guardAttempt(world.deps, attemptOf(id), () => ({ isRight: false }));
    expect((await world.deps.records.activations.find(id))?.status).toBe('void');
    const sixth = await guardAttempt(world.deps, attemptOf(id), () => ({ isRight: true, value: 1 }));
    expect(sixth).toEqual({ outcome: 'refused' });
    expect(await eventsOf(world)).toEqual([
      ...Array.from({ length: 5 }, () => 'confirmation.wrong'),
      'activation.voided',
    ]);
  });

  it('is evaluated five times at most in parallel (L-02, T6)', async () => {
    const world = await newWorld();
    const id = await activationIn(world);
    let evaluated = 0;
    await Promise.all(
      Array.from({ length: 60 }, () =>
        guardAttempt(world.deps, attemptOf(id), () => {
          evaluated += 1;
          return { isRight: false };
        }),
      ),
    );
    expect(evaluated).toBe(5);
  });

  it('commits with what follows from a right one', async () => {
    const world = await newWorld();
    const id = await activationIn(world);
    const phone = await addPhone(world);
    const onRight = async (records: Records) => {
      await records.activations.use(id, phone.id, world.clock.now());
    };
    const outcome = await guardAttempt(world.deps, { ...attemptOf(id), onRight }, () => ({ isRight: true, value: 7 }));
    expect(outcome).toMatchObject({ outcome: 'right', value: 7 });
    expect((await world.deps.records.activations.find(id))?.status).toBe('used');
  });
});

function failingTransactions(records: RecordStore): RecordStore {
  return { ...records, transaction: () => Promise.reject(new AuthError('unavailable')) };
}
