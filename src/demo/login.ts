/** `npm run demo:login`: the whole chain against the running demo without hands, with the time of each step. */
import { parseArgs } from 'node:util';
import { createPhone, memoryKeyStore, PhoneError } from '../sdk/index.ts';
import { createBrowser } from './browser.ts';
import type { DeskActivation } from './desk.ts';

const mpin = '83920';

const { values: options } = parseArgs({
  options: {
    portal: { type: 'string', default: 'http://localhost:3002' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

interface PageView {
  readonly state: string;
  readonly frame: string | null;
}

/** Runs a step, prints how long it took. */
async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const result = await work();
  console.log(`  ${name.padEnd(62)} ${(performance.now() - startedAt).toFixed(0).padStart(6)} ms`);
  return result;
}

async function logIn(portalUrl: string): Promise<void> {
  const browser = createBrowser();
  const phone = createPhone({ keyStore: memoryKeyStore(), allowLoopbackHttp: true });
  console.log('Registering a phone');
  const activation = await step('desk: an activation, and its confirmation code by mail', () =>
    browser.call<DeskActivation>('POST', `${portalUrl}/desk/activations`),
  );
  await step('phone: makes its keys and shows the activation', () =>
    phone.beginRegistration(activation.activationText, {
      device: { name: 'Demo phone', platform: 'Simulated', appVersion: '1.0' },
    }),
  );
  await step('phone: confirmation code, chosen mPIN, signed by its key', () =>
    phone.finishRegistration({ confirmationCode: activation.confirmationCode, mpin }),
  );

  console.log('Logging in');
  const page = await step('browser: portal → authorization endpoint → login page', () =>
    browser.open(`${portalUrl}/login`),
  );
  if (!page.url.includes('/interaction/')) throw new Error(`no login page at ${page.url} (status ${page.status})`);
  await step('login page: an order of this browser', () => browser.call<PageView>('POST', `${page.url}/order`));
  const frame = await step('login page: the QR code’s text, as it arrives live', () =>
    browser.events(`${page.url}/events`, (data) => (data as PageView).frame ?? undefined),
  );
  await step('phone: unlocks with the mPIN (SRP)', () => phone.unlockWithMpin(mpin));
  const order = await step('phone: scans, and gets who asks, signed by the server', () => phone.claim(frame));
  console.log(`\n    ${order.descriptor.display.text.split('\n').join('\n    ')}\n`);
  const approved = browser.events(`${page.url}/events`, (data) => (data as PageView).state === 'approved' || undefined);
  await step('phone: approves with its key', () => phone.approve(order));
  await step('login page: hears of it', () => approved);
  const { location } = await step('login page: redeems with this browser’s cookie', () =>
    browser.call<{ location: string }>('POST', `${page.url}/finish`),
  );
  const portal = await step('browser: back to the portal, code exchanged for tokens', () => browser.open(location));
  const claims = [...portal.text.matchAll(/data-claim="([a-z_]+)">([^<]*)</g)].map(([, name, value]) => [name, value]);
  if (!portal.text.includes('id="logged-in"')) throw new Error(`the portal does not show a login: ${portal.url}`);
  console.log('\nThe portal shows what the ID token says:');
  for (const [name, value] of claims) console.log(`  ${String(name).padEnd(14)} ${value}`);
  await phone.deactivate('replaced');
  console.log('\nThe phone was deactivated again.');
}

if (options.help) {
  console.log(
    'Usage: npm run demo:login [-- --portal http://localhost:3002]\nRuns the whole login against a running demo (npm start).',
  );
} else {
  try {
    await logIn(options.portal);
  } catch (error) {
    console.error(explain(error));
    process.exitCode = 1;
  }
}

function explain(error: unknown): string {
  if (error instanceof PhoneError) return `${error.message} ${error.advice}`;
  if (error instanceof TypeError && error.message.includes('fetch failed')) {
    return `No demo answers at ${options.portal}. Start it in another terminal: npm start`;
  }
  return `The login did not succeed: ${error instanceof Error ? error.message : String(error)}`;
}
