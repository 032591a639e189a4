/**
 * The whole story in one browser: a company is created, its administrator agrees to the terms and approves a phone, its user logs in at a
 * portal and loses the phone, everything of it is dead, those who must know are told, and the trail verifies.
 */
import { spawn } from 'node:child_process';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Phone } from '../../src/sdk/index.ts';
import { hasChromium } from './chromium.ts';
import { act, type Counter, confirmOn, openCounter, type Registration, settled, told } from './counter.ts';
import { mpin } from './phone.ts';

let counter: Counter;
let operator: Phone;

const administrator = { name: 'Anna Administrator', email: 'anna@contoso.example' };
const user = { name: 'Ursula User', email: 'ursula@contoso.example' };
/** More than a proof counts as fresh, in steps in which nobody is idle for too long. */
const restlessSteps = [200_000, 200_000];

describe.skipIf(!hasChromium)('from a new company to a lost phone', () => {
  beforeAll(async () => {
    counter = await openCounter();
    operator = await counter.phoneOf(counter.operator.id);
  });

  afterAll(async () => {
    await counter.stop();
  });

  it('console, portal, mailboxes and trail tell one story (A-05, A-09, R-03, S-07, S-08, S-09, X-07)', async () => {
    const operators = await counter.enter(operator);
    await publishTerms(operators);
    const companyPath = await createCompany(operators);
    const anna = await inviteAdministrator(operators, companyPath);

    const annas = await counter.enter(anna, companyPath);
    const invited = await inviteUser(annas);
    const since = counter.now();
    const ursula = await counter.register({ name: "Ursula's phone", ...invited });
    await counter.mail(administrator.email, /Ursula User registered the phone/, since);
    await approveOnConsole(annas, anna, ursula);

    await loseThePhone(await logInAtPortal(ursula), ursula);
    await everybodyIsTold(annas);
    await counter.clear();
    expect(await verifyTrail()).toMatch(/^\d+ records, unbroken/);
  }, 240_000);
});

/** The operator publishes what users agree to; that takes a confirmation of its own on the phone. */
async function publishTerms(page: Page): Promise<void> {
  await open(page, '/terms/new');
  await page.getByLabel('Version').fill('2026-11');
  await page.getByLabel('Title').fill('Conditions of use');
  await page.getByLabel('Text', { exact: true }).fill('Keep your phone to yourself.\nTell us at once when it is lost.');
  await page.getByRole('button', { name: 'Save' }).click();
  await confirmOn(page, operator);
  await page.getByRole('dialog').getByRole('button', { name: 'Publish terms' }).click();
  expect(await told(page)).toBe('Version 2026-11 was published.');
}

/** With approval of every phone; answers where its page is. */
async function createCompany(page: Page): Promise<string> {
  await open(page, '/companies');
  await page.getByRole('link', { name: 'New company' }).click();
  await page.getByLabel('Name').fill('Contoso Payments');
  await page.getByLabel('Users at most').fill('3');
  await page.getByLabel('Registrations begin at once').uncheck();
  await page.getByRole('button', { name: 'Save' }).click();
  expect(await told(page)).toContain('The company Contoso Payments was created.');
  return new URL(page.url()).pathname.replace(/^\/console/, '');
}

/** Their code is shown, they scan it, agree to the terms, and the operator approves their phone: there is nobody else yet. */
async function inviteAdministrator(page: Page, companyPath: string): Promise<Phone> {
  await open(page, companyPath);
  await page.locator('main').getByRole('link', { name: 'Users' }).click();
  await page.getByRole('link', { name: 'New user' }).click();
  await page.getByLabel('Name').fill(administrator.name);
  await page.getByLabel('E-mail').fill(administrator.email);
  await page.getByLabel('Role').selectOption('administrator');
  await page.getByRole('button', { name: 'Save' }).click();
  expect(await told(page)).toContain('was created');
  const since = counter.now();
  await act(page, 'Show activation code');
  const activation = (await page.locator('dialog .qr[data-frame]').getAttribute('data-frame')) ?? '';
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
  const confirmation = () => counter.mail(administrator.email, /(?<![0-9])[0-9]{8}(?![0-9])/, since);
  const phone = await counter.register({ name: "Anna's phone", activation, confirmation });
  await expect(phone.unlockWithMpin(mpin)).rejects.toThrow();
  await page.reload();
  await settled(page);
  expect(await page.locator('main').innerText()).toContain('2026-11');
  await act(page, 'Approve device');
  expect(await told(page)).toBe("Anna's phone is approved.");
  return phone;
}

