/** What only the in-process store can get wrong: the clock, listeners, memory. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { memoryStore } from '../../../src/store/memory.ts';
import { fixedClock } from '../../clock.ts';
import { soon } from '../../soon.ts';

describe('the in-process store', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('decides expiry by the given clock alone, to the millisecond', async () => {
    const clock = fixedClock();
    const store = memoryStore(clock);
    await store.create('k', 'v', 1000);
    vi.advanceTimersByTime(3_600_000);
    clock.advance(999);
    expect((await store.get('k'))?.value).toBe('v');
    clock.advance(1);
    expect(await store.get('k')).toBeUndefined();
    await store.close();
  });

  it('does not lose live entries when it sweeps', async () => {
    const clock = fixedClock();
    const store = memoryStore(clock);
    for (let n = 0; n < 100; n += 1) await store.create(`k${n}`, 'v', n % 2 === 0 ? 1000 : 100_000);
    await store.seed('c', 3, 100_000);
    clock.advance(2000);
    vi.advanceTimersByTime(120_000);
    const live = await Promise.all(Array.from({ length: 100 }, (_, n) => store.get(`k${n}`)));
    expect(live.filter((value) => value !== undefined)).toHaveLength(50);
    expect(await store.reserve('c', 5, 1000)).toEqual({ outcome: 'taken', count: 4 });
    await store.close();
  });

  it('is not filled by a flood of short-lived entries, such as proofs of made-up keys (X-10, L-16)', async () => {
    const clock = fixedClock();
    const store = memoryStore(clock);
    const looked = vi.spyOn(Map.prototype, 'set');
    await store.create('jti:{first}', '1', 2000);
    const map = looked.mock.contexts.at(-1) as Map<string, unknown>;
    looked.mockRestore();
    expect(map.size).toBe(1);
    // Ten minutes of a flood: each second 500 marks that live for two seconds; a thousand are alive at a time.
    for (let second = 0; second < 600; second += 1) {
      for (let n = 0; n < 500; n += 1) await store.create(`jti:{${second}.${n}}`, '1', 2000);
      clock.advance(1000);
    }
    expect(map.size).toBeGreaterThan(499);
    expect(map.size).toBeLessThan(5000);
    await store.close();
  });

  it('does not let a listener throw into the one who publishes', async () => {
    vi.useRealTimers();
    const store = memoryStore(fixedClock());
    const heard: string[] = [];
    const end = await store.subscribe('error', (message) => heard.push(message));
    await store.publish('error', 'a topic may be called error');
    expect(heard).toEqual([]);
    await soon(() => expect(heard).toEqual(['a topic may be called error']));
    end();
    await store.close();
  });
});
