/** Text that a person decides by: what may stand in it, and what is taken out of names that others chose (T-08). */
import { AuthError } from '../errors.ts';

/** Longest text of a signing order, in UTF-16 units. */
export const maxTextLength = 2_000;
const maxNameLength = 80;

/** Control, format (bidirectional, zero-width, soft hyphen), private and unassigned characters, and separators that break a line unseen. */
const invisible = /[\p{C}\p{Zl}\p{Zp}]/u;
const invisibleAll = /[\p{C}\p{Zl}\p{Zp}]/gu;
/** Invisible though letters by their class: fillers that look like an empty place. */
const fillers = /[\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f]/u;
const fillersAll = /[\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f]/gu;
const word = /[\p{L}\p{M}\p{N}]+/gu;
const scripts = [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u];
/** More marks on one letter than any language writes: they climb over the lines around. */
const piledMarks = /\p{M}{4,}/u;

/**
 * Refuses text that could be read otherwise than it is written: invisible or reordering characters, more than one spelling of the same
 * letters, look-alike letters of several scripts within a word, piled marks, too much of it. Line feeds are allowed.
 * Throws `invalid_request` and says which rule was broken. What passes is shown and signed byte for byte.
 */
export function assertReadable(text: string): void {
  if (text.trim() === '') throw refused('the text is empty');
  if (text.length > maxTextLength) throw refused(`the text is longer than ${maxTextLength} characters`);
  const flat = text.replaceAll('\n', ' ');
  if (invisible.test(flat) || fillers.test(flat)) throw refused('the text has invisible or control characters');
  if (text.normalize('NFC') !== text) throw refused('the text is not in Unicode normalisation form C');
  if (piledMarks.test(text)) throw refused('the text piles marks on a letter');
  if ([...text.matchAll(word)].some(([part]) => isMixed(part))) {
    throw refused('the text mixes look-alike letters of several scripts in one word');
  }
}

/** A client's name or domain fit to be shown: invisible and reordering characters and excess length taken away; `fallback` where nothing is left. */
export function plainName(name: string, fallback: string): string {
  const plain = name.normalize('NFC').replace(/\s+/gu, ' ').replace(invisibleAll, '').replace(fillersAll, '').trim();
  const short = [...plain].slice(0, maxNameLength).join('');
  return short === '' ? fallback : short;
}

function isMixed(text: string): boolean {
  return scripts.filter((script) => script.test(text)).length > 1;
}

function refused(message: string): AuthError {
  return new AuthError('invalid_request', { message });
}
