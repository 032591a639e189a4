/** One login, step by step: portal → login page → QR text → phone → decision → portal. */
import { type Browser, createBrowser } from '../../../src/demo/browser.ts';
import type { ClaimedOrder, Phone } from '../../../src/sdk/index.ts';
import type { BegunLogin, Portal, Tokens } from './portal.ts';
import { mpin } from './rig.ts';

export interface PageView {
  readonly state: string;
  readonly frame: string | null;
  readonly secondsLeft: number | null;
}

/** A login page that shows a code and waits. */
export interface WaitingLogin {
  readonly browser: Browser;
  readonly begun: BegunLogin;
  readonly portal: Portal;
  /** `<issuer>/interaction/<uid>` */
  readonly page: string;
  frame(): Promise<string>;
  status(): Promise<PageView>;
  /** Resolves with the first state of that name that the page's stream tells. */
  heard(state: string): Promise<PageView>;
  /** Redeems with this browser's cookie and follows to the portal: the callback's address. */
  finish(): Promise<string>;
}

/** From the portal's button to a waiting page. */
export async function openLoginPage(
  portal: Portal,
  { browser = createBrowser(), extra = {} }: { browser?: Browser; extra?: Readonly<Record<string, string>> } = {},
): Promise<WaitingLogin> {
  const begun = await portal.begin(extra);
  const opened = await browser.open(begun.url);
  if (!opened.url.includes('/interaction/'))
    throw new Error(`no login page: ${opened.status} ${opened.url} ${opened.text}`);
  const page = opened.url;
  await browser.call('POST', `${page}/order`);
  return {
    browser,
    begun,
    portal,
    page,
    frame: async () => {
      const { frame } = await browser.call<PageView>('GET', `${page}/status`);
      if (frame === null) throw new Error('the page shows no code');
      return frame;
    },
    status: () => browser.call<PageView>('GET', `${page}/status`),
    heard: (state) =>
      browser.events(`${page}/events`, (data) => {
        const view = data as PageView;
        return view.state === state ? view : undefined;
      }),
    finish: async () => {
      const { location } = await browser.call<{ location: string }>('POST', `${page}/finish`);
      return (await browser.open(location)).url;
    },
  };
}

/** The phone's part: scans what the page shows. It must be unlocked. */
export async function scan(login: WaitingLogin, phone: Phone): Promise<ClaimedOrder> {
  return phone.claim(await login.frame());
}

export interface LoggedIn {
  readonly tokens: Tokens;
  readonly login: WaitingLogin;
  readonly callbackUrl: string;
}

export interface LogInOptions {
  readonly unlock?: boolean;
  readonly browser?: Browser;
  /** Further parameters of the authorization request. */
  readonly extra?: Readonly<Record<string, string>>;
}

/** A whole login with an unlocked phone, or with one that unlocks now. */
export async function logIn(
  portal: Portal,
  phone: Phone,
  { unlock = true, browser, extra = {} }: LogInOptions = {},
): Promise<LoggedIn> {
  if (unlock) await phone.unlockWithMpin(mpin);
  const login = await openLoginPage(portal, { extra, ...(browser === undefined ? {} : { browser }) });
  const order = await scan(login, phone);
  await phone.approve(order);
  const callbackUrl = await login.finish();
  return { tokens: await portal.redeem(callbackUrl, login.begun), login, callbackUrl };
}
