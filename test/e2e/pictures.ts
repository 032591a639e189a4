/** Takes the pictures of docs/: `npm run pictures`, after `npm run build`. Not a test: it runs where the tests' helpers run. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { it } from 'vitest';
import { openCounter, settled } from './counter.ts';
import { desk, phone as phoneSize } from './inspect.ts';
import { withPalette } from './palette-png.ts';
import { at, enter, mpin, openWorld, press, trouble, type World } from './phone.ts';
import { appTexts, claimShown, type Visit, visitChoice, visitWelcome } from './screens.ts';

const directory = new URL('../../docs/pictures/', import.meta.url).pathname;
const t = appTexts('en');
/** Asked for from the start: the login page begins anew where it is asked for later. */
const still = { reducedMotion: 'reduce' } as const;
/** Made up, as a bank would set its own: what MTOKEN_BRAND_NAME and the others do. */
const brand = {
  MTOKEN_BRAND_NAME: 'Northbank',
  MTOKEN_BRAND_COLOR: '#0f5c4d',
  MTOKEN_BRAND_LOGO: new URL('./brand/logo.svg', import.meta.url).pathname,
};

/** One picture, as the screen shows it, with nothing under the pointer. */
async function take(page: Page, name: string): Promise<void> {
  await page.mouse.move(0, 0);
  // The heading is focused for those who listen; a frame around a control would look like a choice.
  await page.evaluate(`document.activeElement?.blur()`);
  await writeFile(`${directory}${name}.png`, withPalette(await page.screenshot()));
}

async function takeDark(page: Page, name: string): Promise<void> {
  await page.emulateMedia({ colorScheme: 'dark' });
  await take(page, `${name}-dark`);
  await page.emulateMedia({ colorScheme: 'light' });
}

async function takeApp(world: World): Promise<void> {
  const { page } = await world.newPhone({ viewport: phoneSize, ...still });
  const wanted = ['welcome', 'code', 'choose'];
  await world.register(page, async (name) => {
    if (wanted.includes(name)) await take(page, `app-${name}`);
  });
  await take(page, 'app-home');
  await takeDark(page, 'app-home');
  const desktop = await world.toLoginPage();
  await claimShown(page, desktop.page, t);
  await approvable(page);
  await take(page, 'app-confirm');
  await takeDark(page, 'app-confirm');
  await press(page, t('confirm.approve'));
  await at(page, 'approved');
  await take(page, 'app-approved');
  await press(page, t('act.done'));
  await takeSigning(page, desktop.page);
  await press(page, t('home.devices'));
  await page.waitForSelector('main[aria-busy="false"] li');
  await take(page, 'app-devices');
  await press(page, t('act.back'));
  await press(page, t('home.settings'));
  await at(page, 'settings');
  await take(page, 'app-settings');
  await press(page, t('act.back'));
  await press(page, t('home.lock'));
  await at(page, 'unlock');
  await enter(page, '11112');
  await trouble(page);
  await take(page, 'app-wrong-mpin');
  await desktop.page.goto(world.demo.portalUrl);
  await takeLogout(desktop.page);
}

/** Once what is asked has been there long enough to be looked at. */
async function approvable(page: Page): Promise<void> {
  await page.getByRole('button', { name: t('confirm.approve'), exact: true }).click({ trial: true });
}

/** A payment of the demo portal, from what waits to the history; begins and ends at home. */
async function takeSigning(page: Page, desktop: Page): Promise<void> {
  await desktop.waitForSelector('#logged-in');
  await desktop.click('#payments');
  await desktop.click('#pay-backchannel');
  await at(page, 'home');
  const entry = page.locator('.inbox li button');
  for (let tries = 0; tries < 40 && (await entry.count()) === 0; tries += 1) {
    // As when the app comes back to the foreground.
    await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
    await page.waitForTimeout(250);
  }
  await take(page, 'app-inbox');
  await entry.click();
  await at(page, 'confirm');
  await approvable(page);
  await page.evaluate(`scrollTo(0, 0)`);
  await take(page, 'app-sign');
  await takeDark(page, 'app-sign');
  await page.evaluate(`scrollTo(0, document.body.scrollHeight)`);
  await take(page, 'app-sign-decide');
  await press(page, t('confirm.approve'));
  await at(page, 'proof');
  await enter(page, mpin);
  await at(page, 'approved');
  await press(page, t('receipt.title'));
  await page.locator('main[data-screen="receipt"] .asked').waitFor();
  await take(page, 'app-receipt');
  await press(page, t('act.back'));
  await at(page, 'home');
  await press(page, t('history.title'));
  await page.locator('main[data-screen="history"] .entries li').first().waitFor();
  await take(page, 'app-history');
  await press(page, t('act.back'));
  await at(page, 'home');
}

