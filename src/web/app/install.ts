/** The app as an installed app: the service worker, and the advice to install before the keys are made. */
import { button, element, paragraph } from './dom.ts';
import type { Messages } from './messages.ts';

/** What browsers of the Chromium family announce; the types of browsers lack it. */
interface InstallPrompt extends Event {
  prompt(): Promise<unknown>;
}

const held: { prompt?: InstallPrompt } = {};

/** Keeps the browser's offer to install for the moment when it is of use. */
export function watchInstall(): void {
  window.addEventListener('beforeinstallprompt', (event) => {
    event.preventDefault();
    held.prompt = event as InstallPrompt;
    for (const offer of document.querySelectorAll<HTMLElement>('.install-offer')) offer.hidden = false;
  });
}

/** Why and how to install; nothing where the app is installed already. */
export function installAdvice(t: Messages): HTMLElement | undefined {
  if (matchMedia('(display-mode: standalone)').matches) return undefined;
  const isApple = /iPhone|iPad/.test(navigator.userAgent);
  const offer = button(t('install.do'), () => void held.prompt?.prompt(), 'quiet');
  offer.classList.add('install-offer');
  offer.hidden = held.prompt === undefined;
  return element('aside', { class: 'notice' }, paragraph(isApple ? t('install.ios') : t('install.text')), offer);
}

/** Makes the app start without a connection. Its absence breaks nothing else. */
export async function registerWorker(): Promise<void> {
  try {
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
