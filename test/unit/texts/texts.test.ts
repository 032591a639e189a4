/** Choosing a language, and putting values and numbers into texts. */
import { describe, expect, it } from 'vitest';
import { textsFor } from '../../../src/texts/files.ts';
import { chooseLanguage } from '../../../src/texts/languages.ts';
import { setApart } from '../../../src/texts/set-apart.ts';
import { textsOf } from '../../../src/texts/texts.ts';

const table = {
  hello: 'Hello, {name}',
  attempts: { one: '{count} attempt of {name}', other: '{count} attempts of {name}' },
} as const;

describe('a text', () => {
  const t = textsOf('en', table, table);

  it('takes its values, and leaves out none that is missing', () => {
    expect(t('hello', { name: 'Ada' })).toBe('Hello, Ada');
    expect(t('hello')).toBe('Hello, {name}');
  });

  it('has its form by number, and the number in the way of the language', () => {
    expect(t('attempts', { count: 1, name: 'x' })).toBe('1 attempt of x');
    expect(t('attempts', { count: 1234, name: 'x' })).toBe('1,234 attempts of x');
    expect(textsOf('de', table, table)('attempts', { count: 12345, name: 'x' })).toBe('12.345 attempts of x');
  });

  it('inserts nothing twice: a name that looks like a placeholder stays what it is', () => {
    expect(t('attempts', { count: 2, name: '{count} $& $1' })).toBe('2 attempts of {count} $& $1');
  });

  it('falls back to the other table where its own lacks it', () => {
    expect(textsOf('de', {}, table)('hello', { name: 'Ada' })).toBe('Hello, Ada');
  });
});

describe('a name in a text of the other direction', () => {
  const [ltr, rtl] = [textsFor('mail', ['en']).language, textsFor('mail', ['ar']).language];

  it('turns nothing about, whatever right-to-left script it is in (T26)', () => {
    // Hebrew, Arabic, digits of Arabic, N’Ko, Samaritan, Mandaic, Adlam, Hanifi Rohingya, Old South Arabian, presentation forms.
    const names = ['א', 'ب', '٣', 'ߊ', 'ࠀ', 'ࡀ', '\u{1e900}', '\u{10d00}', '\u{10a60}', '\ufb1d', '\ufe8f'];
    for (const name of names) expect(setApart({ name }, ltr)).toEqual({ name: `\u2068${name}\u2069` });
    expect(setApart({ name: 'Ada', count: 3 }, rtl)).toEqual({ name: '\u2068Ada\u2069', count: 3 });
    expect(setApart({ name: 'Zoë Ωμέγα Жук 漢字' }, ltr)).toEqual({ name: 'Zoë Ωμέγα Жук 漢字' });
  });
});

describe('the language', () => {
  it('is the first one wanted that there is, whatever the region', () => {
    expect(chooseLanguage(['tlh', 'de-AT', 'fr']).code).toBe('de');
    expect(chooseLanguage(['PT-br']).code).toBe('pt');
    expect(chooseLanguage(['ar-EG']).direction).toBe('rtl');
  });

  it('is English where none is known', () => {
    expect(chooseLanguage([]).code).toBe('en');
    expect(chooseLanguage(['', 'x-klingon', '../../etc/passwd', '__proto__', 'constructor']).code).toBe('en');
  });

  it('is the same object for everybody: texts are made once', () => {
    expect(textsFor('login', ['de']).t).toBe(textsFor('login', ['de-CH', 'en']).t);
  });
});
