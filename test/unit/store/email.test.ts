/** The form in which e-mail addresses are compared. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalEmail } from '../../../src/store/users.ts';

describe('the canonical form of an e-mail address', () => {
  it('is its own canonical form (T14)', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const once = canonicalEmail(text);
        expect(canonicalEmail(once)).toBe(once);
      }),
      { numRuns: 2000 },
    );
  });

  it('keeps different addresses apart', () => {
    const addresses = ['a@example.com', 'b@example.com', 'a@example.org', 'a.b@example.com', 'a+b@example.com'];
    expect(new Set(addresses.map(canonicalEmail)).size).toBe(addresses.length);
  });
});
