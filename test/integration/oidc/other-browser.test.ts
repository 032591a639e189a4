/** Attacks with interaction cookies that were moved between browsers, as a page on a sibling domain of the server can plant them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomToken } from '../../../src/crypto/random.ts';
import { bindingCookieName } from '../../../src/login/binding.ts';
import { type Browser, openBrowser } from './browser.ts';
import { addPortal, authorization, obtainCode, type Portal } from './portal.ts';
import { type OidcServer, startOidcServer } from './server.ts';

let server: OidcServer;
let portal: Portal;
beforeAll(async () => {
  server = await startOidcServer();
  portal = await addPortal(server);
});
afterAll(() => server.close());

/** A browser with a login page of its own behind it: `__Host-` keeps others from reading or planting this cookie. */
function boundBrowser(): Browser {
  const browser = openBrowser(server.issuer);
  const name = bindingCookieName(server.issuer);
  browser.jar.set(`${name} /`, { name, value: randomToken(32), path: '/' });
  return browser;
}

/** Copies the cookies of pending interactions, which carry a path and therefore no `__Host-`. */
function plant(from: Browser, to: Browser): void {
  for (const [key, cookie] of from.jar) {
    if (/^op_(interaction|resume)/.test(cookie.name)) to.jar.set(key, cookie);
  }
}

/** The login page of a portal's request, opened and left alone. */
async function beginLogin(browser: Browser): Promise<string> {
  server.decision = { kind: 'wait' };
  const page = await browser.follow((await authorization(portal)).url);
  server.decision = { kind: 'approve' };
  expect(page.url.pathname).toMatch(/^\/interaction\//);
  return page.url.pathname;
}

async function resumeAddress(browser: Browser, interaction: string): Promise<string> {
  const page = await browser.request(interaction);
  expect(page.status).toBe(303);
  return page.headers.get('location') ?? '';
}

describe('Interaction cookies planted in another browser', () => {
  it('do not let the one who began the login collect what a victim approved elsewhere (P-04, S-03)', async () => {
    const [attacker, victim] = [boundBrowser(), boundBrowser()];
    const interaction = await beginLogin(attacker);
    plant(attacker, victim);
    const resume = await resumeAddress(victim, interaction);
    const stolen = await attacker.follow(resume);
    expect(stolen.url.searchParams.get('code')).toBeNull();
    expect(stolen.url.searchParams.get('error')).toBe('access_denied');
    // Nor is the attacker's browser logged in for the next portal.
    const { callback } = await obtainCode(server, portal, { browser: attacker, extra: { prompt: 'none' } });
    expect(callback.searchParams.get('error')).toBe('login_required');
  });

  it('do not log a victim in as the attacker (login CSRF, S-10)', async () => {
    const [attacker, victim] = [boundBrowser(), boundBrowser()];
    const resume = await resumeAddress(attacker, await beginLogin(attacker));
    plant(attacker, victim);
    const landed = await victim.follow(resume);
    expect(landed.url.searchParams.get('error')).toBe('access_denied');
    const { callback } = await obtainCode(server, portal, { browser: victim, extra: { prompt: 'none' } });
    expect(callback.searchParams.get('error')).toBe('login_required');
  });

  it('leave the login of an existing session as it was (S-13)', async () => {
    const [attacker, victim] = [boundBrowser(), boundBrowser()];
    expect((await obtainCode(server, portal, { browser: victim })).callback.searchParams.get('code')).not.toBeNull();
    const resume = await resumeAddress(attacker, await beginLogin(attacker));
    plant(attacker, victim);
    expect((await victim.follow(resume)).url.searchParams.get('error')).toBe('access_denied');
    const { callback } = await obtainCode(server, portal, { browser: victim, extra: { prompt: 'none' } });
    expect(callback.searchParams.get('code')).not.toBeNull();
  });

  it('go through in the browser that both began and finished the login', async () => {
    const browser = boundBrowser();
    const { callback } = await obtainCode(server, portal, { browser });
    expect(callback.searchParams.get('code')).not.toBeNull();
  });
});
