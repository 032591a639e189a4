/** What a document says is what stands on the screen. */
import { describe, expect, it } from 'vitest';
import { readable } from '../../../../src/web/app/document.ts';

describe('The text of a document', () => {
  it('turns nothing about and hides nothing: what could is shown by its number (T-01, T-05)', () => {
    for (const [hidden, shown] of [
      ['pay to \u202e5412\u202c now', 'pay to [U+202E]5412[U+202C] now'],
      ['\u2067one\u2069 \u2066two\u2069', '[U+2067]one[U+2069] [U+2066]two[U+2069]'],
      ['a\u0000b\u001b[2Jc\u0085d', 'a[U+0000]b[U+001B][2Jc[U+0085]d'],
      ['no\u{e0074}te\u2062', 'no[U+E0074]te[U+2062]'],
    ] as const) {
      expect(readable(hidden)).toBe(shown);
    }
  });

  it('stays as people write it: lines, tabs, joiners and marks of direction', () => {
    const written =
      'One\r\n\ttwo\n\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u200f(1)\u200e so\u00adft \u{1f469}\u200d\u{1f4bb}';
    expect(readable(written)).toBe(written);
  });
});
