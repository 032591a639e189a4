/** What a portal asks: everything that the server signed about it, the decision, and what came of it. */

import { systemClock } from '../../clock.ts';
import type { ClaimedOrder, PhoneError } from '../../sdk/index.ts';
import { button, element, paragraph } from '../design/dom.ts';
import type { App } from './app.ts';
import { asked } from './asked.ts';
import { askFinger } from './biometrics.ts';
import { errorText } from './errors.ts';
import { formatCountdown, formatTime } from './format.ts';
import { createPad } from './pad.ts';

/** Claims what a link names, from wherever the person is. */
export async function claimLink(app: App, text: string): Promise<void> {
  await app.run(
    () => app.phone.claim(text),
    (order) => app.go.confirm(order),
    { retry: () => void claimLink(app, text) },
  );
}

/** Taps that were meant for what was shown before, as by a page that makes a person tap fast and then opens a link of ours, approve nothing. */
const approvableAfterMs = 500;

function approveButton(app: App, order: ClaimedOrder): HTMLButtonElement {
  const made = button(app.t('confirm.approve'), () => approve(app, order));
  made.disabled = true;
  setTimeout(() => {
    made.disabled = false;
  }, approvableAfterMs);
  return made;
}

/** Shows an order whole. Approving and declining are equally near. */
export function showConfirm(app: App, order: ClaimedOrder): void {
  const { t } = app;
  const { descriptor } = order;
  const timer = startTimer(app, order);
  const isTyped = descriptor.via === 'code';
  app.show({
    name: 'confirm',
    title: descriptor.purpose === 'login' ? t('confirm.title') : t('confirm.signing'),
    isPrivate: true,
    onLeave: timer.stop,
    content: [
      element('section', { class: 'asked', attributes: { 'aria-label': t('confirm.text') } }, ...asked(order)),
      facts(app, order),
      isTyped ? paragraph(t('confirm.typedAdvice'), 'warning') : paragraph(t('confirm.advice'), 'soft'),
      timer.root,
      element(
        'div',
        { class: 'decide' },
        approveButton(app, order),
        button(t('confirm.decline'), () => refuse(app, order, 'decline')),
      ),
      descriptor.purpose === 'signing' ? reasons(app, order) : undefined,
      button(t('confirm.report'), () => refuse(app, order, 'report'), 'danger'),
    ],
  });
}

/** Saying why is offered beside the plain no, never in its way: declining stays as near as approving. */
function reasons(app: App, order: ClaimedOrder): HTMLElement {
  const { t, phone } = app;
  const say = (reason: 'amount' | 'payee' | 'unexpected'): HTMLElement =>
    button(
      t(`why.${reason}`),
      () => decide(app, order, { work: () => phone.decline(order, reason), name: 'declined' }),
      'quiet',
    );
  return element(
    'details',
    {},
    element('summary', { text: t('confirm.why') }),
    say('amount'),
    say('payee'),
    say('unexpected'),
  );
}

function facts(app: App, { descriptor }: ClaimedOrder): HTMLElement {
  const { t } = app;
  const { client, origin, browser, iat, via } = descriptor;
  const network = t('confirm.network', { network: browser.address });
  const when = formatTime(t, iat * 1000, 'medium');
  const rows: readonly (readonly [string, ...(string | undefined)[]])[] = [
    [t('confirm.asks'), client.name],
    [t('confirm.domain'), client.domain],
    [t('confirm.origin'), origin],
    // Of an order that a portal's server began, nobody knows a browser.
    [t('confirm.browser'), browser.name === '' ? undefined : browser.name, begunHow(app, via)],
    [t('confirm.where'), browser.place ?? undefined, browser.address === '' ? undefined : network],
    [t('confirm.when'), when],
  ];
  const known = rows.filter(([, ...values]) => values.some((value) => value !== undefined));
  return element('dl', {}, ...known.map(([label, ...values]) => fact(label, values)));
}

/** Each value apart, so that one in another direction of writing leaves the others where they are. */
function fact(label: string, values: readonly (string | undefined)[]): HTMLElement {
  const lines = values.filter((value) => value !== undefined);
  return element(
    'div',
    {},
    element('dt', { text: label }),
    element('dd', {}, ...lines.map((value) => element('div', {}, element('bdi', { text: value })))),
  );
}

