/** A bank in this process with its console: people with simulated phones, and a browser in which they log in to it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { expect } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { updateCompany } from '../../src/companies/companies.ts';
import type { Company, User } from '../../src/companies/store.ts';
import { createUser } from '../../src/companies/users.ts';
import { buildPortal } from '../../src/demo/portal.ts';
import { seedDemo } from '../../src/demo/seed.ts';
import { createLog } from '../../src/http/logging.ts';
import { type Mailbox, memoryMailbox } from '../../src/notify/mailbox.ts';
import { createActivation } from '../../src/registration/activations.ts';
import { createPhone, memoryKeyStore, type Phone } from '../../src/sdk/index.ts';
import { buildServer, type Server } from '../../src/server.ts';
import { testConfig } from '../integration/http/rig.ts';
import { launchShell, openPage } from './chromium.ts';
import { freePort } from './demo.ts';
import { mpin, type Seen } from './phone.ts';

const actor = { name: 'cli' } as const;
const codePattern = /(?<![0-9])[0-9]{8}(?![0-9])/;

export interface Counter {
  readonly server: Server;
  readonly mailbox: Mailbox;
  readonly dataDir: string;
  /** Where the console is. */
  readonly origin: string;
  readonly portalUrl: string;
  readonly operator: User;
  /** A company with an administrator who has no phone yet. */
  readonly company: Company;
  readonly browser: Browser;
  /** Moves the server's time and that of the simulated phones. */
  readonly pass: (milliseconds: number) => void;
  readonly addUser: (user: Partial<Omit<Parameters<typeof createUser>[1], 'actor'>>) => Promise<User>;
  /** Changes what the company's rules say. */
  readonly rule: (changes: CompanyChanges) => Promise<void>;
  /** Registers a phone for a user by a new activation. */
  readonly phoneOf: (userId: string) => Promise<Phone>;
  /** Registers a phone by what was shown or sent; agrees to the terms, where there are any. */
  readonly register: (registration: Registration) => Promise<Phone>;
  /** The newest text of that kind in the mailbox, which was received after `since`. */
  readonly mail: (to: string, pattern: RegExp, since?: number) => Promise<string>;
  readonly now: () => number;
  readonly newPage: (options?: BrowserContextOptions) => Promise<Seen>;
  /** A page at the console, logged in with that phone. */
  readonly enter: (phone: Phone, path?: string, options?: BrowserContextOptions) => Promise<Page>;
  /** Closes all pages; fails where one of them had a fault that `isExpected` does not know. */
  readonly clear: (isExpected?: (fault: string) => boolean) => Promise<void>;
  readonly stop: () => Promise<void>;
}

type CompanyChanges = Parameters<typeof updateCompany>[1]['changes'];

export interface Registration {
  readonly name: string;
  readonly activation: string;
  readonly confirmation: () => Promise<string>;
}

