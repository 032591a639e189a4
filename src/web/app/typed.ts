/** The short code of a login page, for whoever cannot scan: twelve digits in groups of four. */
import type { PhoneError } from '../../sdk/index.ts';
import { button, element, field, form } from '../design/dom.ts';
import type { App } from './app.ts';
import { digitsOf } from './digits.ts';

const digitCount = 12;

interface TypedTaker {
  readonly onDigits: (digits: string) => Promise<void>;
  readonly next: () => void;
  readonly back: () => void;
}

/** Asks for the digits and claims what they stand for. */
export function showTyped(app: App, taker: TypedTaker): void {
  const { t } = app;
  const { row, input } = field({
    name: 'short-code',
    label: t('typed.label'),
    hint: t('typed.hint'),
    // Room for what is pasted with blanks between all digits.
    attributes: { inputmode: 'numeric', maxlength: '32', dir: 'ltr' },
  });
  input.addEventListener('input', () => regroup(input));
  const refused = (text: string): void => {
    app.say(text);
    input.focus();
  };
  const onError = ({ code }: PhoneError): boolean => {
    if (code !== 'stale_frame' && code !== 'not_a_frame' && code !== 'not_found') return false;
    refused(t('typed.wrong'));
    input.select();
    return true;
  };
  const submit = (): void => {
    const digits = digitsOf(input.value);
    if (digits.length !== digitCount) return refused(t('typed.bad'));
    void app.run(() => taker.onDigits(digits), taker.next, { onError, retry: submit });
  };
  app.show({
    name: 'typed',
    title: t('typed.title'),
    isPrivate: true,
    content: [
      form(submit, row, element('button', { text: t('act.continue'), attributes: { type: 'submit' } })),
      button(t('act.back'), taker.back, 'quiet'),
    ],
  });
}

/** Writes the groups anew, and leaves the caret behind the digit that it was behind. */
function regroup(input: HTMLInputElement): void {
  const before = digitsOf(input.value.slice(0, input.selectionStart ?? input.value.length)).length;
  const grouped = groupDigits(input.value);
  if (grouped === input.value) return;
  input.value = grouped;
  const caret = caretBehind(before);
  input.setSelectionRange(caret, caret);
}

/** At most twelve digits as `1234 5678 9012`. */
export function groupDigits(text: string): string {
  return (
    digitsOf(text)
      .slice(0, digitCount)
      .match(/.{1,4}/g) ?? []
  ).join(' ');
}

/** Where the caret stands behind so many digits of the groups. */
export function caretBehind(digits: number): number {
  const shown = Math.min(digits, digitCount);
  return shown + Math.max(0, Math.ceil(shown / 4) - 1);
}
