/** The mPIN pad: digits on buttons and from the keyboard, shown as dots; no text field, so nothing that a keyboard could learn. */

import { element } from '../design/dom.ts';
import { digitsOf } from './digits.ts';
import type { Messages } from './messages.ts';

interface PadOptions {
  readonly t: Messages;
  readonly maxLength: number;
  readonly minLength: number;
  readonly submitLabel: string;
  readonly onSubmit: (digits: string) => void;
}

/** A pad; `clear` forgets what was entered, `setBusy` takes nothing more while an answer is awaited. */
export interface Pad {
  readonly root: HTMLElement;
  readonly clear: () => void;
  readonly setBusy: (isBusy: boolean) => void;
}

/** Makes a pad that listens to the keyboard for as long as it is in the document. */
export function createPad(options: PadOptions): Pad {
  const { t, minLength, maxLength } = options;
  let digits = '';
  let isBusy = false;
  const dots = element('div', { class: 'dots', attributes: { 'aria-hidden': 'true' } });
  const heard = element('p', { class: 'only-heard', attributes: { role: 'status' } });
  const refresh = (): void => {
    dots.replaceChildren(
      ...Array.from({ length: Math.max(minLength, digits.length) }, (_, index) =>
        element('span', { class: index < digits.length ? 'dot full' : 'dot' }),
      ),
    );
    heard.textContent = t('pad.entered', { count: digits.length });
    submit.disabled = isBusy || digits.length < minLength;
  };
  const set = (next: string): void => {
    if (isBusy || next.length > maxLength) return;
    digits = next;
    refresh();
  };
  const send = (): void => {
    if (!isBusy && digits.length >= minLength) options.onSubmit(digits);
  };
  const keys = '123456789'.split('').map((digit) => key(digit, () => set(digits + digit)));
  const remove = key('⌫', () => set(digits.slice(0, -1)), t('pad.delete'));
  const submit = key(options.submitLabel, send);
  submit.classList.add('submit');
  const pad = element(
    'div',
    { class: 'keys', attributes: { role: 'group', 'aria-label': t('pad.name') } },
    ...keys,
    remove,
    key('0', () => set(`${digits}0`)),
    submit,
  );
  const root = element('div', { class: 'pad' }, dots, heard, pad);
  listen(root, { digit: (digit) => set(digits + digit), remove: () => set(digits.slice(0, -1)), send });
  refresh();
  heard.textContent = '';
  return {
    root,
    clear: () => {
      digits = '';
      refresh();
      heard.textContent = '';
    },
    setBusy: (busy) => {
      isBusy = busy;
      refresh();
    },
  };
}

function key(text: string, onClick: () => void, label?: string): HTMLButtonElement {
  const made = element('button', { text, onClick, attributes: { type: 'button', 'aria-label': label } });
  // A press by finger or mouse leaves the focus where it is: Enter then still sends, instead of pressing that digit again.
  made.addEventListener('mousedown', (event) => event.preventDefault());
  return made;
}

interface KeyActs {
  readonly digit: (digit: string) => void;
  readonly remove: () => void;
  readonly send: () => void;
}

function listen(root: HTMLElement, acts: KeyActs): void {
  let wasShown = false;
  const onKey = (event: KeyboardEvent): void => {
    wasShown ||= root.isConnected;
    if (wasShown && !root.isConnected) document.removeEventListener('keydown', onKey);
    if (!root.isConnected || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const isOnButton = document.activeElement instanceof HTMLButtonElement;
    const digit = event.key.length === 1 ? digitsOf(event.key) : '';
    if (digit !== '') acts.digit(digit);
    else if (event.key === 'Backspace') acts.remove();
    else if (event.key === 'Enter' && !isOnButton) acts.send();
    else return;
    event.preventDefault();
  };
  document.addEventListener('keydown', onKey);
}
