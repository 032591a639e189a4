/** Bytes and their text forms: strict base64url and hex, hashes, unambiguous framing, constant-time equality. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { AuthError } from '../errors.ts';

/** Lengths 1 mod 4 cannot come from whole bytes. */
const base64urlPattern = /^[A-Za-z0-9_-]*$/;
const hexPattern = /^[0-9a-f]*$/;

/** Base64url without padding (RFC 7515 §2). Text is taken as UTF-8. */
export function encodeBase64url(bytes: string | Uint8Array): string {
  return asBuffer(bytes).toString('base64url');
}

/**
 * Decodes canonical base64url only: no padding, no white space, no foreign characters, no set bits after the last byte.
 * Throws `invalid_request`. One byte string has exactly one accepted text, so texts can be compared and replay keys built on them.
 */
export function decodeBase64url(text: string): Uint8Array {
  const bytes = tryDecodeBase64url(text);
  if (bytes === undefined) {
    throw new AuthError('invalid_request', { message: 'a value is not canonical base64url' });
  }
  return bytes;
}

/** Like {@link decodeBase64url}, but answers `undefined` where the text is not canonical. */
export function tryDecodeBase64url(text: string): Uint8Array | undefined {
  if (!base64urlPattern.test(text) || text.length % 4 === 1) return undefined;
  const buffer = Buffer.from(text, 'base64url');
  // Refuses "AB" for the byte that is written "AA": a second spelling of the same bytes would pass a replay check.
  if (buffer.toString('base64url') !== text) return undefined;
  return new Uint8Array(buffer);
}

/** Lower-case hex, two digits for each byte. */
export function encodeHex(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('hex');
}

/**
 * Decodes exactly `2 * width` lower-case hex digits to `width` bytes; `undefined` for anything else. Signs, spaces, upper case and
 * odd lengths, which `Buffer.from(text, 'hex')` lets pass or drops, are refused.
 */
export function tryDecodeHex(text: string, width: number): Uint8Array | undefined {
  if (typeof text !== 'string' || text.length !== 2 * width || !hexPattern.test(text)) return undefined;
  return new Uint8Array(Buffer.from(text, 'hex'));
}

/** Like {@link tryDecodeHex}, but throws `invalid_request` where the text does not fit. `name` is told to the caller. */
export function decodeHex(text: string, width: number, name = 'a value'): Uint8Array {
  const bytes = tryDecodeHex(text, width);
  if (bytes === undefined) {
    throw new AuthError('invalid_request', { message: `${name} must be ${2 * width} lower-case hex digits` });
  }
  return bytes;
}

/**
 * Whether two byte strings are equal, in a time that does not depend on where they differ (C-16: no byte-by-byte guessing of
 * proofs and tokens). Different lengths are told apart at once: lengths are not secret here.
 */
export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}

/** SHA-256, 32 bytes. Text is taken as UTF-8. */
export function sha256(data: string | Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(data).digest());
}

/** SHA-512, 64 bytes. Text is taken as UTF-8. */
export function sha512(data: string | Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha512').update(data).digest());
}

/** HMAC-SHA-256, 32 bytes. Text is taken as UTF-8. */
export function hmacSha256(key: Uint8Array, data: string | Uint8Array): Uint8Array {
  return new Uint8Array(createHmac('sha256', key).update(data).digest());
}

/** HMAC-SHA-512 as base64url: twice as fast as the bytes, which Node gives out in a buffer of their own. */
export function hmacSha512Text(key: Uint8Array, data: Uint8Array): string {
  return createHmac('sha512', key).update(data).digest('base64url');
}

/**
 * Joins parts so that the border between them cannot be moved: each part follows its length in four bytes, big-endian.
 * `frame(['a', 'bc'])` and `frame(['ab', 'c'])` differ, which stops one signed or hashed statement passing as another.
 */
export function frame(parts: readonly (string | Uint8Array)[]): Uint8Array {
  const buffers = parts.map(asBuffer);
  const framed = new Uint8Array(buffers.reduce((sum, part) => sum + 4 + part.length, 0));
  const view = new DataView(framed.buffer);
  let offset = 0;
  for (const part of buffers) {
    view.setUint32(offset, part.length);
    framed.set(part, offset + 4);
    offset += 4 + part.length;
  }
  return framed;
}

/** Joins byte strings end to end. Only for parts of fixed length; use {@link frame} otherwise. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** A view, not a copy, of bytes; text as UTF-8. */
function asBuffer(bytes: string | Uint8Array): Buffer {
  if (typeof bytes === 'string') return Buffer.from(bytes, 'utf8');
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
