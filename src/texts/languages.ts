/** The languages that there are, and the choice among them. Runs in browsers and on servers. */

/** A language as its speakers name it. */
export interface Language {
  /** BCP 47, one subtag: the name of the file in `languages/`. */
  readonly code: string;
  readonly name: string;
  readonly direction: 'ltr' | 'rtl';
}

const ltr = (code: string, name: string): Language => ({ code, name, direction: 'ltr' });

/** The 24 official languages of the European Union in the order of their own names, and Arabic, which is written from right to left. */
export const languages: readonly Language[] = [
  ltr('bg', 'български'),
  ltr('cs', 'čeština'),
  ltr('da', 'dansk'),
  ltr('de', 'Deutsch'),
  ltr('et', 'eesti'),
  ltr('el', 'ελληνικά'),
  ltr('en', 'English'),
  ltr('es', 'español'),
  ltr('fr', 'français'),
  ltr('ga', 'Gaeilge'),
  ltr('hr', 'hrvatski'),
  ltr('it', 'italiano'),
  ltr('lv', 'latviešu'),
  ltr('lt', 'lietuvių'),
  ltr('hu', 'magyar'),
  ltr('mt', 'Malti'),
  ltr('nl', 'Nederlands'),
  ltr('pl', 'polski'),
  ltr('pt', 'português'),
  ltr('ro', 'română'),
  ltr('sk', 'slovenčina'),
  ltr('sl', 'slovenščina'),
  ltr('fi', 'suomi'),
  ltr('sv', 'svenska'),
  { code: 'ar', name: 'العربية', direction: 'rtl' },
];

const byCode: ReadonlyMap<string, Language> = new Map(languages.map((language) => [language.code, language]));
const english = ltr('en', 'English');

/** The first language wanted that there is, English otherwise. `wanted` holds BCP 47 tags, best first. */
export function chooseLanguage(wanted: readonly string[]): Language {
  return wanted.map(languageOf).find((language) => language !== undefined) ?? english;
}

/** The language of a BCP 47 tag, undefined where there are no texts in it. */
export function languageOf(tag: string): Language | undefined {
  return byCode.get(tag.toLowerCase().split('-', 1)[0] ?? '');
}
