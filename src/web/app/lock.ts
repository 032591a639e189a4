/** When the app locks itself: half a minute in the background, and at the end of the session. */
import type { Clock } from '../../clock.ts';

/** How long the app may be out of sight. */
export const backgroundMs = 30_000;

export interface LockOptions {
  readonly clock: Clock;
  readonly isHidden: () => boolean;
  /** Whether there is anything to lock. */
  readonly isOpen: () => boolean;
  readonly hasSession: () => Promise<boolean>;
  readonly lock: () => void;
}

/** `tick` is to be called once a second and whenever the app comes or goes. */
export function createLock(options: LockOptions): { readonly tick: () => Promise<void> } {
  const { clock, isHidden, isOpen, hasSession, lock } = options;
  let hiddenAt: number | undefined;
  return {
    tick: async () => {
      // Looked at before it is forgotten: a phone that slept comes back with the time already over.
      const isOverdue = hiddenAt !== undefined && clock.now() - hiddenAt >= backgroundMs;
      hiddenAt = isHidden() ? (hiddenAt ?? clock.now()) : undefined;
      if (!isOpen()) return;
      if (isOverdue || !(await hasSession())) lock();
    },
  };
}
