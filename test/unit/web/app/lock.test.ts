/** When the app locks itself. */
import { describe, expect, it } from 'vitest';
import { readOpened } from '../../../../src/web/app/link.ts';
import { createLock } from '../../../../src/web/app/lock.ts';
import { fixedClock } from '../../../clock.ts';

function world() {
  const clock = fixedClock(1_000_000);
  const state = { isHidden: false, isOpen: true, hasSession: true, locks: 0 };
  const lock = createLock({
    clock,
    isHidden: () => state.isHidden,
    isOpen: () => state.isOpen,
    hasSession: async () => state.hasSession,
    lock: () => {
      state.locks += 1;
    },
  });
  const look = async (change: Partial<typeof state>, ms: number): Promise<number> => {
    clock.advance(ms);
    Object.assign(state, change);
    await lock.tick();
    return state.locks;
  };
  return Object.assign(look, { touch: () => lock.touch() });
}

describe('the lock of the app', () => {
  it('locks after half a minute in the background, and not before', async () => {
    const look = world();
    expect(await look({ isHidden: true }, 60_000)).toBe(0);
    expect(await look({}, 29_999)).toBe(0);
    expect(await look({}, 1)).toBe(1);
  });

  it('locks a phone that slept in the background, as soon as it is back', async () => {
    const look = world();
    await look({ isHidden: true }, 0);
    expect(await look({ isHidden: false }, 3_600_000)).toBe(1);
  });

  it('forgives a short look elsewhere, each time anew', async () => {
    const look = world();
    for (let times = 0; times < 5; times += 1) {
      await look({ isHidden: true }, 10_000);
      expect(await look({ isHidden: false }, 20_000)).toBe(0);
    }
  });

  it('locks after five minutes without the person, however often it asks the server by itself (S-07)', async () => {
    const look = world();
    expect(await look({}, 299_999)).toBe(0);
    look.touch();
    for (let asked = 0; asked < 19; asked += 1) expect(await look({}, 15_000)).toBe(0);
    expect(await look({}, 15_000)).toBe(1);
    // Who has just unlocked it by a finger alone is there.
    await look({ isOpen: false }, 1_000_000);
    expect(await look({ isOpen: true }, 1_000)).toBe(1);
  });

  it('locks when the session has ended, and leaves screens alone that need none', async () => {
    const look = world();
    expect(await look({ hasSession: false, isOpen: false }, 1_000)).toBe(0);
    expect(await look({ isOpen: true }, 1_000)).toBe(1);
  });
});

describe('what the app is opened with', () => {
  const issuer = 'https://login.bank.example';

  it('is a link of a login page, the tail of an activation, or nothing', () => {
    expect(readOpened(`#${issuer}/l/abc.1.def`, issuer)).toEqual({ kind: 'link', text: `${issuer}/l/abc.1.def` });
    expect(readOpened('#c=AAAA&k=BBBB', issuer)).toEqual({
      kind: 'activation',
      text: `${issuer}/activate#c=AAAA&k=BBBB`,
    });
    for (const odd of ['', '#', '#javascript:alert(1)', '#data:text/html,x', '#//evil.example'])
      expect(readOpened(odd, issuer)).toEqual({ kind: 'nothing' });
  });
});
