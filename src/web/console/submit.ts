/** A form that does an act: its fields, its button, and what is said where it is refused. */
import { element } from '../design/dom.ts';
import { type Act, carryOut, intend } from './acts.ts';
import type { Console } from './context.ts';

interface ActForm<P, Answer> {
  readonly act: Act<P, Answer>;
  readonly fields: readonly (Node | undefined)[];
  /** What the fields say; a text is what is wrong with them. */
  readonly read: () => P | string;
}

/** Undefined where the person may not do the act. */
export function actForm<P, Answer>(
  console: Console,
  { act, fields, read }: ActForm<P, Answer>,
): HTMLElement | undefined {
  const { t } = console;
  if (!console.may(act.permission)) return undefined;
  const trouble = element('p', { class: 'trouble', attributes: { role: 'alert' } });
  const submit = element('button', { attributes: { type: 'submit' } });
  const form = element(
    'form',
    { class: 'act-form', attributes: { novalidate: '', autocomplete: 'off' } },
    ...fields.filter((one) => one !== undefined),
    trouble,
    submit,
  );
  submit.textContent = t('act.save');
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const params = read();
    trouble.textContent = typeof params === 'string' ? params : '';
    if (typeof params === 'string') return;
    submit.disabled = true;
    carryOut(console, act, intend(act, params)).catch((error: unknown) => {
      trouble.textContent = console.explain(error);
      submit.disabled = false;
    });
  });
  return form;
}
