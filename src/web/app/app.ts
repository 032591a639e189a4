/** What every screen has: the phone, the texts, one place to be shown in, and one way to call the server and to say what went wrong. */
import { type ClaimedOrder, type Phone, PhoneError } from '../../sdk/index.ts';
import { button, element } from '../design/dom.ts';
import { errorText, isStorageFull } from './errors.ts';
import { markLanguage } from './language.ts';
import { englishMessages, type Messages } from './messages.ts';

/** A screen: its heading takes the focus when it is shown. */
export interface Screen {
  /** For styles and tests. */
  readonly name: string;
  readonly title: string;
  readonly content: readonly (Node | undefined)[];
  /** Shown only while the phone is unlocked: it goes when the session ends. */
  readonly isPrivate?: boolean;
  /** Stops what must not go on: a camera, a timer. */
  readonly onLeave?: () => void;
}

/** Where screens lead; made in main.ts, so that no two screens import each other. */
export interface Navigation {
  /** Looks where this phone stands and shows that. */
  start(): Promise<void>;
  welcome(): void;
  /** Registers a phone that is new with this activation. */
  enrol(activation: string): void;
  pending(): void;
  unlock(notice?: string): void;
  forgotten(): void;
  home(): Promise<void>;
  scan(): void;
  paste(): void;
  /** Takes the short code of a login page. */
  typed(): void;
  settings(): void;
  /** Claims what a scanned text or a link names, and shows it. */
  claim(text: string): Promise<void>;
  confirm(order: ClaimedOrder): void;
  /** What was signed, declined or left alone. */
  history(): void;
  devices(): void;
  changeMpin(): void;
  remove(): void;
  blocked(): void;
  ended(): void;
  /** The browser keeps nothing, or what it kept is gone. */
  storage(): Promise<void>;
}

export interface App {
  readonly phone: Phone;
  /** The texts of the language that is spoken now. */
  readonly t: Messages;
  /** Speaks another language from the next screen on; rejects where its texts cannot be had. */
  speak(code: string): Promise<void>;
  /** The only server of this app: the one that it was loaded from. */
  readonly issuer: string;
  /** A link that waits to be claimed until the phone is unlocked. */
  pendingLink: string | undefined;
  /** Documents that were opened here, each by the phone's registration and its hash: who read one in another window comes back to a locked app, and need not read it again. */
  readonly documentsRead: Set<string>;
  /** Shows a screen in place of the last one. */
  show(screen: Screen): void;
  /** Says what is wrong on this screen; nothing where the text is left out. */
  say(text?: string, retry?: () => void): void;
  /**
   * Does something that takes time, and then `next` if the person has not gone elsewhere. What goes wrong is judged by `onError`
   * first, which answers true where it has dealt with it.
   */
  run<T>(work: () => Promise<T>, next: (result: T) => void, options?: RunOptions): Promise<void>;
  /** True while the screen shown takes an open session. */
  isPrivate(): boolean;
  /** The person has removed this phone: that its keys are gone is no surprise. */
  forget(): void;
  /** The server said that this registration is over: a reload is to say so too. */
  markEnded(): void;
  readonly go: Navigation;
}

export interface RunOptions {
  readonly onError?: (error: PhoneError) => boolean;
  /** Offered where the server could not be reached. */
  readonly retry?: () => void;
  /** In place of `next` where the person, or the phone itself, has gone elsewhere. */
  readonly left?: () => void;
}

interface Parts {
  readonly phone: Phone;
  readonly issuer: string;
  readonly main: HTMLElement;
  readonly load: (code: string) => Promise<Messages>;
  readonly forget: () => void;
  readonly markEnded: () => void;
  readonly navigate: (app: App) => Navigation;
}

/** A wait longer than this is spoken of. */
const patienceMs = 800;

