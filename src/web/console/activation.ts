/** An activation as the person beside scans or types it. It is shown once, and is in this window alone. */
import type { Activation } from '../../admin-client/operations.ts';
import { button, element, paragraph } from '../design/dom.ts';
import { drawQr } from '../design/qr.ts';
import type { Console } from './context.ts';
import { when } from './format.ts';
import { code } from './parts.ts';

/** Whether an answer is one, whatever act it answers. */
export function isActivation(answer: unknown): answer is Activation {
  return typeof answer === 'object' && answer !== null && 'activationId' in answer;
}

/** Shows it until it is closed. */
export function showActivation({ t }: Console, activation: Activation): void {
  const { activationText, code: typed, confirmationCode, expiresAt } = activation;
  const picture = element('div', { class: 'qr', attributes: { role: 'img', 'aria-label': t('invite.picture') } });
  if (activationText !== undefined) drawQr(picture, activationText);
  const dialog = element(
    'dialog',
    { attributes: { 'aria-labelledby': 'activation-title' } },
    element('h2', {
      id: 'activation-title',
      text: t(confirmationCode === undefined ? 'invite.title' : 'invite.confirmation'),
      attributes: { tabindex: '-1' },
    }),
    paragraph(t(confirmationCode === undefined ? 'invite.text' : 'invite.confirmationText')),
    activationText === undefined ? undefined : picture,
    typed === undefined ? undefined : element('p', {}, t('invite.code'), ' ', code(typed)),
    confirmationCode === undefined ? undefined : element('p', { class: 'secret' }, code(confirmationCode)),
    element('p', { class: 'soft' }, t('invite.until'), ' ', when(t, expiresAt)),
    button(t('act.close'), () => dialog.close()),
  );
  // Not by a slip: it cannot be shown again.
  dialog.addEventListener('cancel', (event) => event.preventDefault());
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
