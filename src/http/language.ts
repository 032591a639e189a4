/** The language of a page: what its reader chose, what the portal asked for, what the browser prefers. */
import { languageOf } from '../texts/languages.ts';

/** Remembers the reader's choice for all pages of this server; holds the code of a language and nothing else. */
const cookieName = 'mtoken_lang';
const yearSeconds = 31_536_000;

/** The part of a request, Fastify's or Node's own, that speaks of languages. */
export interface LanguageRequest {
  /** Path and query. */
  readonly url?: string | undefined;
  readonly headers: { readonly cookie?: string | undefined; readonly 'accept-language'?: string | undefined };
}

/**
 * The languages wanted, BCP 47 tags, best first: `?lang` of this very page, what the portal asked for (`uiLocales`), the cookie that
 * an earlier choice left, the browser's own. For `textsFor`, which falls back to English.
 */
export function wantedLanguages(request: LanguageRequest, uiLocales: readonly string[] = []): string[] {
  const chosen = chosenLanguage(request);
  const remembered = rememberedLanguage(request);
  return [
    ...(chosen === undefined ? [] : [chosen]),
    ...uiLocales,
    ...(remembered === undefined ? [] : [remembered]),
    ...acceptedLanguages(request.headers['accept-language']),
  ];
}

/** The language that `?lang` of the address names; undefined where it names none that there is. */
export function chosenLanguage({ url = '' }: LanguageRequest): string | undefined {
  const query = url.indexOf('?');
  const asked = query < 0 ? null : new URLSearchParams(url.slice(query)).get('lang');
  return asked === null ? undefined : languageOf(asked)?.code;
}

/** The `Set-Cookie` value that remembers a choice for a year. Not for scripts, and worth nothing to whoever plants one. */
export function languageCookie(code: string, issuer: string): string {
  const secure = issuer.startsWith('https:') ? '; Secure' : '';
  return `${cookieName}=${code}; Path=/; Max-Age=${yearSeconds}; HttpOnly; SameSite=Lax${secure}`;
}

function rememberedLanguage({ headers }: LanguageRequest): string | undefined {
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim());
  const value = pairs.find((pair) => pair.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1);
  return value === undefined ? undefined : languageOf(value)?.code;
}

/** The languages of an Accept-Language header, best first; bounded, and nothing but tags. */
export function acceptedLanguages(header: string | undefined): string[] {
  const ranges = (header ?? '')
    .slice(0, 200)
    .split(',')
    .map((part) => {
      const [tag = '', quality] = part.trim().split(/\s*;\s*q=/i);
      return { tag, quality: quality === undefined ? 1 : Number(quality) || 0 };
    });
  const valid = ranges.filter(({ tag, quality }) => /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/.test(tag) && quality > 0);
  return valid.sort((left, right) => right.quality - left.quality).map(({ tag }) => tag);
}
