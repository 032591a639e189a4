/** Screens that take an operator, a second phone, another kind of camera or another kind of browser to be seen. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { deactivateDevice } from '../../src/devices/devices.ts';
import { approveDevice, refuseDevice } from '../../src/registration/approval.ts';
import { type Bank, claim, enrol, type Invited, openBank, register } from './bank.ts';
import { hasChromium, launchChromium, openPage } from './chromium.ts';
import { at, enter, look, mpin, phoneSize, press, trouble } from './phone.ts';

const operator = { name: 'operator' };
const iPhone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1';
const android =
  'Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36';

describe.skipIf(!hasChromium)('the app on its rarer screens', () => {
  let bank: Bank;
  let browser: Browser;
  let faults: string[] = [];

  beforeAll(async () => {
    [bank, browser] = await Promise.all([
      openBank(),
      launchChromium(['--use-fake-device-for-media-stream=device-count=2']),
    ]);
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    expect(faults.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await bank?.stop();
  });

  const newPage = async (options: BrowserContextOptions = {}): Promise<Page> => {
    const { page } = await openPage(browser, { viewport: phoneSize, permissions: ['camera'], ...options });
    faults = [];
    page.on('pageerror', (error) => faults.push(error.message));
    return page;
  };
  const newPhone = async (options: BrowserContextOptions = {}): Promise<Page> => {
    const page = await newPage(options);
    await page.goto(`${bank.issuer}/app`);
    return page;
  };
  const deviceOf = async ({ userId }: Invited): Promise<string> => {
    const [device] = await bank.server.stores.records.devices.listByUser(userId);
    return device?.id ?? '';
  };

  it('waits for an approval, asks again, and goes on when it is given (S-09)', async () => {
    const page = await newPhone();
    const invited = await bank.invite({ selfActivation: false });
    await enrol(page, invited);
    await at(page, 'pending');
    await look(page, 'pending');
    await press(page, 'Check again');
    expect(await trouble(page)).toBe('Not approved yet.');
    await page.reload();
    await at(page, 'pending');
    await approveDevice(bank.server.capabilities.registration, { deviceId: await deviceOf(invited), actor: operator });
    await press(page, 'Check again');
    await at(page, 'unlock');
    await enter(page, mpin);
    await at(page, 'home');
  });

  it('tells a phone that was refused, and one that was deactivated, that it has ended (R-10)', async () => {
    const refused = await newPhone();
    const invited = await bank.invite({ selfActivation: false });
    await enrol(refused, invited);
    await at(refused, 'pending');
    const { registration } = bank.server.capabilities;
    await refuseDevice(registration, { deviceId: await deviceOf(invited), actor: operator, reason: 'unknown' });
    await press(refused, 'Check again');
    await at(refused, 'ended');

    const page = await newPhone();
    const other = await bank.invite();
    await register(page, other);
    await deactivateDevice(bank.server.capabilities.devices, {
      deviceId: await deviceOf(other),
      actor: 'operator',
      reason: 'lost',
    });
    await press(page, 'Devices and sessions');
    await at(page, 'unlock');
    await enter(page, mpin);
    await at(page, 'ended');
    await look(page, 'ended');
    await press(page, 'Erase and register again');
    await press(page, 'Yes, erase the keys of this phone');
    await at(page, 'welcome');
    await register(page, await bank.invite());
  });

  it('ends another phone of the same user after a question, and that phone hears of it (S-08)', async () => {
    const [page, lost] = [await newPhone(), await newPhone()];
    const invited = await bank.invite();
    await register(page, invited);
    await register(lost, await bank.invite({ user: invited }));
    await press(page, 'Devices and sessions');
    await page.waitForSelector('li');
    const others = page.locator('li').filter({ hasNotText: 'this phone' });
    await others.getByRole('button').click();
    await at(page, 'end-device');
    await look(page, 'end-device');
    await press(page, 'Cancel');
    await at(page, 'devices');
    await others.getByRole('button').click();
    await press(page, 'End');
    await page.getByText('was ended.').waitFor();
    expect(await others.innerText()).toContain('ended');
    await press(lost, 'Devices and sessions');
    await at(lost, 'unlock');
    await enter(lost, mpin);
    await at(lost, 'ended');
  });

  it('takes the mPIN once more where the portal wants a fresh proof, and says how many attempts are left (L-04)', async () => {
    const page = await newPhone();
    await register(page, await bank.invite());
    await claim(page, (await bank.ask({ freshProof: true, text: 'Pay 12.00 EUR to Ada' })).link);
    await at(page, 'confirm');
    expect(await page.locator('h1').innerText()).toBe('Sign this?');
    await press(page, 'Approve');
    await at(page, 'proof');
    expect(await page.locator('.signed').innerText()).toContain('Pay 12.00 EUR to Ada');
    await look(page, 'proof');
    await enter(page, '11112');
    expect(await trouble(page)).toBe('Wrong mPIN. 4 attempts left.');
    await enter(page, mpin);
    await at(page, 'approved');
  });

  it('takes a short code in groups that leave the caret alone, and warns of codes that were dictated', async () => {
    const page = await newPhone();
    await register(page, await bank.invite());
    await press(page, 'Scan');
    await press(page, 'Enter a short code');
    await at(page, 'typed');
    const input = page.locator('#short-code');
    expect(await input.getAttribute('inputmode')).toBe('numeric');
    expect(await input.getAttribute('autocomplete')).toBe('off');
    await input.pressSequentially('12345679');
    expect(await input.inputValue()).toBe('1234 5679');
    // A digit left out is put in where it belongs, and the next one goes behind it.
    await input.press('ArrowLeft');
    await input.press('ArrowLeft');
    await input.pressSequentially('00');
    expect(await input.inputValue()).toBe('1234 5600 79');
    await input.fill('٠١٢٣ 4567-8901 x');
    expect(await input.inputValue()).toBe('0123 4567 8901');
    await input.fill('000000000000');
    await press(page, 'Continue');
    expect(await trouble(page)).toContain('This code is wrong or too old');
    const { code } = await bank.ask();
    await input.fill(await code());
    await press(page, 'Continue');
    await at(page, 'confirm');
    expect(await page.locator('dl').innerText()).toContain('You typed its code.');
    expect(await page.locator('.warning').innerText()).toContain('Then decline: it is fraud.');
    await look(page, 'confirm-typed');
    await press(page, 'Decline');
    await at(page, 'declined');
  });

  it('switches cameras and the light, and says where the light does not obey', async () => {
    const page = await newPage();
    await page.addInitScript(`
      const capabilities = MediaStreamTrack.prototype.getCapabilities;
      MediaStreamTrack.prototype.getCapabilities = function () { return { ...capabilities.call(this), torch: true }; };
      MediaStreamTrack.prototype.applyConstraints = async function ({ advanced }) {
        if (window.isDark) throw new DOMException('no', 'OverconstrainedError');
        window.torch = advanced[0].torch;
      };`);
    await page.goto(`${bank.issuer}/app`);
    await at(page, 'welcome');
    await press(page, 'Scan the activation code');
    await page.waitForSelector('#camera');
    await look(page, 'scan-cameras');
    const light = page.getByRole('button', { name: 'Light' });
    await light.click();
    await page.waitForFunction(() => (window as unknown as { torch?: boolean }).torch === true);
    expect(await light.getAttribute('aria-pressed')).toBe('true');
    await light.click();
    await page.waitForFunction(() => (window as unknown as { torch?: boolean }).torch === false);
    await page.evaluate('window.isDark = true');
    await light.click();
    expect(await trouble(page)).toContain('cannot be switched');
    const active = `document.querySelector('video').srcObject?.getVideoTracks()[0].getSettings().deviceId`;
    const first = await page.evaluate(active);
    const ids = await page
      .locator('#camera option')
      .evaluateAll((options) => options.map((one) => one.getAttribute('value') ?? ''));
    expect(ids).toHaveLength(2);
    expect(await page.inputValue('#camera')).toBe(first);
    await page.selectOption('#camera', ids.find((id) => id !== first) ?? '');
    await page.waitForFunction((old) => {
      const stream = document.querySelector('video')?.srcObject;
      const id = stream instanceof MediaStream ? stream.getVideoTracks()[0]?.getSettings().deviceId : undefined;
      return id !== undefined && id !== old;
    }, first);
    // Nothing films on once the person has gone elsewhere.
    await page.evaluate(`window.stream = document.querySelector('video').srcObject`);
    await press(page, 'Back');
    await page.waitForFunction(() =>
      (window as unknown as { stream: MediaStream }).stream
        .getTracks()
        .every(({ readyState }) => readyState === 'ended'),
    );
  });

  it('asks to be installed first on a phone of Apple, with the way there, and goes on in the browser all the same', async () => {
    const page = await newPhone({ userAgent: iPhone, isMobile: true, hasTouch: true });
    await at(page, 'welcome');
    await press(page, 'Enter it as text instead');
    await at(page, 'install');
    await page.getByText('Add to Home Screen').waitFor();
    expect(await page.getByRole('button', { name: 'Install the app' }).isVisible()).toBe(false);
    await look(page, 'install-apple');
    await press(page, 'Go on in this browser');
    await at(page, 'paste');
    // Asked once.
    await press(page, 'Back');
    await press(page, 'Enter it as text instead');
    await at(page, 'paste');
  });

  it('offers the browser’s own installation on Android, and asks nothing of an installed app', async () => {
    const page = await newPhone({ userAgent: android, isMobile: true, hasTouch: true });
    await at(page, 'welcome');
    await page.evaluate(`
      const offer = new Event('beforeinstallprompt');
      offer.prompt = async () => { window.isAsked = true; };
      window.dispatchEvent(offer);`);
    await press(page, 'Scan the activation code');
    await at(page, 'install');
    await look(page, 'install-android');
    await press(page, 'Install the app');
    expect(await page.evaluate('window.isAsked')).toBe(true);

    const installed = await newPage({ userAgent: iPhone });
    await installed.addInitScript(`Object.defineProperty(Navigator.prototype, 'standalone', { value: true })`);
    await installed.goto(`${bank.issuer}/app`);
    await at(installed, 'welcome');
    await press(installed, 'Enter it as text instead');
    await at(installed, 'paste');
  });

  it('asks to be installed before it takes an activation that an ordinary camera opened', async () => {
    const page = await newPage({ userAgent: iPhone });
    const { activation } = await bank.invite();
    await page.goto(activation);
    await at(page, 'install');
    await press(page, 'Go on in this browser');
    await at(page, 'name');
  });

  it('says so where an activation is opened on a phone that is registered', async () => {
    const page = await newPhone();
    await register(page, await bank.invite());
    const { activation } = await bank.invite();
    await page.goto('about:blank');
    await page.goto(activation);
    await at(page, 'replace');
    expect(await page.locator('main').innerText()).toContain('This phone is registered already.');
  });
});
