/** What is too long for one reply of the app protocol is given in parts (docs/protocol.md §8). */
import { encodeBase64url } from '../crypto/bytes.ts';
import type { OrderListed } from '../protocol/orders.ts';

/** In bytes: with both its encodings a part stays far below what the SDK takes as one reply. */
export const partBytes = 196_608;

/** One part of a text, counted from 0; undefined where there is no such part. */
export function partOf(text: string, part: number): OrderListed | undefined {
  const bytes = Buffer.from(text);
  const slice = bytes.subarray(part * partBytes, (part + 1) * partBytes);
  if (slice.length === 0) return undefined;
  return { bytes: encodeBase64url(slice), parts: Math.ceil(bytes.length / partBytes) };
}
