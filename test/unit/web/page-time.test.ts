import { describe, expect, it } from 'vitest';
import { beginPageTime, hasMore, moreTime } from '../../../src/web/login/page-time.ts';

const minute = 60_000;

describe('the time of the login page', () => {
  it('is five minutes, and five more three times: twenty in all (WCAG 2.2.1)', () => {
    let time = beginPageTime(1_000, 1_260);
    const ends = [time.endsAt];
    while (hasMore(time)) {
      time = moreTime(time);
      ends.push(time.endsAt);
    }
    expect(ends.map((end) => (end - 1_000) / minute)).toEqual([5, 10, 15, 20]);
    expect(moreTime(time)).toEqual(time);
  });

  it('goes no further than the portal’s request', () => {
    expect(beginPageTime(0, 120)).toEqual({ endsAt: 2 * minute, limitAt: 2 * minute });
    expect(hasMore(beginPageTime(0, 120))).toBe(false);
    expect(moreTime(beginPageTime(0, 400)).endsAt).toBe(400_000);
    expect(beginPageTime(7, 0).endsAt).toBe(7);
  });

  it('goes on over a reload, and takes nothing from a storage that makes no sense', () => {
    expect(beginPageTime(0, 1_200, 13 * minute).endsAt).toBe(13 * minute);
    for (const kept of [-1, 0, 1e15, Number.NaN, undefined]) {
      expect(beginPageTime(0, 1_200, kept).endsAt).toBe(5 * minute);
    }
  });
});
