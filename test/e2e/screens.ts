/** Brings the pages into each of their states, in any language: for tests that look, and for pictures. */
import type { Page } from 'playwright-core';
import { textsFor } from '../../src/texts/files.ts';
import { at, enter, mpin, press, trouble, type World } from './phone.ts';

/** What is done with each state: `name` is the screen's own, or says what happened on it. */
export type Visit = (name: string, page: Page) => Promise<void>;

/** The app's texts in one language, by which its buttons are found. */
export type AppTexts = ReturnType<typeof appTexts>;

export const appTexts = (language: string) => textsFor('app', [language]).t;

interface Enrolment {
  readonly activation: string;
  readonly t: AppTexts;
  readonly visit: Visit;
}

/** From the first start to the name of the phone; nothing is sent. */
export async function visitWelcome(page: Page, { activation, t, visit }: Enrolment): Promise<void> {
  await at(page, 'welcome');
  await visit('welcome', page);
  await press(page, t('welcome.paste'));
  await at(page, 'paste');
  await page.fill('#code-text', 'something else');
  await press(page, t('act.continue'));
  await trouble(page);
  await visit('paste-wrong', page);
  await page.fill('#code-text', activation);
  await press(page, t('act.continue'));
  await at(page, 'name');
  await visit('name', page);
}

/** From the confirmation code, which is never sent, to the second entry of the mPIN. */
export async function visitChoice(page: Page, { t, visit }: Pick<Enrolment, 't' | 'visit'>): Promise<void> {
  await at(page, 'code');
  await page.fill('#confirmation', '123');
  await press(page, t('act.continue'));
  await trouble(page);
  await visit('code-wrong', page);
  await page.fill('#confirmation', '12345678');
  await press(page, t('act.continue'));
  await at(page, 'choose');
  await visit('choose', page);
  await enter(page, '12345');
  await trouble(page);
  await visit('choose-weak', page);
  await enter(page, mpin);
  await at(page, 'repeat');
  await visit('repeat', page);
}

/** Every screen of an unlocked phone that decides nothing; begins and ends at home. */
export async function visitHome(page: Page, { t, visit }: Pick<Enrolment, 't' | 'visit'>): Promise<void> {
  await at(page, 'home');
  await visit('home', page);
  await press(page, t('home.scan'));
  await page.waitForSelector('video');
  await visit('scan', page);
  await press(page, t('scan.paste'));
  await page.fill('#code-text', 'https://evil.example/q/AAAAAAAAAAAAAAAAAAAAAA.1.AAAAAAAAAAAAAAAA');
  await press(page, t('act.continue'));
  await trouble(page);
  await visit('other-server', page);
  await toHome(page, t);
  await press(page, t('home.typed'));
  await at(page, 'typed');
  await page.fill('#short-code', '123');
  await press(page, t('act.continue'));
  await trouble(page);
  await visit('typed-wrong', page);
  await toHome(page, t);
  await press(page, t('home.devices'));
  await page.waitForSelector('main[aria-busy="false"] li');
  await visit('devices', page);
  await toHome(page, t);
  await press(page, t('history.title'));
  await at(page, 'history');
  await visit('history', page);
  await toHome(page, t);
}

/** Everything that is changed now and then; begins and ends at home. */
export async function visitSettings(page: Page, { t, visit }: Pick<Enrolment, 't' | 'visit'>): Promise<void> {
  await press(page, t('home.settings'));
  await at(page, 'settings');
  await visit('settings', page);
  await press(page, t('home.change'));
  await at(page, 'old-mpin');
  await visit('old-mpin', page);
  await toHome(page, t);
  await press(page, t('home.settings'));
  await press(page, t('home.remove'));
  await at(page, 'remove');
  await visit('remove', page);
  await toHome(page, t);
}

/** Locked, after a wrong mPIN unless told otherwise, and what there is for who has forgotten it; begins and ends at home. */
export async function visitLock(
  page: Page,
  { t, visit, isWrong = true }: Pick<Enrolment, 't' | 'visit'> & { isWrong?: boolean },
): Promise<void> {
  await press(page, t('home.lock'));
  await at(page, 'unlock');
  await visit('unlock', page);
  if (isWrong) {
    await enter(page, '11112');
    await trouble(page);
    await visit('wrong-mpin', page);
  }
  await press(page, t('unlock.forgotten'));
  await at(page, 'forgotten');
  await visit('forgotten', page);
  await press(page, t('again.do'));
  await at(page, 'erase');
  await visit('erase', page);
  await press(page, t('act.cancel'));
  await at(page, 'unlock');
  await enter(page, mpin);
  await at(page, 'home');
}

