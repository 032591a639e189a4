/** The payments of a batch: made when they are opened, searched, and shown by the page, for there may be ten thousand. */

import { formatIban } from '../../protocol/templates/iban.ts';
import { formatAmount } from '../../protocol/templates/money.ts';
import type { ClaimedOrder } from '../../sdk/index.ts';
import { languageOf } from '../../texts/languages.ts';
import { button, element, field, focusOn } from '../design/dom.ts';
import type { Messages } from './messages.ts';

type Payment = NonNullable<ClaimedOrder['payments']>[number];

/** The list of a batch. */
export interface PaymentList {
  readonly payments: readonly Payment[];
  /** ISO 4217. */
  readonly currency: string;
  /** BCP 47, of the order. */
  readonly locale: string;
}

const pageSize = 50;

/** The list under its name, closed; every payment can be come to by searching or by going on. */
export function paymentList(t: Messages, { name, ...list }: PaymentList & { readonly name: string }): HTMLElement {
  const root = element('details', {}, element('summary', { text: name }));
  const open = (): void => {
    root.removeEventListener('toggle', open);
    root.append(...opened(t, list));
  };
  root.addEventListener('toggle', open);
  return root;
}

function opened(t: Messages, { payments, currency, locale }: PaymentList): readonly HTMLElement[] {
  const amountOf = ({ amount }: Payment): string => formatAmount(amount, currency, locale);
  const item = (payment: Payment): HTMLElement => paymentItem(payment, amountOf(payment));
  const list = element('ol', { class: 'payments' });
  if (payments.length <= pageSize) {
    list.append(...payments.map(item));
    return [list];
  }
  let found = payments.map((payment, index) => ({ payment, number: index + 1 }));
  const numbered = found;
  const shown = element('p', { class: 'soft', attributes: { role: 'status' } });
  const more = button(t('list.more'), () => goOn(), 'quiet');
  const page = (): void => {
    const next = found.slice(list.childElementCount, list.childElementCount + pageSize);
    for (const { payment, number } of next) {
      const made = item(payment);
      // Its own number in the list, also where a search left others out.
      made.setAttribute('value', String(number));
      list.append(made);
    }
    shown.textContent = t('list.shown', { shown: list.childElementCount, count: found.length });
    more.hidden = list.childElementCount === found.length;
  };
  const goOn = (): void => {
    const at = list.childElementCount;
    page();
    focusOn(list.children[at]);
  };
  const { row, input } = field({ name: 'find', label: t('list.find'), attributes: { type: 'search', dir: 'auto' } });
  input.addEventListener('input', () => {
    const wanted = plain(input.value);
    found = numbered.filter(({ payment }) => matches(payment, amountOf(payment), wanted));
    list.replaceChildren();
    page();
  });
  page();
  // In the language of the app, within what is in the language of the order.
  const own = { lang: t.language, dir: languageOf(t.language)?.direction ?? 'ltr' };
  return [element('div', { attributes: own }, row, shown), list, element('div', { attributes: own }, more)];
}

/** As it is searched: without blanks and without regard to capitals. */
const plain = (text: string): string => text.normalize('NFKC').toLowerCase().replace(/\s/g, '');

function matches({ creditorName, creditorIban, reference = '' }: Payment, amount: string, wanted: string): boolean {
  return [creditorName, creditorIban, reference, amount].some((text) => plain(text).includes(wanted));
}

function paymentItem({ creditorName, creditorIban, reference }: Payment, amount: string): HTMLElement {
  return element(
    'li',
    {},
    element('strong', {}, element('bdi', { text: amount })),
    element('div', {}, element('bdi', { text: creditorName })),
    element('div', {}, element('bdi', { text: formatIban(creditorIban) })),
    reference === undefined ? undefined : element('div', { class: 'quoted' }, element('bdi', { text: reference })),
  );
}
