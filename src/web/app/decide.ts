/** The decision: proved where it must be, sent, and what came of it. */

import type { ClaimedOrder, PhoneError } from '../../sdk/index.ts';
import { button, paragraph } from '../design/dom.ts';
import type { App } from './app.ts';
import { asked, askedInShort } from './asked.ts';
import { askFinger } from './biometrics.ts';
import { errorText } from './errors.ts';
import { createPad } from './pad.ts';
import { showReceipt } from './receipt.ts';

type Reason = 'amount' | 'payee' | 'unexpected';
type Outcome = 'approved' | 'declined' | 'reported';

interface Refusal {
  readonly decision: 'decline' | 'report';
  readonly reason?: Reason;
}

interface Deciding {
  readonly work: () => Promise<void>;
  readonly name: Outcome;
}

/** Says yes, with a proof of its own where the order asks for it. `back` leads to the question. */
export function approve(app: App, order: ClaimedOrder, back: () => void): void {
  if (order.descriptor.freshProof) return askProof(app, order, back);
  decide(app, order, { work: () => app.phone.approve(order), name: 'approved' });
}

/** Says no, or "that is not me". */
export function refuse(app: App, order: ClaimedOrder, { decision, reason }: Refusal): void {
  const { phone } = app;
  const work = () => (decision === 'decline' ? phone.decline(order, reason) : phone.report(order));
  decide(app, order, { work, name: decision === 'decline' ? 'declined' : 'reported' });
}

/** With `isUnsure`, an answer was lost on the way before: the order may have been decided by it. */
function decide(app: App, order: ClaimedOrder, deciding: Deciding, isUnsure = false): void {
  void app.run(deciding.work, () => showResult(app, order, deciding.name), {
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

/** A signature takes finger, face or mPIN once more, for this order alone; some take the mPIN and nothing else. */
function askProof(app: App, order: ClaimedOrder, back: () => void): void {
  const { t, phone } = app;
  void phone.state().then((state) => {
    if (state.kind !== 'registered') return app.go.start();
    if (!state.hasBiometrics || order.descriptor.mpinOnly === true) return askMpin(app, order, { back });
    return askFinger(app, {
      screen: { name: 'proof-finger', isPrivate: true, content: [...asked(t, order)] },
      back: button(t('act.back'), back, 'quiet'),
      label: t('bio.approve'),
      work: () => phone.approve(order, { method: 'biometric' }),
      next: () => showResult(app, order, 'approved'),
      onError: (error) => whyUndecided(app, error, { isUnsure: false, again: back }),
      toPad: (why) => askMpin(app, order, { back, why }),
    });
  });
}

interface Asking {
  readonly back: () => void;
  readonly why?: string | undefined;
}

function askMpin(app: App, order: ClaimedOrder, { back, why }: Asking): void {
  const { t, phone } = app;
  void phone.state().then((state) => {
    if (state.kind !== 'registered') return app.go.start();
    const { mpinOnly = false } = order.descriptor;
    const pad = createPad({
      t,
      ...state.mpin,
      submitLabel: t('act.ok'),
      onSubmit: (mpin) => {
        pad.setBusy(true);
        void app
          .run(
            () => phone.approve(order, { method: 'mpin', mpin }),
            () => showResult(app, order, 'approved'),
            { onError: (error) => whyUnproved(app, error, back) },
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
        ...asked(t, order),
        state.hasBiometrics && mpinOnly ? paragraph(t('confirm.mpinOnly'), 'notice') : undefined,
        pad.root,
        state.hasBiometrics && !mpinOnly
          ? button(t('bio.approve'), () => askProof(app, order, back), 'quiet')
          : undefined,
        button(t('act.back'), back, 'quiet'),
      ],
    });
    app.say(why);
    return undefined;
  });
}

function whyUnproved(app: App, error: PhoneError, back: () => void): boolean {
  if (error.code !== 'wrong_mpin') return whyUndecided(app, error, { isUnsure: false, again: back });
  app.say(errorText(app, error));
  return true;
}

function showResult(app: App, order: ClaimedOrder, name: Outcome): void {
  const { t } = app;
  const { signing, via } = order.descriptor;
  if (signing !== undefined && name === 'approved')
    return showApproved(app, { order, signing, wasWaiting: via === 'inbox' });
  if (signing !== undefined && name === 'reported') return showReported(app);
  app.show({
    name,
    title: t(`${name}.title`),
    isPrivate: true,
    content: [
      name === 'approved' ? askedInShort(t, order) : undefined,
      paragraph(t(`${name}.text`)),
      button(t('act.done'), () => void app.go.home()),
      name === 'reported' ? button(t('home.devices'), () => app.go.devices(), 'quiet') : undefined,
    ],
  });
}

interface Approved {
  readonly order: ClaimedOrder;
  readonly signing: NonNullable<ClaimedOrder['descriptor']['signing']>;
  readonly wasWaiting: boolean;
}

/** Nobody waits at a browser for what was waiting here; and some things take more people than one. */
function showApproved(app: App, { order, signing, wasWaiting }: Approved): void {
  const { t } = app;
  const { id, approvers } = signing;
  const missing = approvers.needed - approvers.given - 1;
  const home = (): void => void app.go.home();
  app.show({
    name: 'approved',
    title: t('approved.title'),
    isPrivate: true,
    content: [
      askedInShort(t, order),
      missing > 0
        ? paragraph(t('approved.more', { count: missing }), 'notice')
        : paragraph(t(wasWaiting ? 'approved.signed' : 'approved.text')),
      button(t('act.done'), home),
      button(t('receipt.title'), () => showReceipt(app, { signingId: id, back: home }), 'quiet'),
    ],
  });
}

/** The server has ended every session of the user with it, this one too. */
function showReported(app: App): void {
  const { t, phone, go } = app;
  void phone.logout().catch(() => undefined);
  app.show({
    name: 'reported',
    title: t('reported.title'),
    content: [paragraph(t('reported.signed')), button(t('act.done'), () => void go.start())],
  });
}
