/** Debian's Firefox, driven by puppeteer-core over WebDriver BiDi; every page's errors and policy violations are kept. */
import { existsSync } from 'node:fs';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';

const executablePath = process.env['MTOKEN_TEST_FIREFOX'] ?? '/usr/bin/firefox-esr';

/** False where there is no Firefox: then its suite is left out, unless engines are required. */
export const hasFirefox = existsSync(executablePath);

if (!hasFirefox && process.env['CI'] === 'true') {
  throw new Error(`no Firefox at ${executablePath}: CI takes one (apt-get install firefox-esr)`);
}

/** `languages` as the browser sends them. */
export function launchFirefox(languages = 'en-GB, en'): Promise<Browser> {
  return puppeteer.launch({
    browser: 'firefox',
    executablePath,
    headless: true,
    defaultViewport: { width: 1280, height: 800 },
    extraPrefsFirefox: {
      'intl.accept_languages': languages,
      // Nothing is asked of the network but the server.
      'network.captive-portal-service.enabled': false,
      'network.connectivity-service.enabled': false,
      'app.update.enabled': false,
    },
  });
}

/** A page, and what went wrong on it. */
export async function openFirefoxPage(browser: Browser): Promise<{ readonly page: Page; readonly faults: string[] }> {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(`page error: ${String(error)}`));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`console: ${message.text()}`);
  });
  return { page, faults };
}
