/** What people type, as digits. */
import { describe, expect, it } from 'vitest';
import { digitsOf } from '../../../../src/web/app/digits.ts';
import { caretBehind, groupDigits } from '../../../../src/web/app/typed.ts';

describe('digits as people enter them', () => {
  it('are those of every keyboard, and nothing else', () => {
    expect(digitsOf(' 12-34\u00a056.78 ')).toBe('12345678');
    expect(digitsOf('٠١٢٣٤٥٦٧٨٩')).toBe('0123456789');
    expect(digitsOf('۰۱۲۳۴۵۶۷۸۹')).toBe('0123456789');
    expect(digitsOf('１２３')).toBe('123');
    expect(digitsOf('abc ½ ໑ 𝟎 \u202e')).toBe('120');
  });
});

describe('a short code while it is typed', () => {
  it('stands in groups of four, at most twelve digits', () => {
    expect(['', '1', '1234', '12345', '123456789012', '12345678901234'].map(groupDigits)).toEqual([
      '',
      '1',
      '1234',
      '1234 5',
      '1234 5678 9012',
      '1234 5678 9012',
    ]);
  });

  it('leaves the caret behind the digit that it was behind', () => {
    for (let digits = 0; digits <= 14; digits += 1) {
      const grouped = groupDigits('1'.repeat(digits));
      expect(caretBehind(digits), String(digits)).toBe(grouped.length);
    }
  });
});
