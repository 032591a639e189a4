/** Encodings with one spelling, frames with fixed borders, hashes, equality. */
import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  concatBytes,
  decodeBase64url,
  decodeHex,
  encodeBase64url,
  encodeHex,
  equalBytes,
  frame,
  hmacSha256,
  sha256,
  sha512,
  tryDecodeBase64url,
  tryDecodeHex,
} from '../../../src/crypto/bytes.ts';
import { AuthError } from '../../../src/errors.ts';

const refusal = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    return error instanceof AuthError ? error.code : String(error);
  }
  return 'accepted';
};

describe('base64url', () => {
  it('brings back what it encoded', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(decodeBase64url(encodeBase64url(bytes))).toEqual(bytes);
      }),
    );
  });

  it('has one spelling for any bytes: every text that decodes is the one that encodes (P-23)', () => {
    const characters = fc.constantFrom(...'AQgwBCfz019_-=+/ \n.');
    fc.assert(
      fc.property(fc.string({ unit: characters, maxLength: 12 }), (text) => {
        const bytes = tryDecodeBase64url(text);
        if (bytes !== undefined) expect(encodeBase64url(bytes)).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  it.each(['AA==', 'AA=', 'A A', 'AA\n', ' AA', 'AB', 'AAB', 'A', 'AAAAA', 'A+', 'A/', 'AA.', 'ÄA', 'AA\0'])(
    'refuses %j',
    (text) => {
      expect(tryDecodeBase64url(text)).toBeUndefined();
      expect(refusal(() => decodeBase64url(text))).toBe('invalid_request');
    },
  );

  it('takes text as UTF-8', () => {
    expect(encodeBase64url('é')).toBe('w6k');
  });
});

describe('hex', () => {
  it('brings back what it encoded, at the told width', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(tryDecodeHex(encodeHex(bytes), bytes.length)).toEqual(bytes);
        expect(tryDecodeHex(encodeHex(bytes), bytes.length + 1)).toBeUndefined();
      }),
    );
  });

  it.each(['', 'aaa', 'aaaaa', 'AAAA', 'aa a', 'aag0', '0xaa', '-aaa', 'aaa\n'])(
    'refuses %j where two bytes are expected',
    (text) => {
      expect(tryDecodeHex(text, 2)).toBeUndefined();
      expect(refusal(() => decodeHex(text, 2))).toBe('invalid_request');
    },
  );
});

describe('frames', () => {
  it('keep the borders between their parts: no two lists of parts share a frame', () => {
    const part = fc.oneof(fc.string({ maxLength: 6 }), fc.constantFrom('', '\0', '\0\0\0\u0001', 'a', 'ab'));
    const parts = fc.array(part, { maxLength: 4 });
    fc.assert(
      fc.property(parts, parts, (left, right) => {
        const isSame = JSON.stringify(left) === JSON.stringify(right);
        fc.pre([...left, ...right].every((text) => !/\p{Surrogate}/u.test(text)));
        expect(equalBytes(frame(left), frame(right))).toBe(isSame);
      }),
      { numRuns: 1000 },
    );
    expect(frame(['a', 'bc'])).not.toEqual(frame(['ab', 'c']));
  });

  it('are lengths in four bytes, big-endian, each before its part; text as UTF-8', () => {
    expect(encodeHex(frame(['é', Uint8Array.of(255), '']))).toBe('00000002c3a900000001ff00000000');
  });

  it('of a part that is a view into a larger buffer hold that part alone', () => {
    const view = new Uint8Array([9, 9, 1, 2, 9]).subarray(2, 4);
    expect(encodeHex(frame([view]))).toBe('000000020102');
    expect(encodeHex(concatBytes([view, view]))).toBe('01020102');
  });
});

it('compares bytes, and takes other lengths for unequal (C-16)', () => {
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
  expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 0))).toBe(false);
  expect(equalBytes(new Uint8Array(0), new Uint8Array(0))).toBe(true);
});

it('hashes like the platform', () => {
  expect(encodeHex(sha256('abc'))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  expect(encodeHex(sha512(Uint8Array.of(1)))).toBe(createHash('sha512').update(Uint8Array.of(1)).digest('hex'));
  const key = new Uint8Array(32).fill(3);
  expect(encodeHex(hmacSha256(key, 'text'))).toBe(createHmac('sha256', key).update('text').digest('hex'));
});
