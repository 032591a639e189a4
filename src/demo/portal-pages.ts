/** The demo portal's pages. */
import type { IDToken } from 'openid-client';
import { escapeHtml } from '../html.ts';

/** A page of the portal. */
export function layout(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} · Demo portal</title><link rel="stylesheet" href="/portal.css"></head>
<body><main>${body}</main></body></html>`;
}

/** What somebody sees who is not logged in. `deskUrl` is where phones are registered. */
export function welcomePage(deskUrl: string): string {
  return layout(
    'Welcome',
    `<h1>Demo portal</h1>
<p class="soft">A portal of the demo bank. It knows nobody by password: it asks mToken who you are.</p>
<p><a class="button" id="login" href="/login">Log in with mToken</a></p>
<p class="soft">You need a registered phone. <a id="desk" href="${escapeHtml(deskUrl)}/desk">The demo desk</a>, on the machine that runs the demo, makes one.</p>`,
  );
}

const factorNames: Record<string, string> = {
  pin: 'mPIN',
  hwk: 'key of the phone',
  fpt: 'fingerprint',
  face: 'face',
  user: 'biometrics',
  mfa: 'two factors',
};

/** What the portal learned, in words. */
export function claimsPage(claims: IDToken): string {
  const methods = (claims['amr'] as string[] | undefined) ?? [];
  const rows: [label: string, value: unknown, claim: string][] = [
    ['Name', claims['name'] ?? 'not told', 'name'],
    ['Company', claims['company_name'] ?? 'not told', 'company_name'],
    ['Subject', claims.sub, 'sub'],
    ['Proved with', methods.map((method) => factorNames[method] ?? method).join(', '), 'amr'],
    ['Assurance', claims['acr'], 'acr'],
    ['Logged in at', new Date(Number(claims.auth_time ?? 0) * 1000).toUTCString(), 'auth_time'],
    ['Session', claims['sid'], 'sid'],
    ['Issued by', claims.iss, 'iss'],
    ['Issued for', claims.aud, 'aud'],
  ];
  const list = rows
    .map(([label, value, claim]) => `<dt>${label}</dt><dd data-claim="${claim}">${escapeHtml(claimText(value))}</dd>`)
    .join('\n');
  return layout(
    'Logged in',
    `<h1 id="logged-in">You are logged in</h1><p class="soft">This is what the ID token and the user information say about you.</p>
<dl>${list}</dl><div class="actions"><form method="get" action="/payments"><button class="button" id="payments">Make a payment</button></form>
<form method="get" action="/things"><button class="button quiet" id="things">Sign something else</button></form>
<form method="post" action="/logout"><button class="button quiet" id="logout">Log out</button></form>
<form method="get" action="/lost"><button class="button quiet" id="lost">My phone is lost</button></form></div>`,
  );
}

function claimText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** Something did not work; says what and offers the way back. */
export function errorPage(text: string, detail?: string): string {
  return layout(
    'Not logged in',
    `<h1>Not logged in</h1><p role="alert">${escapeHtml(text)}</p>${detail ? `<p class="soft"><code>${escapeHtml(detail)}</code></p>` : ''}
<p><a class="button" href="/">Back</a></p>`,
  );
}
