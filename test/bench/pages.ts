/** What the pages weigh when a browser loads them, how soon a camera reads a code, and how soon a browser is logged in. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { hasChromium } from '../e2e/chromium.ts';
import { at, openWorld, press, type World } from '../e2e/phone.ts';
import type { Benchmark } from './benchmark.ts';
import { percentile } from './measure.ts';
import type { Figure } from './report.ts';

const rounds = 20;
const kibi = 1024;
/** A phone may ask for ten orders a minute. */
const claimPauseMs = 5_500;

export const pagesBenchmark: Benchmark = {
  name: 'pages',
  about: 'what the pages weigh and how soon they react, in Chromium',
  needsBuild: true,
  run: async ({ isQuick, tell }) => {
    if (!hasChromium) {
      tell('pages: there is no Chromium here (apt-get install chromium)');
      return [];
    }
    const world = await openWorld();
    try {
      return await measure(world, isQuick ? 3 : rounds, tell);
    } finally {
      await world.stop();
    }
  },
};

async function measure(world: World, count: number, tell: (text: string) => void): Promise<Figure[]> {
  tell('pages: what they weigh');
  const login = await transferred((await world.toLoginPage()).page);
  const phone = await world.newPhone();
  await at(phone.page, 'welcome');
  const app = await transferred(phone.page);
  tell('pages: the camera');
  const scans = await timeScans(world, count);
  tell('pages: from the approval to the portal');
  const logins = await timeLogins(world, phone.page, count);
  const benchmark = 'pages';
  return [
    { benchmark, what: 'login page, all that is transferred', value: login / kibi, unit: 'KiB', goal: { atMost: 25 } },
    { benchmark, what: 'app, all that its page transfers', value: app / kibi, unit: 'KiB', goal: { atMost: 90 } },
    {
      benchmark,
      what: '“Scan” pressed → code read, camera start included, median',
      value: percentile(scans, 0.5),
      unit: 'ms',
      goal: { atMost: 500 },
    },
    { benchmark, what: 'the same, p95', value: percentile(scans, 0.95), unit: 'ms' },
    {
      benchmark,
      what: '“Approve” pressed → portal shows the login, median',
      value: percentile(logins, 0.5),
      unit: 'ms',
    },
    {
      benchmark,
      what: 'the same, p95',
      value: percentile(logins, 0.95),
      unit: 'ms',
      goal: { atMost: 300 },
    },
  ];
}

/** Bytes on the wire for the document and everything that it loaded, with headers, as the browser counts them. */
async function transferred(page: Page): Promise<number> {
  const loaded =
    await page.evaluate(`[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
    .filter((one) => !one.name.endsWith('/events'))
    .map((one) => one.transferSize)`);
  return (loaded as number[]).reduce((sum, size) => sum + size, 0);
}

async function timeScans(world: World, count: number): Promise<number[]> {
  const desk = await world.newPage();
  await world.activate(desk.page);
  await world.camera.pointAt(desk.page);
  const times: number[] = [];
  for (let round = 0; round < count; round += 1) {
    const { page } = await world.newPhone();
    await at(page, 'welcome');
    const begun = performance.now();
    await press(page, 'Scan the activation code');
    await at(page, 'name');
    times.push(performance.now() - begun);
    await page.context().close();
  }
  await desk.page.context().close();
  return times;
}

async function timeLogins(world: World, phone: Page, count: number): Promise<number[]> {
  await world.register(phone);
  const times: number[] = [];
  for (let round = 0; round < count; round += 1) {
    const desktop = await world.toLoginPage();
    await world.scan(phone, desktop.page);
    // Open half a second after the question has appeared: a person's time, not ours.
    await phone.locator('button:enabled', { hasText: 'Approve' }).waitFor();
    const shown = desktop.page.waitForSelector('#logged-in', { state: 'attached' });
    const begun = performance.now();
    await press(phone, 'Approve');
    await shown;
    times.push(performance.now() - begun);
    await press(phone, 'Done');
    await at(phone, 'home');
    await desktop.page.context().close();
    await wait(claimPauseMs);
  }
  return times;
}
