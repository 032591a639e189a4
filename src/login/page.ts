/** The login page's markup: every text and every state is in it, so that the script only shows, hides and draws. */
import { html, type Markup } from '../html.ts';
import type { LoginMessages } from './messages.ts';

/** A built file of the page: where it is served and what its bytes must hash to. */
export interface PageAsset {
  readonly url: string;
  /** Subresource integrity, `sha384-…`. */
  readonly integrity: string;
}

export interface PageAssets {
  readonly script: PageAsset;
  readonly style: PageAsset;
  /** Offers the app on the page that a link for this device opens; nothing is offered without it. */
  readonly landing?: PageAsset | undefined;
}

/** Nothing inline, nothing from elsewhere, no frames, no forms; scripts may not turn text into markup. */
export const pageSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

interface Frame {
  readonly locale: string;
  readonly messages: LoginMessages;
  readonly assets: PageAssets;
}

/** The page on which the code appears. Names are text, whatever they hold. */
export function loginPage({ portal, domain, ...frame }: Frame & { portal: string; domain: string }): string {
  const { messages: m } = frame;
  const body = html`<main id="login" data-state="starting">
<header class="portal">
<p class="asked">${m.askedBy}</p>
<h1><span class="portal-name">${portal}</span> <span class="portal-domain">${domain}</span></h1>
</header>
<p id="live" class="only-heard" role="status" aria-live="polite"></p>
<p id="trouble" class="trouble" hidden>${m.unreachable}</p>
<section data-panel="starting"><h2>${m.heading}</h2><p>${m.starting}</p></section>
${pendingPanel(m)}
<section data-panel="claimed" hidden><h2 tabindex="-1">${m.claimed.heading}</h2><p>${m.claimed.text}</p><p class="timer">${m.timer} <span data-timer></span></p></section>
<section data-panel="approved redeemed" hidden><h2 tabindex="-1">${m.approved.heading}</h2><p>${m.approved.text}</p></section>
${endPanel('declined', m.declined, [leaveButton(m, portal)])}
${endPanel('reported', m.reported, [leaveButton(m, portal)])}
${endPanel('expired', m.expired, [renewButton(m), leaveButton(m, portal)])}
${endPanel('cancelled', m.cancelled, [renewButton(m), leaveButton(m, portal)])}
${endPanel('limited', m.limited, [renewButton(m)])}
${endPanel('lost', m.lost, [])}
<noscript><p class="trouble">${m.noScript}</p></noscript>
<footer>
<p class="warning">${m.warning(domain)}</p>
<button type="button" id="cancel" class="quiet">${m.cancel}</button>
</footer>
</main>`;
  return document({ ...frame, title: m.title(portal), head: scriptTag(frame.assets.script), body });
}

const scriptTag = ({ url, integrity }: PageAsset): Markup =>
  html`<script type="module" src="${url}" integrity="${integrity}"></script>`;

function pendingPanel(m: LoginMessages): Markup {
  return html`<section data-panel="pending" hidden>
<h2 tabindex="-1">${m.pending.heading}</h2>
<div class="code"><div id="qr" role="img" aria-label="${m.pending.codeLabel}" data-frame=""></div><p id="stale" hidden>${m.stale}</p></div>
<ol>${m.pending.steps.map((step) => html`<li>${step}</li>`)}</ol>
<div class="same-device">
<button type="button" id="link-show">${m.link.show}</button>
<a id="link-open" class="button" target="_blank" rel="noopener noreferrer" hidden>${m.link.open}</a>
<p id="link-hint" hidden>${m.link.hint}</p>
</div>
<p class="timer">${m.timer} <span data-timer></span></p>
</section>`;
}

function endPanel(name: string, text: { heading: string; text: string }, buttons: readonly Markup[]): Markup {
  return html`<section data-panel="${name}" hidden><h2 tabindex="-1">${text.heading}</h2><p>${text.text}</p>${buttons}</section>`;
}

const renewButton = (m: LoginMessages): Markup => html`<button type="button" data-act="again">${m.renew}</button>`;
const leaveButton = (m: LoginMessages, portal: string): Markup =>
  html`<button type="button" data-act="leave" class="quiet">${m.leave(portal)}</button>`;

/** A page that says one thing: an error, or where to scan. `supportCode` is the request's id. */
export function messagePage({
  text,
  supportCode,
  ...frame
}: Frame & { text: { title: string; text: string }; supportCode?: string }): string {
  const support =
    supportCode === undefined
      ? html``
      : html`<p class="support">${frame.messages.supportCode} <code>${supportCode}</code></p>`;
  const body = html`<main class="message"><h1>${text.title}</h1><p>${text.text}</p>${support}</main>`;
  return document({ ...frame, title: text.title, head: html``, body });
}

/** What a phone's own camera, or a link for this device, opens: where to scan. With `link`, a browser that is a phone itself can go on. */
export function landingPage({ link, ...frame }: Frame & { link: string | undefined }): string {
  const { landing: text } = frame.messages;
  const { landing: script } = frame.assets;
  const isOffered = link !== undefined && script !== undefined;
  const offer = isOffered ? html`<a id="open-app" class="button" href="/app#${link}" hidden>${text.open}</a>` : html``;
  const body = html`<main class="message"><h1>${text.title}</h1><p>${text.text}</p>${offer}</main>`;
  return document({ ...frame, title: text.title, head: isOffered ? scriptTag(script) : html``, body });
}

interface Document extends Frame {
  readonly title: string;
  readonly head: Markup;
  readonly body: Markup;
}

function document({ locale, messages, assets, title, head, body }: Document): string {
  return html`<!doctype html>
<html lang="${locale}" dir="${messages.direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${title}</title>
<link rel="stylesheet" href="${assets.style.url}" integrity="${assets.style.integrity}">
${head}
</head>
<body>
${body}
</body>
</html>
`.markup;
}
