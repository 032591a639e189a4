/** What every short-lived store must do: one suite over every engine. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ShortLivedStore } from '../../src/store/ports.ts';
import type { FreshShortLived, ShortLivedEngine } from '../engines.ts';

const minute = 60_000;
const key = (name: string): string => `${name}:{${randomUUID()}}`;

/** Calls `work` n times at once, over two connections in turn. */
function parallel<T>(
  n: number,
  stores: readonly ShortLivedStore[],
  work: (store: ShortLivedStore, index: number) => Promise<T>,
): Promise<T[]> {
  return Promise.all(
    Array.from({ length: n }, (_, index) => work(stores[index % stores.length] as ShortLivedStore, index)),
  );
}

export function shortLivedContract(engine: ShortLivedEngine): void {
  describe(`short-lived store: ${engine.name}`, () => {
    let fresh: FreshShortLived;
    let store: ShortLivedStore;
    let both: ShortLivedStore[];

    beforeAll(async () => {
      fresh = await engine.fresh();
      store = fresh.store;
      both = [store, fresh.another()];
    });
    afterAll(() => fresh.close());

    describe('values', () => {
      it('returns what was created, byte for byte, and nothing for an unknown key', async () => {
        const k = key('value');
        const text = 'a\0b "é" \u{1F600} \r\n;=';
        expect(await store.get(k)).toBeUndefined();
        expect(await store.create(k, text, minute)).toBe(true);
        expect((await store.get(k))?.value).toBe(text);
      });

      it('keeps an empty value apart from none', async () => {
        const k = key('value');
        await store.create(k, '', minute);
        expect((await store.get(k))?.value).toBe('');
        expect(await store.take(k)).toBe('');
        expect(await store.take(k)).toBeUndefined();
      });

      it('lets exactly one of 50 parallel creators have a key (P-03)', async () => {
        const k = key('value');
        const won = await parallel(50, both, (one, index) => one.create(k, `by ${index}`, minute));
        expect(won.filter(Boolean)).toHaveLength(1);
        expect((await store.get(k))?.value).toBe(`by ${won.indexOf(true)}`);
      });

      it('lets exactly one of 50 parallel takers have the value (P-03)', async () => {
        const k = key('value');
        await store.create(k, 'once', minute);
        const taken = await parallel(50, both, (one) => one.take(k));
        expect(taken.filter((value) => value !== undefined)).toEqual(['once']);
        expect(await store.get(k)).toBeUndefined();
      });

      it('lets exactly one of 50 parallel writers pass the same version', async () => {
        const k = key('value');
        await store.create(k, 'first', minute);
        const { version } = (await store.get(k)) ?? { version: -1 };
        const won = await parallel(50, both, (one, index) => one.compareAndSet(k, version, `by ${index}`));
        expect(won.filter(Boolean)).toHaveLength(1);
        const after = await store.get(k);
        expect(after?.value).toBe(`by ${won.indexOf(true)}`);
        expect(after?.version).not.toBe(version);
      });

      it('loses no update of 20 parallel compare-and-set loops', async () => {
        const k = key('value');
        await store.create(k, '0', minute);
        await parallel(20, both, async (one) => {
          for (;;) {
            const current = await one.get(k);
            if (current === undefined) throw new Error('gone');
            if (await one.compareAndSet(k, current.version, String(Number(current.value) + 1))) return;
          }
        });
        expect((await store.get(k))?.value).toBe('20');
      });

      it('refuses to write over a missing key', async () => {
        expect(await store.compareAndSet(key('value'), 1, 'x')).toBe(false);
      });

      it('refuses a version read before the key was removed and created anew', async () => {
        const k = key('value');
        await store.create(k, 'old', minute);
        const { version } = (await store.get(k)) ?? { version: -1 };
        await store.remove(k);
        expect(await store.create(k, 'new', minute)).toBe(true);
        expect(await store.compareAndSet(k, version, 'stale')).toBe(false);
        expect((await store.get(k))?.value).toBe('new');
      });

      it('lets a key be used again after it was taken or removed', async () => {
        const k = key('value');
        await store.create(k, 'one', minute);
        expect(await store.take(k)).toBe('one');
        expect(await store.create(k, 'two', minute)).toBe(true);
        await store.remove(k);
        expect(await store.get(k)).toBeUndefined();
        expect(await store.create(k, 'three', minute)).toBe(true);
        expect(await store.take(k)).toBe('three');
      });

      it('forgets a value when its lifetime is over', async () => {
        const k = key('value');
        await store.create(k, 'short', 60);
        await fresh.elapse(90);
        expect(await store.get(k)).toBeUndefined();
        expect(await store.take(k)).toBeUndefined();
        expect(await store.compareAndSet(k, 1, 'x')).toBe(false);
        expect(await store.touch(k, minute)).toBe(false);
        expect(await store.create(k, 'again', minute)).toBe(true);
      });

      it('keeps the remaining lifetime over a write without one, and sets it where one is given', async () => {
        const [kept, extended] = [key('value'), key('value')];
        for (const k of [kept, extended]) await store.create(k, 'a', 200);
        const versions = [await store.get(kept), await store.get(extended)].map((read) => read?.version ?? -1);
        expect(await store.compareAndSet(kept, versions[0] ?? -1, 'b')).toBe(true);
        expect(await store.compareAndSet(extended, versions[1] ?? -1, 'b', minute)).toBe(true);
        await fresh.elapse(250);
        expect(await store.get(kept)).toBeUndefined();
        expect((await store.get(extended))?.value).toBe('b');
      });

      it('lengthens and shortens the lifetime of a live key only', async () => {
        const k = key('value');
        await store.create(k, 'a', 100);
        expect(await store.touch(k, minute)).toBe(true);
        await fresh.elapse(130);
        expect((await store.get(k))?.value).toBe('a');
        expect(await store.touch(k, 40)).toBe(true);
        await fresh.elapse(70);
        expect(await store.touch(k, minute)).toBe(false);
        await store.create(k, 'b', minute);
        await store.take(k);
        expect(await store.touch(k, minute)).toBe(false);
      });
    });

    describe('budgets', () => {
      it('tells that a counter is missing instead of beginning at zero (L-06)', async () => {
        expect(await store.reserve(key('pin'), 5, minute)).toEqual({ outcome: 'missing' });
      });

      it('gives exactly five of 100 parallel callers an attempt, with five different counts (L-02)', async () => {
        const k = key('pin');
        await store.seed(k, 0, minute);
        const answers = await parallel(100, both, (one) => one.reserve(k, 5, minute));
        const counts = answers.flatMap((answer) => (answer.outcome === 'taken' ? [answer.count] : []));
        expect(counts.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
        expect(answers.filter(({ outcome }) => outcome === 'exhausted')).toHaveLength(95);
      });

      it('raises a counter by seeding and never lowers it (L-04)', async () => {
        const k = key('pin');
        await store.seed(k, 3, minute);
        await store.seed(k, 1, minute);
        expect(await store.reserve(k, 5, minute)).toEqual({ outcome: 'taken', count: 4 });
        await store.seed(k, 5, minute);
        expect(await store.reserve(k, 5, minute)).toEqual({ outcome: 'exhausted' });
      });

      it('takes no more than the rest when seeding and taking happen at once', async () => {
        const k = key('pin');
        await parallel(20, both, async (one) => one.seed(k, 3, minute));
        const answers = await parallel(40, both, async (one, index) => {
          if (index % 4 === 0) await one.seed(k, 3, minute);
          return one.reserve(k, 5, minute);
        });
        expect(answers.filter(({ outcome }) => outcome === 'taken')).toHaveLength(2);
      });

      it('gives an attempt back once and never falls below zero', async () => {
        const k = key('pin');
        await store.release(k);
        await store.seed(k, 0, minute);
        await store.release(k);
        expect(await store.reserve(k, 5, minute)).toEqual({ outcome: 'taken', count: 1 });
        await store.release(k);
        expect(await store.reserve(k, 5, minute)).toEqual({ outcome: 'taken', count: 1 });
      });

      it('forgets a counter when its lifetime is over, and says so', async () => {
        const k = key('pin');
        await store.seed(k, 5, 60);
        await fresh.elapse(90);
        expect(await store.reserve(k, 5, minute)).toEqual({ outcome: 'missing' });
      });
    });

    describe('windows', () => {
      it('counts each of 50 parallel hits once', async () => {
        const k = key('rate');
        const answers = await parallel(50, both, (one) => one.hit(k, minute));
        expect(answers.map(({ count }) => count).sort((a, b) => a - b)).toEqual(
          Array.from({ length: 50 }, (_, i) => i + 1),
        );
        for (const { resetMs } of answers) expect(resetMs).toBeGreaterThan(minute - 10_000);
      });

      it('is never extended by continued traffic (T20)', async () => {
        const k = key('rate');
        const first = await store.hit(k, 300);
        await fresh.elapse(100);
        const second = await store.hit(k, 300);
        expect(second.count).toBe(2);
        expect(second.resetMs).toBeLessThan(first.resetMs);
        await fresh.elapse(230);
        expect((await store.hit(k, 300)).count).toBe(1);
      });
    });

    describe('topics', () => {
      it('tells listeners of every process, in order, until they end', async () => {
        const topic = key('order');
        const heard: string[][] = [[], []];
        const [first, second] = both as [ShortLivedStore, ShortLivedStore];
        const endFirst = await first.subscribe(topic, (message) => heard[0]?.push(message));
        const endSecond = await second.subscribe(topic, (message) => heard[1]?.push(message));
        await first.publish(topic, 'one');
        await second.publish(key('other'), 'not for us');
        await expect.poll(() => heard).toEqual([['one'], ['one']]);
        endFirst();
        endFirst();
        await first.publish(topic, 'two');
        await expect.poll(() => heard[1]).toEqual(['one', 'two']);
        expect(heard[0]).toEqual(['one']);
        endSecond();
      });

      it('keeps one listener of a topic when another of the same process ends', async () => {
        const topic = key('order');
        const heard: string[] = [];
        const listen = (message: string): void => {
          heard.push(message);
        };
        const ends = [await store.subscribe(topic, listen), await store.subscribe(topic, listen)];
        ends[0]?.();
        await store.publish(topic, 'still');
        await expect.poll(() => heard).toEqual(['still']);
        ends[1]?.();
        const again = await store.subscribe(topic, listen);
        await store.publish(topic, 'again');
        await expect.poll(() => heard).toEqual(['still', 'again']);
        again();
      });
    });

    it('finds itself usable', async () => {
      await expect(store.check()).resolves.toBeUndefined();
    });

    it('refuses a lifetime that is no number', async () => {
      await expect(store.create(key('value'), 'x', Number.NaN)).rejects.toMatchObject({ code: 'internal' });
    });
  });
}
