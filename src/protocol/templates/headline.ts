/** What a text to sign is about, in a few words: to recognise it by in a list or afterwards, never to decide by. */
import type { Line } from './draw.ts';

/** Most characters of a value that a headline shows. */
const maxValue = 80;

/**
 * The first two of the lines that a person decides by, each with its label, so that "up to" is never taken for an amount (T-07). Of a
 * value with several lines only the first; what is longer than 80 characters ends in an ellipsis.
 */
export function headline(lines: readonly Line[]): readonly Line[] {
  return lines
    .filter(({ emphasis }) => emphasis === 'main')
    .slice(0, 2)
    .map((line) => ({ ...line, value: shortened(line.value) }));
}

/** The same as plain lines; what the portal wrote stands in quotation marks, as in the text that is signed. */
export function headlineTexts(lines: readonly Line[]): string[] {
  return headline(lines).map(({ label, value, by }) =>
    by === 'portal' ? `${label}: “${value}”` : `${label}: ${value}`,
  );
}

function shortened(value: string): string {
  const [first = '', ...others] = value.trim().split('\n');
  // By code points: half of a pair is no character.
  const characters = [...first];
  if (characters.length <= maxValue) return others.length === 0 ? first : `${first} …`;
  return `${characters.slice(0, maxValue - 1).join('')}…`;
}