/** How the phone came to the code, where the person did not scan it: what was typed may have been dictated by somebody else. */
function begunHow({ t }: App, via: ClaimedOrder['descriptor']['via']): string | undefined {
  if (via === 'link') return t('confirm.link');
  return via === 'code' ? t('confirm.typed') : undefined;
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

function approve(app: App, order: ClaimedOrder): void {
  if (order.descriptor.freshProof) return askProof(app, order);
  decide(app, order, { work: () => app.phone.approve(order), name: 'approved' });
}

function refuse(app: App, order: ClaimedOrder, how: 'decline' | 'report'): void {
  const { phone } = app;
  const work = () => (how === 'decline' ? phone.decline(order) : phone.report(order));
  decide(app, order, { work, name: how === 'decline' ? 'declined' : 'reported' });
}

interface Deciding {
  readonly work: () => Promise<void>;
  readonly name: 'approved' | 'declined' | 'reported';
}

/** With `isUnsure`, an answer was lost on the way before: the order may have been decided by it. */
function decide(app: App, order: ClaimedOrder, deciding: Deciding, isUnsure = false): void {
  void app.run(deciding.work, () => showResult(app, deciding.name), {
    retry: () => decide(app, order, deciding, isUnsure),
    onError: (error) => whyUndecided(app, error, { isUnsure, again: () => decide(app, order, deciding, true) }),
  });
}

interface Undecided {
  readonly isUnsure: boolean;
  readonly again: () => void;
}

function whyUndecided(app: App, error: PhoneError, { isUnsure, again }: Undecided): boolean {
  const { t } = app;
  switch (error.code) {
    case 'offline':
      // A browser that knows that it is offline has sent nothing.
      if (navigator.onLine || isUnsure) app.say(t('confirm.unsure'), again);
      else app.say(errorText(app, error), again);
      return true;
    case 'order_unavailable':
    case 'not_found':
    case 'conflict':
      void app.go.start().then(() => app.say(t(isUnsure ? 'confirm.unsure' : 'error.order_unavailable')));
      return true;
    default:
      return false;
  }
}

/** A signature takes finger, face or mPIN once more, for this order alone. */
function askProof(app: App, order: ClaimedOrder): void {
  const { t, phone } = app;
  void phone.state().then((state) => {
    if (state.kind !== 'registered') return app.go.start();
    if (!state.hasBiometrics) return askProofMpin(app, order);
    return askFinger(app, {
      screen: { name: 'proof-finger', isPrivate: true, content: [...asked(order)] },
      back: backTo(app, order),
      label: t('bio.approve'),
      work: () => phone.approve(order, { method: 'biometric' }),
      next: () => showResult(app, 'approved'),
      onError: (error) => whyUndecided(app, error, { isUnsure: false, again: () => app.go.confirm(order) }),
      toPad: (why) => askProofMpin(app, order, why),
    });
  });
}

function backTo({ t, go }: App, order: ClaimedOrder): HTMLElement {
  return button(t('act.back'), () => go.confirm(order), 'quiet');
}

function askProofMpin(app: App, order: ClaimedOrder, why?: string): void {
  const { t, phone } = app;
  void phone.state().then((state) => {
    if (state.kind !== 'registered') return app.go.start();
    const pad = createPad({
      t,
      ...state.mpin,
      submitLabel: t('act.ok'),
      onSubmit: (mpin) => {
        pad.setBusy(true);
        void app
          .run(
            () => phone.approve(order, { method: 'mpin', mpin }),
            () => showResult(app, 'approved'),
            {
              onError: (error) => {
                if (error.code !== 'wrong_mpin') {
                  return whyUndecided(app, error, { isUnsure: false, again: () => app.go.confirm(order) });
                }
                app.say(errorText(app, error));
                return true;
              },
            },
          )
          .finally(() => {
            pad.clear();
            pad.setBusy(false);
          });
      },
    });
    app.show({
      name: 'proof',
      title: t('confirm.proof'),
      isPrivate: true,
      content: [
        ...asked(order),
        pad.root,
        state.hasBiometrics ? button(t('bio.approve'), () => askProof(app, order), 'quiet') : undefined,
        backTo(app, order),
      ],
    });
    app.say(why);
    return undefined;
  });
}

function showResult(app: App, name: Deciding['name']): void {
  const { t } = app;
  app.show({
    name,
    title: t(`${name}.title`),
    isPrivate: true,
    content: [
      paragraph(t(`${name}.text`)),
      button(t('act.done'), () => void app.go.home()),
      name === 'reported' ? button(t('home.devices'), () => app.go.devices(), 'quiet') : undefined,
    ],
  });
}
