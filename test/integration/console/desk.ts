/** People at the console: a system with an admin listener that browsers reach, staff, and logins with simulated phones. */
import type { Role, StaffRole } from '../../../src/companies/roles.ts';
import { createOperator } from '../../../src/companies/staff.ts';
import type { User } from '../../../src/companies/store.ts';
import { type Browser, createBrowser } from '../../../src/demo/browser.ts';
import type { Phone } from '../../../src/sdk/index.ts';
import type { SystemStores } from '../system/engines.ts';
import { addUser, bank, freePort, mpin, registerPhone, type System, startSystem } from '../system/rig.ts';
import { type RawAnswer, send } from '../system/wire.ts';

export interface ConsoleSystem {
  readonly system: System;
  /** The console's origin. */
  readonly origin: string;
}

/** A system whose admin listener has an address that browsers know. */
export async function startConsoleSystem(
  stores: SystemStores,
  options: Parameters<typeof startSystem>[1] = {},
): Promise<ConsoleSystem> {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const env = { MTOKEN_ADMIN_PORT: String(port), MTOKEN_CONSOLE_URL: origin, ...options.env };
  return { system: await startSystem(stores, { ...options, env }), origin };
}

/** A person who may use the console, or a user who may not. */
export async function addPerson({ system }: ConsoleSystem, role: Role): Promise<User> {
  const { server, company } = system;
  if (role === 'user') return addUser(server, company.id, { name: 'Ursula User' });
  if (role === 'administrator') return addUser(server, company.id, { name: 'Adam Administrator', role });
  return addStaff({ system }, role);
}

let count = 0;

/** One of the bank's own people. */
export async function addStaff({ system }: Pick<ConsoleSystem, 'system'>, staffRole: StaffRole): Promise<User> {
  const { records } = system.server.stores;
  count += 1;
  const { user } = await createOperator(system.server.capabilities.admin, {
    name: `Person ${count}`,
    email: `person${count}@bank.example`,
    bankName: 'Bank',
    actor: bank,
  });
  if (staffRole === 'operator') return user;
  await records.users.update({ ...user, staffRole });
  return { ...user, staffRole, version: user.version + 1 };
}

export interface ConsoleLogin {
  readonly browser: Browser;
  readonly phone: Phone;
  /** Where the browser ended, and what it shows. */
  readonly url: string;
  readonly status: number;
  readonly text: string;
}

export interface LoginWish {
  readonly phone: Phone;
  readonly browser?: Browser;
  readonly proof?: 'session' | 'fresh' | 'confirmed';
  readonly returnTo?: string;
}

/** Begins at the console; answers where the browser stands then: at the login page, or back already. */
export function openConsoleLogin({ origin }: ConsoleSystem, { browser = createBrowser(), proof, returnTo }: LoginWish) {
  const query = new URLSearchParams({
    ...(proof === undefined ? {} : { proof }),
    ...(returnTo === undefined ? {} : { return: returnTo }),
  }).toString();
  return browser.open(`${origin}/console/login${query === '' ? '' : `?${query}`}`);
}

/** A whole login: from the console over the login page and the phone, and back. */
export async function logInToConsole(desk: ConsoleSystem, wish: LoginWish): Promise<ConsoleLogin> {
  const { phone, browser = createBrowser() } = wish;
  const opened = await openConsoleLogin(desk, { ...wish, browser });
  if (!opened.url.includes('/interaction/')) return { browser, phone, ...opened };
  const location = await approveAt(browser, opened.url, phone);
  return { browser, phone, ...(await browser.open(location)) };
}

/** The phone's part at a login page; answers the address to which the browser goes on. */
export async function approveAt(browser: Browser, page: string, phone: Phone): Promise<string> {
  await browser.call('POST', `${page}/order`);
  const { frame } = await browser.call<{ frame: string | null }>('GET', `${page}/status`);
  if (frame === null) throw new Error('the page shows no code');
  await phone.unlockWithMpin(mpin);
  const order = await phone.claim(frame);
  await phone.approve(order, order.descriptor.freshProof ? { method: 'mpin', mpin } : undefined);
  const { location } = await browser.call<{ location: string }>('POST', `${page}/finish`);
  return location;
}

/** Somebody of that role with a phone, logged in. */
export async function personAtConsole(desk: ConsoleSystem, role: Role, wish: Partial<LoginWish> = {}) {
  const user = await addPerson(desk, role);
  const phone = await registerPhone(desk.system, { user });
  return { user, ...(await logInToConsole(desk, { ...wish, phone })) };
}

export interface ConsoleCall {
  readonly method?: string;
  readonly body?: unknown;
  /** Take the place of what the page itself would send; undefined leaves one out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

/** What the console's page calls on its own listener, with what a browser adds. */
export function callConsole(
  { origin }: ConsoleSystem,
  cookie: string,
  path: string,
  { method = 'GET', body, headers = {} }: ConsoleCall = {},
): Promise<RawAnswer> {
  const isReading = method === 'GET' || method === 'HEAD';
  const sent: Record<string, string | undefined> = {
    accept: 'application/json',
    'sec-fetch-site': 'same-origin',
    ...(cookie === '' ? {} : { cookie }),
    ...(isReading ? {} : { origin, 'content-type': 'application/json' }),
    ...headers,
  };
  const known = Object.entries(sent).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return send(origin, {
    method,
    path,
    headers: Object.fromEntries(known),
    ...(isReading ? {} : { body: JSON.stringify(body ?? {}) }),
  });
}

/** As above, below `/admin/v1`. */
export function callAdmin(desk: ConsoleSystem, cookie: string, path: string, call?: ConsoleCall): Promise<RawAnswer> {
  return callConsole(desk, cookie, `/admin/v1${path}`, call);
}
