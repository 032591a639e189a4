/** Sessions of the console: what is kept of them, how they end, and the one confirmation. */
import { beforeEach, describe, expect, it } from 'vitest';
import {
  absoluteMs,
  type ConsoleSession,
  endConsoleSession,
  hasConfirmation,
  idleMs,
  loadConsoleSession,
  openConsoleSession,
  takeConfirmation,
  touchConsoleSession,
} from '../../../src/console/sessions.ts';
import type { ShortLivedStore } from '../../../src/store/ports.ts';
import { fixedClock, type TestClock } from '../../clock.ts';
import { type TestStores, testStores } from '../../stores.ts';

let clock: TestClock;
let stores: TestStores;
let kept: { key: string; value: string }[];
let deps: Parameters<typeof openConsoleSession>[0];
let session: ConsoleSession;

beforeEach(async () => {
  clock = fixedClock();
  stores = await testStores(clock);
  kept = [];
  const shortLived: ShortLivedStore = {
    ...stores.shortLived,
    create: (key, value, ttlMs) => {
      kept.push({ key, value });
      return stores.shortLived.create(key, value, ttlMs);
    },
  };
  deps = { shortLived, sealing: stores.sealing, clock };
  session = {
    userId: 'usr_a',
    deviceId: 'dev_a',
    sessionUid: 'uid-a',
    provedAt: clock.now() - 2_000,
    openedAt: clock.now(),
  };
});

const open = (isConfirmed = false) => openConsoleSession(deps, session, { isConfirmed });

describe('a session of the console', () => {
  it('is found by its cookie alone, of 256 random bits, each its own (S-01)', async () => {
    const [id, other] = [await open(), await open()];
    expect(id).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(other).not.toBe(id);
    expect(await loadConsoleSession(deps, id)).toEqual(session);
    for (const wrong of ['', 'x', `${id}=`, id.slice(0, -1), `${id.slice(0, -1)}!`, 'A'.repeat(43)]) {
      expect(await loadConsoleSession(deps, wrong)).toBeUndefined();
    }
  });

  it('leaves neither its cookie nor its person in the store (S-04)', async () => {
    const id = await open(true);
    const text = JSON.stringify(kept);
    expect(kept).toHaveLength(2);
    for (const secret of [id, session.userId, session.deviceId, session.sessionUid]) expect(text).not.toContain(secret);
  });

  it('cannot be read under another key: a row that is moved opens nothing (C-13)', async () => {
    const [id, other] = [await open(), await open()];
    const [first, second] = kept;
    if (first === undefined || second === undefined) throw new Error('nothing kept');
    await stores.shortLived.remove(second.key);
    await stores.shortLived.create(second.key, first.value, 60_000);
    await expect(loadConsoleSession(deps, other)).rejects.toMatchObject({ code: 'internal' });
    expect(await loadConsoleSession(deps, id)).toEqual(session);
  });

  it('ends five minutes after the last act (S-02)', async () => {
    const id = await open();
    clock.advance(idleMs - 1);
    const found = await loadConsoleSession(deps, id);
    if (found === undefined) throw new Error('no session');
    await touchConsoleSession(deps, id, found);
    clock.advance(idleMs - 1);
    expect(await loadConsoleSession(deps, id)).toBeDefined();
    clock.advance(1);
    expect(await loadConsoleSession(deps, id)).toBeUndefined();
  });

  it('ends twelve hours after it began, however busy it is (S-02)', async () => {
    const id = await open();
    const until = session.openedAt + absoluteMs;
    while (clock.now() < until - 60_000) {
      clock.advance(60_000);
      const found = await loadConsoleSession(deps, id);
      if (found === undefined) throw new Error('ended too early');
      await touchConsoleSession(deps, id, found);
    }
    clock.advance(60_000);
    expect(await loadConsoleSession(deps, id)).toBeUndefined();
  });

  it('that was ended is not brought back by an act that was under way (S-07)', async () => {
    const id = await open(true);
    await endConsoleSession(deps, id);
    await touchConsoleSession(deps, id, session);
    expect(await loadConsoleSession(deps, id)).toBeUndefined();
    expect(await takeConfirmation(deps, id, session)).toBe(false);
  });
});

describe('a confirmation', () => {
  it('is there only where the login was made for an act, and goes to one of many that ask at once (S-09)', async () => {
    const plain = await open();
    expect(await hasConfirmation(deps, plain)).toBe(false);
    expect(await takeConfirmation(deps, plain, session)).toBe(false);
    const id = await open(true);
    expect(await hasConfirmation(deps, id)).toBe(true);
    const taken = await Promise.all(Array.from({ length: 16 }, () => takeConfirmation(deps, id, session)));
    expect(taken.filter(Boolean)).toHaveLength(1);
    expect(await hasConfirmation(deps, id)).toBe(false);
    expect(await takeConfirmation(deps, id, session)).toBe(false);
  });

  it('counts from the proof on the phone and not from when the browser came back (S-09)', async () => {
    session = { ...session, provedAt: clock.now() - 299_000 };
    const id = await open(true);
    clock.advance(999);
    expect(await hasConfirmation(deps, id)).toBe(true);
    clock.advance(2);
    expect(await takeConfirmation(deps, id, session)).toBe(false);
    session = { ...session, provedAt: clock.now() - 300_000 };
    expect(await hasConfirmation(deps, await open(true))).toBe(false);
  });

  it('of another session is of no use (S-09)', async () => {
    const [mine, other] = [await open(), await open(true)];
    expect(await takeConfirmation(deps, mine, session)).toBe(false);
    expect(await takeConfirmation(deps, other, session)).toBe(true);
  });
});
