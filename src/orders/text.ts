/** Text that a person decides by: what may stand in it, and what is taken out of names that others chose (T-08). */
import { AuthError } from '../errors.ts';
import { isOfOneScript } from './scripts.ts';

/** Longest text of a signing order, in UTF-16 units. */
export const maxTextLength = 2_000;
const maxNameLength = 80;

/**
 * Control, format (bidirectional, zero-width, soft hyphen), private and unassigned characters, separators that break a line unseen, all
 * that Unicode says may be left undrawn (fillers, selectors), and the few blanks that it lists as signs.
 */
const unseen = String.raw`[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\u{1d159}\u{13441}\u{13442}\u{16fe4}]`;
const invisible = new RegExp(unseen, 'u');
const invisibleAll = new RegExp(unseen, 'gu');
const word = /[\p{L}\p{M}\p{N}]+/gu;
/** More marks on one letter than any language writes: they climb over the lines around. */
const piledMarks = /\p{M}{4,}/u;
/** A mark without a letter of its own is drawn on whatever stands before it, be it the server's quotation mark. */
const looseMark = /(?:^|[^\p{L}\p{M}])\p{M}/u;
/** Marks that enclose or strike through: they turn a letter, or a digit, into another. */
const overlay = /[\p{Me}\u0334-\u0338\u20d2\u20d3\u20d8-\u20da\u20e5\u20e6\u20ea\u20eb]/u;
/** Ordinary letters of living languages that Unicode would take apart: Spanish and Portuguese ª and º, one each of Armenian, Thai and Lao. */
const ordinary = /[\u00aa\u00ba\u0587\u0e33\u0eb3]/u;

/** Each rule, in the words in which it is refused. */
const rules: readonly (readonly [breaks: (text: string) => boolean, message: string])[] = [
  [(text) => invisible.test(text.replaceAll('\n', ' ')), 'the text has invisible or control characters'],
  [(text) => text.normalize('NFC') !== text, 'the text is not in Unicode normalisation form C'],
  [hasStyledLetter, 'the text has letters or digits in a compatibility form, such as full-width or mathematical ones'],
  [(text) => piledMarks.test(text), 'the text piles marks on a letter'],
  [(text) => looseMark.test(text), 'the text has a mark that stands on no letter'],
  [(text) => overlay.test(text), 'the text has a mark that encloses or strikes through'],
  [
    (text) => [...text.matchAll(word)].some(([part]) => !isOfOneScript(part)),
    'the text mixes look-alike letters of several scripts in one word',
  ],
  [hasMixedDigits, 'the text mixes the digits of several scripts'],
];

/**
 * Refuses text that could be read otherwise than it is written: invisible or reordering characters, more than one spelling of the same
 * letters, letters of several scripts within a word, digits of several, loose, piled or striking marks, too much of it. Line feeds are
 * allowed. Throws `invalid_request` and says which rule was broken. What passes is shown and signed byte for byte.
 */
export function assertReadable(text: string): void {
  if (text.trim() === '') throw refused('the text is empty');
  if (text.length > maxTextLength) throw refused(`the text is longer than ${maxTextLength} characters`);
  for (const [breaks, message] of rules) if (breaks(text)) throw refused(message);
}

/** A client's name or domain fit to be shown: invisible and reordering characters and excess length taken away; `fallback` where nothing is left. */
export function plainName(name: string, fallback: string): string {
  // Blanks and letters that only something unseen kept apart meet when it is gone: what joins them comes after.
  const seen = name.replace(/\s/gu, ' ').replace(invisibleAll, '').normalize('NFC');
  const plain = seen.replace(/ +/gu, ' ').trim();
  const short = [...plain].slice(0, maxNameLength).join('').trim();
  return short === '' ? fallback : short;
}

/** Whether something stands there that reads as a plain letter or digit and is another character. */
function hasStyledLetter(text: string): boolean {
  return [...text].some((character) => {
    const plain = character.normalize('NFKC');
    if (plain === character || ordinary.test(character)) return false;
    return /[\p{L}\p{N}]/u.test(character) || /^[\p{L}\p{N}]$/u.test(plain);
  });
}

/** Every family of ten digits lies in a row of sixteen. */
function hasMixedDigits(text: string): boolean {
  const rows = [...text.matchAll(/\p{Nd}/gu)].map(([digit]) => (digit.codePointAt(0) ?? 0) >> 4);
  return new Set(rows).size > 1;
}

function refused(message: string): AuthError {
  return new AuthError('invalid_request', { message });
}
