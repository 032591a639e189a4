/** The app as an installed app: the service worker, and the advice to install before the keys are made. */

import { button, element, paragraph } from '../design/dom.ts';
import type { App } from './app.ts';
import type { Messages } from './messages.ts';

/** What browsers of the Chromium family announce; the types of browsers lack it. */
interface InstallPrompt extends Event {
  prompt(): Promise<unknown>;
}

const held: { prompt?: InstallPrompt; isSkipped?: boolean } = {};

/** Keeps the browser's offer to install for the moment when it is of use. */
export function watchInstall(): void {
  window.addEventListener('beforeinstallprompt', (event) => {
    event.preventDefault();
    held.prompt = event as InstallPrompt;
    for (const offer of document.querySelectorAll<HTMLElement>('.install-offer')) offer.hidden = false;
  });
}

const isInstalled = (): boolean =>
  matchMedia('(display-mode: standalone), (display-mode: fullscreen), (display-mode: minimal-ui)').matches ||
  (navigator as { readonly standalone?: boolean }).standalone === true;

/** Tablets of Apple say that they are a Mac; no Mac has a touch screen. */
const isApple = (): boolean =>
  /iPhone|iPad|iPod/.test(navigator.userAgent) ||
  (/Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1);

const isHandheld = (): boolean => isApple() || /Android/.test(navigator.userAgent);

/** The browser's own question, where it has one; it may still come while the screen is shown. */
function installButton(t: Messages, look?: 'quiet'): HTMLButtonElement {
  const offer = button(t('install.do'), () => void held.prompt?.prompt(), look);
  offer.classList.add('install-offer');
  offer.hidden = held.prompt === undefined;
  return offer;
}

/** A word on installing for a computer; nothing where the app is installed already, or is asked for on a screen of its own. */
export function installAdvice(t: Messages): HTMLElement | undefined {
  if (isInstalled() || isHandheld()) return undefined;
  return element('aside', { class: 'notice' }, paragraph(t('install.text')), installButton(t, 'quiet'));
}

/**
 * Goes on with `next`, in the browser of a phone after asking to install first: keys that are made in a page that is not installed may
 * be erased by the browser, and are not shared with the installed app. Asked once; the person may go on all the same.
 */
export function installFirst(app: App, next: () => void): void {
  const { t } = app;
  if (isInstalled() || !isHandheld() || held.isSkipped === true) return next();
  const skip = (): void => {
    held.isSkipped = true;
    next();
  };
  app.show({
    name: 'install',
    title: t('install.title'),
    content: [
      paragraph(t('install.why')),
      element(
        'div',
        { class: 'notice' },
        paragraph(t(isApple() ? 'install.ios' : 'install.text')),
        paragraph(t('install.safari')),
      ),
      installButton(t),
      button(t('install.skip'), skip, 'quiet'),
      button(t('act.back'), () => app.go.welcome(), 'quiet'),
    ],
  });
}

/** Makes the app start without a connection; `onTaken` is called when the worker of a release takes over. Its absence breaks nothing else. */
export async function registerWorker(onTaken: () => void): Promise<void> {
  try {
    // What was fetched before the worker was there, it could not keep.
    navigator.serviceWorker?.addEventListener('controllerchange', onTaken);
    await navigator.serviceWorker?.register(workerUrl(), { scope: '/app', updateViaCache: 'none' });
  } catch {
    // A browser that refuses service workers, as some do in private windows.
  }
}

/** The one URL that Trusted Types let through: a constant. */
function workerUrl(): string {
  const url = '/app/sw.js';
  const { trustedTypes } = window as unknown as {
    readonly trustedTypes?: {
      createPolicy(name: string, rules: { createScriptURL: () => string }): { createScriptURL(input: string): string };
    };
  };
  return trustedTypes?.createPolicy('sw', { createScriptURL: () => url }).createScriptURL('') ?? url;
}
