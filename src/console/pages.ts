/** The pages that the console's login shows itself: that there is nothing here for this person, or that a login did not succeed. */
import { html, type Markup } from '../html.ts';
import { htmlDocument, ownLook, type PlainLook } from '../http/document.ts';
import { type LocalTexts, textsFor } from '../texts/files.ts';
import { setApart } from '../texts/set-apart.ts';

export interface PageParts {
  readonly look: PlainLook | undefined;
  /** BCP 47 tags, best first. */
  readonly languages: readonly string[];
  /** For support: the request's id, or an error's code. */
  readonly detail: string;
}

/** For who logged in and may not use the console. */
export function noAccessPage(parts: PageParts): string {
  const texts = textsFor('portal', parts.languages);
  const { t } = texts;
  return page(parts, texts, {
    heading: t('noAccess.heading'),
    text: t('noAccess.text'),
    // Somebody else, or the same person once they have a role: with the phone in any case.
    again: '/console/login?proof=fresh',
  });
}

/** For a login that was declined, took too long, or came from another browser. */
export function notLoggedInPage(parts: PageParts): string {
  const texts = textsFor('portal', parts.languages);
  const { t } = texts;
  return page(parts, texts, { heading: t('error.title'), text: t('notLoggedIn.text'), again: '/console/login' });
}

/** For a server that cannot answer, now or at all. */
export function noAnswerPage(parts: PageParts, { isPassing }: { readonly isPassing: boolean }): string {
  const texts = textsFor('portal', parts.languages);
  const { t } = texts;
  const text = t(isPassing ? 'error.temporarily_unavailable' : 'error.server_error');
  return page(parts, texts, { heading: t('error.title'), text, again: '/console/login' });
}

interface Content {
  readonly heading: string;
  readonly text: string;
  readonly again: string;
}

function page({ look: plain, detail }: PageParts, texts: LocalTexts<'portal'>, content: Content): string {
  const { look = ownLook, style } = plain ?? {};
  const { t, language } = texts;
  const { heading, text, again } = content;
  const body: Markup = html`<main><h1>${heading}</h1><p>${text}</p>
<p><a class="button" href="${again}">${t('again')}</a></p>
<p class="support">${t('error.detail', setApart({ detail }, language))}</p></main>`;
  const title = `${heading} · ${look.name}`;
  return htmlDocument({ language: language.code, direction: language.direction, title, look, style, body });
}
