/** Waiting for what a busy machine does later than vitest's own one second. */
import { vi } from 'vitest';

/** Until `check` throws no more, for at most twenty seconds; answers what it answered. */
export function soon<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 20_000 });
}
