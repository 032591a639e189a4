/** The bound on expensive work. */
import { describe, expect, it } from 'vitest';
import { AuthError } from '../../../src/errors.ts';
import { createWorkGate } from '../../../src/http/work-gate.ts';

/** Work that ends when told. */
function held() {
  const { promise, resolve } = withResolvers();
  return { work: () => promise, finish: resolve };
}

function withResolvers() {
  let resolve: (value: string) => void = () => undefined;
  const promise = new Promise<string>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

describe('the work gate', () => {
  it('never runs more than its bound, queues the next, and refuses at once when the queue is full (L-16)', async () => {
    const gate = createWorkGate({ maxRunning: 2, maxWaiting: 1, waitMs: 60_000 });
    const [first, second, third] = [held(), held(), held()];
    const results = [first, second, third].map(({ work }) => gate.run(work));
    expect(gate.load()).toEqual({ running: 2, waiting: 1 });
    await expect(gate.run(async () => 'never')).rejects.toMatchObject({ code: 'unavailable' });
    first.finish('1');
    second.finish('2');
    third.finish('3');
    await expect(Promise.all(results)).resolves.toEqual(['1', '2', '3']);
    expect(gate.load()).toEqual({ running: 0, waiting: 0 });
  });

  it('gives its place back when work throws', async () => {
    const gate = createWorkGate({ maxRunning: 1, maxWaiting: 0, waitMs: 60_000 });
    for (let round = 0; round < 3; round += 1) {
      await expect(gate.run(() => Promise.reject(new AuthError('conflict')))).rejects.toMatchObject({
        code: 'conflict',
      });
    }
    await expect(gate.run(async () => 'in')).resolves.toBe('in');
  });

  it('lets nobody wait for ever', async () => {
    const gate = createWorkGate({ maxRunning: 1, maxWaiting: 5, waitMs: 1 });
    const first = held();
    const running = gate.run(first.work);
    await expect(gate.run(async () => 'late')).rejects.toMatchObject({ code: 'unavailable' });
    expect(gate.load()).toEqual({ running: 1, waiting: 0 });
    first.finish('1');
    await running;
  });
});
