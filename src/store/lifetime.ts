/** One reading of lifetimes for both short-lived stores. */
import { AuthError } from '../errors.ts';

/** Whole milliseconds, at least one: what has just run out lives for an instant rather than for ever. Throws `internal` on NaN. */
export function lifetime(ttlMs: number): number {
  if (!Number.isFinite(ttlMs)) throw new AuthError('internal', { detail: 'a lifetime must be a finite number' });
  return Math.max(1, Math.ceil(ttlMs));
}
