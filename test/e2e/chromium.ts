/** Debian's Chromium, driven by playwright-core; every page's errors and policy violations are kept. */
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** The browser that the tests use. */
export const executablePath = process.env['MTOKEN_TEST_CHROMIUM'] ?? '/usr/bin/chromium';

/** The same engine without windows of its own, where it is there: a third of the work. */
const shellPath = process.env['MTOKEN_TEST_CHROMIUM_SHELL'] ?? executablePath;

/** False where there is no browser: then the suite is left out, unless engines are required. */
export const hasChromium = existsSync(executablePath);

if (!hasChromium && process.env['CI'] === 'true') {
  throw new Error(`no browser at ${executablePath}: CI takes one (apt-get install chromium)`);
}

/** Without these it does not start in a container, or speaks to others by itself. */
export const neededFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
] as const;

/** The whole browser, with camera and PDF viewer. `flags` are added to those that every test needs. */
export function launchChromium(flags: readonly string[] = []): Promise<Browser> {
  return launch(executablePath, flags);
}

/** For pages that ask for neither camera nor PDF viewer. */
export function launchShell(): Promise<Browser> {
  return launch(shellPath);
}

function launch(path: string, flags: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: path, headless: true, args: [...neededFlags, ...flags] });
}

/** A page of a fresh context, and what went wrong on it. */
export async function openPage(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<{ readonly page: Page; readonly faults: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB', ...options });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(`page error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on('request', (request) => {
    const { hostname } = new URL(request.url());
    if (hostname !== 'localhost' && request.url().startsWith('http')) faults.push(`request to ${request.url()}`);
  });
  return { page, faults };
}
