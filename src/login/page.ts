/** The login page's markup: every text and every state is in it, so that the script only shows, hides and draws. */
import { html, type Markup } from '../html.ts';
import { htmlDocument, type Look, ownLook, type PageAsset, scriptTag } from '../http/document.ts';
import { documentSecurityPolicy } from '../http/headers.ts';
import type { LocalTexts } from '../texts/files.ts';
import { languages } from '../texts/languages.ts';
import { panels } from './panels.ts';

export interface PageAssets {
  readonly script: PageAsset;
  readonly style: PageAsset;
  /** Offers the app on the page that a link for this device opens; nothing is offered without it. */
  readonly landing?: PageAsset | undefined;
  /** Whose the page is; our own unless told. */
  readonly look?: Look | undefined;
}

/** Nothing inline, nothing from elsewhere, no frames, no forms; scripts may not turn text into markup. */
export const pageSecurityPolicy = documentSecurityPolicy({ 'script-src': "'self'", 'connect-src': "'self'" });

interface Frame extends LocalTexts<'login'> {
  readonly assets: PageAssets;
}

interface LoginPage extends Frame {
  readonly portal: string;
  readonly domain: string;
  /** Where this page is: what the address bar must show. */
  readonly host: string;
  /** Of this server; undefined where the portal has none. */
  readonly logo?: string | undefined;
  /** What kind of thing is to be signed, in words; undefined in a login. */
  readonly asked?: string | undefined;
}

/** The page on which the code appears. Names are text, whatever they hold. */
export function loginPage({ portal, domain, host, logo, asked, ...frame }: LoginPage): string {
  const { t } = frame;
  const isLogin = asked === undefined;
  // The name stands beside it: a description of the picture would say it twice.
  const picture = logo === undefined ? html`` : html`<img class="portal-logo" src="${logo}" alt="">`;
  const body = html`<main id="login" data-state="starting">
<header class="portal">
${picture}<p class="asked">${t(isLogin ? 'askedBy' : 'sign.askedBy')}</p>
<h1><span class="portal-name">${portal}</span> <span class="portal-domain">${domain}</span></h1>
${isLogin ? html`` : html`<p class="kind">${asked}</p>`}
</header>
<p id="live" class="only-heard" role="status" aria-live="polite"></p>
<p id="trouble" class="trouble" hidden>${t('unreachable')}</p>
${panels(t, { portal, host, isLogin })}
<noscript><p class="trouble">${t('noScript')}</p></noscript>
<footer>
<p class="warning">${t('warning', { domain })}</p>
<button type="button" id="cancel" class="quiet">${t('cancel')}</button>
<details class="help"><summary>${t('help.show')}</summary>
${isLogin ? html`<p>${t('help.what')}</p>` : html``}<p>${t('help.address', { host })}</p><p>${t('help.never')}</p><p>${t('help.phone')}</p></details>
${languageSwitcher(frame)}
</footer>
</main>`;
  return document({
    ...frame,
    title: t(isLogin ? 'title' : 'sign.title', { portal }),
    head: scriptTag(frame.assets.script),
    body,
  });
}

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
  const elsewhere = html`<div id="elsewhere"><h1>${t('landing.title')}</h1><p>${t('landing.text')}</p></div>`;
  const here = isOffered
    ? html`<div id="here" hidden><h1>${t('link.open')}</h1><p>${t('landing.here')}</p><a id="open-app" class="button" href="/app#${link}">${t('landing.open')}</a></div>`
    : html``;
  const body = html`<main class="message">${elsewhere}${here}</main>`;
  return document({ ...frame, title: t('landing.title'), head: isOffered ? scriptTag(script) : html``, body });
}

interface Document extends Frame {
  readonly title: string;
  readonly head: Markup;
  readonly body: Markup;
}

function document({ language, assets, title, head, body }: Document): string {
  const { look = ownLook, style } = assets;
  const { code, direction } = language;
  return htmlDocument({ language: code, direction, title: `${title} · ${look.name}`, look, style, head, body });
}
