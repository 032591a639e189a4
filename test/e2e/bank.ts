/** A server in this process, with the built pages: tests make activations and orders themselves, and act as its operator. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { systemClock } from '../../src/clock.ts';
import { createCompany } from '../../src/companies/companies.ts';
import { createUser } from '../../src/companies/users.ts';
import { createLog } from '../../src/http/logging.ts';
import { type Mailbox, memoryMailbox } from '../../src/notify/mailbox.ts';
import { createOrder, currentFrame } from '../../src/orders/orders.ts';
import { newTypedCode } from '../../src/orders/typed.ts';
import { createActivation } from '../../src/registration/activations.ts';
import { buildServer, type Server } from '../../src/server.ts';
import { testConfig } from '../integration/http/rig.ts';
import { shownWords } from '../unit/signing/shown.ts';
import { freePort } from './demo.ts';
import { at, enter, mpin, press } from './phone.ts';

const operator = { name: 'cli' };

/** A user who is to become a phone's owner. */
export interface Invited {
  readonly userId: string;
  readonly email: string;
  readonly activation: string;
  /** Waits for the confirmation code of the newest mail. */
  readonly code: () => Promise<string>;
}

export interface Bank {
  readonly issuer: string;
  readonly server: Server;
  /** A new user of a new company; or another activation of `user`. */
  readonly invite: (options?: {
    selfActivation?: boolean;
    name?: string;
    company?: string;
    user?: Invited;
  }) => Promise<Invited>;
  /** What a portal asks, as a page would show it: as a link, and as a short code. */
  readonly ask: (options?: {
    freshProof?: boolean;
    portal?: string;
    browser?: string;
    text?: string;
  }) => Promise<{ readonly link: string; readonly code: () => Promise<string> }>;
  /** Waits for what is in a mail to that address. */
  readonly mailed: (email: string, pattern: RegExp) => Promise<string>;
  readonly stop: () => Promise<void>;
}

/** Starts it on a port of its own; `env` is what is set beside the usual. */
export async function openBank(env: Readonly<Record<string, string>> = {}): Promise<Bank> {
  const directory = await mkdtemp(join(tmpdir(), 'mtoken-bank-'));
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const mailbox = memoryMailbox(systemClock);
  const config = testConfig({
    MTOKEN_DATA_DIR: directory,
    MTOKEN_PORT: String(port),
    MTOKEN_ISSUER: issuer,
    MTOKEN_LIMIT_PER_DEVICE: '100000',
    MTOKEN_LIMIT_PER_USER: '100000',
    ...env,
  });
  const server = await buildServer({ config, mailbox, log: createLog('silent') });
  await server.start();
  return {
    issuer,
    server,
    invite: async (options = {}) => invite(server, mailbox, options),
    ask: async (options = {}) => ask(server, options),
    mailed: async (email, pattern) => mailed(mailbox, { email, pattern, since: 0 }),
    stop: async () => {
      await server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

let users = 0;

async function invite(
  server: Server,
  mailbox: Mailbox,
  { selfActivation = true, name = 'Wilhelmina Secret', company = 'Hidden Holdings', user }: InviteOptions,
): Promise<Invited> {
  const deps = server.capabilities.registration;
  let owner = user;
  if (owner === undefined) {
    const made = await createCompany(deps, { name: company, actor: operator, selfActivation, deviceLimit: 3 });
    const email = `wilhelmina${(users += 1)}@hidden.example`;
    const { id } = await createUser(deps, { companyId: made.id, name, email, actor: operator });
    owner = { userId: id, email, activation: '', code: async () => '' };
  }
  const { email, userId } = owner;
  const since = systemClock.now();
  const { activationText } = await createActivation(deps, { userId, actor: operator });
  const code = (): Promise<string> => mailed(mailbox, { email, pattern: codePattern, since });
  return { userId, email, activation: activationText, code };
}

async function mailed(
  mailbox: Mailbox,
  { email, pattern, since }: { readonly email: string; readonly pattern: RegExp; readonly since: number },
): Promise<string> {
  for (let attempt = 0; attempt < 400; attempt += 1) {
    const mail = mailbox
      .messages()
      .find(({ to, text, receivedAt }) => receivedAt >= since && to.address === email && pattern.test(text));
    if (mail !== undefined) return pattern.exec(mail.text)?.[0] ?? '';
    await wait(25);
  }
  throw new Error(`no mail with ${pattern} came`);
}

type InviteOptions = NonNullable<Parameters<Bank['invite']>[0]>;

const codePattern = /\b[0-9]{4}[ -]?[0-9]{4}\b/;

async function ask(server: Server, options: NonNullable<Parameters<Bank['ask']>[0]>): ReturnType<Bank['ask']> {
  const { freshProof = false, portal = 'Test portal', browser = 'Firefox on Linux', text = 'Log in' } = options;
  const deps = server.capabilities.orders;
  const made = await createOrder(deps, {
    purpose: freshProof ? 'signing' : 'login',
    client: { id: 'portal', name: portal, domain: 'portal.example' },
    origin: 'https://portal.example',
    browser: { name: browser, address: '192.0.2.0/24', place: null },
    display: freshProof ? shownWords(text) : { text, locale: 'en' },
    context: 'interaction',
    freshProof,
    ownerUserId: null,
    binding: 'b'.repeat(43),
  });
  const code = async (): Promise<string> => (await newTypedCode(deps, made)).code;
  return { link: currentFrame(deps, made, 'link') ?? '', code };
}

/** From the first start to the last screen of the registration, by text. */
export async function enrol(page: Page, invited: Invited): Promise<void> {
  await at(page, 'welcome');
  await page.locator('main > button').nth(1).click();
  await page.fill('#code-text', invited.activation);
  await page.keyboard.press('Enter');
  await at(page, 'name');
  await page.locator('#phone-name').press('Enter');
  await at(page, 'code');
  await page.fill('#confirmation', await invited.code());
  await page.locator('#confirmation').press('Enter');
  await at(page, 'choose');
  await enter(page, mpin);
  await at(page, 'repeat');
  await enter(page, mpin);
}

/** From the first start to the home screen. */
export async function register(page: Page, invited: Invited): Promise<void> {
  await enrol(page, invited);
  await at(page, 'registered');
  await page.locator('main > button').first().click();
  await at(page, 'home');
}

/** From the home screen to the question that a link stands for. */
export async function claim(page: Page, link: string): Promise<void> {
  await press(page, 'Scan');
  await press(page, 'Enter as text');
  await page.fill('#code-text', link);
  await press(page, 'Continue');
}
