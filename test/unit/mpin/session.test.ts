/** The life of an app session by the clock: five minutes idle, thirty in any case, no longer than its device. */
import { afterEach, describe, expect, it } from 'vitest';
import { deactivateDevice } from '../../../src/devices/devices.ts';
import { endSession, loadSession, touchSession } from '../../../src/mpin/session.ts';
import { addPhone, createWorld, type Phone, refusalOf, unlock, type World } from './world.ts';

let worlds: World[] = [];
afterEach(async () => {
  for (const world of worlds) await world.close();
  worlds = [];
});

async function sessionInWorld(): Promise<{ world: World; phone: Phone; sessionId: string }> {
  const world = await createWorld();
  worlds.push(world);
  const phone = await addPhone(world);
  const { sessionId } = await unlock(world, phone);
  return { world, phone, sessionId };
}

describe('an app session', () => {
  it('lives 299 seconds without a request and not 301 (S-01)', async () => {
    const { world, sessionId } = await sessionInWorld();
    world.clock.advance(299_000);
    expect(await loadSession(world.deps, sessionId)).toBeDefined();
    world.clock.advance(2000);
    expect(await loadSession(world.deps, sessionId)).toBeUndefined();
    expect(await touchSession(world.deps, sessionId)).toBe(false);
  });

  it('dies though its status is looked at every ten seconds: looking is not activity (S-01)', async () => {
    const { world, sessionId } = await sessionInWorld();
    for (let seconds = 0; seconds < 300; seconds += 10) {
      expect(await loadSession(world.deps, sessionId)).toBeDefined();
      world.clock.advance(10_000);
    }
    expect(await loadSession(world.deps, sessionId)).toBeUndefined();
  });

  it('lives on with requests, but never longer than thirty minutes (S-02)', async () => {
    const { world, sessionId } = await sessionInWorld();
    for (let minutes = 0; minutes < 28; minutes += 4) {
      world.clock.advance(4 * 60_000);
      expect(await touchSession(world.deps, sessionId)).toBe(true);
    }
    world.clock.advance(119_000);
    expect(await touchSession(world.deps, sessionId)).toBe(true);
    expect(await loadSession(world.deps, sessionId)).toBeDefined();
    world.clock.advance(1000);
    expect(await loadSession(world.deps, sessionId)).toBeUndefined();
    expect(await touchSession(world.deps, sessionId)).toBe(false);
  });

  it('is over by our clock even where the store forgets to expire it (S-01, S-02)', async () => {
    const { world, sessionId } = await sessionInWorld();
    const now = world.clock.now();
    expect(await loadSession(world.deps, sessionId, now + 299_999)).toBeDefined();
    expect(await loadSession(world.deps, sessionId, now + 300_000)).toBeUndefined();
    expect(await touchSession(world.deps, sessionId, now + 300_000)).toBe(false);
  });

  it('survives requests that touch it at the same time', async () => {
    const { world, sessionId } = await sessionInWorld();
    const touched = await Promise.all(Array.from({ length: 30 }, () => touchSession(world.deps, sessionId)));
    expect(touched).toEqual(Array.from({ length: 30 }, () => true));
  });

  it('does not come back by a request that was under way when it ended (S-06)', async () => {
    const { world, sessionId } = await sessionInWorld();
    const compareAndSet: typeof world.deps.shortLived.compareAndSet = async (...values) => {
      await endSession(world.deps, sessionId);
      return world.deps.shortLived.compareAndSet(...values);
    };
    const deps = { ...world.deps, shortLived: { ...world.deps.shortLived, compareAndSet } };
    expect(await touchSession(deps, sessionId)).toBe(false);
    expect(await loadSession(world.deps, sessionId)).toBeUndefined();
  });

  it('ends with its device: deactivated (S-07, T8)', async () => {
    const { world, phone, sessionId } = await sessionInWorld();
    await deactivateDevice(world.deps, { deviceId: phone.id, actor: 'cli', reason: 'stolen' });
    expect(await loadSession(world.deps, sessionId)).toBeUndefined();
  });

  it('ends with its device: blocked by wrong mPINs (S-07, T2)', async () => {
    const { world, phone, sessionId } = await sessionInWorld();
    for (let index = 0; index < 5; index += 1) await refusalOf(unlock(world, phone, '99999'));
    expect(await loadSession(world.deps, sessionId)).toBeUndefined();
  });

  it('ends with its device: five spent though the block was never written (T8, L-06)', async () => {
    const { world, phone, sessionId } = await sessionInWorld();
    const subject = { kind: 'mpin', deviceId: phone.id, epoch: 2 } as const;
    for (let index = 0; index < 5; index += 1) await world.deps.records.attempts.spend(subject, 5);
    expect(await loadSession(world.deps, sessionId)).toBeUndefined();
  });

  it('ends with its user and with its company (S-07, T8)', async () => {
    const first = await sessionInWorld();
    await first.world.deps.records.users.update({ ...first.world.user, status: 'suspended' });
    expect(await loadSession(first.world.deps, first.sessionId)).toBeUndefined();
    const second = await sessionInWorld();
    await second.world.deps.records.companies.update({ ...second.world.company, status: 'suspended' });
    expect(await loadSession(second.world.deps, second.sessionId)).toBeUndefined();
  });

  it('keeps its keys, token and owner sealed (C-13)', async () => {
    const { world, phone, sessionId } = await sessionInWorld();
    const kept = (await world.deps.shortLived.get(`{ses:${sessionId}}`))?.value ?? '';
    expect(kept).toMatch(/^v1\.test\./);
    expect(kept).not.toContain(phone.id);
  });

  it('of an unknown id is none', async () => {
    const { world } = await sessionInWorld();
    expect(await loadSession(world.deps, 'ses_AAAAAAAAAAAAAAAAAAAAAA')).toBeUndefined();
  });
});
