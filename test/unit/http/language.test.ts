import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptedLanguages, chosenLanguage, languageCookie, wantedLanguages } from '../../../src/http/language.ts';
import { textsFor } from '../../../src/texts/files.ts';

const request = (url: string, cookie?: string, accept?: string) => ({
  url,
  headers: { cookie, 'accept-language': accept },
});

const languageOf = (...args: Parameters<typeof wantedLanguages>) =>
  textsFor('login', wantedLanguages(...args)).language.code;

describe('the language of a page', () => {
  it('is the choice on this page, then the portal’s wish, then the remembered choice, then the browser’s, then English', () => {
    const all = request('/interaction/a?lang=fr', 'a=b; mtoken_lang=de; c=d', 'nl');
    expect(languageOf(all, ['ar'])).toBe('fr');
    expect(languageOf({ ...all, url: '/interaction/a' }, ['ar'])).toBe('ar');
    expect(languageOf({ ...all, url: '/interaction/a' })).toBe('de');
    expect(languageOf(request('/interaction/a', undefined, 'nl'))).toBe('nl');
    expect(languageOf(request('/interaction/a'))).toBe('en');
  });

  it('passes over what there is not, wherever it comes from', () => {
    expect(languageOf(request('/interaction/a?lang=xx', 'mtoken_lang=yy', 'zz, nl-BE;q=0.5'), ['tlh'])).toBe('nl');
    for (const tag of ['constructor', '__proto__', 'toString', '', '<script>', '../../etc/passwd', '%00']) {
      const query = new URLSearchParams({ lang: tag });
      expect(chosenLanguage({ url: `/x?${query}`, headers: {} })).toBeUndefined();
      expect(languageOf(request(`/x?${query}`, `mtoken_lang=${tag}`, tag), [tag])).toBe('en');
    }
  });

  it('takes any address and any cookie for what it is: a wish', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (url, cookie) => {
        expect(languageOf(request(url, cookie, cookie))).toMatch(/^[a-z]{2}$/);
      }),
    );
  });

  it('is remembered for a year, out of reach of scripts, and over https alone where there is https', () => {
    expect(languageCookie('de', 'https://login.example.test')).toBe(
      'mtoken_lang=de; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax; Secure',
    );
    expect(languageCookie('de', 'http://localhost:3000')).not.toContain('Secure');
  });
});

describe('the languages of a browser', () => {
  it('are taken from the header, best first, and bounded', () => {
    expect(acceptedLanguages('nl-BE;q=0.5, fr, en;q=0')).toEqual(['fr', 'nl-BE']);
    expect(acceptedLanguages(undefined)).toEqual([]);
    expect(acceptedLanguages('<script>, ../../etc, *')).toEqual([]);
    expect(acceptedLanguages(`${'en,'.repeat(100_000)}fr`).length).toBeLessThan(100);
  });
});
