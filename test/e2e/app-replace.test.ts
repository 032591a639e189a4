/** An activation that is opened on a phone that is registered, or was: the person is led from there to the new registration. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { deactivateDevice } from '../../src/devices/devices.ts';
import { type Bank, type Invited, openBank, register } from './bank.ts';
import { hasChromium, launchShell, openPage } from './chromium.ts';
import { at, enter, look, mpin, phoneSize, press } from './phone.ts';

const replace = 'Erase this phone and register with this activation';

describe.skipIf(!hasChromium)('an activation on a phone that is registered', () => {
  let bank: Bank;
  let browser: Browser;

  beforeAll(async () => {
    [bank, browser] = await Promise.all([openBank(), launchShell()]);
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
  });
  afterAll(async () => {
    await browser?.close();
    await bank?.stop();
  });

  const home = async (invited: Invited): Promise<Page> => {
    const { page } = await openPage(browser, { viewport: phoneSize, serviceWorkers: 'block' });
    await page.goto(`${bank.issuer}/app`);
    await register(page, invited);
    return page;
  };
  const devicesOf = async ({ userId }: Invited) => bank.server.stores.records.devices.listByUser(userId);
  /** As its page does: the same tail, opened in the app. */
  const openActivation = async (page: Page, { activation }: Invited): Promise<void> => {
    await page.goto(`${bank.issuer}/app${activation.slice(activation.indexOf('#'))}`);
    await at(page, 'replace');
  };
  /** From the name to the home screen, with the activation that the app has kept. */
  const goOn = async (page: Page, { code }: Invited): Promise<void> => {
    await at(page, 'name');
    await press(page, 'Continue');
    await at(page, 'code');
    await page.fill('#confirmation', await code());
    await press(page, 'Continue');
    await at(page, 'choose');
    await enter(page, mpin);
    await at(page, 'repeat');
    await enter(page, mpin);
    await at(page, 'registered');
    await press(page, 'Done');
    await at(page, 'home');
  };
  const kept = async (page: Page): Promise<string> =>
    page.evaluate('JSON.stringify([location.href, { ...localStorage }, { ...sessionStorage }])') as Promise<string>;

  it('leads a phone that was ended to its new registration, and a reload still says that it has ended (R-10)', async () => {
    const invited = await bank.invite();
    const page = await home(invited);
    const [device] = await devicesOf(invited);
    const deps = bank.server.capabilities.devices;
    await deactivateDevice(deps, { deviceId: device?.id ?? '', actor: 'operator', reason: 'lost' });
    await press(page, 'Devices and sessions');
    await at(page, 'unlock');
    await enter(page, mpin);
    await at(page, 'ended');
    await page.reload();
    await at(page, 'ended');

    const again = await bank.invite({ user: invited });
    await openActivation(page, again);
    expect(await page.locator('h1').innerText()).toBe('This registration has ended');
    await look(page, 'replace-ended');
    await press(page, replace);
    await at(page, 'erase');
    const secret = again.activation.slice(again.activation.indexOf('#') + 1);
    expect(await kept(page)).not.toContain(secret);
    await press(page, 'Yes, erase the keys of this phone');
    await goOn(page, again);
    // The mark went with the keys.
    await page.reload();
    await at(page, 'unlock');
    expect((await devicesOf(invited)).map(({ status }) => status).sort()).toEqual(['active', 'deactivated']);
  });

  it('erases nothing of a phone that works before it was asked twice, and then goes on with that activation', async () => {
    const invited = await bank.invite();
    const page = await home(invited);
    const again = await bank.invite({ user: invited });
    await openActivation(page, again);
    expect(await page.locator('main').innerText()).toContain('This phone is registered already.');
    await look(page, 'replace');
    await press(page, replace);
    await at(page, 'erase');
    await press(page, 'Cancel');
    await at(page, 'unlock');
    await enter(page, mpin);
    await at(page, 'home');

    // Here the app is open: its session ends with what the link asks for.
    await openActivation(page, again);
    await press(page, 'Cancel');
    await at(page, 'unlock');
    await openActivation(page, again);
    await press(page, replace);
    await press(page, 'Yes, erase the keys of this phone');
    await goOn(page, again);
    expect(await devicesOf(invited)).toHaveLength(2);
  });
});
