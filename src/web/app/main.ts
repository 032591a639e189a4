/** The app: a complete mToken phone in a browser, over the SDK. */
import { systemClock } from '../../clock.ts';
import { createPhone, indexedDbKeyStore, type PhoneState } from '../../sdk/index.ts';
import { type App, createApp, type Navigation } from './app.ts';
import { showCode, showName, showPending, showWelcome } from './enrol.ts';
import { lockNow, showHome, showLoginPaste, showLoginScan } from './home.ts';
import { registerWorker, watchInstall } from './install.ts';
import { readOpened } from './link.ts';
import { createLock } from './lock.ts';
import { englishMessages } from './messages.ts';
import { claimLink, showConfirm } from './order.ts';
import { showOwn } from './own.ts';
import { showChange, showRemove } from './settings.ts';
import { showBlocked, showEnded, showForgotten, showStorage, showUnlock } from './unlock.ts';

/** Read by the landing page of a link, on the same origin. It is no secret and decides nothing but whether a link is offered. */
const registeredMark = 'mtoken-app';

const issuer = location.origin;
const t = englishMessages;
const phone = createPhone({
  keyStore: indexedDbKeyStore(),
  issuer,
  allowLoopbackHttp: location.protocol === 'http:',
});

function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

function navigate(app: App): Navigation {
  return {
    start: () => start(app),
    welcome: () => showWelcome(app),
    pending: () => showPending(app),
    unlock: (notice) => void showUnlock(app, notice),
    forgotten: () => showForgotten(app),
    home: () => showHome(app),
    scan: () => showLoginScan(app),
    paste: () => showLoginPaste(app),
    claim: (text) => claimLink(app, text),
    confirm: (order) => showConfirm(app, order),
    devices: () => showOwn(app),
    changeMpin: () => void showChange(app),
    remove: () => showRemove(app),
    blocked: () => showBlocked(app),
    ended: () => showEnded(app),
    storage: () => showStorage(app),
  };
}

async function start(app: App): Promise<void> {
  let state: PhoneState;
  try {
    state = await phone.state();
  } catch {
    return app.go.storage();
  }
  markRegistered(state.kind === 'registered');
  if (state.kind === 'registering' && state.expiresAt > systemClock.now()) return showCode(app, state);
  if (state.kind !== 'registered') return app.go.welcome();
  if (!state.isApproved) return app.go.pending();
  return state.session === null ? showUnlock(app) : showHome(app);
}

function markRegistered(isRegistered: boolean): void {
  try {
    if (isRegistered) localStorage.setItem(registeredMark, '1');
    else localStorage.removeItem(registeredMark);
  } catch {
    // Storage that is refused refuses the keys too, and that is said.
  }
}

/** Takes what the address asks for out of the address, so that neither history nor a glance shows it. */
async function open(app: App): Promise<void> {
  const opened = readOpened(location.hash, issuer);
  if (location.hash !== '') history.replaceState(null, '', location.pathname);
  if (opened.kind === 'link') app.pendingLink = opened.text;
  await start(app);
  const { kind } = await phone.state().catch(() => ({ kind: 'none' }));
  if (opened.kind === 'activation' && kind === 'new') showName(app, opened.text);
  if (opened.kind === 'link' && app.isPrivate()) {
    app.pendingLink = undefined;
    await app.go.claim(opened.text);
  }
}

const app = createApp({ phone, t, issuer, main: byId('app'), navigate });
document.documentElement.lang = t.language;

const offline = byId('offline');
const showConnection = (): void => {
  offline.textContent = navigator.onLine ? '' : t('app.offline');
};
window.addEventListener('online', showConnection);
window.addEventListener('offline', showConnection);
showConnection();

const lock = createLock({
  clock: systemClock,
  isHidden: () => document.visibilityState === 'hidden',
  isOpen: () => app.isPrivate(),
  hasSession: async () => {
    const state = await phone.state();
    return state.kind === 'registered' && state.session !== null;
  },
  lock: () => void lockNow(app, t('unlock.idle')),
});
const tick = (): void => void lock.tick().catch(() => undefined);
setInterval(tick, 1000);
document.addEventListener('visibilitychange', tick);
// A page that comes back from the browser's cache would show what was there before.
window.addEventListener('pageshow', ({ persisted }) => {
  if (persisted && app.isPrivate()) void lockNow(app);
});
window.addEventListener('hashchange', () => void open(app));

watchInstall();
void open(app);
void registerWorker();
