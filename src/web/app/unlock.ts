/** The locked phone: the mPIN pad, and what to do where the mPIN is forgotten. */

import { button, paragraph } from '../design/dom.ts';
import type { App } from './app.ts';
import { askFinger } from './biometrics.ts';
import { errorText } from './errors.ts';
import { createPad } from './pad.ts';

/**
 * Asks for finger or face where they are switched on, and at once where the app has just been opened; for the mPIN otherwise. Goes on
 * with the link that waits, or home. `notice` says why it is asked.
 */
export async function showUnlock(app: App, notice?: string, atOnce = false): Promise<void> {
  const { t, phone } = app;
  const state = await phone.state();
  if (state.kind !== 'registered') return app.go.start();
  if (!state.hasBiometrics) return showUnlockPad(app, notice);
  return askFinger(app, {
    screen: { name: 'unlock-finger', content: reasons(app, notice) },
    label: t('bio.unlock'),
    atOnce,
    work: (signal) => phone.unlockWithBiometrics({ signal }),
    next: () => void afterUnlock(app),
    left: () => endUnseen(app),
    toPad: (why) => void showUnlockPad(app, notice).then(() => app.say(why)),
  });
}

function reasons({ t, pendingLink }: App, notice: string | undefined): readonly (Node | undefined)[] {
  return [
    pendingLink === undefined ? undefined : paragraph(t('unlock.waiting')),
    notice === undefined ? undefined : paragraph(notice, 'notice'),
  ];
}

async function showUnlockPad(app: App, notice?: string): Promise<void> {
  const { t, phone } = app;
  const state = await phone.state();
  if (state.kind !== 'registered') return app.go.start();
  const { minLength, maxLength } = state.mpin;
  const pad = createPad({
    t,
    minLength,
    maxLength,
    submitLabel: t('act.ok'),
    onSubmit: (digits) => {
      pad.setBusy(true);
      void app
        .run(
          () => phone.unlockWithMpin(digits),
          () => void afterUnlock(app),
          {
            onError: (error) => {
              if (error.code !== 'wrong_mpin') return false;
              app.say(errorText(app, error));
              return true;
            },
            left: () => endUnseen(app),
          },
        )
        .finally(() => {
          pad.clear();
          pad.setBusy(false);
        });
    },
  });
  app.show({
    name: 'unlock',
    title: t('unlock.title'),
    content: [
      ...reasons(app, notice),
      pad.root,
      state.hasBiometrics ? button(t('bio.unlock'), () => void showUnlock(app, undefined, true), 'quiet') : undefined,
      button(t('unlock.forgotten'), () => app.go.forgotten(), 'quiet'),
    ],
  });
}

/** A session that opened while another screen was shown, as where another window took the phone: nobody would lock it. */
export function endUnseen({ phone }: App): void {
  void phone.logout().catch(() => undefined);
}

async function afterUnlock(app: App): Promise<void> {
  const link = app.pendingLink;
  app.pendingLink = undefined;
  await app.go.home();
  if (link !== undefined) await app.go.claim(link);
}

/** Nobody can tell a forgotten mPIN: only a new registration helps. */
export function showForgotten(app: App): void {
  const { t } = app;
  app.show({
    name: 'forgotten',
    title: t('forgotten.title'),
    content: [
      paragraph(t('forgotten.text')),
      button(t('act.back'), () => app.go.unlock()),
      button(t('again.do'), () => confirmErase(app), 'danger'),
    ],
  });
}

/** An activation was opened on a phone that is registered, or was: this phone can make way for it. It is kept in memory alone. */
export function showReplace(app: App, activation: string, hasEnded: boolean): void {
  const { t } = app;
  // No session stays open behind a screen that does not lock itself.
  if (app.isPrivate()) endUnseen(app);
  app.show({
    name: 'replace',
    title: t(hasEnded ? 'ended.title' : 'again.do'),
    content: [
      paragraph(t(hasEnded ? 'ended.text' : 'error.already_registered')),
      button(t('again.with'), () => confirmErase(app, activation), 'danger'),
      button(t('act.cancel'), () => void app.go.start(), 'quiet'),
    ],
  });
}

/** Destroys the keys of a phone that is of no more use, after one more question; goes on with the activation, where there is one. */
export function confirmErase(app: App, activation?: string): void {
  const { t, phone } = app;
  app.show({
    name: 'erase',
    title: t('again.do'),
    content: [
      paragraph(t('remove.text')),
      button(
        t('again.sure'),
        () =>
          void app.run(
            () => phone.erase(),
            () => {
              app.forget();
              if (activation === undefined) void app.go.start();
              else app.go.enrol(activation);
            },
          ),
        'danger',
      ),
      button(t('act.cancel'), () => void app.go.start(), 'quiet'),
    ],
  });
}

/** Five wrong mPINs: the end of this registration, and the way to a new one. */
export function showBlocked(app: App): void {
  showEnd(app, 'blocked', [app.t('blocked.text'), app.t('blocked.next')]);
}

/** The server has ended this registration. */
export function showEnded(app: App): void {
  app.markEnded();
  showEnd(app, 'ended', [app.t('ended.text'), app.t('blocked.next')]);
}

function showEnd(app: App, name: 'blocked' | 'ended', texts: readonly string[]): void {
  const { t } = app;
  app.show({
    name,
    title: t(`${name}.title`),
    content: [...texts.map((text) => paragraph(text)), button(t('again.do'), () => confirmErase(app))],
  });
}

/** The browser keeps nothing, or has lost it. */
export function showStorage(app: App): void {
  const { t } = app;
  app.show({
    name: 'storage',
    title: t('storage.title'),
    content: [
      paragraph(t('storage.text')),
      button(t('act.retry'), () => void app.go.start()),
      button(t('again.do'), () => confirmErase(app), 'quiet'),
    ],
  });
}
