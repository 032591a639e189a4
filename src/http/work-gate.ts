/** Bounds how much expensive work (private-key operations, modular exponentiation) is under way at once (L-16). */
import { AuthError } from '../errors.ts';

export interface WorkGate {
  /** Runs `work` when there is room; throws `unavailable` at once where the queue is full, and after `waitMs` in it. */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** How many run and how many wait. */
  load(): { readonly running: number; readonly waiting: number };
}

export interface WorkGateOptions {
  readonly maxRunning: number;
  readonly maxWaiting: number;
  /** How long a caller waits before being told to come again. */
  readonly waitMs: number;
}

/** First come, first served. */
export function createWorkGate({ maxRunning, maxWaiting, waitMs }: WorkGateOptions): WorkGate {
  let running = 0;
  const queue: { readonly start: () => void }[] = [];

  const leave = (): void => {
    running -= 1;
    queue.shift()?.start();
  };

  const enter = (): Promise<void> => {
    if (running < maxRunning) {
      running += 1;
      return Promise.resolve();
    }
    // A full queue means that whoever joins it would be answered too late: refusing now keeps those inside fast.
    if (queue.length >= maxWaiting) return Promise.reject(overloaded('the queue is full'));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        queue.splice(queue.indexOf(entry), 1);
        reject(overloaded(`waited ${waitMs} ms`));
      }, waitMs);
      const entry = {
        start: () => {
          clearTimeout(timer);
          running += 1;
          resolve();
        },
      };
      queue.push(entry);
    });
  };

  return {
    run: async (work) => {
      await enter();
      try {
        return await work();
      } finally {
        leave();
      }
    },
    load: () => ({ running, waiting: queue.length }),
  };
}

function overloaded(why: string): AuthError {
  return new AuthError('unavailable', { detail: `too much work under way: ${why}` });
}
