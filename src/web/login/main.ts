/** The login page: shows the changing code, follows what the phone does, and goes on by itself. */

import { drawQr } from '../design/qr.ts';
import { call, openStream, poll, prefersStillness, type Reply } from './calls.ts';
import { Connection, type View } from './connection.ts';
import { setUpLink } from './link.ts';
import { beginPageTime, hasMore, moreTime, type PageTime } from './page-time.ts';
import { clockText, element, filled, type Panel, say, showPanel, showTime } from './panels.ts';
import { createTypedPanel } from './typed.ts';

/** After so long without news a code may no longer be accepted. */
const staleMs = 6_000;
/** After so long the page says that the server cannot be reached; in a state that does not change the page asks every ten seconds. */
const troubleMs = 15_000;
/** More time for the order is asked for when so little is left of it; the page's own time is another. */
const renewBelowSeconds = 25;
const warnBelowSeconds = 60;
/** How long an outcome is shown before the browser returns to the portal. */
const leaveAfterMs = 6_000;
const redeemTries = 6;

const qr = element('qr');
const now = (): number => performance.now();
const wallNow = (): number => performance.timeOrigin + performance.now();
const isVisible = (): boolean => document.visibilityState === 'visible';
const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
const hideLink = setUpLink();
const typed = createTypedPanel(now);

let connection: Connection | undefined;
let view: View | undefined;
/** Of the order's state. */
let endsAt: number | undefined;
let time: PageTime | undefined;
let isWarned = false;
let drawnAt = 0;
let isRenewing = false;
let isReopening = false;
/** Until the first news after nobody looked. */
let isBack = false;
let isLeaving = false;

/** Begins or goes on with this browser's order; tries for as long as the server cannot be reached. */
async function start(): Promise<void> {
  connection?.close();
  connection = undefined;
  showPanel('starting');
  for (let delay = 500; ; delay = Math.min(delay * 2, 15_000)) {
    const reply = await call('order');
    element('trouble').hidden = reply !== undefined;
    if (reply !== undefined) {
      take(reply);
      return;
    }
    await pause(delay);
  }
}

function take({ status, body }: Reply): void {
  if (body === undefined) {
    showPanel(status === 429 ? 'limited' : navigator.cookieEnabled ? 'lost' : 'cookies');
    return;
  }
  const first = body as View & { readonly pageSecondsLeft: number };
  setTime(beginPageTime(wallNow(), first.pageSecondsLeft, time?.endsAt ?? keptEnd()));
  show(first);
  if (isOver(first)) return;
  connection = new Connection({
    openStream,
    poll,
    now,
    isHidden: () => !isVisible(),
    random: () => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32,
    onView: show,
    onFrame: draw,
    onGone: (why) => showPanel(why === 'gone' ? 'lost' : 'cookies'),
  });
}

const isOver = ({ state }: View): boolean => state !== 'pending' && state !== 'claimed';
const panelOf = ({ state, cause }: View): Panel =>
  state === 'pending' && typed.isOpen ? 'typed' : state === 'cancelled' && cause === 'rule' ? 'blocked' : state;

function show(next: View): void {
  const before = view?.state;
  view = next;
  endsAt = next.secondsLeft === null ? undefined : now() + next.secondsLeft * 1000;
  if (next.frame !== null) draw(next.frame);
  if (isOver(next)) connection?.close();
  const wasAway = isBack;
  isBack = false;
  // An order dies sooner than the page: another takes its place while the reader still has time. Where other windows took its place it
  // is only for the reader who comes back: two windows side by side would take it from one another for ever.
  const isReplaced = (next.state === 'expired' && before === 'pending') || (next.cause === 'superseded' && wasAway);
  if (isReplaced && canReopen()) {
    void reopen();
    return;
  }
  if (next.state !== 'pending') {
    hideLink();
    typed.close();
  }
  showPanel(panelOf(next));
  refreshTime();
  if (before === next.state) return;
  if (next.state === 'approved') void finish();
  if (next.state === 'declined' || next.state === 'reported' || next.cause === 'rule') void leaveSoon(next.state);
}

/** Whether the page goes on by itself with a new order: not in the background, where nobody would see its code. */
const canReopen = (): boolean => isVisible() && time !== undefined && time.endsAt > wallNow();

/** A new order in the place of the old one, without a word: the page stays as it is but for the code. */
async function reopen(): Promise<void> {
  if (isReopening) return;
  isReopening = true;
  const reply = await call('order');
  isReopening = false;
  if (reply === undefined) {
    void start();
    return;
  }
  take(reply);
  if (typed.isOpen && view?.state === 'pending') void typed.open();
}

function draw(frame: string): void {
  drawQr(qr, frame);
  drawnAt = now();
  refreshStale();
}

function refreshStale(): void {
  const isStale = now() - drawnAt >= staleMs;
  qr.classList.toggle('is-stale', isStale);
  element('stale').hidden = !isStale;
}

/** The kept end is for a reload, as after a change of the language; without a storage the page begins with its first five minutes. */
function keptEnd(): number | undefined {
  try {
    return Number(sessionStorage.getItem(location.pathname)) || undefined;
  } catch {
    return undefined;
  }
}

function setTime(next: PageTime): void {
  time = next;
  try {
    sessionStorage.setItem(location.pathname, String(next.endsAt));
  } catch {
    // Nothing depends on it.
  }
  const isMore = hasMore(next);
  element('more').hidden = !isMore;
  element('more-limit').hidden = isMore;
  refreshTime();
}

