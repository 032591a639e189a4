/** The login page: shows the changing code, follows what the phone does, and goes on by itself. */
import { Connection, type Polled, type View } from './connection.ts';
import { element, showPanel, showTime } from './panels.ts';
import { drawQr } from './qr.ts';

/** After so long without news a code may no longer be accepted. */
const staleMs = 6_000;
/** After so long the page says that the server cannot be reached; in a state that does not change the page asks every ten seconds. */
const troubleMs = 15_000;
/** More time is asked for when so little is left. */
const renewBelowSeconds = 25;
const linkLifetimeMs = 50_000;
/** How long an outcome is shown before the browser returns to the portal. */
const leaveAfterMs = 6_000;
const redeemTries = 6;

const base = location.pathname.replace(/\/+$/, '');
/** The language of this page, so that the phone is shown its text in the same. */
const language = new URLSearchParams({ lang: document.documentElement.lang }).toString();
const qr = element('qr');

let connection: Connection | undefined;
let view: View | undefined;
let endsAt: number | undefined;
let drawnAt = 0;
let isRenewing = false;
let isLeaving = false;

const now = (): number => performance.now();
const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

/** Undefined where the server cannot be reached or cannot answer; its status otherwise, with the answer where it is a good one. */
async function call(name: string, method: 'GET' | 'POST'): Promise<{ status: number; body?: unknown } | undefined> {
  try {
    const response = await fetch(`${base}/${name}?${language}`, {
      method,
      headers: { accept: 'application/json' },
      cache: 'no-store',
      redirect: 'error',
      signal: AbortSignal.timeout(10_000),
    });
    if (response.status >= 500) return undefined;
    return response.ok ? { status: response.status, body: await response.json() } : { status: response.status };
  } catch {
    return undefined;
  }
}

async function poll(): Promise<Polled> {
  const answer = await call('status', 'GET');
  if (answer === undefined || answer.status === 429) return 'unreachable';
  return answer.body === undefined ? 'gone' : (answer.body as View);
}

/** Begins or goes on with this browser's order; tries for as long as the server cannot be reached. */
async function start(): Promise<void> {
  connection?.close();
  connection = undefined;
  showPanel('starting');
  for (let delay = 500; ; delay = Math.min(delay * 2, 15_000)) {
    const answer = await call('order', 'POST');
    element('trouble').hidden = answer !== undefined;
    if (answer?.body !== undefined) {
      follow(answer.body as View);
      return;
    }
    if (answer !== undefined) {
      showPanel(answer.status === 429 ? 'limited' : 'lost');
      return;
    }
    await pause(delay);
  }
}

function follow(first: View): void {
  show(first);
  if (isOver(first)) return;
  connection = new Connection({
    openStream: () => new EventSource(`${base}/events`),
    poll,
    now,
    random: () => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32,
    onView: show,
    onFrame: draw,
    onGone: () => showPanel('lost'),
  });
}

const isOver = ({ state }: View): boolean => state !== 'pending' && state !== 'claimed';

function show(next: View): void {
  const isNew = view?.state !== next.state;
  view = next;
  endsAt = next.secondsLeft === null ? undefined : now() + next.secondsLeft * 1000;
  if (next.frame !== null) draw(next.frame);
  showPanel(next.state);
  refreshTime();
  if (isOver(next)) connection?.close();
  if (next.state !== 'pending') hideLink();
  if (!isNew) return;
  if (next.state === 'approved') void finish();
  if (next.state === 'declined' || next.state === 'reported') void leaveSoon(next.state);
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

function refreshTime(): void {
  if (endsAt !== undefined) showTime((endsAt - now()) / 1000);
}

function tick(): void {
  connection?.tick();
  if (view === undefined || connection === undefined) return;
  if (isOver(view)) return;
  refreshTime();
  if (view.state === 'pending') refreshStale();
  element('trouble').hidden = now() - connection.heardAt < troubleMs;
  const secondsLeft = endsAt === undefined ? Number.POSITIVE_INFINITY : (endsAt - now()) / 1000;
  if (view.canRenew && secondsLeft < renewBelowSeconds && document.visibilityState === 'visible') void renew();
}

async function renew(): Promise<void> {
  if (isRenewing) return;
  isRenewing = true;
  const answer = await call('renew', 'POST');
  if (answer?.body !== undefined && connection !== undefined) show(answer.body as View);
  await pause(2_000);
  isRenewing = false;
}

/** Collects the login and goes on; the phone's approval alone is worth nothing without this browser. */
async function finish(): Promise<void> {
  for (let attempt = 0; attempt < redeemTries; attempt += 1) {
    const answer = await call('finish', 'POST');
    if (answer?.body !== undefined) {
      go(answer.body);
      return;
    }
    if (answer !== undefined) break;
    await pause(500 * 2 ** attempt);
  }
  const state = await poll();
  showPanel(
    typeof state === 'string' || state.state === 'redeemed' || state.state === 'approved' ? 'lost' : state.state,
  );
}

async function leaveSoon(state: View['state']): Promise<void> {
  await pause(leaveAfterMs);
  if (view?.state === state) await leave('finish');
}

/** Ends the portal's request and goes back to it. */
async function leave(name: 'finish' | 'cancel'): Promise<void> {
  if (isLeaving) return;
  isLeaving = true;
  const answer = await call(name, 'POST');
  isLeaving = false;
  if (answer?.body !== undefined) go(answer.body);
  else if (answer !== undefined) showPanel('lost');
  else element('trouble').hidden = false;
}

function go(body: unknown): void {
  const { location: target } = body as { readonly location: string };
  const url = new URL(target, location.href);
  // Only where a browser can go; never a scheme that runs script.
  if (url.protocol === 'https:' || url.protocol === 'http:') {
    connection?.close();
    location.assign(url.href);
  }
}

const linkShow = element<HTMLButtonElement>('link-show');
const linkOpen = element<HTMLAnchorElement>('link-open');
let linkTimer: ReturnType<typeof setTimeout> | undefined;

function hideLink(): void {
  clearTimeout(linkTimer);
  linkOpen.removeAttribute('href');
  linkOpen.hidden = true;
  element('link-hint').hidden = true;
  linkShow.hidden = false;
}

async function showLink(): Promise<void> {
  const answer = await call('link', 'POST');
  if (answer?.body === undefined) return;
  linkOpen.href = (answer.body as { readonly url: string }).url;
  linkOpen.hidden = false;
  element('link-hint').hidden = false;
  linkShow.hidden = true;
  linkOpen.focus();
  linkTimer = setTimeout(hideLink, linkLifetimeMs);
}

linkShow.addEventListener('click', () => void showLink());
element<HTMLSelectElement>('language').addEventListener('change', ({ currentTarget }) => {
  // The page comes again in that language and goes on with the same order.
  location.search = new URLSearchParams({ lang: (currentTarget as HTMLSelectElement).value }).toString();
});
element('cancel').addEventListener('click', () => void leave('cancel'));
for (const button of document.querySelectorAll<HTMLButtonElement>('[data-act]')) {
  button.addEventListener('click', () => void (button.dataset['act'] === 'again' ? start() : leave('finish')));
}
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible' && view !== undefined && !isOver(view)) connection?.wake();
});
// A page that comes back from the browser's cache looks like the past: ask what is true now.
window.addEventListener('pageshow', ({ persisted }) => {
  if (persisted) void start();
});
setInterval(tick, 500);
void start();
