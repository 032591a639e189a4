/** The time that the page goes on for: five minutes, and five more whenever its reader asks, up to twenty. */

/** Milliseconds of `performance.timeOrigin + performance.now()`, which go on over a reload. */
export interface PageTime {
  readonly endsAt: number;
  /** No asking goes further than this. */
  readonly limitAt: number;
}

const stepMs = 300_000;
const longestMs = 1_200_000;
/** Less than this is not worth a button. */
const leastMs = 5_000;

/** The time of a page that begins at `now`: no longer than the portal's request lets it be. `keptEnd` is what a page before it, as before a reload, was left with. */
export function beginPageTime(now: number, secondsToLimit: number, keptEnd?: number): PageTime {
  const limitAt = now + Math.min(secondsToLimit * 1000, longestMs);
  const wanted = keptEnd !== undefined && keptEnd > now && keptEnd <= limitAt ? keptEnd : now + stepMs;
  return { endsAt: Math.min(wanted, limitAt), limitAt };
}

/** Five minutes more, or what is left of them. */
export function moreTime({ endsAt, limitAt }: PageTime): PageTime {
  return { endsAt: Math.min(endsAt + stepMs, limitAt), limitAt };
}

/** Whether asking would give anything. */
export function hasMore({ endsAt, limitAt }: PageTime): boolean {
  return endsAt + leastMs < limitAt;
}
