/** Names in the form in which they are searched, and how they are found by a part of it. */

/** Letters that no decomposition takes apart, as people type them who do not have them on their keyboard. */
const plainLetters: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ł: 'l',
  ħ: 'h',
  ŋ: 'n',
  ŧ: 't',
  ı: 'i',
  ς: 'σ',
};

/** The text without case, accents, width and repeated spaces: "Łukasz  Müller" and "lukasz muller" are one. */
export function folded(text: string): string {
  const bare = text
    .normalize('NFKD')
    .toLowerCase()
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '');
  const plain = Array.from(bare, (letter) => plainLetters[letter] ?? letter).join('');
  return plain.replace(/\s+/gu, ' ').trim();
}

/** A LIKE pattern for what contains the text, with `!` as its escape: what somebody typed is no pattern of theirs. */
export function containing(text: string): string {
  return `%${text.replace(/[!%_]/g, '!$&')}%`;
}

/**
 * Rows whose searched form was not made of what they say now: servers of an older version write none. A search looks at them one by one,
 * and `users_unfolded` and `companies_unfolded` find them.
 */
export const isUnfolded = '(name_folded_version is null or name_folded_version <> version)';
