/** What is kept is bounded, and what is asked for again and again stays. */
import { expect, it } from 'vitest';
import { keep } from '../../../src/sdk/kept.ts';

it('keeps so many and no more: what was asked for longest ago goes, so that strangers’ keys do not drive out the server’s', () => {
  const kept = keep<number>(3);
  kept.set('server', 0);
  for (let phone = 1; phone <= 50; phone += 1) {
    kept.set(`phone ${phone}`, phone);
    expect(kept.get('server')).toBe(0);
  }
  const left = Array.from({ length: 50 }, (_, index) => kept.get(`phone ${index + 1}`)).filter(Boolean);
  expect(left).toEqual([49, 50]);
  kept.set('phone 50', 51);
  expect([kept.get('phone 50'), kept.get('phone 49'), kept.get('server')]).toEqual([51, 49, 0]);
});
