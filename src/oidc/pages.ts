/** The few pages that the provider shows itself: end of a login, and what went wrong. Plain HTML without scripts. */
import { createHash } from 'node:crypto';
import { escapeHtml } from '../html.ts';

const style = `:root{color-scheme:light dark;--ink:#14213d;--paper:#f6f7fb;--card:#fff;--line:#d6dae6;--brand:#1d4ed8;--soft:#51607d}
@media(prefers-color-scheme:dark){:root{--ink:#e8ecf6;--paper:#0d1424;--card:#161f36;--line:#2b3757;--brand:#8ab0ff;--soft:#a3b0cc}}
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;padding:24px;font:17px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
main{width:100%;max-width:480px;padding:32px;background:var(--card);border:1px solid var(--line);border-radius:16px}
h1{margin:0 0 8px;font-size:24px}p{margin:0 0 20px}.soft{color:var(--soft);font-size:15px;margin:0}
button{font:inherit;font-weight:600;min-height:48px;padding:11px 22px;border:0;border-radius:10px;background:var(--brand);color:var(--card);cursor:pointer}
:focus-visible{outline:3px solid var(--brand);outline-offset:3px}`;

const styleHash = createHash('sha256').update(style).digest('base64');

/**
 * Policy of every response: nothing but these pages' own style. `script-src` is empty rather than absent, because the provider adds
 * the hash of its form-posting script to it. `formAction` names where a form of this page may lead, redirects included (P13).
 */
export function contentSecurityPolicy(formAction?: readonly string[]): string {
  return [
    "default-src 'none'",
    'script-src',
    `style-src 'sha256-${styleHash}'`,
    "object-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    ...(formAction === undefined ? [] : [`form-action ${formAction.join(' ')}`]),
  ].join('; ');
}

function page(title: string, body: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>${title}</title><meta name="viewport" content="width=device-width, initial-scale=1"><style>${style}</style></head>
<body><main>${body}</main></body>
</html>`;
}

/** Asks before a logout; `form` is the provider's own form, with its token against forgery. */
export function logoutPage(form: string, portalName: string | undefined): string {
  const asker =
    portalName === undefined ? 'You are about to log out.' : `${escapeHtml(portalName)} asks to log you out.`;
  return page(
    'Log out',
    `<h1>Log out?</h1><p>${asker} This ends your login at every portal that you opened with it.</p>
${form}<p><button type="submit" form="op.logoutForm" name="logout" value="yes" autofocus>Log out</button></p>
<p class="soft">To stay logged in, just close this page.</p>`,
  );
}

/** After a logout that leads nowhere else. */
export function loggedOutPage(): string {
  return page('Logged out', '<h1>You are logged out</h1><p class="soft">You may close this page.</p>');
}

const explanations: Record<string, string> = {
  invalid_client: 'The portal that sent you here is not registered, or has been switched off.',
  invalid_redirect_uri:
    'The portal that sent you here gave an address that is not registered. You were not sent there.',
  temporarily_unavailable: 'The service cannot answer right now. Please try again in a moment.',
  server_error: 'Something went wrong on our side. Please try again in a moment.',
};

/** What a person sees when a request cannot be answered to the portal. */
export function errorPage(error: string, description: string | undefined): string {
  const text = explanations[error] ?? 'This login cannot be continued. Please go back to the portal and begin again.';
  const detail = description === undefined ? error : `${error}: ${description}`;
  return page(
    'Login not possible',
    `<h1>Login not possible</h1><p>${text}</p><p class="soft">${escapeHtml(detail)}</p>`,
  );
}
