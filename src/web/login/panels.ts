/** Shows one of the page's panels at a time; all texts are in the document already. */

/** The panels that are not states of the order. */
export type Panel =
  | 'starting'
  | 'pending'
  | 'claimed'
  | 'approved'
  | 'redeemed'
  | 'declined'
  | 'reported'
  | 'expired'
  | 'cancelled'
  | 'limited'
  | 'lost';

/** An element that the server's markup always has. */
export function element<E extends HTMLElement = HTMLElement>(id: string): E {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found as E;
}

/** Shows the panel and tells its heading to whoever listens instead of looking. Does nothing where it is shown already. */
export function showPanel(name: Panel): void {
  const page = element('login');
  if (page.dataset['state'] === name) return;
  page.dataset['state'] = name;
  let shown: HTMLElement | undefined;
  for (const panel of page.querySelectorAll<HTMLElement>('[data-panel]')) {
    panel.hidden = !(panel.dataset['panel'] ?? '').split(' ').includes(name);
    if (!panel.hidden) shown = panel;
  }
  const heading = shown?.querySelector('h2') ?? undefined;
  element('live').textContent = heading?.textContent ?? '';
  element('cancel').hidden = !['starting', 'pending', 'claimed', 'limited'].includes(name);
  // The button that had the focus is gone with its panel: a keyboard must not be left nowhere.
  if (document.activeElement === null || document.activeElement === document.body) heading?.focus();
}

/** Writes `m:ss` into every timer of the page. */
export function showTime(seconds: number): void {
  const whole = Math.max(0, Math.ceil(seconds));
  const text = `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
  for (const timer of document.querySelectorAll('[data-timer]')) {
    if (timer.textContent !== text) timer.textContent = text;
  }
}
