/** One reading of a JSON text, or none (P-28). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStrictJson, parseStrictObject } from '../../../src/crypto/strict-json.ts';
import { AuthError } from '../../../src/errors.ts';

const refusal = (source: string | Uint8Array, options = {}): string => {
  try {
    parseStrictJson(source, options);
  } catch (error) {
    if (error instanceof AuthError && error.code === 'invalid_request') return error.publicMessage ?? '';
    throw error;
  }
  return 'accepted';
};

const hasForbidden = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  Object.entries(value).some(
    ([name, inner]) => ['__proto__', 'constructor', 'prototype'].includes(name) || hasForbidden(inner),
  );

describe('what it accepts', () => {
  it('is what JSON.parse reads, from text and from bytes, with any white space', () => {
    const json = fc.json({ maxDepth: 6, stringUnit: 'binary' });
    fc.assert(
      fc.property(json, fc.constantFrom(undefined, 1, '\t', ' \n\r'), (text, space) => {
        const value: unknown = JSON.parse(text);
        fc.pre(!hasForbidden(value));
        const spaced = JSON.stringify(value, null, space);
        fc.pre(!numbersAreUnsafe(value));
        expect(parseStrictJson(spaced)).toEqual(value);
        expect(parseStrictJson(new TextEncoder().encode(spaced))).toEqual(value);
      }),
      { numRuns: 1000 },
    );
  });

  it('is never what JSON.parse refuses, and never read otherwise', () => {
    const pieces = fc.constantFrom(
      ...'{}[]",:\\u0041bntf',
      'true',
      'null',
      '1',
      '-',
      '.5',
      'e1',
      '0',
      ' ',
      '"a"',
      '"a":1',
      '\u0001',
      '\\ud83d',
    );
    fc.assert(
      fc.property(fc.string({ unit: pieces, maxLength: 12 }), (text) => {
        let value: unknown;
        try {
          value = parseStrictJson(text);
        } catch (error) {
          expect(error).toBeInstanceOf(AuthError);
          return;
        }
        expect(value).toEqual(JSON.parse(text));
      }),
      { numRuns: 5000 },
    );
  });

  it('makes plain objects', () => {
    const value = parseStrictObject('{"a":{"b":[1,{}]}}');
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value)).toEqual(['a']);
  });

  it('has escapes and pairs of surrogates decoded', () => {
    expect(parseStrictJson('"\\u0041\\n\\/\\ud83d\\ude00\u{1f600}"')).toBe('A\n/\u{1f600}\u{1f600}');
  });
});

function numbersAreUnsafe(value: unknown): boolean {
  if (typeof value === 'number') return Number.isInteger(value) && !Number.isSafeInteger(value);
  return typeof value === 'object' && value !== null && Object.values(value).some(numbersAreUnsafe);
}

describe('what it refuses, saying what and where (P-28)', () => {
  it.each([
    ['{"a":1,"a":1}', 'JSON: the member occurs twice at "/a" (character 8)'],
    ['{"a":1,"\\u0061":2}', 'JSON: the member occurs twice at "/a" (character 8)'],
    ['{"x":[{"b":1,"b":2}]}', 'JSON: the member occurs twice at "/x/0/b" (character 14)'],
    ['{"a":{"__proto__":{}}}', 'JSON: a member of this name is not allowed at "/a/__proto__" (character 7)'],
    ['{"__pro\\u0074o__":{}}', 'JSON: a member of this name is not allowed at "/__proto__" (character 2)'],
    ['{"constructor":{"prototype":{}}}', 'JSON: a member of this name is not allowed at "/constructor" (character 2)'],
    ['{"prototype":1}', 'JSON: a member of this name is not allowed at "/prototype" (character 2)'],
    ['{} {}', 'JSON: nothing may follow the value (character 4)'],
    ['{}x', 'JSON: nothing may follow the value (character 3)'],
    ['\uFEFF{}', 'JSON: a byte order mark is not allowed (character 1)'],
    ['"\\ud800"', 'JSON: the string has a lone surrogate (character 1)'],
    ['{"a":"\ud800"}', 'JSON: the string has a lone surrogate at "/a" (character 6)'],
    ['{"\\udc00":1}', 'JSON: the string has a lone surrogate (character 2)'],
    ['[9007199254740993]', 'JSON: the number is out of range at "/0" (character 2)'],
    ['1e999', 'JSON: the number is out of range (character 1)'],
    ['', 'JSON: the text ends too soon (character 1)'],
    ['[1,]', 'JSON: a value is expected at "/1" (character 4)'],
    ['{"a":1,}', 'JSON: a member name in double quotes is expected (character 8)'],
    ["{'a':1}", 'JSON: a member name in double quotes is expected (character 2)'],
    ['{"a" 1}', 'JSON: ":" is expected at "/a" (character 6)'],
    ['[1 2]', 'JSON: "]" is expected (character 4)'],
    ['"abc', 'JSON: the string does not end (character 1)'],
    ['"a\nb"', 'JSON: a control character must be escaped (character 3)'],
    ['"\\x41"', 'JSON: an unknown escape (character 3)'],
    ['"\\u12g4"', 'JSON: four hex digits are expected (character 4)'],
    ['01', 'JSON: nothing may follow the value (character 2)'],
    ['+1', 'JSON: a value is expected (character 1)'],
    ['.5', 'JSON: a value is expected (character 1)'],
    ['NaN', 'JSON: a value is expected (character 1)'],
    ['tru', 'JSON: a value is expected (character 1)'],
    ['\u00a01', 'JSON: a value is expected (character 1)'],
    ['// comment', 'JSON: a value is expected (character 1)'],
  ])('%j', (text, message) => {
    expect(refusal(text)).toBe(message);
  });

  it('nesting deeper than 16, or than told; 10,000 levels do no harm (X-10)', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    expect(refusal(nested(16))).toBe('accepted');
    expect(refusal(nested(17))).toContain('deeper than 16');
    expect(refusal(nested(10_000))).toContain('deeper than 16');
    expect(refusal('{"a":'.repeat(10_000))).toContain('deeper than 16');
    expect(refusal('[[]]', { maxDepth: 1 })).toContain('deeper than 1');
  });

  it('bytes that are not UTF-8, overlong forms and encoded surrogates among them', () => {
    for (const bytes of [
      [0x22, 0xff, 0x22],
      [0x22, 0xc0, 0xaf, 0x22],
      [0x22, 0xed, 0xa0, 0x80, 0x22],
      [0x22, 0xc3, 0x22],
    ]) {
      expect(refusal(Uint8Array.from(bytes))).toBe('JSON: the text is not valid UTF-8');
    }
    expect(refusal(Uint8Array.of(0xef, 0xbb, 0xbf, 0x31))).toContain('byte order mark');
  });

  it('anything but an object where one is expected', () => {
    for (const text of ['[]', 'null', '1', '"a"'])
      expect(() => parseStrictObject(text)).toThrow('an object is expected');
  });

  it('without repeating values of the text, and member names shortened', () => {
    expect(refusal('{"pin":"12345","pin":"67890"}')).not.toMatch(/12345|67890/);
    expect(refusal(`{"${'n'.repeat(5000)}":tru}`).length).toBeLessThan(120);
  });
});

it('leaves no prototype polluted', () => {
  refusal('{"__proto__":{"polluted":true}}');
  refusal('{"constructor":{"prototype":{"polluted":true}}}');
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

describe('a text of very many values', () => {
  const texts = {
    'an array of numbers': `[${'1,'.repeat(20_000)}1]`,
    'empty arrays': `[${'[],'.repeat(20_000)}[]]`,
    members: `{${Array.from({ length: 20_001 }, (_, index) => `"k${index}":1`).join(',')}}`,
  };

  it.each(Object.entries(texts))('is refused before all of it was read: %s (X-10)', (_, text) => {
    // Not even JSON from there on: who refuses it so has not read it.
    const unread = `${text.slice(0, -1)},?`;
    expect(refusal(unread)).toContain('there are more than 20000 values');
    expect(refusal(text, { maxValues: 20_002 })).toBe('accepted');
  });
});
