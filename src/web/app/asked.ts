/** What is asked, as a person reads it: the text of a login, or the lines of what is to be signed, amount and payee largest. */

import { headline } from '../../protocol/templates/headline.ts';
import type { ClaimedOrder } from '../../sdk/index.ts';
import { languageOf } from '../../texts/languages.ts';
import { element } from '../design/dom.ts';
import type { Messages } from './messages.ts';
import { type PaymentList, paymentList } from './payments.ts';

type Line = NonNullable<ClaimedOrder['lines']>[number];

/** What was signed, or is to be. */
export interface Signed {
  readonly locale: string;
  readonly title: string;
  readonly lines: readonly Line[];
  /** Of a batch. */
  readonly payments?: PaymentList['payments'] | undefined;
  readonly currency?: string | undefined;
}

/** The whole of it. The SDK has drawn the lines itself and found them to be the text that is signed. */
export function asked(t: Messages, order: ClaimedOrder): readonly HTMLElement[] {
  const { lines } = order;
  const { text, locale, template } = order.descriptor.display;
  if (lines === undefined || template === undefined) {
    return [element('p', { class: 'asked-text', text, attributes: { lang: locale, dir: 'auto' } })];
  }
  return [drawing(t, { ...order, locale, title: template.title, lines })];
}

/** A few words of it, for afterwards: the portal of a login, amount and payee of a payment. From the same verified order as {@link asked}. */
export function askedInShort(t: Messages, order: ClaimedOrder): HTMLElement {
  const { lines, descriptor } = order;
  const { locale, template } = descriptor.display;
  const short =
    lines === undefined || template === undefined
      ? asked(t, order)
      : [drawing(t, { locale, title: template.title, lines: headline(lines) })];
  return element('section', { class: 'asked', attributes: { 'aria-label': t('confirm.text') } }, ...short);
}

/** Label above value, the portal's words apart from the server's; the payments of a batch below. */
export function drawing(t: Messages, { locale, title, lines, payments, currency }: Signed): HTMLElement {
  const count = lines.find(({ name }) => name === 'count');
  const hasList = count !== undefined && payments !== undefined && currency !== undefined;
  const direction = languageOf(locale)?.direction ?? 'ltr';
  return element(
    'div',
    { class: 'signed', attributes: { lang: locale, dir: direction } },
    element('h2', { text: title }),
    element('dl', {}, ...lines.map(drawn)),
    hasList ? paymentList(t, { payments, currency, locale, name: `${count.label}: ${count.value}` }) : undefined,
  );
}

function drawn({ name, label, value, emphasis, by }: Line): HTMLElement {
  const looks = [name, emphasis === 'main' ? 'main' : undefined, by === 'portal' ? 'quoted' : undefined];
  const look = looks.filter((one) => one !== undefined).join(' ');
  return element(
    'div',
    { class: look },
    element('dt', { text: label }),
    // Apart from the line, so that a value in another direction of writing leaves everything else where it is.
    element('dd', {}, element('bdi', { text: value })),
  );
}
