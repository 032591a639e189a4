/** Identifiers, tokens and one-time codes, all from the operating system's random source (C-15). */
import { randomBytes, randomInt } from 'node:crypto';

/** Crockford's base32: no I, L, O, U, so that a code read aloud or from paper has one meaning. */
const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const activationCodePattern = /^[0-9A-HJKMNP-TV-Z]{24}$/;

/** `prefix_` and 22 base64url characters: 128 random bits (P-01). */
export function randomId(prefix: string): string {
  return `${prefix}_${randomBytes(16).toString('base64url')}`;
}

/** A bearer secret of `bytes` random bytes (32 unless told) as base64url. */
export function randomToken(bytes = 32): string {
  return randomBytes(bytes).toString('base64url');
}

/** A one-time activation code: 120 random bits as 24 characters in groups of four, `XXXX-XXXX-XXXX-XXXX-XXXX-XXXX`. */
export function activationCode(): string {
  const characters = toCrockford(randomBytes(15));
  return (characters.match(/.{4}/g) ?? []).join('-');
}

/**
 * The 24 characters of an activation code as a person typed it: any case, spaces and dashes anywhere, O for 0, I or L for 1.
 * `undefined` where the text cannot be an activation code. Hash and compare this form only.
 */
export function normaliseActivationCode(text: string): string | undefined {
  // Longer than any sensible typing of 24 characters: not worth the work of looking at it.
  if (text.length > 100) return undefined;
  const code = text.replace(/[\s-]/g, '').toUpperCase().replaceAll('O', '0').replace(/[IL]/g, '1');
  return activationCodePattern.test(code) ? code : undefined;
}

/** A confirmation code for the second channel: eight decimal digits, each code equally likely. A string: it may begin with 0. */
export function confirmationCode(): string {
  return randomInt(100_000_000).toString().padStart(8, '0');
}

/** A short code that names an order: twelve decimal digits, each code equally likely. A string: it may begin with 0. */
export function typedCode(): string {
  return randomInt(1_000_000_000_000).toString().padStart(12, '0');
}

/** Five bits for each character, first bit first; `bytes.length` is a multiple of five. */
function toCrockford(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += crockford.charAt((held >> bits) & 31);
    }
    held &= (1 << bits) - 1;
  }
  return text;
}