function giveMoreTime(): void {
  if (time === undefined) return;
  setTime(moreTime(time));
  isWarned = false;
  const limit = element('more-limit');
  say([element('more').dataset['done'], limit.hidden ? '' : limit.textContent].join(' '));
  if (!limit.hidden) limit.focus();
}

function refreshTime(): void {
  if (view?.state === 'claimed' && endsAt !== undefined) showTime((endsAt - now()) / 1000);
  else if (time !== undefined) showTime((time.endsAt - wallNow()) / 1000);
}

/** The page's own time: told once when it runs out, and the end of the page when it has. */
function checkTime(): void {
  if (time === undefined || view?.state !== 'pending') return;
  const secondsLeft = (time.endsAt - wallNow()) / 1000;
  if (secondsLeft <= 0) {
    connection?.close();
    connection = undefined;
    time = undefined;
    isWarned = false;
    hideLink();
    typed.close();
    showPanel('expired');
    return;
  }
  if (secondsLeft > warnBelowSeconds || isWarned) return;
  isWarned = true;
  const template = document.querySelector<HTMLElement>('[data-timer]')?.dataset['timer'] ?? '';
  say(filled(template, 'time', clockText(secondsLeft)));
}

function tick(): void {
  connection?.tick();
  if (view === undefined || connection === undefined || isOver(view)) return;
  checkTime();
  refreshTime();
  if (view.state === 'pending') refreshStale();
  typed.tick();
  element('trouble').hidden = connection === undefined || now() - connection.heardAt < troubleMs;
  const secondsLeft = endsAt === undefined ? Number.POSITIVE_INFINITY : (endsAt - now()) / 1000;
  if (connection !== undefined && view.canRenew && secondsLeft < renewBelowSeconds && isVisible()) void renew();
}

async function renew(): Promise<void> {
  if (isRenewing) return;
  isRenewing = true;
  const reply = await call('renew');
  if (reply?.body !== undefined && connection !== undefined) show(reply.body as View);
  await pause(2_000);
  isRenewing = false;
}

interface Finished {
  readonly location: string;
  readonly outcome?: 'redeemed' | 'refused' | 'blocked';
}

/** Collects the login and goes on; the phone's approval alone is worth nothing without this browser. */
async function finish(): Promise<void> {
  for (let attempt = 0; attempt < redeemTries; attempt += 1) {
    const reply = await call('finish');
    if (reply?.body !== undefined) {
      const finished = reply.body as Finished;
      if (finished.outcome === 'blocked') {
        showPanel('blocked');
        await pause(leaveAfterMs);
      }
      go(finished);
      return;
    }
    if (reply !== undefined) break;
    await pause(500 * 2 ** attempt);
  }
  const polled = await poll();
  const isLost = typeof polled === 'string' || polled.state === 'redeemed' || polled.state === 'approved';
  showPanel(isLost ? 'lost' : panelOf(polled));
}

async function leaveSoon(state: View['state']): Promise<void> {
  await pause(leaveAfterMs);
  if (view?.state === state) await leave('finish');
}

/** Ends the portal's request and goes back to it. */
async function leave(name: 'finish' | 'cancel'): Promise<void> {
  if (isLeaving) return;
  isLeaving = true;
  const reply = await call(name);
  isLeaving = false;
  if (reply?.body !== undefined) go(reply.body as Finished);
  else if (reply !== undefined) showPanel('lost');
  else element('trouble').hidden = false;
}

function go({ location: target }: Finished): void {
  const url = new URL(target, location.href);
  // Only where a browser can go; never a scheme that runs script.
  if (url.protocol === 'https:' || url.protocol === 'http:') {
    connection?.close();
    location.assign(url.href);
  }
}

/** What was over while nobody looked goes on when somebody does; while it is looked at, the reader says so. */
function seen(): void {
  if (view === undefined) return;
  const isReplaceable = view.state === 'expired' || view.cause === 'superseded';
  if (!isOver(view)) {
    isBack = true;
    connection?.wake();
  } else if (isReplaceable && canReopen()) void reopen();
}

element('typed-show').addEventListener('click', () => {
  void typed.open();
  if (view !== undefined) showPanel(panelOf(view));
});
element('typed-back').addEventListener('click', () => {
  typed.close();
  if (view !== undefined) showPanel(panelOf(view));
});
element('more').addEventListener('click', giveMoreTime);
element<HTMLSelectElement>('language').addEventListener('change', ({ currentTarget }) => {
  // The page comes again in that language and goes on with the same order.
  location.search = new URLSearchParams({ lang: (currentTarget as HTMLSelectElement).value }).toString();
});
element('cancel').addEventListener('click', () => void leave('cancel'));
for (const button of document.querySelectorAll<HTMLButtonElement>('[data-act]')) {
  button.addEventListener('click', () => void (button.dataset['act'] === 'again' ? start() : leave('finish')));
}
document.addEventListener('visibilitychange', () => {
  if (isVisible()) seen();
  else connection?.tick();
});
prefersStillness().addEventListener('change', () => void start());
// A page that comes back from the browser's cache looks like the past: ask what is true now.
window.addEventListener('pageshow', ({ persisted }) => {
  if (persisted) void start();
});
setInterval(tick, 500);
void start();
