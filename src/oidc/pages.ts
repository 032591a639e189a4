/** The few pages that the provider shows itself: end of a login, and what went wrong. HTML without scripts. */
import { html, type Markup } from '../html.ts';
import { htmlDocument, ownLook, type PlainLook } from '../http/document.ts';
import { documentSecurityPolicy } from '../http/headers.ts';
import type { LocalTexts, TextName } from '../texts/files.ts';
import { setApart } from '../texts/set-apart.ts';

/**
 * Policy of every response. `script-src` is empty rather than 'none', because the provider adds the hash of its form-posting script
 * to it. `formAction` names where a form of this page may lead, redirects included (P13).
 */
export function contentSecurityPolicy(formAction?: readonly string[]): string {
  return documentSecurityPolicy({ 'script-src': '', 'form-action': formAction?.join(' ') });
}

/** How a page looks and what it speaks. */
export interface PageFrame {
  readonly look: PlainLook | undefined;
  readonly texts: LocalTexts<'portal'>;
}

function page({ look: plain, texts }: PageFrame, title: TextName<'portal'>, body: Markup): string {
  const { look = ownLook, style } = plain ?? {};
  const { code, direction } = texts.language;
  return htmlDocument({
    language: code,
    direction,
    title: `${texts.t(title)} · ${look.name}`,
    look,
    style,
    body: html`<main>${body}</main>`,
  });
}

/** Asks before a logout; `form` is the provider's own form, with its token against forgery. */
export function logoutPage(frame: PageFrame, form: string, portalName: string | undefined): string {
  const { t, language } = frame.texts;
  const asker =
    portalName === undefined ? t('logout.unasked') : t('logout.asked', setApart({ portal: portalName }, language));
  const ownForm: Markup = { markup: form };
  return page(
    frame,
    'logout.title',
    html`<h1>${t('logout.heading')}</h1><p>${asker} ${t('logout.effect')}</p>
${ownForm}<button type="submit" form="op.logoutForm" name="logout" value="yes" autofocus>${t('logout.do')}</button>
<p class="soft">${t('logout.stay')}</p>`,
  );
}

/** After a logout that leads nowhere else. */
export function loggedOutPage(frame: PageFrame): string {
  const { t } = frame.texts;
  return page(
    frame,
    'loggedOut.title',
    html`<h1>${t('loggedOut.heading')}</h1><p class="soft">${t('loggedOut.text')}</p>`,
  );
}

const explained = ['invalid_client', 'invalid_redirect_uri', 'temporarily_unavailable', 'server_error'] as const;

/** What a person sees when a request cannot be answered to the portal; code and description stay as they are, for support. */
export function errorPage(frame: PageFrame, error: string, description: string | undefined): string {
  const { t, language } = frame.texts;
  const known = explained.find((code) => code === error);
  const detail = description === undefined ? error : `${error}: ${description}`;
  return page(
    frame,
    'error.title',
    html`<h1>${t('error.title')}</h1><p>${t(`error.${known ?? 'other'}`)}</p><p class="support">${t('error.detail', setApart({ detail }, language))}</p>`,
  );
}
