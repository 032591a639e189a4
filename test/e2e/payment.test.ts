/** A payment at the demo portal by each of its three doors, the app as the phone: from the form to a receipt that anybody can check. */
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Receipt } from '../../src/protocol/receipt.ts';
import { verifyReceipt } from '../../src/sdk/index.ts';
import { hasChromium } from './chromium.ts';
import { at, enter, look, mpin, openWorld, press, type World } from './phone.ts';

type Door = 'api' | 'redirect' | 'backchannel';

describe.skipIf(!hasChromium)('a payment at the demo portal', () => {
  let world: World;
  let phone: Page;
  let portal: Page;

  beforeAll(async () => {
    // The app is made to look at its inbox far more often than it does by itself.
    world = await openWorld([], { env: { MTOKEN_LIMIT_PER_DEVICE: '100000', MTOKEN_LIMIT_PER_USER: '100000' } });
    phone = (await world.newPhone()).page;
    await world.register(phone);
    portal = (await world.toLoginPage()).page;
    await world.scan(phone, portal);
    await press(phone, 'Approve');
    await at(phone, 'approved');
    await press(phone, 'Done');
    await portal.waitForSelector('#logged-in');
  });
  beforeEach(async () => {
    await portal.goto(world.demo.portalUrl);
    await portal.click('#payments');
    await at(phone, 'home');
  });
  afterAll(async () => {
    // What is refused comes back with a status of its own, and Chromium writes that down.
    await world?.clear((fault) => /status of 4\d\d .*\/(payments|things)/.test(fault));
    await world?.stop();
  });

  async function pay(door: Door, typed: Readonly<Record<string, string>> = {}): Promise<void> {
    for (const [id, text] of Object.entries(typed)) await portal.fill(`#${id}`, text);
    await portal.click(`#pay-${door}`);
  }

  /** Opens what waits in the app, as when it comes back to the foreground. */
  async function openInbox(): Promise<void> {
    await expect
      .poll(
        async () => {
          await phone.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
          return phone.locator('.inbox li button').count();
        },
        { timeout: 15_000, interval: 250 },
      )
      .toBe(1);
    await phone.locator('.inbox li button').click();
    await at(phone, 'confirm');
  }

  async function approve(facts: readonly string[]): Promise<void> {
    const shown = await phone.locator('main').innerText();
    for (const fact of facts) expect(shown).toContain(fact);
    await press(phone, 'Approve');
    await at(phone, 'proof');
    await enter(phone, mpin);
    await at(phone, 'approved');
    await press(phone, 'Done');
  }

  async function ended(state: string): Promise<string> {
    await portal.locator(`#outcome[data-state="${state}"]`).waitFor({ timeout: 20_000 });
    return portal.locator('main').innerText();
  }

  /** Saves the receipt as its user would, and has it checked where the portal's page says. */
  async function checkReceipt(facts: readonly string[]): Promise<void> {
    const [download] = await Promise.all([portal.waitForEvent('download'), portal.click('[data-receipt="0"]')]);
    const file = await download.path();
    const receipt = JSON.parse(await readFile(file, 'utf8')) as Receipt;
    const history: unknown = await (await fetch(`${world.demo.issuer}/.well-known/mtoken-key-history`)).json();
    const { isGenuine, facts: said } = await verifyReceipt(receipt, history);
    expect(isGenuine).toBe(true);
    expect(said?.user.name).toBe('Ada Example');
    const { page: verify } = await world.newPage();
    await verify.goto((await portal.getAttribute('#verify', 'href')) ?? '');
    await verify.locator('#receipt').setInputFiles(file);
    expect(await verify.locator('.verdict').innerText()).toBe('This receipt is genuine.');
    const shown = await verify.locator('main').innerText();
    for (const fact of facts) expect(shown).toContain(fact);
    await verify.context().close();
  }

  it('passes by the signing API, scanned from the portal’s own page, and its receipt is genuine (T-01, T-14)', async () => {
    await look(portal, 'payment-form');
    await pay('api', { amount: '98,70' });
    await portal.waitForSelector('#qr svg');
    await look(portal, 'payment-code');
    await portal.setViewportSize({ width: 1280, height: 800 });
    await world.scan(phone, portal);
    await portal.getByText('Your phone shows the payment.').waitFor();
    expect(await portal.locator('#code').isVisible()).toBe(false);
    const facts = ['98.70', 'Jansen & Zn', 'BE71 0961 2345 6769', 'Demo portal'];
    await approve(facts);
    expect(await ended('approved')).toMatch(/98\.70[\s\S]*Signed by Ada Example[\s\S]*the mPIN/);
    await look(portal, 'payment-approved');
    await checkReceipt(facts);
  });

  it('is declined with its reason, or cancelled at the portal, and nothing is paid (T-17)', async () => {
    await pay('api');
    await portal.waitForSelector('#qr svg');
    await openInbox();
    await phone.locator('main > details > summary').click();
    await press(phone, 'The payee is wrong');
    await at(phone, 'declined');
    await press(phone, 'Done');
    expect(await ended('declined')).toMatch(/Nothing was paid[\s\S]*The payee is wrong/);
    await look(portal, 'payment-declined');
    await portal.click('#again');
    await pay('api');
    await portal.click('#cancel');
    expect(await ended('cancelled')).toContain('Nothing was paid');
    await portal.goBack();
  });

  it('passes by the page of the bank, and comes back with the details exactly as they were approved (O-11, T-01, T-11, T-14)', async () => {
    await pay('redirect', { amount: '250' });
    await portal.waitForSelector('#qr svg');
    expect(portal.url()).toContain(`${world.demo.issuer}/interaction/`);
    await world.scan(phone, portal);
    const facts = ['250.00', 'Jansen & Zn', 'BE71 0961 2345 6769'];
    await approve(facts);
    expect(await ended('approved')).toMatch(/250\.00[\s\S]*Signed by Ada Example/);
    await checkReceipt(facts);
    await portal.click('#again');
    await pay('redirect');
    await portal.waitForSelector('#qr svg');
    await openInbox();
    await press(phone, 'Decline');
    await at(phone, 'declined');
    await press(phone, 'Done');
    expect(await ended('declined')).toContain('Nothing was paid');
    await portal.click('#again');
    await pay('redirect');
    await portal.getByRole('button', { name: /cancel/i }).click();
    expect(await ended('cancelled')).toContain('Nothing was paid');
  });

  it('passes by the back channel: nothing is scanned, it waits in the app (O-17, T-01, T-14)', async () => {
    await pay('backchannel', { amount: '75,5' });
    await portal.getByText('Look at your phone').waitFor();
    await look(portal, 'payment-backchannel');
    expect(await portal.locator('#qr, #cancel').count()).toBe(0);
    await openInbox();
    const facts = ['75.50', 'Jansen & Zn', 'BE71 0961 2345 6769'];
    await approve(facts);
    expect(await ended('approved')).toMatch(/75\.50[\s\S]*Signed by Ada Example/);
    await checkReceipt(facts);
    await portal.click('#again');
    await pay('backchannel');
    await openInbox();
    await press(phone, 'Decline');
    await at(phone, 'declined');
    await press(phone, 'Done');
    expect(await ended('declined')).toContain('Nothing was paid');
  });

  it('that the server refuses comes back as it was typed, with the reason beside it (T-01, T-08, X-01)', async () => {
    const typed = { payee: 'Jansen \u202e nZ', iban: 'BE71 0961 2345 6760', amount: '1e9', reference: '"><b>x' };
    const values = () =>
      Promise.all(Object.keys(typed).map((id) => portal.inputValue(`#${id}`).then((value) => [id, value])));
    for (const [door, input, right] of [
      ['api', 'amount', '12.50'],
      ['api', 'payee', 'Jansen & Zn'],
      ['redirect', 'iban', 'BE71 0961 2345 6769'],
    ] as const) {
      await pay(door, typed);
      await portal.locator(`#${input}-wrong`).waitFor();
      expect(Object.fromEntries(await values())).toEqual(typed);
      expect(await portal.getAttribute(`#${input}`, 'aria-invalid')).toBe('true');
      await look(portal, `payment-refused-${input}`);
      typed[input] = right;
    }
    // Words of the portal may hold anything that can be read; they are text everywhere.
    await pay('api', typed);
    await portal.waitForSelector('#qr svg');
    expect(await portal.locator('dl').innerText()).toContain('"><b>x');
    await portal.click('#cancel');
    await ended('cancelled');
  });

  it('is not all: a document is read and signed, and a reservation is taken in parts, never more than approved (T-01, T-05, T-07)', async () => {
    const standing = async (thing: string, state: string): Promise<void> => {
      await expect
        .poll(async () => {
          await portal.click('#refresh');
          return portal.locator(`[data-thing="${thing}"]`).first().getAttribute('data-state');
        })
        .toBe(state);
    };
    await portal.goto(world.demo.portalUrl);
    await portal.click('#things');
    await portal.click('#ask-document');
    await standing('document', 'pending');
    await openInbox();
    await press(phone, 'Read the document');
    expect(await phone.locator('.terms').innerText()).toContain('Between the demo bank and Ada Example.');
    await approve(['Framework agreement 4711', `${world.demo.portalUrl}/documents/`]);
    await standing('document', 'approved');
    await portal.click('#ask-reservation');
    await openInbox();
    await approve(['Up to', '400.00', 'Hotel Aurora']);
    await standing('reservation', 'approved');
    await look(portal, 'things');
    const taken = () => portal.locator('[data-captured]').getAttribute('data-captured');
    for (const [euros, sum] of [
      ['150', '15000'],
      ['251', '15000'],
      ['250', '40000'],
    ] as const) {
      await portal.getByLabel('Take how many EUR').fill(euros);
      await portal.click('[data-take]');
      await portal.locator('[data-captured]').waitFor();
      expect(await taken()).toBe(sum);
      if (euros === '251') expect(await portal.locator('[role=alert]').innerText()).toContain('more than the maximum');
    }
  });

  // The last: it ends what the others stand on.
  it('that is none of its user’s ends there, and with it the session (T-17, S-07)', async () => {
    await pay('api');
    await openInbox();
    await press(phone, 'This is not me');
    await at(phone, 'report');
    await press(phone, 'Yes, it was not me');
    await at(phone, 'reported');
    expect(await ended('reported')).toMatch(/none of yours[\s\S]*Nothing was paid/);
    await expect.poll(() => portal.goto(world.demo.portalUrl).then(() => portal.locator('#login').count())).toBe(1);
  });
});
