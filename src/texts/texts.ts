/** Texts for people, with `{names}` and forms by number. Runs in browsers and on servers. */

/** Forms by CLDR plural category, chosen by the value `count`. */
export type Plural = Readonly<Partial<Record<Intl.LDMLPluralRule, string>> & { other: string }>;

/** One part of a language's file: everything that one kind of reader sees. */
export type TextTable = Readonly<Record<string, string | Plural>>;

/** What is inserted; a number is written in the language's own way, and `count` chooses the form. */
export type Values = Readonly<Record<string, string | number>>;

/** The texts of one language. */
export interface Texts<Name extends string> {
  /** BCP 47. */
  readonly language: string;
  (name: Name, values?: Values): string;
}

/**
 * The texts of `table`, written as `language` writes numbers. `fallback` is asked for what the table lacks. What is inserted is text
 * and stays text: nothing here makes markup.
 */
export function textsOf<Name extends string>(
  language: string,
  table: TextTable,
  fallback: Readonly<Record<Name, string | Plural>>,
): Texts<Name> {
  const plural = new Intl.PluralRules(language);
  const number = new Intl.NumberFormat(language);
  const text = (name: Name, values: Values = {}): string => {
    const entry: string | Plural = table[name] ?? fallback[name];
    const form =
      typeof entry === 'string' ? entry : (entry[plural.select(Number(values['count'] ?? 0))] ?? entry.other);
    return form.replace(/\{(\w+)\}/g, (whole, key: string) => {
      const value = values[key];
      return value === undefined ? whole : typeof value === 'number' ? number.format(value) : value;
    });
  };
  return Object.assign(text, { language });
}
