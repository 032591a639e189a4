/** The texts as files: one a language, in `languages/`, each read once, when the first reader of it comes. */
import { readFileSync } from 'node:fs';
import type englishFile from './languages/en.json';
import { chooseLanguage, type Language } from './languages.ts';
import { type Texts, type TextTable, textsOf } from './texts.ts';

/** Who reads: users of the app, of the login page, of the provider's own pages, of e-mails. */
export type Part = keyof typeof englishFile;
/** The name of a text of a part. */
export type TextName<P extends Part> = keyof (typeof englishFile)[P] & string;

type File = Readonly<Record<Part, TextTable>>;

/** Texts of one part in one language, and that language. */
export interface LocalTexts<P extends Part> {
  readonly language: Language;
  readonly t: Texts<TextName<P>>;
}

const files = new Map<string, File>();
const made = new Map<string, Texts<string>>();

/** The texts of `part` in the first language wanted that there is. `wanted` holds BCP 47 tags, best first. */
export function textsFor<P extends Part>(part: P, wanted: readonly string[]): LocalTexts<P> {
  const language = chooseLanguage(wanted);
  const key = `${part}.${language.code}`;
  const t = made.get(key) ?? textsOf(language.code, fileOf(language.code)[part], fileOf('en')[part]);
  made.set(key, t);
  return { language, t };
}

function fileOf(code: string): File {
  const known = files.get(code);
  if (known !== undefined) return known;
  const file = JSON.parse(readFileSync(new URL(`./languages/${code}.json`, import.meta.url), 'utf8')) as File;
  files.set(code, file);
  return file;
}
