/** What waits for the person: fresh when home is shown, when the app comes back to the foreground, and while it stays there. */
import { type Phone, PhoneError } from '../../sdk/index.ts';
import { element, paragraph } from '../design/dom.ts';
import type { App } from './app.ts';
import { errorText } from './errors.ts';
import { formatMoment } from './format.ts';

type Waiting = Awaited<ReturnType<Phone['inbox']>>[number];

/** How often it is asked for while the app is in the foreground. */
const refreshMs = 15_000;

/** The list, alive until `stop`. */
export function createInbox(app: App): { readonly root: HTMLElement; readonly stop: () => void } {
  const { t, phone } = app;
  const heard = element('p', { class: 'only-heard', attributes: { role: 'status' } });
  const list = element('div', {}, paragraph(t('act.busy'), 'soft'));
  let shown: string | undefined;
  let known: ReadonlySet<string> = new Set();
  let isStopped = false;
  const show = (waiting: readonly Waiting[]): void => {
    const next = JSON.stringify(waiting);
    // What did not change stays where it is, under the finger and for those who listen.
    if (next === shown) return;
    shown = next;
    const focused = list.contains(document.activeElement) ? document.activeElement?.id : undefined;
    list.replaceChildren(...entries(app, waiting, () => void load()));
    if (focused) document.getElementById(focused)?.focus();
    if (waiting.some(({ signingId }) => !known.has(signingId))) {
      heard.textContent = t('inbox.title', { count: waiting.length });
    }
    known = new Set(waiting.map(({ signingId }) => signingId));
  };
  const load = async (): Promise<void> => {
    try {
      const waiting = await phone.inbox();
      if (!isStopped) show(waiting);
    } catch (error) {
      // A list that may be old is not shown as what waits now.
      if (isStopped || !(error instanceof PhoneError)) return;
      shown = undefined;
      list.replaceChildren(paragraph(errorText(app, error), 'soft'));
    }
  };
  const look = (): void => {
    if (document.visibilityState === 'visible') void load();
  };
  const interval = setInterval(look, refreshMs);
  document.addEventListener('visibilitychange', look);
  window.addEventListener('online', look);
  void load();
  return {
    root: element('section', { class: 'inbox' }, heard, list),
    stop: () => {
      isStopped = true;
      clearInterval(interval);
      document.removeEventListener('visibilitychange', look);
      window.removeEventListener('online', look);
    },
  };
}

function entries(app: App, waiting: readonly Waiting[], refresh: () => void): readonly HTMLElement[] {
  const { t } = app;
  if (waiting.length === 0) return [paragraph(t('inbox.none'), 'soft')];
  return [
    element('h2', { text: t('inbox.title', { count: waiting.length }) }),
    element('ul', { class: 'entries' }, ...waiting.map((one) => element('li', {}, entry(app, one, refresh)))),
  ];
}

function entry(
  app: App,
  { signingId, client, title, about, approvers, ...times }: Waiting,
  refresh: () => void,
): HTMLElement {
  const { t, phone } = app;
  const when = t('inbox.when', { time: formatMoment(t, times.createdAt), until: formatMoment(t, times.expiresAt) });
  const open = (): void => {
    void app.run(
      () => phone.claimWaiting(signingId),
      (order) => app.go.confirm(order),
      {
        retry: open,
        onError: ({ code }) => {
          // Somebody else was quicker, or its time is over: the list says what is left.
          const isGone = code === 'stale_frame' || code === 'order_unavailable' || code === 'not_found';
          if (!isGone) return false;
          app.say(t('error.order_unavailable'));
          refresh();
          return true;
        },
      },
    );
  };
  return element(
    'button',
    { id: signingId, onClick: open, attributes: { type: 'button' } },
    ...entryHead({ title, about, client }),
    element('span', { class: 'soft', text: when }),
    approvers.needed > 1 ? element('span', { class: 'soft', text: t('inbox.approvals', { ...approvers }) }) : undefined,
  );
}

/** What it is, what it is about and who asks: to find it by, each apart, so that no line's direction of writing moves another. */
export function entryHead({
  title,
  about,
  client,
}: Pick<Waiting, 'title' | 'about' | 'client'>): readonly HTMLElement[] {
  return [
    element('strong', {}, element('bdi', { text: title })),
    ...[...about, client.name].map((line) => element('span', {}, element('bdi', { text: line }))),
  ];
}
