/** The text of a data key file, and what betrays a key that nobody drew at random. */

/** Stands before the bytes of a key that development generated, so that production can refuse it. */
export const generatedMark = 'development:';

export type DataKeyText =
  | { readonly outcome: 'key'; readonly key: Uint8Array; readonly isGenerated: boolean }
  | { readonly outcome: 'unfit' };

/** 32 bytes as 64 hex digits, base64 or base64url; white space around is ignored. */
export function readDataKeyText(text: string): DataKeyText {
  const trimmed = text.trim();
  const isGenerated = trimmed.startsWith(generatedMark);
  const digits = isGenerated ? trimmed.slice(generatedMark.length) : trimmed;
  const isHex = /^[0-9a-fA-F]{64}$/.test(digits);
  if (!isHex && !/^[A-Za-z0-9+/_-]{43}=?$/.test(digits)) return { outcome: 'unfit' };
  const key = new Uint8Array(Buffer.from(digits, isHex ? 'hex' : 'base64'));
  return { outcome: 'key', key, isGenerated };
}

/** A line for a new file with a generated key. */
export function generatedKeyText(key: Uint8Array): string {
  return `${generatedMark}${Buffer.from(key).toString('base64url')}\n`;
}

/**
 * Whether a key looks like a sample or a pass phrase: all printable, too few different bytes, or counting up or down.
 * Of keys drawn at random fewer than one in 10^13 looks so.
 */
export function looksLikeSample(key: Uint8Array): boolean {
  const isPrintable = key.every((byte) => byte >= 0x20 && byte < 0x7f);
  const steps = new Set(key.subarray(1).map((byte, index) => byte - (key[index] ?? 0)));
  return isPrintable || new Set(key).size < 16 || steps.size < 4;
}
