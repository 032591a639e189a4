/** Bytes, text forms, hashes and framing over WebCrypto: what browsers, React Native and Node have in common. */
import { base64url } from 'jose';

/** Bytes in a buffer of their own, as WebCrypto takes them. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** UTF-8. */
export function utf8(text: string): Bytes {
  return new Uint8Array(new TextEncoder().encode(text));
}

/** Strict UTF-8: throws on bytes that are not. */
export function fromUtf8(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}

/** Base64url without padding. */
export function toBase64url(bytes: Uint8Array): string {
  return base64url.encode(bytes);
}

/**
 * Whether it is canonical base64url: no padding, white space or foreign characters, and no second spelling of the same bytes, whose last
 * character would hold bits that stand for nothing.
 */
export function isBase64url(text: string): boolean {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return false;
  const lasts = [undefined, '', 'AQgw', 'AEIMQUYcgkosw048'][text.length % 4];
  return lasts === undefined || lasts.includes(text.at(-1) ?? '.');
}

/** Decodes canonical base64url; `undefined` for everything else, as {@link isBase64url} judges it. */
export function fromBase64url(text: string): Bytes | undefined {
  return isBase64url(text) ? new Uint8Array(base64url.decode(text)) : undefined;
}

/** Lower-case hex to bytes; the caller has checked the digits. */
export function fromHex(hex: string): Bytes {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** `count` bytes from the platform's random source (C-15). */
export function randomBytes(count: number): Bytes {
  return globalThis.crypto.getRandomValues(new Uint8Array(count));
}

/** SHA-256, 32 bytes. Text is taken as UTF-8. */
export async function sha256(data: string | Bytes): Promise<Bytes> {
  return new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', asBytes(data)));
}

/** Base64url SHA-256, the form in which hashes travel. */
export async function hashText(data: string | Bytes): Promise<string> {
  return toBase64url(await sha256(data));
}

/** SHA-512, 64 bytes. */
export async function sha512(data: Bytes): Promise<Bytes> {
  return new Uint8Array(await globalThis.crypto.subtle.digest('SHA-512', data));
}

/** HKDF with SHA-512 (RFC 5869); `info` is ASCII, the result `length` bytes. */
export async function hkdfSha512(
  secret: Bytes,
  options: { readonly salt: Bytes; readonly info: string; readonly length: number },
): Promise<Bytes> {
  const key = await globalThis.crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits']);
  const { salt, length } = options;
  const parameters = { name: 'HKDF', hash: 'SHA-512', salt, info: utf8(options.info) };
  return new Uint8Array(await globalThis.crypto.subtle.deriveBits(parameters, key, length * 8));
}

/** Every part after its length in four bytes, big-endian (protocol §1): no border can be moved. */
export function frame(parts: readonly (string | Bytes)[]): Bytes {
  const chunks = parts.map(asBytes);
  const framed = new Uint8Array(chunks.reduce((sum, chunk) => sum + 4 + chunk.length, 0));
  const view = new DataView(framed.buffer);
  let offset = 0;
  for (const chunk of chunks) {
    view.setUint32(offset, chunk.length);
    framed.set(chunk, offset + 4);
    offset += 4 + chunk.length;
  }
  return framed;
}

function asBytes(data: string | Bytes): Bytes {
  return typeof data === 'string' ? utf8(data) : data;
}
