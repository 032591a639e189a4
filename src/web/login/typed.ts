/** The short code for whoever cannot scan: shown in groups, read digit by digit, and replaced when its time is over. */

import { call } from './calls.ts';
import { clockText, element, filled, say } from './panels.ts';

const retryMs = 5_000;

export interface TypedPanel {
  readonly isOpen: boolean;
  /** Asks for a code and shows it; the one before it, if any, is dead from then on. */
  open(): Promise<void>;
  close(): void;
  /** To be called twice a second: the time goes down, and a code that is over is replaced while somebody looks. */
  tick(): void;
}

/** Three groups of four, as they are shown and copied. */
export function grouped(code: string): string {
  return (code.match(/.{4}/g) ?? []).join(' ');
}

/** As it is read aloud: every digit by itself, a pause after each group. */
export function spelled(code: string): string {
  return (code.match(/.{4}/g) ?? []).map((group) => [...group].join(' ')).join(', ');
}

/** The panel over the elements that the server's markup always has. */
export function createTypedPanel(now: () => number): TypedPanel {
  let isOpen = false;
  let isAsking = false;
  let endsAt = 0;

  const ask = async (): Promise<boolean> => {
    if (isAsking) return false;
    isAsking = true;
    const reply = await call('code');
    isAsking = false;
    if (!isOpen || reply?.body === undefined) {
      endsAt = now() + retryMs;
      return false;
    }
    const { code, secondsLeft } = reply.body as { readonly code: string; readonly secondsLeft: number };
    endsAt = now() + secondsLeft * 1000;
    element('typed-shown').textContent = grouped(code);
    element('typed-heard').textContent = spelled(code);
    showTime();
    return true;
  };
  const blank = (): void => {
    element('typed-shown').textContent = '';
    element('typed-heard').textContent = '';
    element('typed-time').textContent = '';
  };
  const showTime = (): void => {
    if (element('typed-shown').textContent === '') return;
    const time = element('typed-time');
    const text = filled(time.dataset['time'] ?? '', 'time', clockText((endsAt - now()) / 1000));
    if (time.textContent !== text) time.textContent = text;
  };
  return {
    get isOpen() {
      return isOpen;
    },
    open: async () => {
      isOpen = true;
      blank();
      await ask();
    },
    close: () => {
      isOpen = false;
      blank();
    },
    tick: () => {
      if (!isOpen) return;
      if (now() < endsAt || document.visibilityState !== 'visible') {
        showTime();
        return;
      }
      // What is over is not shown any longer, whether or not there is another.
      blank();
      void ask().then((isNew) => isNew && say(element('typed').dataset['new'] ?? ''));
    },
  };
}
