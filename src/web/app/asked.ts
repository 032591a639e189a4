/** What is asked, as a person reads it: the text of a login, or the lines of what is to be signed, amount and payee largest. */

import { formatIban } from '../../protocol/templates/iban.ts';
import { formatAmount } from '../../protocol/templates/money.ts';
import type { ClaimedOrder } from '../../sdk/index.ts';
import { element } from '../design/dom.ts';

type Line = NonNullable<ClaimedOrder['lines']>[number];
type Payment = NonNullable<ClaimedOrder['payments']>[number];

/** The whole of it. The SDK has drawn the lines itself and found them to be the text that is signed. */
export function asked(order: ClaimedOrder): readonly HTMLElement[] {
  const { lines, payments } = order;
  const { text, locale, template } = order.descriptor.display;
  if (lines === undefined || template === undefined) {
    return [element('p', { class: 'asked-text', text, attributes: { lang: locale, dir: 'auto' } })];
  }
  const direction = locale === 'ar' ? 'rtl' : 'ltr';
  return [
    element(
      'div',
      { class: 'signed', attributes: { lang: locale, dir: direction } },
      element('h2', { text: template.title }),
      element('dl', {}, ...lines.map(drawn)),
      payments && paymentList(order, payments),
    ),
  ];
}

function drawn({ label, value, emphasis, by }: Line): HTMLElement {
  const looks = [emphasis === 'main' ? 'main' : undefined, by === 'portal' ? 'quoted' : undefined];
  const look = looks.filter((one) => one !== undefined).join(' ');
  return element(
    'div',
    { class: look },
    element('dt', { text: label }),
    // Apart from the line, so that a value in another direction of writing leaves everything else where it is.
    element('dd', {}, element('bdi', { text: value })),
  );
}

/** Every payment of the batch; made when it is opened, for there may be ten thousand. */
function paymentList({ lines, descriptor, currency = '' }: ClaimedOrder, payments: readonly Payment[]): HTMLElement {
  const { locale } = descriptor.display;
  const count = lines?.find(({ name }) => name === 'count');
  const list = element('ol', { class: 'payments' });
  const root = element(
    'details',
    {},
    element('summary', { text: `${count?.label ?? ''}: ${count?.value ?? ''}` }),
    list,
  );
  root.addEventListener('toggle', () => {
    if (list.childElementCount > 0) return;
    list.append(...payments.map((payment) => paymentItem(payment, formatAmount(payment.amount, currency, locale))));
  });
  return root;
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
