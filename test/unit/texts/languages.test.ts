/** The languages' files against the English one: a text too few, one too many, another placeholder or a missing form is a failure. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { languages } from '../../../src/texts/languages.ts';
import type { Plural, TextTable } from '../../../src/texts/texts.ts';

const root = new URL('../../../', import.meta.url).pathname;
const directory = join(root, 'src', 'texts', 'languages');
const read = (code: string) =>
  JSON.parse(readFileSync(join(directory, `${code}.json`), 'utf8')) as Record<string, TextTable>;
const english = read('en');
const others = languages.filter(({ code }) => code !== 'en');

const formsOf = (entry: string | Plural): string[] => (typeof entry === 'string' ? [entry] : Object.values(entry));
const placeholders = (text: string): string[] => [...new Set(text.match(/\{\w+\}/g))].sort();

function* entriesOf(file: Record<string, TextTable>): Generator<readonly [string, string | Plural]> {
  for (const [part, table] of Object.entries(file)) {
    for (const [name, entry] of Object.entries(table)) yield [`${part}: ${name}`, entry];
  }
}

describe('the texts', () => {
  it('have one file for each language and no other', () => {
    const files = readdirSync(directory).sort();
    expect(files).toEqual(languages.map(({ code }) => `${code}.json`).sort());
  });

  it.each(others)('are complete in $code, with nothing beside', ({ code }) => {
    const names = [...entriesOf(read(code))].map(([name]) => name);
    expect(names).toEqual([...entriesOf(english)].map(([name]) => name));
  });

  it.each(others)('insert in $code what the English ones insert', ({ code }) => {
    const translated = new Map(entriesOf(read(code)));
    for (const [name, entry] of entriesOf(english)) {
      const wanted = placeholders(formsOf(entry).at(-1) ?? '');
      const forms = formsOf(translated.get(name) ?? '');
      // A form for one or two may say the number in words.
      const mayLackCount = typeof entry !== 'string';
      for (const form of forms) {
        const found = placeholders(form);
        const full = mayLackCount ? [...new Set([...found, '{count}'])].sort() : found;
        expect(full, `${code}, ${name}: ${form}`).toEqual(wanted);
      }
    }
  });

  it.each(languages)('have in $code every form by number that the language has', ({ code }) => {
    const needed = new Intl.PluralRules(code).resolvedOptions().pluralCategories.toSorted();
    const kinds = new Map([...entriesOf(english)].map(([name, entry]) => [name, typeof entry]));
    for (const [name, entry] of entriesOf(read(code))) {
      if (typeof entry !== 'string') expect(Object.keys(entry).sort(), `${code}, ${name}`).toEqual(needed);
      expect(typeof entry, `${code}, ${name}`).toBe(kinds.get(name));
    }
  });

  it.each(languages)('are plain text in $code: no markup, nothing invisible, no blank around', ({ code }) => {
    for (const [name, entry] of entriesOf(read(code))) {
      for (const form of formsOf(entry)) {
        expect(form, `${code}, ${name}`).not.toMatch(/[<>&]|[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|\s\s/u);
        expect(form.trim(), `${code}, ${name}`).toBe(form);
        expect(form, `${code}, ${name}`).not.toBe('');
      }
    }
  });

  it.each(others)('are not left in English in $code', ({ code }) => {
    const translated = new Map(entriesOf(read(code)));
    const same = [...entriesOf(english)].filter(([name, entry]) => {
      const [first = ''] = formsOf(entry);
      return first.split(' ').length > 3 && formsOf(translated.get(name) ?? '').includes(first);
    });
    expect(same.map(([name]) => name)).toEqual([]);
  });
});

/** Names that are put together while the program runs. */
const composed = [
  /^console: (error|role|permissions|fourEyes|riskRule|riskAction|template|health|keys\.(use|status)|notify\.kind|client\.(kind|status))\./,
  /^console: ((company|user|device|approval)\.status|approval\.problem)\./,
  /^console: (company\.(suspend|restore|close)|user\.(suspend|restore|remove))(Text|Done)?$/,
  /^console: webhook\.(enable|disable)(Text)?$/,
  /^console: (company\.(from|until|(networks|emailDomains)Hint)|client\.(post_logout_)?redirect_uris)$/,
  /^console: audit\.(newest$|oldest$|export\.)/,
  /^app: (weak|blocked|ended|approved|declined|reported|expired|cancelled|scan|error|devices|why|risk|factor)\./,
  /^login: (claimed|approved|declined|reported|expired|cancelled|blocked|limited|lost)\./,
  /^portal: error\./,
  /^mail: (reason\.|registered\.)/,
  /^signing: (line|template|check|factor)\./,
];

describe('the English texts', () => {
  const folders = {
    app: ['src/web/app', 'src/server'],
    login: ['src/login'],
    portal: ['src/oidc', 'src/http', 'src/console'],
    mail: ['src/notify'],
    console: ['src/web/console'],
    signing: ['src/signing', 'src/web/verify'],
  } as const;

  it.each(Object.entries(folders))('of the part %s are all in use', (part, places) => {
    const sources = places.flatMap((place) =>
      readdirSync(join(root, place), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts'))
        .map((file) => readFileSync(join(root, place, file), 'utf8')),
    );
    const source = sources.join('\n');
    const unused = Object.keys(english[part] ?? {}).filter(
      (name) => !source.includes(`'${name}'`) && !composed.some((pattern) => pattern.test(`${part}: ${name}`)),
    );
    expect(unused).toEqual([]);
  });
});
