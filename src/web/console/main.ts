/** The console: logs in with mToken, shows a screen for each address, and does what its person may do. */

import { AdminProblem } from '../../admin-client/client.ts';
import { button, element, paragraph } from '../design/dom.ts';
import { takeKept } from './acts.ts';
import { actByName } from './all-acts.ts';
import { type Api, api, poll } from './api.ts';
import type { Console, Me, View } from './context.ts';
import { askAgain } from './dialog.ts';
import { errorText } from './errors.ts';
import { loadMessages, type Messages } from './messages.ts';
import { addressIn, prefix } from './parts.ts';
import { screenAt } from './routes.ts';
import { frame, markSection } from './shell.ts';

const root = document.getElementById('console') ?? document.body;
const main = element('main', { id: 'content', attributes: { 'aria-busy': 'true' } });
const brand = document.title;
/** Counts what was asked to be shown: an answer that comes late shows nothing. */
let turn = 0;

const here = (): string => location.pathname.slice(prefix.length).replace(/\/$/, '');
/** As long as the login takes a way back; a longer one loses its search. */
const maxReturn = 512;
const fullPath = (): string => {
  const path = location.pathname + location.search;
  return path.length > maxReturn ? location.pathname : path;
};

function toLogin(proof?: string): void {
  const query = new URLSearchParams({ return: fullPath(), ...(proof !== undefined && { proof }) });
  location.assign(`${prefix}/login?${query}`);
}

async function start(): Promise<void> {
  const t = await loadMessages(root.dataset);
  try {
    open(t, await fetchMe(api));
  } catch (error) {
    if (isLoggedOut(error)) showLogin(t, t('login.text'));
    else showError(t, errorText(t, error));
  }
}

async function fetchMe(ask: Api): Promise<Me> {
  const { userId, role, companyId, name, permissions, isConfirmed } = await ask('getMe');
  // A machine has no cookie of the console.
  if (userId === null || role === null || companyId === null) throw new Error('the console is for people');
  return { userId, role, companyId, name, permissions, isConfirmed };
}

const isLoggedOut = (error: unknown): error is AdminProblem =>
  error instanceof AdminProblem && (error.code === 'authentication_failed' || error.code === 'session_expired');

function open(t: Messages, me: Me): void {
  const console: Console = {
    t,
    me,
    may: (permission) => me.permissions[permission] !== undefined,
    reachesAll: (permission) => me.permissions[permission]?.reach === 'all',
    go: (path, text) => {
      history.pushState(undefined, '', addressIn(path));
      void show(console, text);
    },
    refresh: (text) => void show(console, text),
    explain: (error) => errorText(t, error),
    leave: (error) => {
      const { proof } = error.members;
      if (error.code === 'proof_required') toLogin(typeof proof === 'string' ? proof : undefined);
      else if (isLoggedOut(error)) showLogin(t, t('login.ended'));
      else return false;
      return true;
    },
  };
  const logOut = async (): Promise<void> => {
    const headers = { 'content-type': 'application/json' };
    await fetch(`${prefix}/logout`, { method: 'POST', credentials: 'same-origin', headers, body: '{}' });
    location.assign(addressIn(''));
  };
  root.replaceChildren(frame({ t, me, logOut: () => void logOut().catch(() => location.reload()) }), main);
  followLinks(console);
  addEventListener('popstate', () => void show(console));
  watchPerson(console);
  void show(console).then(() => resume(console));
}

/** Links of ours are followed without loading the page again. */
function followLinks(console: Console): void {
  document.addEventListener('click', (event) => {
    const target = event.target instanceof Element ? event.target.closest('a') : null;
    const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (target === null || !isPlain || target.target !== '' || target.hasAttribute('download')) return;
    if (target.origin !== location.origin || !isOwn(target.pathname)) return;
    event.preventDefault();
    console.go(target.pathname.slice(prefix.length) + target.search);
  });
}

const isOwn = (path: string): boolean => path === prefix || path.startsWith(`${prefix}/`);

/** In another tab somebody may have logged out, or somebody else in. */
function watchPerson({ t, me }: Console): void {
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState !== 'visible') return;
    fetchMe(poll).then(
      ({ userId }) => {
        if (userId !== me.userId) location.reload();
      },
      (error: unknown) => {
        if (isLoggedOut(error)) showLogin(t, t('login.ended'));
      },
    );
  });
}

/** Shows the screen of the address; `text` is said on it. */
async function show(console: Console, text?: string): Promise<void> {
  const { t } = console;
  const mine = (turn += 1);
  for (const dialog of document.querySelectorAll('dialog')) dialog.remove();
  markSection(here());
  main.setAttribute('aria-busy', 'true');
  if (main.firstChild === null) main.append(paragraph(t('act.loading'), 'soft'));
  const view = await viewOf(console);
  if (mine !== turn || view === undefined) return;
  draw(
    view,
    text === undefined ? undefined : element('p', { class: 'notice done', text, attributes: { role: 'status' } }),
  );
  main.dataset['screen'] = here();
  scrollTo(0, 0);
  document.title = [view.title, t('title'), brand].join(' · ');
}

/** Undefined where the person is sent to the login. */
async function viewOf(console: Console): Promise<View | undefined> {
  const { t } = console;
  const found = screenAt(here(), location.search);
  if (found === undefined) return { title: t('nothing.title'), content: [paragraph(t('nothing.text'))] };
  try {
    return await found.screen(console, found.place);
  } catch (error) {
    if (error instanceof AdminProblem && console.leave(error)) return undefined;
    const again = button(t('act.retry'), () => console.refresh(), 'quiet');
    return { title: t('error.title'), content: [paragraph(errorText(t, error), 'trouble'), again] };
  }
}

function draw({ title, back, content }: View, said?: HTMLElement): void {
  const heading = element('h1', { attributes: { tabindex: '-1' } }, element('bdi', { text: title }));
  main.replaceChildren(...[back, heading, said, ...content].filter((one) => one !== undefined));
  main.setAttribute('aria-busy', 'false');
  heading.focus({ preventScroll: true });
}

/** After the login for an act: asks once more, and does it. */
function resume(console: Console): void {
  const kept = takeKept();
  const act = kept === undefined ? undefined : actByName(kept.act);
  if (kept !== undefined && act !== undefined) askAgain(console, act, kept);
}

function showLogin(t: Messages, text: string): void {
  turn += 1;
  for (const dialog of document.querySelectorAll('dialog')) dialog.remove();
  const log = button(t('login.do'), () => toLogin());
  root.replaceChildren(frame({ t, me: undefined, logOut: () => undefined }), main);
  main.dataset['screen'] = 'login';
  draw({ title: t('login.title'), content: [paragraph(text), log] });
  document.title = [t('login.title'), t('title'), brand].join(' · ');
}

function showError(t: Messages, text: string): void {
  root.replaceChildren(main);
  const again = button(t('act.retry'), () => location.reload());
  draw({ title: t('error.title'), content: [paragraph(text, 'trouble'), again] });
}

void start();
