/** The link for whoever has the app on this very device. */

import { call } from './calls.ts';
import { element } from './panels.ts';

/** Less than the server accepts it for, so that nobody presses one that is over. */
const linkLifetimeMs = 50_000;

/** Makes the button work; answers how to take the link away. */
export function setUpLink(): () => void {
  const show = element<HTMLButtonElement>('link-show');
  const open = element<HTMLAnchorElement>('link-open');
  let timer: ReturnType<typeof setTimeout> | undefined;
  const hide = (): void => {
    clearTimeout(timer);
    open.removeAttribute('href');
    open.hidden = true;
    element('link-hint').hidden = true;
    show.hidden = false;
  };
  show.addEventListener('click', () => {
    void call('link').then((reply) => {
      if (reply?.body === undefined) return;
      open.href = (reply.body as { readonly url: string }).url;
      open.hidden = false;
      element('link-hint').hidden = false;
      show.hidden = true;
      open.focus();
      timer = setTimeout(hide, linkLifetimeMs);
    });
  });
  return hide;
}
