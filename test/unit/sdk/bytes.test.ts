/** Base64url has one spelling for the same bytes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBase64url, isBase64url } from '../../../src/sdk/bytes.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const isSpeltOnce = (text: string): boolean => Buffer.from(text, 'base64url').toString('base64url') === text;

describe('base64url of the SDK', () => {
  it('takes the one spelling of some bytes, and no other text, whatever it ends with (T-04)', () => {
    for (const last of alphabet) {
      for (const before of ['', 'A', 'Ab', 'Abc', 'Abc_', 'Abc_d']) {
        expect(isBase64url(before + last), before + last).toBe(isSpeltOnce(before + last));
      }
    }
    for (const odd of ['=', 'AA==', 'AA=', 'A A', 'AAA\n', 'AA+/', 'ÄÄ', 'AAAA.', ' ']) {
      expect(fromBase64url(odd), JSON.stringify(odd)).toBeUndefined();
    }
  });

  it('gives back the bytes that were written', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(fromBase64url(Buffer.from(bytes).toString('base64url'))).toEqual(new Uint8Array(bytes));
      }),
    );
  });
});
