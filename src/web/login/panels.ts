/** Shows one of the page's panels at a time; all texts are in the document already. */

/** What the page can show: states of the order, and what comes between. */
export type Panel =
  | 'starting'
  | 'pending'
  | 'typed'
  | 'claimed'
  | 'approved'
  | 'redeemed'
  | 'declined'
  | 'reported'
  | 'expired'
  | 'cancelled'
  | 'blocked'
  | 'cookies'
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
  const hadFocus = document.activeElement?.closest('[data-panel]') ?? null;
  let heading: HTMLElement | undefined;
  for (const panel of page.querySelectorAll<HTMLElement>('[data-panel]')) {
    panel.hidden = !(panel.dataset['panel'] ?? '').split(' ').includes(name);
    if (!panel.hidden) heading ??= panel.querySelector('h2') ?? undefined;
  }
  say(heading?.textContent ?? '');
  element('cancel').hidden = !['starting', 'pending', 'typed', 'claimed', 'limited'].includes(name);
  // The button that had the focus is gone with its panel: a keyboard must not be left nowhere.
  if (hadFocus instanceof HTMLElement && hadFocus.hidden) heading?.focus();
}

/** Tells something to whoever listens instead of looking. */
export function say(text: string): void {
  element('live').textContent = text;
}

/** `m:ss`, whole seconds. */
export function clockText(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

/** The template with `value` in the place of its `{name}`; a template without one stays as it is. Text, never markup. */
export function filled(template: string, name: string, value: string): string {
  return template.replace(`{${name}}`, () => value);
}

/** Writes the time into every timer of the page, each in the words that the server gave it. */
export function showTime(seconds: number): void {
  for (const timer of document.querySelectorAll<HTMLElement>('[data-timer]')) {
    const text = filled(timer.dataset['timer'] ?? '', 'time', clockText(seconds));
    if (timer.textContent !== text) timer.textContent = text;
  }
}