async function takeLogout(page: Page): Promise<void> {
  await page.click('#logout');
  await page.locator('form#op\\.logoutForm').waitFor({ state: 'attached' });
  await take(page, 'log-out');
}

async function loginPage(world: World, options: BrowserContextOptions): Promise<Page> {
  const { page } = await world.newPage({ ...still, ...options });
  await page.goto(world.demo.portalUrl);
  await page.click('#login');
  await page.waitForSelector('#qr svg');
  return page;
}

async function takeLogin(world: World): Promise<void> {
  const page = await loginPage(world, { viewport: desk });
  await take(page, 'login');
  await takeDark(page, 'login');
  await page.click('#typed-show');
  await page.locator('#typed-shown:not(:empty)').waitFor();
  await take(page, 'login-typed');
  const small = await loginPage(world, { viewport: phoneSize, hasTouch: true, isMobile: true });
  await take(small, 'login-phone');
  const arabic = await loginPage(world, { viewport: phoneSize, locale: 'ar', hasTouch: true, isMobile: true });
  await take(arabic, 'login-arabic');
}

async function takeBrand(): Promise<void> {
  const world = await openWorld([], { env: brand });
  try {
    await take(await loginPage(world, { viewport: desk }), 'brand-login');
    const opened = await world.newPage();
    const { text } = await world.activate(opened.page);
    const { page } = await world.newPhone({ viewport: phoneSize, ...still });
    const visit: Visit = async () => undefined;
    await visitWelcome(page, { activation: text, t, visit });
    await press(page, t('act.continue'));
    await visitChoice(page, { t, visit });
    await page.keyboard.type('123');
    await take(page, 'brand-app');
  } finally {
    await world.stop();
  }
}

/** A phone waits for approval, and somebody asks for the phone of somebody else to end. */
async function takeConsole(): Promise<void> {
  const counter = await openCounter();
  try {
    const { company, operator } = counter;
    const phone = await counter.phoneOf(operator.id);
    const lost = await counter.addUser({ name: 'Lotte Larsen', email: 'lotte@northwind.example' });
    await counter.phoneOf(lost.id);
    await counter.rule({ selfActivation: false });
    const newcomer = await counter.addUser({ name: 'Nils Nordmann', email: 'nils@northwind.example' });
    await counter.phoneOf(newcomer.id);
    const page = await counter.enter(phone);
    const show = async (path: string, name: string): Promise<void> => {
      await page.goto(`${counter.origin}/console${path}`);
      await settled(page);
      await take(page, name);
    };
    await show('/', 'console-home');
    await takeDark(page, 'console-home');
    await show(`/companies/${company.id}`, 'console-company');
    await show(`/users/${lost.id}`, 'console-user');
    await page.getByRole('button', { name: 'End all devices…' }).click();
    await page.getByLabel('Reason').fill('The phone was stolen on the train.');
    await take(page, 'console-question');
    await page.keyboard.press('Escape');
    await show('/audit', 'console-audit');
    await page.setViewportSize(phoneSize);
    await show('/users?search=lotte', 'console-phone');
  } finally {
    await counter.stop();
  }
}

it('takes the pictures', async () => {
  await mkdir(directory, { recursive: true });
  for (const old of await readdir(directory)) await rm(`${directory}${old}`);
  const world = await openWorld();
  try {
    await takeApp(world);
    await takeLogin(world);
  } finally {
    await world.stop();
  }
  await takeBrand();
  await takeConsole();
});
