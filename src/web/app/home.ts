/** The unlocked phone: where everything begins. */

import { button, element, paragraph } from '../design/dom.ts';
import type { App } from './app.ts';
import { createInbox } from './inbox.ts';
import { showPaste, showScan } from './scan.ts';
import { showTyped } from './typed.ts';

/** What waits first, then scanning, everything else below. */
export async function showHome(app: App): Promise<void> {
  const { t, phone, go } = app;
  const state = await phone.state();
  if (state.kind !== 'registered' || state.session === null) return go.start();
  const user = state.owner?.user.name;
  const inbox = createInbox(app);
  app.show({
    name: 'home',
    title: user === undefined ? t('home.unnamed') : t('home.title', { user }),
    isPrivate: true,
    onLeave: inbox.stop,
    content: [
      inbox.root,
      paragraph(t('home.text')),
      element('button', {
        class: 'large',
        text: t('home.scan'),
        onClick: () => go.scan(),
        attributes: { type: 'button' },
      }),
      button(t('home.typed'), () => go.typed(), 'quiet'),
      button(t('history.title'), () => go.history(), 'quiet'),
      button(t('home.devices'), () => go.devices(), 'quiet'),
      button(t('home.settings'), () => go.settings(), 'quiet'),
      button(t('home.lock'), () => void lockNow(app), 'quiet'),
    ],
  });
}

/** Forgets the session here at once and tells the server. `notice` says why it was locked, where the person did not do it. */
export async function lockNow(app: App, notice?: string): Promise<void> {
  const ending = app.phone.logout().catch(() => undefined);
  app.go.unlock(notice);
  await ending;
}

/** Only what was typed may be a short code: what a camera saw as one is a trick. */
function codeTaker(app: App, how: 'claim' | 'claimTyped') {
  let claimed: Awaited<ReturnType<App['phone']['claim']>> | undefined;
  return {
    onText: async (text: string) => {
      claimed = await app.phone[how](text);
    },
    next: () => {
      if (claimed !== undefined) app.go.confirm(claimed);
    },
    back: () => void app.go.home(),
    isPrivate: true,
  };
}

/** Scans the code of a login page. */
export function showLoginScan(app: App): void {
  showScan(app, { ...codeTaker(app, 'claim'), paste: () => app.go.paste(), typed: () => app.go.typed() });
}

/** Takes the short code of a login page. */
export function showLoginTyped(app: App): void {
  const { onText, next, back } = codeTaker(app, 'claimTyped');
  showTyped(app, { onDigits: onText, next, back });
}

/** Takes the code of a login page as text. */
export function showLoginPaste(app: App): void {
  showPaste(app, codeTaker(app, 'claimTyped'));
}
