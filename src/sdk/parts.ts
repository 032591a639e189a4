/** What is too long for one reply comes in parts (protocol §8): each is asked for by its number, and all of them joined are the text. */
import type { OrderListed } from '../protocol/orders.ts';
import { type Bytes, fromBase64url, fromUtf8 } from './bytes.ts';
import { PhoneError } from './errors.ts';

/** More than the longest text that a server gives can have: a hostile one cannot keep a phone asking. */
const maxParts = 64;

/** All parts, as one text. Throws, like {@link fetchBytes}, and for what is not text. */
export async function fetchParts(fetchPart: (part: number) => Promise<OrderListed>): Promise<string> {
  const bytes = await fetchBytes(fetchPart);
  try {
    return fromUtf8(bytes);
  } catch (cause) {
    throw notReadable('it is not text', cause);
  }
}

/**
 * All parts, joined. Throws `server_not_authentic` for more parts than there can be, and where the number of them changes on the way. What
 * it is, the caller judges: whoever swaps two parts makes something else.
 */
export async function fetchBytes(fetchPart: (part: number) => Promise<OrderListed>): Promise<Bytes> {
  const chunks: Uint8Array[] = [];
  let parts = 1;
  for (let part = 0; part < parts; part += 1) {
    const listed = await fetchPart(part);
    const bytes = fromBase64url(listed.bytes);
    const isExpected = listed.parts <= maxParts && (part === 0 || listed.parts === parts);
    if (bytes === undefined || !isExpected) throw notReadable('its parts do not fit together');
    chunks.push(bytes);
    parts = listed.parts;
  }
  return joined(chunks);
}

function joined(chunks: readonly Uint8Array[]): Bytes {
  const bytes = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function notReadable(why: string, cause?: unknown): PhoneError {
  return new PhoneError('server_not_authentic', { detail: `what comes in parts: ${why}`, cause });
}
