/** Long texts in parts, and what a phone makes of them. */
import { describe, expect, it } from 'vitest';
import { partBytes, partOf } from '../../../src/orders/parts.ts';
import type { OrderListed } from '../../../src/protocol/orders.ts';
import { fetchParts } from '../../../src/sdk/parts.ts';

/** As the server gives it, to a phone that asks part after part. */
const given = (text: string) => async (part: number) => partOf(text, part) ?? Promise.reject(new Error('no such part'));
const refusal = { code: 'server_not_authentic' };

describe('a long text in parts', () => {
  it.each([1, partBytes - 1, partBytes, partBytes + 1, 3 * partBytes])('arrives whole, of %i bytes', async (length) => {
    const text = 'x'.repeat(length);
    expect(await fetchParts(given(text))).toBe(text);
    expect(partOf(text, 0)?.parts).toBe(Math.ceil(length / partBytes));
    expect(partOf(text, Math.ceil(length / partBytes))).toBeUndefined();
  });

  it('may be cut within a letter', async () => {
    const text = `x${'ü'.repeat(partBytes)}`;
    expect(await fetchParts(given(text))).toBe(text);
  });

  it('has no part of nothing', () => {
    expect(partOf('', 0)).toBeUndefined();
  });

  it('is refused by the phone where a server says ever more parts, too many, or what is no text (T-06, X-10)', async () => {
    let asked = 0;
    const growing = async (part: number): Promise<OrderListed> => {
      asked += 1;
      return { bytes: 'eA', parts: part + 2 };
    };
    await expect(fetchParts(growing)).rejects.toMatchObject(refusal);
    expect(asked).toBe(2);
    await expect(fetchParts(async () => ({ bytes: 'eA', parts: 65 }))).rejects.toMatchObject(refusal);
    await expect(fetchParts(async () => ({ bytes: '_w', parts: 1 }))).rejects.toMatchObject(refusal);
    // A second spelling of the same byte.
    await expect(fetchParts(async () => ({ bytes: 'eB', parts: 1 }))).rejects.toMatchObject(refusal);
  });
});
