/** A clock that tests set and move. */
import type { Clock } from '../src/clock.ts';

export interface TestClock extends Clock {
  /** Moves the time forward. */
  advance(milliseconds: number): void;
}

/** Starts at a fixed instant, 2026-11-20T12:00:00Z unless told otherwise. */
export function fixedClock(start = Date.UTC(2026, 10, 20, 12)): TestClock {
  let time = start;
  return {
    now: () => time,
    advance: (milliseconds) => {
      time += milliseconds;
    },
  };
}
