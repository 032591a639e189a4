/** Random ids, tokens and codes: form, length, alphabet. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  activationCode,
  confirmationCode,
  normaliseActivationCode,
  randomId,
  randomToken,
} from '../../../src/crypto/random.ts';

it('makes ids of a prefix and 128 bits, none twice in 10,000 (P-01)', () => {
  const ids = Array.from({ length: 10_000 }, () => randomId('ord'));
  for (const id of ids) expect(id).toMatch(/^ord_[A-Za-z0-9_-]{22}$/);
  expect(new Set(ids).size).toBe(10_000);
});

it('makes ids whose bytes are evenly spread: chi-squared over 160,000 bytes (P-01)', () => {
  const counts = Array.from({ length: 256 }, () => 0);
  for (let made = 0; made < 10_000; made += 1) {
    for (const byte of Buffer.from(randomId('x').slice(2), 'base64url')) counts[byte] = (counts[byte] ?? 0) + 1;
  }
  const expected = 160_000 / 256;
  const chiSquared = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  // 255 degrees of freedom: beyond 420 once in 10^9 runs; a byte without its upper bit gives 160,000.
  expect(chiSquared).toBeLessThan(420);
});

it('makes tokens of 32 bytes unless told otherwise (S-04)', () => {
  expect(Buffer.from(randomToken(), 'base64url')).toHaveLength(32);
  expect(Buffer.from(randomToken(16), 'base64url')).toHaveLength(16);
  expect(randomToken()).toMatch(/^[A-Za-z0-9_-]{43}$/);
});

describe('activation codes', () => {
  it('have 24 Crockford characters, 120 bits, in groups of four (R-02)', () => {
    const codes = Array.from({ length: 2000 }, activationCode);
    for (const code of codes) expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){5}[0-9A-HJKMNP-TV-Z]{4}$/);
    expect(new Set(codes).size).toBe(2000);
    // All 32 characters occur at all 24 places: no bit is stuck.
    for (let place = 0; place < 24; place += 1) {
      expect(new Set(codes.map((code) => code.replaceAll('-', '').charAt(place))).size).toBe(32);
    }
  });

  it('are recognised however a person types them', () => {
    const code = activationCode();
    const plain = code.replaceAll('-', '');
    const spellings = [
      code,
      plain,
      code.toLowerCase(),
      code.replaceAll('-', ' '),
      ` ${code}\n`,
      plain.split('').join(' '),
    ];
    for (const text of spellings) expect(normaliseActivationCode(text)).toBe(plain);
    expect(normaliseActivationCode('oOiI-lL01-0000-0000-0000-0000')).toBe('001111010000000000000000');
  });

  it.each([
    '',
    '0000',
    '0'.repeat(23),
    '0'.repeat(25),
    `U${'0'.repeat(23)}`,
    `!${'0'.repeat(23)}`,
    `${'0'.repeat(24)}${' '.repeat(100)}`,
  ])('are not recognised in %j', (text) => {
    expect(normaliseActivationCode(text)).toBeUndefined();
  });

  it('stay what they are when normalised twice', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (text) => {
        const code = normaliseActivationCode(text);
        if (code !== undefined) expect(normaliseActivationCode(code)).toBe(code);
      }),
    );
  });
});

it('makes confirmation codes of eight digits, with leading zeros where they fall (R-02)', () => {
  const codes = Array.from({ length: 2000 }, confirmationCode);
  for (const code of codes) expect(code).toMatch(/^\d{8}$/);
  for (let place = 0; place < 8; place += 1) expect(new Set(codes.map((code) => code[place])).size).toBe(10);
});
