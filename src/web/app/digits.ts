/** Digits as people enter them. */

/** Zero in the digits of Arabic keyboards; the other nine follow. */
const zeros = [0x06_60, 0x06_f0];

/** The decimal digits of a text as ASCII; everything else is left out. */
export function digitsOf(text: string): string {
  return [...text.normalize('NFKC')].map(digitOf).join('');
}

function digitOf(char: string): string {
  if (/^[0-9]$/.test(char)) return char;
  const values = zeros.map((zero) => (char.codePointAt(0) ?? 0) - zero);
  return String(values.find((value) => value >= 0 && value <= 9) ?? '');
}
