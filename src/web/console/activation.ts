/** An activation as the person beside scans or types it. It is shown once, and is in this window alone. */
import { button, element, paragraph } from '../design/dom.ts';
import { drawQr } from '../design/qr.ts';
import type { Console } from './context.ts';
import { when } from './format.ts';
import type { Activation } from './model.ts';
import { code } from './parts.ts';

/** Shows it until it is closed. */
export function showActivation({ t }: Console, { activationText, code: typed, expiresAt }: Activation): void {
  const picture = element('div', { class: 'qr', attributes: { role: 'img', 'aria-label': t('invite.picture') } });
  drawQr(picture, activationText);
  const dialog = element(
    'dialog',
    { attributes: { 'aria-labelledby': 'activation-title' } },
    element('h2', { id: 'activation-title', text: t('invite.title'), attributes: { tabindex: '-1' } }),
    paragraph(t('invite.text')),
    picture,
    element('p', {}, t('invite.code'), ' ', code(typed)),
    element('p', { class: 'soft' }, t('invite.until'), ' ', when(t, expiresAt)),
    button(t('act.close'), () => dialog.close()),
  );
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
