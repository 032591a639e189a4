/** The question before an act: what will happen, why it is done, and the one press that does it. */
import { button, element, paragraph } from '../design/dom.ts';
import { type Act, carryOut, type Intent, intend } from './acts.ts';
import type { Console } from './context.ts';
import { textField } from './fields.ts';

/** A reason as the server takes it. */
const reasonLength = 200;

/** A button that asks, then acts; undefined where the person may not. */
export function actButton<P, Answer>(console: Console, act: Act<P, Answer>, params: P): HTMLButtonElement | undefined {
  if (!console.may(act.permission)) return undefined;
  const look = act.isFinal ? 'danger' : 'quiet';
  const made = button(`${act.title(console.t, params)}…`, () => ask(console, act, params), look);
  made.dataset['act'] = act.name;
  made.setAttribute('aria-haspopup', 'dialog');
  return made;
}

/** Asks whether an act shall be done. */
export function ask<P, Answer>(console: Console, act: Act<P, Answer>, params: P): void {
  openDialog(console, act, { intent: intend(act, params), isProved: false });
}

/** After the login for it: shows the same again, and does it on one press. */
export function askAgain<P, Answer>(console: Console, act: Act<P, Answer>, intent: Intent): void {
  const { permissions, isConfirmed } = console.me;
  // Whoever came back without the phone is asked as before.
  const isProved = permissions[act.permission]?.proof !== 'confirmed' || isConfirmed;
  openDialog(console, act, { intent, isProved });
}

interface Question {
  readonly intent: Intent;
  /** The person has just shown on the phone that it is them. */
  readonly isProved: boolean;
}

function openDialog<P, Answer>(console: Console, act: Act<P, Answer>, { intent, isProved }: Question): void {
  const { t } = console;
  const params = intent.params as P;
  const dialog = element('dialog', { attributes: { 'aria-labelledby': 'question' } });
  const reason = act.takesReason && !isProved ? reasonField(console, intent.reason) : undefined;
  const trouble = element('p', { class: 'trouble', attributes: { role: 'alert' } });
  const go = element('button', {
    text: act.title(t, params),
    ...(act.isFinal && { class: 'danger-full' }),
    attributes: { type: 'submit' },
  });
  const stop = button(t('act.cancel'), () => dialog.close(), 'quiet');
  const form = element(
    'form',
    { attributes: { method: 'dialog', novalidate: '' } },
    element('h2', { id: 'question', text: act.title(t, params), attributes: { tabindex: '-1' } }),
    ...(isProved ? [paragraph(t('question.proved'), 'notice')] : []),
    ...act.explain(t, params).map((text) => paragraph(text)),
    ...(act.isFinal ? [paragraph(t('question.final'), 'final')] : []),
    ...(!isProved && console.me.permissions[act.permission]?.proof === 'confirmed'
      ? [paragraph(t('question.phone'), 'soft')]
      : []),
    ...(isProved && intent.reason !== '' ? [paragraph(t('question.reason', { reason: intent.reason }))] : []),
    reason?.row,
    trouble,
    element('div', { class: 'row' }, go, stop),
  );
  dialog.append(form);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const why = reason === undefined ? intent.reason : reason.input.value.trim();
    if (reason !== undefined && why === '') {
      reason.input.setAttribute('aria-invalid', 'true');
      trouble.textContent = t('question.reasonMissing');
      reason.input.focus();
      return;
    }
    go.disabled = true;
    trouble.textContent = '';
    carryOut(console, act, { ...intent, reason: why }).then(
      () => dialog.close(),
      (error: unknown) => {
        trouble.textContent = console.explain(error);
        go.disabled = false;
      },
    );
  });
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  (reason?.input ?? form.querySelector('h2'))?.focus();
}

function reasonField({ t }: Console, value: string) {
  return textField({
    name: 'reason',
    value,
    label: t('question.why'),
    hint: t('question.whyHint'),
    attributes: { maxlength: String(reasonLength), required: '' },
  });
}
