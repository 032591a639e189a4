/** When the app locks itself: half a minute in the background, five minutes without the person, and at the end of the session. */
import type { Clock } from '../../clock.ts';

/** How long the app may be out of sight. */
export const backgroundMs = 30_000;

/**
 * How long the app may be left alone: as long as the server leaves a session idle (S-07). What the app asks by itself, such as what
 * waits, puts off the server's end and not this one.
 */
const idleMs = 300_000;

export interface LockOptions {
  readonly clock: Clock;
  readonly isHidden: () => boolean;
  /** Whether there is anything to lock. */
  readonly isOpen: () => boolean;
  readonly hasSession: () => Promise<boolean>;
  readonly lock: () => void;
}

/** `tick` is to be called once a second and whenever the app comes or goes, `touch` at every act of the person. */
export function createLock(options: LockOptions): { readonly tick: () => Promise<void>; readonly touch: () => void } {
  const { clock, isHidden, isOpen, hasSession, lock } = options;
  let hiddenAt: number | undefined;
  let touchedAt = clock.now();
  const touch = (): void => {
    touchedAt = clock.now();
  };
  return {
    touch,
    tick: async () => {
      // Looked at before it is forgotten: a phone that slept comes back with the time already over.
      const isOverdue = hiddenAt !== undefined && clock.now() - hiddenAt >= backgroundMs;
      hiddenAt = isHidden() ? (hiddenAt ?? clock.now()) : undefined;
      // Whoever unlocks is there, also where a finger alone does it.
      if (!isOpen()) return touch();
      if (isOverdue || clock.now() - touchedAt >= idleMs || !(await hasSession())) lock();
    },
  };
}
