/** What a portal asks: everything that the server signed about it, the decision, and what came of it. */

import { systemClock } from '../../clock.ts';
import type { ClaimedOrder } from '../../sdk/index.ts';
import type { App } from './app.ts';
import { button, element, paragraph } from './dom.ts';
import { errorText } from './errors.ts';
import { createPad } from './pad.ts';

/** Claims what a link names, from wherever the person is. */
export async function claimLink(app: App, text: string): Promise<void> {
  await app.run(
    () => app.phone.claim(text),
    (order) => app.go.confirm(order),
    { retry: () => void claimLink(app, text) },
  );
}

/** Shows an order whole. Approving and declining are equally near. */
export function showConfirm(app: App, order: ClaimedOrder): void {
  const { t } = app;
  const { descriptor } = order;
  const timer = startTimer(app, order);
  app.show({
    name: 'confirm',
    title: descriptor.purpose === 'login' ? t('confirm.title') : t('confirm.signing'),
    isPrivate: true,
    onLeave: timer.stop,
    content: [
      element(
        'section',
        { class: 'asked', attributes: { 'aria-label': t('confirm.text') } },
        element('p', {
          class: 'asked-text',
          text: descriptor.display.text,
          attributes: { lang: descriptor.display.locale, dir: 'auto' },
        }),
      ),
      facts(app, order),
      paragraph(t('confirm.advice'), 'soft'),
      timer.root,
      element(
        'div',
        { class: 'decide' },
        button(t('confirm.approve'), () => approve(app, order)),
        button(t('confirm.decline'), () => refuse(app, order, 'decline')),
      ),
      button(t('confirm.report'), () => refuse(app, order, 'report'), 'danger'),
    ],
  });
}

function facts({ t }: App, { descriptor }: ClaimedOrder): HTMLElement {
  const { client, origin, browser, iat, via } = descriptor;
  const network = t('confirm.network', { network: browser.address });
  const when = new Date(iat * 1000).toLocaleTimeString([], { timeStyle: 'medium' });
  const rows: readonly (readonly [string, string])[] = [
    [t('confirm.asks'), client.name],
    [t('confirm.domain'), client.domain],
    [t('confirm.origin'), origin],
    [t('confirm.browser'), via === 'link' ? `${browser.name}. ${t('confirm.link')}` : browser.name],
    [t('confirm.where'), browser.place === null ? network : `${browser.place}, ${network}`],
    [t('confirm.when'), when],
  ];
  return element(
    'dl',
    {},
    ...rows.map(([label, value]) =>
      element('div', {}, element('dt', { text: label }), element('dd', { text: value, attributes: { dir: 'auto' } })),
    ),
  );
}

/** The time left, and the end of the screen when it is over. */
function startTimer(app: App, { expiresAt }: ClaimedOrder): { readonly root: HTMLElement; readonly stop: () => void } {
  const { t } = app;
  const root = element('p', { class: 'soft', attributes: { role: 'timer' } });
  const tick = (): void => {
    const seconds = Math.max(0, Math.ceil((expiresAt - systemClock.now()) / 1000));
    const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
    root.textContent = t('confirm.time', { time });
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

function decide(app: App, order: ClaimedOrder, deciding: Deciding): void {
  const { t } = app;
  void app.run(deciding.work, () => showResult(app, deciding.name), {
    retry: () => decide(app, order, deciding),
    onError: ({ code }) => {
      if (code !== 'order_unavailable' && code !== 'not_found' && code !== 'conflict') return false;
      void app.go.start().then(() => app.say(t('error.order_unavailable')));
      return true;
    },
  });
}

/** A signature takes the mPIN once more, for this order alone. */
function askProof(app: App, order: ClaimedOrder): void {
  const { t, phone } = app;
  void phone.state().then((state) => {
    if (state.kind !== 'registered') return app.go.start();
    const pad = createPad({
      t,
      ...state.mpin,
      submitLabel: 'OK',
      onSubmit: (mpin) => {
        pad.setBusy(true);
        void app
          .run(
            () => phone.approve(order, { method: 'mpin', mpin }),
            () => showResult(app, 'approved'),
            {
              onError: (error) => {
                if (error.code !== 'wrong_mpin') return false;
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
        element('p', { class: 'asked-text', text: order.descriptor.display.text, attributes: { dir: 'auto' } }),
        pad.root,
        button(t('act.back'), () => app.go.confirm(order), 'quiet'),
      ],
    });
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
