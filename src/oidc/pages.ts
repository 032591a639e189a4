/** The few pages that the provider shows itself: end of a login, and what went wrong. HTML without scripts. */
import { escapeHtml, type Markup } from '../html.ts';
import { htmlDocument, ownLook, type PlainLook } from '../http/document.ts';
import { documentSecurityPolicy } from '../http/headers.ts';

/**
 * Policy of every response. `script-src` is empty rather than 'none', because the provider adds the hash of its form-posting script
 * to it. `formAction` names where a form of this page may lead, redirects included (P13).
 */
export function contentSecurityPolicy(formAction?: readonly string[]): string {
  return documentSecurityPolicy({ 'script-src': '', 'form-action': formAction?.join(' ') });
}

/** `body` is markup: what is inserted into it was escaped there, or made by the provider. */
function page(plain: PlainLook | undefined, title: string, body: string): string {
  const { look = ownLook, style } = plain ?? {};
  const main: Markup = { markup: `<main>${body}</main>` };
  return htmlDocument({
    language: 'en',
    direction: 'ltr',
    title: `${title} · ${look.name}`,
    look,
    style,
    body: main,
  });
}

/** Asks before a logout; `form` is the provider's own form, with its token against forgery. */
export function logoutPage(plain: PlainLook | undefined, form: string, portalName: string | undefined): string {
  const asker =
    portalName === undefined ? 'You are about to log out.' : `${escapeHtml(portalName)} asks to log you out.`;
  return page(
    plain,
    'Log out',
    `<h1>Log out?</h1><p>${asker} This ends your login at every portal that you opened with it.</p>
${form}<button type="submit" form="op.logoutForm" name="logout" value="yes" autofocus>Log out</button>
<p class="soft">To stay logged in, just close this page.</p>`,
  );
}

/** After a logout that leads nowhere else. */
export function loggedOutPage(plain: PlainLook | undefined): string {
  return page(plain, 'Logged out', '<h1>You are logged out</h1><p class="soft">You may close this page.</p>');
}

const explanations: Record<string, string> = {
  invalid_client: 'The portal that sent you here is not registered, or has been switched off.',
  invalid_redirect_uri:
    'The portal that sent you here gave an address that is not registered. You were not sent there.',
  temporarily_unavailable: 'The service cannot answer right now. Please try again in a moment.',
  server_error: 'Something went wrong on our side. Please try again in a moment.',
};

/** What a person sees when a request cannot be answered to the portal. */
export function errorPage(plain: PlainLook | undefined, error: string, description: string | undefined): string {
  const text = explanations[error] ?? 'This login cannot be continued. Please go back to the portal and begin again.';
  const detail = description === undefined ? error : `${error}: ${description}`;
  return page(
    plain,
    'Login not possible',
    `<h1>Login not possible</h1><p>${text}</p><p class="support">${escapeHtml(detail)}</p>`,
  );
}
