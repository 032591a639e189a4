/** The panels of the login page, one for each thing that it can have to say; its script shows one at a time. */
import { html, type Markup } from '../html.ts';
import type { LocalTexts } from '../texts/files.ts';

type T = LocalTexts<'login'>['t'];

interface Names {
  readonly portal: string;
  /** Where the page is. */
  readonly host: string;
  /** False: something is to be signed. */
  readonly isLogin: boolean;
}

/** Minutes that "more time" gives. */
const moreMinutes = 5;

/** Every panel. What the script must fill in stands as a template in an attribute, and it writes the whole as text. */
export function panels(t: T, { portal, host, isLogin }: Names): Markup {
  const leave = html`<button type="button" data-act="leave" class="quiet">${t('leave', { portal })}</button>`;
  const again = html`<button type="button" data-act="again">${t('renew')}</button>`;
  const retry = html`<button type="button" data-act="again">${t('cookies.retry')}</button>`;
  const said = (name: Said) => ({
    heading: !isLogin && name === 'lost' ? t('sign.lost') : t(`${name}.heading`),
    text: isLogin || !isOther(name) ? t(`${name}.text`) : t(signed[name]),
  });
  const cookies = { heading: t('cookies.heading'), text: t('cookies.text', { host }) };
  return html`<section data-panel="starting"><h2>${t(isLogin ? 'heading' : 'sign.heading')}</h2><p>${t('starting')}</p></section>
${scanPanel(t, isLogin)}
${typedPanel(t)}
${timePanel(t)}
${panel('claimed', said('claimed'), [timer(t)])}
${panel('approved redeemed', said('approved'), [])}
${panel('declined', said('declined'), [leave])}
${panel('reported', said('reported'), [leave])}
${panel('expired', said('expired'), [again, leave])}
${panel('cancelled', said('cancelled'), [again, leave])}
${panel('blocked', said('blocked'), [leave])}
${panel('limited', said('limited'), [again])}
${panel('cookies', cookies, [retry])}
${panel('lost', said('lost'), [])}`;
}

/** What is said otherwise where nobody logs in. */
const signed = {
  claimed: 'sign.compare',
  declined: 'sign.declined',
  reported: 'sign.reported',
  cancelled: 'sign.cancelled',
  blocked: 'sign.blocked',
} as const;

const isOther = (name: Said): name is keyof typeof signed => Object.hasOwn(signed, name);

type Said = 'claimed' | 'approved' | 'declined' | 'reported' | 'expired' | 'cancelled' | 'blocked' | 'limited' | 'lost';

function panel(names: string, text: { heading: string; text: string }, more: readonly Markup[]): Markup {
  return html`<section data-panel="${names}" hidden><h2 tabindex="-1">${text.heading}</h2><p>${text.text}</p>${more}</section>`;
}

function scanPanel(t: T, isLogin: boolean): Markup {
  const more = isLogin ? html`` : html`<p>${t('sign.compare')}</p><p class="soft">${t('sign.inbox')}</p>`;
  return html`<section data-panel="pending" hidden>
<h2 tabindex="-1">${t('pending.heading')}</h2>
<div class="code"><div id="qr" role="img" aria-label="${t('pending.codeLabel')}" data-frame=""></div><p id="stale" hidden>${t('stale')}</p></div>
${steps([t('pending.step1'), t('pending.step2'), t('pending.step3')])}
${more}
<div class="same-device">
<button type="button" id="link-show">${t('link.show')}</button>
<a id="link-open" class="button" target="_blank" rel="noopener noreferrer" hidden>${t('link.open')}</a>
<p id="link-hint" hidden>${t('link.hint')}</p>
</div>
<button type="button" id="typed-show" class="quiet">${t('typed.show')}</button>
</section>`;
}

/** The same without a picture: as quick, as safe, and read digit by digit to whoever listens. */
function typedPanel(t: T): Markup {
  return html`<section data-panel="typed" hidden>
<h2 tabindex="-1">${t('typed.heading')}</h2>
<div id="typed" class="typed-code" role="group" aria-label="${t('typed.label')}" data-new="${t('typed.new')}">
<p id="typed-shown" dir="ltr" aria-hidden="true"></p><p id="typed-heard" class="only-heard"></p>
</div>
<p id="typed-time" class="timer" data-time="${t('typed.time')}"></p>
${steps([t('typed.step1'), t('typed.step2'), t('typed.step3')])}
<button type="button" id="typed-back" class="quiet">${t('typed.back')}</button>
</section>`;
}

/** What is left of the page's own time, and more of it. */
function timePanel(t: T): Markup {
  const done = t('more.done', { count: moreMinutes });
  return html`<section class="time" data-panel="pending typed" hidden>
${timer(t)}
<button type="button" id="more" class="quiet" data-done="${done}">${t('more.do')}</button>
<p id="more-limit" tabindex="-1" hidden>${t('more.limit')}</p>
</section>`;
}

const steps = (texts: readonly string[]): Markup => html`<ol>${texts.map((text) => html`<li>${text}</li>`)}</ol>`;
const timer = (t: T): Markup => html`<p class="timer" data-timer="${t('timer')}"></p>`;
