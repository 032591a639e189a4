/** A receipt: what was signed and every fact of it, checked by the phone before it is shown, and the file to hand on. */
import type { ReceiptFacts } from '../../sdk/index.ts';
import { button, element, paragraph } from '../design/dom.ts';
import type { App } from './app.ts';
import { drawing } from './asked.ts';
import { formatDateTime } from './format.ts';
import { canShare, handOn } from './share.ts';

interface Shown {
  readonly signingId: string;
  readonly back: () => void;
}

/** Shows the receipt that the phone has fetched, and found to be genuine and its user's own. */
export function showReceipt(app: App, { signingId, back }: Shown): void {
  const { t, phone } = app;
  const facts = element('div', {}, paragraph(t('act.busy'), 'soft'));
  app.show({
    name: 'receipt',
    title: t('receipt.title'),
    isPrivate: true,
    content: [facts, button(t('act.back'), back, 'quiet')],
  });
  const load = (): void => {
    void app.run(
      () => phone.verifiedReceipt(signingId),
      (got) =>
        facts.replaceChildren(
          ...shown(app, got.facts),
          ...copies(app, { name: `${signingId}.json`, text: JSON.stringify(got.receipt) }),
        ),
      { retry: load },
    );
  };
  load();
}

function shown({ t }: App, facts: ReceiptFacts): readonly HTMLElement[] {
  const { portal, user, device, factor, reference, approvedAt, issuer } = facts;
  const rows: readonly (readonly [string, readonly HTMLElement[]])[] = [
    [t('receipt.who'), [part(user.name), part(user.id)]],
    [t('receipt.when'), [part(formatDateTime(t, approvedAt * 1000))]],
    [t('receipt.asked'), [part(portal.name), part(portal.domain), part(reference, 'quoted')]],
    [t('receipt.phone'), [part(device.name), part(device.thumbprint)]],
    [t('receipt.proof'), [part(t(`factor.${factor}`))]],
    ['mToken', [part(issuer)]],
  ];
  return [
    element('section', { class: 'asked' }, drawing(t, facts)),
    element(
      'dl',
      { class: 'facts' },
      ...rows.map(([label, values]) =>
        element('div', {}, element('dt', { text: label }), element('dd', {}, ...values)),
      ),
    ),
  ];
}

/** Each value apart, so that one in another direction of writing leaves the others where they are. */
function part(text: string, look?: 'quoted'): HTMLElement {
  return element('div', look === undefined ? {} : { class: look }, element('bdi', { text }));
}

/** The file, and where anybody finds out whether it is genuine. */
function copies(app: App, { name, text }: { readonly name: string; readonly text: string }): readonly HTMLElement[] {
  const { t, issuer } = app;
  const address = `${issuer}/verify`;
  const file = new File([text], name, { type: 'application/json' });
  return [
    button(t(canShare(file) ? 'receipt.share' : 'receipt.save'), () => void handOn(file)),
    paragraph(t('receipt.check'), 'soft'),
    element('a', {
      class: 'button quiet',
      text: address,
      attributes: { href: address, target: '_blank', rel: 'noopener', dir: 'ltr' },
    }),
  ];
}
