/** A portal that asks for signatures in a redirect, and the browser in which its user is sent for them. */
import type { TemplateName } from '../../../src/protocol/templates/templates.ts';
import type { ClaimedOrder, Phone } from '../../../src/sdk/index.ts';
import { samples } from '../../unit/signing/samples.ts';
import type { BegunLogin, Portal, Tokens } from '../system/portal.ts';
import { mpin, type System } from '../system/rig.ts';
import { type Browser, openBrowser, type Page } from './browser.ts';

export type Json = Record<string, unknown>;

/** What a portal asks for, with whatever is to be different. */
export function detailOf(template: TemplateName, fields: object = {}, changed: object = {}): Json {
  return {
    type: `urn:mtoken:signing:${template}:v1`,
    reference: `my ${template}`,
    fields: { ...samples[template], ...fields },
    ...changed,
  };
}

export interface Answer {
  readonly status: number;
  readonly body: Json;
}

/** A form POST in the portal's name. */
export async function post(
  { issuer }: Pick<System, 'issuer'>,
  { id, secret }: Pick<Portal, 'id' | 'secret'>,
  [path, form]: readonly [path: string, form: Record<string, string>],
): Promise<Answer> {
  const authorization = `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`;
  const response = await fetch(`${issuer}${path}`, {
    method: 'POST',
    headers: { authorization, accept: 'application/json' },
    body: new URLSearchParams(form),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Json) };
}

export interface Pushed extends Answer {
  readonly begun: BegunLogin;
  /** Where the browser is sent. */
  readonly url: string;
}

/** Pushes a request for `details`, which are text where they are to be sent as they stand. */
export async function push(
  system: Pick<System, 'issuer'>,
  portal: Portal,
  details: unknown,
  extra: Readonly<Record<string, string>> = {},
): Promise<Pushed> {
  const text = typeof details === 'string' ? details : JSON.stringify(details);
  const begun = await portal.begin({ scope: 'openid', authorization_details: text, ...extra });
  const form = Object.fromEntries(new URL(begun.url).searchParams);
  const answer = await post(system, portal, ['/oauth2/par', form]);
  const query = new URLSearchParams({ client_id: portal.id, request_uri: String(answer.body['request_uri']) });
  return { ...answer, begun, url: `${system.issuer}/oauth2/authorize?${query}` };
}

/** A page of ours in a browser: of a login, or of something to be signed. */
export interface Waiting {
  readonly browser: Browser;
  /** Its path. */
  readonly path: string;
  call(name: string, browser?: Browser): Promise<Answer>;
  frame(): Promise<string>;
  /** The phone scans, proves the mPIN for this alone, and approves. */
  approve(phone: Phone): Promise<ClaimedOrder>;
  /** The page's last call, and where the browser comes to. */
  finish(): Promise<Page>;
}

/** Follows the address to our page, whose script asks for a code. */
export async function openPage(browser: Browser, url: string): Promise<Waiting> {
  const opened = await browser.follow(url);
  if (!opened.url.pathname.startsWith('/interaction/')) {
    throw new Error(`no page of ours: ${opened.status} ${opened.url} ${opened.text.slice(0, 300)}`);
  }
  return waitingAt(browser, opened.url);
}

async function waitingAt(browser: Browser, { origin, pathname: path }: URL): Promise<Waiting> {
  const call: Waiting['call'] = async (name, by = browser) => {
    const init = { headers: { accept: 'application/json', origin, 'sec-fetch-site': 'same-origin' } };
    const method = name === 'status' ? 'GET' : 'POST';
    const { status, text } = await by.request(`${path}/${name}`, { ...init, method });
    return { status, body: JSON.parse(text) as Json };
  };
  const frame = async (): Promise<string> => {
    const { body } = await call('status');
    if (typeof body['frame'] !== 'string') throw new Error(`no code is shown: ${JSON.stringify(body)}`);
    return body['frame'];
  };
  await call('order');
  return {
    browser,
    path,
    call,
    frame,
    approve: async (phone) => {
      const order = await phone.claim(await frame());
      await phone.approve(order, { method: 'mpin', mpin });
      return order;
    },
    finish: async () => {
      const { status, body } = await call('finish');
      if (status !== 200) throw new Error(`finish: ${status} ${JSON.stringify(body)}`);
      return browser.follow(String(body['location']));
    },
  };
}

/** A browser in which the user of that phone is logged in at the portal. */
export async function loggedInBrowser(system: System, portal: Portal, phone: Phone): Promise<Browser> {
  const browser = openBrowser(system.issuer);
  const begun = await portal.begin({ scope: 'openid' });
  const page = await openPage(browser, begun.url);
  await phone.approve(await phone.claim(await page.frame()));
  await portal.redeem((await page.finish()).url.href, begun);
  return browser;
}

/** From the pushed request to the tokens. */
export async function sign(
  system: System,
  portal: Portal,
  { browser, phone, detail }: { readonly browser: Browser; readonly phone: Phone; readonly detail: Json },
): Promise<{ readonly tokens: Tokens; readonly callback: URL; readonly begun: BegunLogin }> {
  const { begun, url } = await push(system, portal, [detail]);
  const page = await openPage(browser, url);
  await page.approve(phone);
  const { url: callback } = await page.finish();
  return { tokens: await portal.redeem(callback.href, begun), callback, begun };
}
