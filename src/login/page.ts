/** The login page's markup: every text and every state is in it, so that the script only shows, hides and draws. */
import { html, type Markup } from '../html.ts';
import type { LocalTexts } from '../texts/files.ts';
import { languages } from '../texts/languages.ts';

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

type T = LocalTexts<'login'>['t'];

interface Frame extends LocalTexts<'login'> {
  readonly assets: PageAssets;
}

/** The page on which the code appears. Names are text, whatever they hold. */
export function loginPage({ portal, domain, ...frame }: Frame & { portal: string; domain: string }): string {
  const { t } = frame;
  const body = html`<main id="login" data-state="starting">
<header class="portal">
<p class="asked">${t('askedBy')}</p>
<h1><span class="portal-name">${portal}</span> <span class="portal-domain">${domain}</span></h1>
</header>
<p id="live" class="only-heard" role="status" aria-live="polite"></p>
<p id="trouble" class="trouble" hidden>${t('unreachable')}</p>
<section data-panel="starting"><h2>${t('heading')}</h2><p>${t('starting')}</p></section>
${pendingPanel(t)}
<section data-panel="claimed" hidden><h2 tabindex="-1">${t('claimed.heading')}</h2><p>${t('claimed.text')}</p>${timer(t)}</section>
<section data-panel="approved redeemed" hidden><h2 tabindex="-1">${t('approved.heading')}</h2><p>${t('approved.text')}</p></section>
${endPanel(t, 'declined', [leaveButton(t, portal)])}
${endPanel(t, 'reported', [leaveButton(t, portal)])}
${endPanel(t, 'expired', [renewButton(t), leaveButton(t, portal)])}
${endPanel(t, 'cancelled', [renewButton(t), leaveButton(t, portal)])}
${endPanel(t, 'limited', [renewButton(t)])}
${endPanel(t, 'lost', [])}
<noscript><p class="trouble">${t('noScript')}</p></noscript>
<footer>
<p class="warning">${t('warning', { domain })}</p>
<button type="button" id="cancel" class="quiet">${t('cancel')}</button>
${languageSwitcher(frame)}
</footer>
</main>`;
  return document({ ...frame, title: t('title', { portal }), head: scriptTag(frame.assets.script), body });
}

const scriptTag = ({ url, integrity }: PageAsset): Markup =>
  html`<script type="module" src="${url}" integrity="${integrity}"></script>`;

function pendingPanel(t: T): Markup {
  const steps = [t('pending.step1'), t('pending.step2'), t('pending.step3')];
  return html`<section data-panel="pending" hidden>
<h2 tabindex="-1">${t('pending.heading')}</h2>
<div class="code"><div id="qr" role="img" aria-label="${t('pending.codeLabel')}" data-frame=""></div><p id="stale" hidden>${t('stale')}</p></div>
<ol>${steps.map((step) => html`<li>${step}</li>`)}</ol>
<div class="same-device">
<button type="button" id="link-show">${t('link.show')}</button>
<a id="link-open" class="button" target="_blank" rel="noopener noreferrer" hidden>${t('link.open')}</a>
<p id="link-hint" hidden>${t('link.hint')}</p>
</div>
${timer(t)}
</section>`;
}

/** The template goes into an attribute; the script puts the time in and writes the whole as text. */
const timer = (t: T): Markup => html`<p class="timer" data-timer="${t('timer')}"></p>`;

type Ending = 'declined' | 'reported' | 'expired' | 'cancelled' | 'limited' | 'lost';

function endPanel(t: T, name: Ending, buttons: readonly Markup[]): Markup {
  return html`<section data-panel="${name}" hidden><h2 tabindex="-1">${t(`${name}.heading`)}</h2><p>${t(`${name}.text`)}</p>${buttons}</section>`;
}

const renewButton = (t: T): Markup => html`<button type="button" data-act="again">${t('renew')}</button>`;
const leaveButton = (t: T, portal: string): Markup =>
  html`<button type="button" data-act="leave" class="quiet">${t('leave', { portal })}</button>`;

/** Every language by its own name, which whoever does not read the page's can still read. */
function languageSwitcher({ language, t }: Frame): Markup {
  const options = languages.map(({ code, name, direction }) =>
    code === language.code
      ? html`<option value="${code}" lang="${code}" dir="${direction}" selected>${name}</option>`
      : html`<option value="${code}" lang="${code}" dir="${direction}">${name}</option>`,
  );
  return html`<p class="language"><label for="language">${t('language')}</label> <select id="language" autocomplete="off">${options}</select></p>`;
}

/** A page that says one thing: an error, or where to scan. `supportCode` is the request's id. */
export function messagePage({
  text,
  supportCode,
  ...frame
}: Frame & { text: { title: string; text: string }; supportCode?: string }): string {
  const support =
    supportCode === undefined ? html`` : html`<p class="support">${frame.t('support', { code: supportCode })}</p>`;
  const body = html`<main class="message"><h1>${text.title}</h1><p>${text.text}</p>${support}</main>`;
  return document({ ...frame, title: text.title, head: html``, body });
}

/** What a phone's own camera, or a link for this device, opens: where to scan. With `link`, a browser that is a phone itself can go on. */
export function landingPage({ link, ...frame }: Frame & { link: string | undefined }): string {
  const { t } = frame;
  const { landing: script } = frame.assets;
  const isOffered = link !== undefined && script !== undefined;
  const offer = isOffered
    ? html`<a id="open-app" class="button" href="/app#${link}" hidden>${t('landing.open')}</a>`
    : html``;
  const body = html`<main class="message"><h1>${t('landing.title')}</h1><p>${t('landing.text')}</p>${offer}</main>`;
  return document({ ...frame, title: t('landing.title'), head: isOffered ? scriptTag(script) : html``, body });
}

interface Document extends Frame {
  readonly title: string;
  readonly head: Markup;
  readonly body: Markup;
}

function document({ language, assets, title, head, body }: Document): string {
  return html`<!doctype html>
<html lang="${language.code}" dir="${language.direction}">
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
