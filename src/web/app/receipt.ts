/** A receipt: what was signed and every fact of it, checked here before it is shown, and the file to hand on. */
import { PhoneError, type ReceiptFacts, verifyReceipt } from '../../sdk/index.ts';
import { button, element, paragraph } from '../design/dom.ts';
import type { App } from './app.ts';
import { drawing } from './asked.ts';
import { formatDateTime } from './format.ts';
import { canShare, handOn } from './share.ts';

interface Shown {
  readonly signingId: string;
  readonly back: () => void;
}

/** Fetches the receipt, judges it as everybody else can, and shows it. */
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
      async () => {
        const receipt = await phone.receipt(signingId);
        const verdict = await verifyReceipt(receipt, await keyHistory());
        return { facts: verdict.facts, text: JSON.stringify(receipt) };
      },
      (got) => {
        if (got.facts === undefined) facts.replaceChildren(paragraph(t('error.server_not_authentic'), 'warning'));
        else
          facts.replaceChildren(
            ...shown(app, got.facts),
            ...copies(app, { name: `${signingId}.json`, text: got.text }),
          );
      },
      { retry: load },
    );
  };
  load();
}

/** Every key that the server ever signed with, as anybody gets it. */
async function keyHistory(): Promise<unknown> {
  try {
    const response = await fetch('/.well-known/mtoken-key-history', { credentials: 'omit', cache: 'no-store' });
    if (!response.ok) throw new PhoneError('unavailable', { detail: `key history: status ${response.status}` });
    return await response.json();
  } catch (cause) {
    throw cause instanceof PhoneError ? cause : new PhoneError('offline', { cause });
  }
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