/** A login's question, answered in one way, and what comes of it; begins and ends at home. */
export async function visitOrder(
  world: World,
  page: Page,
  { t, visit, answer }: Pick<Enrolment, 't' | 'visit'> & { answer: 'approve' | 'decline' | 'report' },
): Promise<void> {
  const desktop = await world.toLoginPage();
  await claimShown(page, desktop.page, t);
  await visit(`confirm-${answer}`, page);
  await press(page, t(`confirm.${answer}`));
  if (answer === 'report') {
    await at(page, 'report');
    await visit('report', page);
    await press(page, t('report.yes'));
  }
  const result = ({ approve: 'approved', decline: 'declined', report: 'reported' } as const)[answer];
  await at(page, result);
  await visit(result, page);
  await press(page, t('act.done'));
  await at(page, 'home');
  await desktop.page.context().close();
}

/** Claims what the login page shows, by its text: as quick as a camera, and never stale twice. */
export async function claimShown(page: Page, desktop: Page, t: AppTexts): Promise<void> {
  await press(page, t('home.scan'));
  await press(page, t('scan.paste'));
  await at(page, 'paste');
  for (let tries = 1; tries <= 4; tries += 1) {
    await page.fill('#code-text', (await desktop.getAttribute('#qr', 'data-frame')) ?? '');
    await press(page, t('act.continue'));
    await page.locator('main[data-screen="confirm"], main[aria-busy="false"] .trouble p').first().waitFor();
    if ((await page.getAttribute('main', 'data-screen')) === 'confirm') break;
  }
  await at(page, 'confirm');
}

/** Back, or no, until home is there. */
async function toHome(page: Page, t: AppTexts): Promise<void> {
  for (let steps = 0; steps < 5; steps += 1) {
    await page.locator('main[aria-busy="false"]').waitFor();
    if ((await page.getAttribute('main', 'data-screen')) === 'home') return;
    const back = page.getByRole('button', { name: t('act.back'), exact: true });
    const cancel = page.getByRole('button', { name: t('act.cancel'), exact: true });
    const screen = await page.getAttribute('main', 'data-screen');
    await back.or(cancel).first().click();
    await page.locator(`main:not([data-screen="${screen}"])`).waitFor();
  }
  await at(page, 'home');
}

/** The login page without its script, so that it stays in the state that it is shown in. */
export async function stillLoginPage(world: World): Promise<Page> {
  const { page } = await world.newPage();
  await page.route('**/assets/login.js?*', (route) => route.abort());
  await page.goto(world.demo.portalUrl);
  await page.click('#login');
  await page.waitForSelector('#login [data-panel]', { state: 'attached' });
  return page;
}

/** For {@link World.clear}: what the browser says of a page whose script was held back. */
export const isHeldBack = (fault: string): boolean => fault.includes('/assets/login.js');

/** Every state that the document of the login page has, one after the other, with everything shown that each can show. */
export async function visitLoginStates(page: Page, visit: Visit): Promise<void> {
  const names = await page.evaluate<string[]>(
    `[...new Set([...document.querySelectorAll('[data-panel]')].flatMap(({ dataset }) => dataset.panel.split(' ')))]`,
  );
  for (const name of names) {
    await page.evaluate(showState, name);
    await visit(`login-${name}`, page);
  }
}

/** Runs in the page. */
function showState(name: string): void {
  const main = document.querySelector<HTMLElement>('#login');
  if (main === null) throw new Error('no login page');
  main.dataset['state'] = name;
  for (const panel of main.querySelectorAll<HTMLElement>('[data-panel]')) {
    panel.hidden = !(panel.dataset['panel'] ?? '').split(' ').includes(name);
    for (const part of panel.querySelectorAll<HTMLElement>('[hidden]:not(#stale)')) part.hidden = false;
  }
  for (const timer of main.querySelectorAll<HTMLElement>('[data-timer], [data-time]')) {
    const template = timer.dataset['timer'] ?? timer.dataset['time'] ?? '';
    timer.textContent = template.replace('{time}', '10:00');
  }
  const shown = main.querySelector('#typed-shown');
  if (shown !== null) shown.textContent = '1234 5678 9012';
  main.querySelector('#link-open')?.setAttribute('href', '/l/example');
  const trouble = main.querySelector<HTMLElement>('#trouble');
  if (trouble !== null) trouble.hidden = false;
  main.querySelector('details')?.setAttribute('open', '');
}
