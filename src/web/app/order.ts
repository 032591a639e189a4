/** What a portal asks: everything that the server signed about it, and the decision. */

import { systemClock } from '../../clock.ts';
import type { ClaimedOrder } from '../../sdk/index.ts';
import { button, element, paragraph } from '../design/dom.ts';
import type { App } from './app.ts';
import { asked } from './asked.ts';
import { approve, refuse } from './decide.ts';
import { createReading, type Reading } from './document.ts';
import { facts, warnings } from './facts.ts';
import { formatCountdown } from './format.ts';

/** Claims what a link names, from wherever the person is. */
export async function claimLink(app: App, text: string): Promise<void> {
  await app.run(
    () => app.phone.claim(text),
    (order) => app.go.confirm(order),
    { retry: () => void claimLink(app, text) },
  );
}

/** Taps that were meant for what was shown before, as by a page that makes a person tap fast and then opens a link of ours, approve nothing. */
const pressableAfterMs = 500;

/** Shows an order whole. Approving and declining are equally near. */
export function showConfirm(app: App, order: ClaimedOrder): void {
  showWith(app, order, createReading(app, order));
}

/** `reading` goes along where the person comes back to the question: what was read once stays read. */
function showWith(app: App, order: ClaimedOrder, reading: Reading): void {
  const { t } = app;
  const { descriptor } = order;
  const isSigning = descriptor.purpose === 'signing';
  const timer = startTimer(app, order);
  const back = (): void => showWith(app, order, reading);
  const buttons = element(
    'div',
    { class: 'decide' },
    approveButton(app, reading, () => approve(app, order, back)),
    button(t('confirm.decline'), () => refuse(app, order, { decision: 'decline' })),
  );
  app.show({
    name: 'confirm',
    title: t(isSigning ? 'confirm.signing' : 'confirm.title'),
    isPrivate: true,
    onLeave: () => {
      timer.stop();
      reading.leave();
    },
    content: [
      element('section', { class: 'asked', attributes: { 'aria-label': t('confirm.text') } }, ...asked(t, order)),
      reading.root,
      facts(app, order),
      ...warnings(app, order),
      timer.root,
      buttons,
      isSigning ? reasons(app, order) : undefined,
      button(t('confirm.report'), () => showReport(app, order, back), 'danger'),
    ],
  });
}

/** One tap more, and what it will do: a report locks the person out of much, and stands right below what they came to press. */
function showReport(app: App, order: ClaimedOrder, back: () => void): void {
  const { t } = app;
  const timer = startTimer(app, order);
  const yes = button(t('report.yes'), () => refuse(app, order, { decision: 'report' }), 'danger');
  // The second of two quick taps was not meant for it.
  yes.disabled = true;
  setTimeout(() => {
    yes.disabled = false;
  }, pressableAfterMs);
  app.show({
    name: 'report',
    title: t('report.title'),
    isPrivate: true,
    onLeave: timer.stop,
    content: [
      paragraph(t('report.text')),
      order.descriptor.purpose === 'signing' ? paragraph(t('report.ends')) : undefined,
      paragraph(t('report.instead', { decline: t('confirm.decline') })),
      timer.root,
      yes,
      button(t('act.back'), back, 'quiet'),
    ],
  });
}

function approveButton({ t }: App, reading: Reading, act: () => void): HTMLButtonElement {
  const made = button(t('confirm.approve'), act);
  made.disabled = true;
  let isLookedAt = false;
  const judge = (): void => {
    made.disabled = !isLookedAt || !reading.isRead();
  };
  setTimeout(() => {
    isLookedAt = true;
    judge();
  }, pressableAfterMs);
  reading.onRead(judge);
  return made;
}

/** Of what is asked: only what it says can be wrong with it. */
const reasonsOf = {
  amount: ['amount', 'total', 'maximum', 'upTo'],
  payee: ['payee', 'count', 'recipient'],
} as const;

/** Saying why is offered beside the plain no, never in its way: declining stays as near as approving. */
function reasons(app: App, order: ClaimedOrder): HTMLElement {
  const { t } = app;
  const lines = order.lines?.map(({ name }): string => name) ?? [];
  const say = (reason: 'amount' | 'payee' | 'unexpected'): HTMLElement =>
    button(t(`why.${reason}`), () => refuse(app, order, { decision: 'decline', reason }), 'quiet');
  return element(
    'details',
    {},
    element('summary', { text: t('confirm.why') }),
    reasonsOf.amount.some((name) => lines.includes(name)) ? say('amount') : undefined,
    reasonsOf.payee.some((name) => lines.includes(name)) ? say('payee') : undefined,
    say('unexpected'),
  );
}

/** The time left, and the end of the screen when it is over. */
function startTimer(app: App, { expiresAt }: ClaimedOrder): { readonly root: HTMLElement; readonly stop: () => void } {
  const { t } = app;
  const root = element('p', { class: 'soft', attributes: { role: 'timer' } });
  const tick = (): void => {
    const seconds = Math.max(0, Math.ceil((expiresAt - systemClock.now()) / 1000));
    root.textContent = t('confirm.time', { time: formatCountdown(t, seconds) });
    if (seconds > 0) return;
    void app.go.start().then(() => app.say(t('error.order_unavailable')));
  };
  const interval = setInterval(tick, 1000);
  tick();
  return { root, stop: () => clearInterval(interval) };
}
