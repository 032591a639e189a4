/** A secret that is shown once. It is in this window alone, and gone when that is closed. */
import { button, element, paragraph } from '../design/dom.ts';
import type { Console } from './context.ts';
import { code } from './parts.ts';

/** Shows it until the person says that they have it. */
export function showSecret({ t }: Console, secret: string): void {
  const dialog = element(
    'dialog',
    { attributes: { 'aria-labelledby': 'secret-title' } },
    element('h2', { id: 'secret-title', text: t('secret.title'), attributes: { tabindex: '-1' } }),
    paragraph(t('secret.text')),
    element('p', { class: 'secret' }, code(secret)),
    button(t('secret.done'), () => dialog.close()),
  );
  // Not by a slip: it cannot be shown again.
  dialog.addEventListener('cancel', (event) => event.preventDefault());
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