/** The activation goes by e-mail, the confirmation code by the administrator's own voice. */
async function inviteUser(page: Page): Promise<Omit<Registration, 'name'>> {
  await open(page, '/users');
  await page.getByRole('link', { name: 'New user' }).click();
  await page.getByLabel('Name').fill(user.name);
  await page.getByLabel('E-mail').fill(user.email);
  await page.getByRole('button', { name: 'Save' }).click();
  expect(await told(page)).toContain('was created');
  const since = counter.now();
  await act(page, 'Invite by e-mail');
  const code = await page.locator('dialog .secret').innerText();
  expect(code).toMatch(/^[0-9]{8}$/);
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
  const activation = await counter.mail(user.email, /mtoken1\.\S+/, since);
  return { activation, confirmation: async () => code };
}

/** Her own login is no fresh proof any more: she shows on her phone that it is her, and then presses once. */
async function approveOnConsole(page: Page, anna: Phone, ursula: Phone): Promise<void> {
  for (const step of restlessSteps) {
    counter.pass(step);
    await open(page, '/');
  }
  await act(page, 'Approve device');
  await confirmOn(page, anna);
  const question = page.getByRole('dialog');
  await question.getByText('You have confirmed on your phone.').waitFor();
  await question.getByRole('button', { name: 'Approve device' }).click();
  expect(await told(page)).toBe("Ursula's phone is approved.");
  await counter.mail(user.email, /approved the phone “Ursula's phone”/);
  // Back to the time of the portal, which is this machine's.
  for (const step of restlessSteps) counter.pass(-step);
  await ursula.unlockWithMpin(mpin);
}

async function logInAtPortal(ursula: Phone): Promise<Page> {
  const { page } = await counter.newPage();
  await page.goto(counter.portalUrl);
  await page.click('#login');
  await confirmOn(page, ursula);
  await page.locator('#logged-in').waitFor();
  return page;
}

/** From the portal's own session, without the phone: app session, order under way and portal session end. */
async function loseThePhone(page: Page, ursula: Phone): Promise<void> {
  await ursula.unlockWithMpin(mpin);
  await page.click('#lost');
  await page.getByRole('button', { name: "Deactivate Ursula's phone" }).click();
  await page.getByText('You are logged out here too.').waitFor();
  await expect(ursula.listDevices()).rejects.toThrow();
  await expect(ursula.unlockWithMpin(mpin)).rejects.toThrow();
  await page.goto(counter.portalUrl);
  await page.locator('#login').waitFor();
}

/** In their mailboxes, and in the trail that the administrator reads. */
async function everybodyIsTold(page: Page): Promise<void> {
  await counter.mail(user.email, /“Ursula's phone” was deactivated/);
  await counter.mail(administrator.email, /“Ursula's phone” of Ursula User was deactivated/);
  const strangers = counter.mailbox.messages().filter(({ text }) => text.includes('Ursula'));
  expect(new Set(strangers.map(({ to }) => to.address))).toEqual(new Set([user.email, administrator.email]));
  await open(page, '/audit?event=device.deactivated');
  expect(await page.locator('.records summary').count()).toBe(1);
  expect(await page.locator('.records').innerText()).toContain('Ursula User');
}

async function open(page: Page, path: string): Promise<void> {
  await page.goto(`${counter.origin}/console${path}`);
  await settled(page);
}

/** `mtoken audit verify`, as an operator runs it on the server's machine. */
async function verifyTrail(): Promise<string> {
  const env = { ...process.env, MTOKEN_DATA_DIR: counter.dataDir, MTOKEN_MODE: 'development' };
  const child = spawn(process.execPath, ['dist/cli/main.js', 'audit', 'verify'], { env });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  await new Promise((resolve) => child.once('close', resolve));
  return output;
}