/** The app over one element of the document. */
export function createApp({ phone, issuer, main, load, forget, markEnded, navigate }: Parts): App {
  let t = englishMessages;
  // As the server titles the page: the bank's own name.
  const name = document.title;
  let shown: Screen | undefined;
  const trouble = element('div', { class: 'trouble', attributes: { role: 'alert' } });
  const wait = element('p', { class: 'wait soft', attributes: { role: 'status' } });
  const say: App['say'] = (text, retry) => {
    if (text === undefined) return trouble.replaceChildren();
    const again = retry && button(t('act.retry'), retry, 'quiet');
    trouble.replaceChildren(element('p', { text }), ...(again === undefined ? [] : [again]));
  };
  const show: App['show'] = (screen) => {
    shown?.onLeave?.();
    shown = screen;
    markLanguage(t);
    setBusy(main, false);
    wait.textContent = '';
    say();
    const heading = element('h1', { text: screen.title, attributes: { tabindex: '-1' } });
    main.dataset['screen'] = screen.name;
    main.replaceChildren(heading, trouble, wait, ...screen.content.filter((node) => node !== undefined));
    document.title = `${screen.title} · ${name}`;
    window.scrollTo(0, 0);
    heading.focus();
  };
  const run = createRun({ main, wait, shown: () => shown, app: () => app });
  const app: Omit<App, 'go'> & { go: Navigation } = {
    phone,
    get t() {
      return t;
    },
    speak: async (code) => {
      t = await load(code);
    },
    issuer,
    pendingLink: undefined,
    documentsRead: new Set(),
    show,
    say,
    run,
    isPrivate: () => shown?.isPrivate ?? false,
    forget,
    markEnded,
    go: undefined as unknown as Navigation,
  };
  app.go = navigate(app);
  return app;
}

interface Running {
  readonly main: HTMLElement;
  readonly wait: HTMLElement;
  readonly shown: () => Screen | undefined;
  readonly app: () => App;
}

function createRun({ main, wait, shown, app }: Running): App['run'] {
  return async (work, next, options = {}) => {
    const at = shown();
    // A second press while the first is under way would do it twice.
    if (main.getAttribute('aria-busy') === 'true') return;
    app().say();
    setBusy(main, true);
    const patience = setTimeout(() => {
      if (at === shown()) wait.textContent = app().t('act.busy');
    }, patienceMs);
    const isElsewhere = (): boolean => {
      clearTimeout(patience);
      if (at !== shown()) return true;
      wait.textContent = '';
      setBusy(main, false);
      return false;
    };
    try {
      const result = await work();
      if (!isElsewhere()) next(result);
      else options.left?.();
    } catch (error) {
      if (!isElsewhere()) fail(app(), error, options);
    }
  };
}

function setBusy(main: HTMLElement, isBusy: boolean): void {
  main.setAttribute('aria-busy', String(isBusy));
}

/** What ends a registration or a session leads away; everything else is said on the screen where it happened. */
function fail(app: App, error: unknown, { onError, retry }: RunOptions): void {
  const known =
    error instanceof PhoneError ? error : new PhoneError('key_store', { cause: error, detail: String(error) });
  if (onError?.(known)) return;
  const { go, t } = app;
  switch (known.code) {
    case 'locked':
    case 'session_ended':
      return go.unlock(t('unlock.idle'));
    case 'blocked':
      return go.blocked();
    case 'deactivated':
      return go.ended();
    case 'approval_pending':
      return go.pending();
    case 'not_registered':
      return void go.start();
    case 'key_store':
      return isStorageFull(known) ? app.say(t('storage.full'), retry) : void go.storage();
    case 'server_not_authentic':
      // It has ended the session, if there was one: a private screen would go within a second, and what is said on it too.
      return app.isPrivate() ? go.unlock(errorText(app, known)) : app.say(errorText(app, known));
    default: {
      const canRetry = known.code === 'offline' || known.code === 'unavailable';
      return app.say(errorText(app, known), canRetry ? retry : undefined);
    }
  }
}
