/** What stands beside the question: who asks and from where, what to beware of, and who else must approve. */

import type { ClaimedOrder } from '../../sdk/index.ts';
import { element, paragraph } from '../design/dom.ts';
import type { App } from './app.ts';
import { formatTime } from './format.ts';

/** Who asks, from which page and browser, and when. */
export function facts(app: App, { descriptor }: ClaimedOrder): HTMLElement {
  const { t } = app;
  const { client, origin, browser, iat, via } = descriptor;
  const network = t('confirm.network', { network: browser.address });
  const when = formatTime(t, iat * 1000, 'medium');
  const rows: readonly (readonly [string, ...(string | undefined)[]])[] = [
    [t('confirm.asks'), client.name],
    [t('confirm.domain'), client.domain],
    [t('confirm.origin'), origin],
    // Of an order that a portal's server began, nobody knows a browser.
    [t('confirm.browser'), browser.name === '' ? undefined : browser.name, begunHow(app, via)],
    [t('confirm.where'), browser.place ?? undefined, browser.address === '' ? undefined : network],
    [t('confirm.when'), when],
  ];
  const known = rows.filter(([, ...values]) => values.some((value) => value !== undefined));
  return element('dl', { class: 'facts' }, ...known.map(([label, ...values]) => fact(label, values)));
}

/** Each value apart, so that one in another direction of writing leaves the others where they are. */
function fact(label: string, values: readonly (string | undefined)[]): HTMLElement {
  const lines = values.filter((value) => value !== undefined);
  return element(
    'div',
    {},
    element('dt', { text: label }),
    element('dd', {}, ...lines.map((value) => element('div', {}, element('bdi', { text: value })))),
  );
}

/** How the phone came to the code, where the person did not scan it: what was typed may have been dictated by somebody else. */
function begunHow({ t }: App, via: ClaimedOrder['descriptor']['via']): string | undefined {
  if (via === 'link') return t('confirm.link');
  return via === 'code' ? t('confirm.typed') : undefined;
}

/** Above the decision: what the server warns of, how many must approve, and what to ask oneself. */
export function warnings({ t }: App, { descriptor }: ClaimedOrder): readonly HTMLElement[] {
  const { via, purpose, signing } = descriptor;
  const advice = purpose === 'signing' ? 'confirm.signAdvice' : 'confirm.advice';
  const { needed, given } = signing?.approvers ?? { needed: 1, given: 0 };
  return [
    ...(signing === undefined || signing.warnings.length === 0 ? [] : [risks({ t }, signing.warnings)]),
    ...(needed > 1 ? [paragraph(t('confirm.approvers', { needed, number: given + 1 }), 'notice')] : []),
    via === 'code' ? paragraph(t('confirm.typedAdvice'), 'warning') : paragraph(t(advice), 'soft'),
  ];
}

type Risks = NonNullable<ClaimedOrder['descriptor']['signing']>['warnings'];

function risks({ t }: Pick<App, 't'>, warned: Risks): HTMLElement {
  return element(
    'section',
    { class: 'warning' },
    element('h2', { text: t('risk.title') }),
    ...warned.map((reason) => paragraph(t(`risk.${reason}`))),
  );
}