/** Starts everything on ports of its own. */
export async function openCounter(): Promise<Counter> {
  const dataDir = await mkdtemp(join(tmpdir(), 'mtoken-counter-'));
  const [port, adminPort, portalPort] = await Promise.all([freePort(), freePort(), freePort()]);
  const portalUrl = `http://localhost:${portalPort}`;
  const origin = `http://localhost:${adminPort}`;
  let offset = 0;
  const clock = { now: () => systemClock.now() + offset };
  const mailbox = memoryMailbox(clock);
  const config = testConfig({
    MTOKEN_DATA_DIR: dataDir,
    MTOKEN_PORT: String(port),
    MTOKEN_ISSUER: `http://localhost:${port}`,
    MTOKEN_ADMIN_PORT: String(adminPort),
    MTOKEN_CONSOLE_URL: origin,
    MTOKEN_INTERNAL_PORTALS: 'localhost',
    MTOKEN_LIMIT_PER_DEVICE: '100000',
    MTOKEN_LIMIT_PER_USER: '100000',
    MTOKEN_LIMIT_PER_ADDRESS: '100000',
  });
  const server = await buildServer({ config, clock, mailbox, log: createLog('silent') });
  const { issuer } = config;
  const backchannelUrl = `${portalUrl}/backchannel-logout`;
  const { company: seeded, operator, clientKey } = await seedDemo(server, { portalUrl, backchannelUrl });
  const portal = await buildPortal({
    issuer,
    baseUrl: portalUrl,
    clientId: 'demo-portal',
    clientKey,
    deskUrl: portalUrl,
  });
  const { admin, registration } = server.capabilities;
  const room = { companyId: seeded.id, version: seeded.version, changes: { userLimit: 50 }, actor };
  const company = await updateCompany(admin, room);
  await server.start();
  await portal.listen({ host: 'localhost', port: portalPort });
  const browser = await launchShell();
  const open: Seen[] = [];

  const mail: Counter['mail'] = async (to, pattern, since = 0) => {
    for (let attempt = 0; attempt < 400; attempt += 1) {
      const found = mailbox
        .messages()
        .find((one) => one.receivedAt >= since && one.to.address === to && pattern.test(one.text));
      if (found !== undefined) return pattern.exec(found.text)?.[0] ?? '';
      await wait(25);
    }
    throw new Error(`no mail to ${to} that says ${pattern.source}`);
  };
  const register: Counter['register'] = async ({ name, activation, confirmation }) => {
    const phone = createPhone({ keyStore: memoryKeyStore(), allowLoopbackHttp: true, clock });
    const device = { name, platform: 'Test phone', appVersion: '1.0' };
    const begun = await phone.beginRegistration(activation, { device });
    const accepted = begun.terms === null ? {} : { acceptedTerms: begun.terms.version };
    await phone.finishRegistration({ confirmationCode: await confirmation(), mpin, ...accepted });
    return phone;
  };
  const phoneOf: Counter['phoneOf'] = async (userId) => {
    const since = clock.now();
    const user = await server.stores.records.users.find(userId);
    const { activationText } = await createActivation(registration, { userId, actor });
    if (user === undefined || activationText === undefined) throw new Error('no activation');
    const confirmation = () => mail(user.email, codePattern, since);
    return register({ name: `Phone of ${user.name}`, activation: activationText, confirmation });
  };
  const newPage: Counter['newPage'] = async (options = {}) => {
    const made = await openPage(browser, { reducedMotion: 'reduce', ...options });
    open.push(made);
    return made;
  };
  return {
    server,
    mailbox,
    dataDir,
    origin,
    portalUrl,
    operator,
    company,
    browser,
    pass: (milliseconds) => {
      offset += milliseconds;
    },
    addUser: (user) =>
      createUser(admin, {
        companyId: company.id,
        name: 'Ursula User',
        email: 'ursula@northwind.example',
        actor,
        ...user,
      }),
    rule: async (changes) => {
      const { version } = (await server.stores.records.companies.find(company.id)) ?? company;
      await updateCompany(admin, { companyId: company.id, version, changes, actor });
    },
    phoneOf,
    register,
    mail,
    now: () => clock.now(),
    newPage,
    enter: async (phone, path = '/', options = {}) => {
      const { page } = await newPage(options);
      await page.goto(`${origin}/console${path}`);
      await page.getByRole('button', { name: 'Log in with mToken' }).click();
      await confirmOn(page, phone);
      await page.waitForURL(`${origin}/console${path}`);
      await settled(page);
      return page;
    },
    clear: async (isExpected = () => false) => {
      for (const context of browser.contexts()) await context.close();
      // Chromium writes down each answer that refuses, and refusals are what these pages are shown.
      const isRefusal = (fault: string): boolean => /status of 4\d\d .*\/(admin\/v1|console\/logout)/.test(fault);
      const faults = open.splice(0).flatMap((page) => page.faults);
      expect(faults.filter((fault) => !isRefusal(fault) && !isExpected(fault))).toEqual([]);
    },
    stop: async () => {
      await browser.close();
      await portal.close();
      await server.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** At the login page: the phone claims what the page shows, and approves it. */
export async function confirmOn(page: Page, phone: Phone): Promise<void> {
  await page.waitForURL('**/interaction/**');
  await phone.unlockWithMpin(mpin);
  for (let tries = 1; ; tries += 1) {
    await page.waitForSelector('#qr[data-frame]');
    const frame = (await page.getAttribute('#qr', 'data-frame')) ?? '';
    try {
      const order = await phone.claim(frame);
      await phone.approve(order, order.descriptor.freshProof ? { method: 'mpin', mpin } : undefined);
      return;
    } catch (error) {
      // The code went stale under way.
      const { code } = error as { code?: string };
      if (tries === 4 || code !== 'stale_frame') throw error;
    }
  }
}

/** Waits until the screen shows what it fetched. */
export async function settled(page: Page): Promise<void> {
  await page.locator('#content[aria-busy="false"]').waitFor();
}

/** Presses a button that asks first, gives the reason, and presses the one of the question. */
export async function act(page: Page, name: string, reason?: string): Promise<void> {
  await page
    .getByRole('button', { name: `${name}…`, exact: true })
    .first()
    .click();
  if (reason !== undefined) await page.getByRole('dialog').getByLabel('Reason').fill(reason);
  await page.getByRole('dialog').getByRole('button', { name, exact: true }).click();
}

/** What is said at the top of the screen once something was done. */
export async function told(page: Page): Promise<string> {
  await page.locator('main[aria-busy="false"] .done').waitFor();
  return page.locator('main .done').innerText();
}
