/** The app: a complete mToken phone in a browser, over the SDK. */
import { systemClock } from '../../clock.ts';
import { createPhone, indexedDbKeyStore, type PhoneState } from '../../sdk/index.ts';
import { type App, createApp, type Navigation } from './app.ts';
import { showName, showPending, showTermsOrCode, showWelcome } from './enrol.ts';
import { showHistory } from './history.ts';
import { lockNow, showHome, showLoginPaste, showLoginScan, showLoginTyped } from './home.ts';
import { installFirst, registerWorker, watchInstall } from './install.ts';
import { firstLanguage, loadMessages } from './language.ts';
import { readOpened } from './link.ts';
import { createLock } from './lock.ts';
import { showGone, showOtherWindow } from './lost.ts';
import { claimLink, showConfirm } from './order.ts';
import { showOwn } from './own.ts';
import { showChange, showRemove, showSettings } from './settings.ts';
import { showBlocked, showEnded, showForgotten, showReplace, showStorage, showUnlock } from './unlock.ts';
import { holdWindow } from './windows.ts';

/** Read by the landing page of a link, on the same origin. It is no secret and decides nothing but whether a link is offered. */
const registeredMark = 'mtoken-app';
/** What the mark says once the server has ended the registration whose keys are still here. */
const endedValue = 'ended';

const issuer = location.origin;
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
    enrol: (activation) => installFirst(app, () => showName(app, activation)),
    pending: () => showPending(app),
    unlock: (notice) => void showUnlock(app, notice),
    forgotten: () => showForgotten(app),
    home: () => showHome(app),
    scan: () => showLoginScan(app),
    paste: () => showLoginPaste(app),
    typed: () => showLoginTyped(app),
    settings: () => void showSettings(app),
    claim: (text) => claimLink(app, text),
    confirm: (order) => showConfirm(app, order),
    history: () => showHistory(app),
    devices: () => showOwn(app),
    changeMpin: () => void showChange(app),
    remove: () => showRemove(app),
    blocked: () => showBlocked(app),
    ended: () => showEnded(app),
    storage: async () => storage(app),
  };
}

async function start(app: App): Promise<void> {
  let state: PhoneState;
  try {
    state = await phone.state();
  } catch {
    return app.go.storage();
  }
  if (state.kind === 'new' && wasRegistered()) return showGone(app);
  const isOver = state.kind === 'registered' && hasEnded();
  if (state.kind !== 'registered') mark(undefined);
  else if (!isOver) mark('1');
  if (state.kind === 'registering' && state.expiresAt > systemClock.now()) return showTermsOrCode(app, state);
  if (state.kind !== 'registered') return app.go.welcome();
  if (isOver) return app.go.ended();
  if (!state.isApproved) return app.go.pending();
  return state.session === null ? showUnlock(app, undefined, true) : showHome(app);
}

/** A browser that lets nothing be read now, or has lost all: of that another screen speaks. */
async function storage(app: App): Promise<void> {
  const state = await phone.state().catch(() => undefined);
  if (state?.kind === 'new' && wasRegistered()) showGone(app);
  else showStorage(app);
}

const seen: { mark: string | undefined } = { mark: undefined };

/** As far as this window has seen, or an earlier one has left a mark. */
function readMark(): string | undefined {
  try {
    return seen.mark ?? localStorage.getItem(registeredMark) ?? undefined;
  } catch {
    return seen.mark;
  }
}

const wasRegistered = (): boolean => readMark() !== undefined;
const hasEnded = (): boolean => readMark() === endedValue;

function mark(value: string | undefined): void {
  seen.mark = value;
  try {
    if (value === undefined) localStorage.removeItem(registeredMark);
    else localStorage.setItem(registeredMark, value);
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
  if (opened.kind === 'activation' && kind === 'new') app.go.enrol(opened.text);
  if (opened.kind === 'activation' && kind === 'registered') showReplace(app, opened.text, hasEnded());
  if (opened.kind === 'link' && app.isPrivate()) {
    app.pendingLink = undefined;
    await app.go.claim(opened.text);
  }
}

const main = byId('app');
const load = async (code: string) => loadMessages(code, main.dataset['texts'] ?? '');
const app = createApp({
  phone,
  issuer,
  main,
  load,
  forget: () => mark(undefined),
  markEnded: () => mark(endedValue),
  navigate,
});

const offline = byId('offline');
const showConnection = (): void => {
  offline.textContent = navigator.onLine ? '' : app.t('app.offline');
};
window.addEventListener('online', showConnection);
window.addEventListener('offline', showConnection);

const lock = createLock({
  clock: systemClock,
  isHidden: () => document.visibilityState === 'hidden',
  isOpen: () => app.isPrivate(),
  hasSession: async () => {
    const state = await phone.state();
    return state.kind === 'registered' && state.session !== null;
  },
  lock: () => void lockNow(app, app.t('unlock.idle')),
});
const tick = (): void => void lock.tick().catch(() => undefined);
setInterval(tick, 1000);
document.addEventListener('visibilitychange', tick);
for (const act of ['pointerdown', 'keydown', 'wheel']) document.addEventListener(act, lock.touch, { passive: true });
// A page that comes back from the browser's cache would show what was there before.
window.addEventListener('pageshow', ({ persisted }) => {
  if (persisted && app.isPrivate()) void lockNow(app);
});

/** How long a start waits for the texts of a language; it begins in English then, and goes on in the language once that is here. */
const languageWaitMs = 3000;

async function speakFirst(): Promise<void> {
  const speaking = app
    .speak(firstLanguage().code)
    .then(showConnection)
    .catch(() => undefined);
  await Promise.race([
    speaking,
    new Promise((resolve) => {
      setTimeout(resolve, languageWaitMs);
    }),
  ]);
}

/** Runs the phone in this window for as long as no other window does. */
function run(): void {
  const hold = { isHere: false };
  const windows = holdWindow({
    onHeld: () => {
      hold.isHere = true;
      void open(app);
    },
    onWaiting: () => {
      hold.isHere = false;
      // What this window had open is not for two windows to use.
      void phone.logout().catch(() => undefined);
      showOtherWindow(app, () => windows.take());
    },
  });
  window.addEventListener('hashchange', () => {
    if (hold.isHere) void open(app);
  });
}

watchInstall();
await speakFirst();
showConnection();
run();
// The worker keeps what passes through it: the texts that came before it was there are fetched once more.
void registerWorker(() => void load(app.t.language).catch(() => undefined));
