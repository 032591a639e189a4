/** "My phone is lost" of the demo portal: what it shows, what it does, what it says. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { User } from '../../../src/companies/store.ts';
import { buildPortal } from '../../../src/demo/portal.ts';
import { newPortalKey } from '../../../src/demo/portal-key.ts';
import { lostPage } from '../../../src/demo/portal-lost-pages.ts';
import { createClient } from '../../../src/oidc/clients.ts';
import type { Phone } from '../../../src/sdk/index.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import { addUser, bank, deviceIdOf, freePort, mpin, registerPhone, type System, startSystem } from '../system/rig.ts';

const [engine] = systemEngines();
let stores: SystemStores;
let system: System;
let baseUrl: string;
let close: () => Promise<unknown>;

beforeAll(async () => {
  if (engine === undefined) throw new Error('no engine');
  stores = await engine.open();
  system = await startSystem(stores);
  const port = await freePort();
  baseUrl = `http://localhost:${port}`;
  const clientKey = await newPortalKey();
  const { client } = await createClient(
    system.server.capabilities.admin,
    {
      kind: 'portal',
      name: 'Demo portal',
      metadata: {
        redirect_uris: [`${baseUrl}/callback`],
        post_logout_redirect_uris: [`${baseUrl}/`],
        backchannel_logout_uri: `${baseUrl}/backchannel-logout`,
        grant_types: ['authorization_code', 'refresh_token'],
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [clientKey.publicJwk] },
        scope: 'account',
      },
    },
    bank,
  );
  const { issuer } = system;
  const portal = await buildPortal({ issuer, baseUrl, clientId: client.id, clientKey, deskUrl: baseUrl });
  await portal.listen({ port, host: 'localhost' });
  close = () => portal.close();
});

afterAll(async () => {
  await close();
  await system.close();
  await stores.close();
});

/** A browser as far as the portal and the login page see one: cookies by host and path, redirects followed. */
function openBrowser() {
  const jar = new Map<string, string>();
  const request = async (
    url: string,
    init: RequestInit = {},
  ): Promise<{ status: number; url: string; text: string }> => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, { ...init, redirect: 'manual', headers: { ...init.headers, cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';', 1);
      const [name = '', ...value] = pair.split('=');
      if (/expires=thu, 01 jan 1970/i.test(line)) jar.delete(name);
      else jar.set(name, value.join('='));
    }
    const location = response.headers.get('location');
    if (location !== null) return request(new URL(location, url).href);
    return { status: response.status, url, text: await response.text() };
  };
  return {
    open: (path: string) => request(new URL(path, baseUrl).href),
    send: (path: string, form: Readonly<Record<string, string>>) =>
      request(new URL(path, baseUrl).href, { method: 'POST', body: new URLSearchParams(form) }),
    call: async <T>(method: string, url: string) =>
      JSON.parse(
        (await request(url, { method, headers: { origin: system.issuer, 'sec-fetch-site': 'same-origin' } })).text,
      ) as T,
  };
}

type Browser = ReturnType<typeof openBrowser>;

async function loggedIn(phone: Phone): Promise<Browser> {
  const browser = openBrowser();
  await phone.unlockWithMpin(mpin);
  const page = (await browser.open('/login')).url;
  await browser.call('POST', `${page}/order`);
  const { frame } = await browser.call<{ frame: string }>('GET', `${page}/status`);
  await phone.approve(await phone.claim(frame));
  const { location } = await browser.call<{ location: string }>('POST', `${page}/finish`);
  expect((await browser.open(location)).text).toContain('You are logged in');
  return browser;
}

function lisa(): Promise<User> {
  return addUser(system.server, system.company.id, { name: 'Lisa Lost' });
}

describe('"My phone is lost" of the demo portal', () => {
  it('lists phones and sessions, ends another phone and goes on (R-11, S-08)', async () => {
    const user = await lisa();
    const lost = await registerPhone(system, { user });
    const browser = await loggedIn(await registerPhone(system, { user }));
    expect((await browser.open('/')).text).toMatch(/<button[^>]*>My phone is lost<\/button>/);
    const page = await browser.open('/lost');
    const id = await deviceIdOf(lost);
    expect(page.text).toContain(`data-device="${id}"`);
    expect(page.text).toContain('Deactivate all phones');
    expect(page.text).toContain('this session');
    const done = await browser.send('/lost/device', { id, reason: 'lost' });
    expect(done.text).toContain('The phone is deactivated');
    await expect(lost.unlockWithMpin(mpin)).rejects.toMatchObject({ code: 'deactivated' });
    expect((await browser.open('/lost')).text).not.toContain(`data-device="${id}"`);
    expect((await browser.send('/lost/device', { id, reason: 'lost' })).text).toContain('Nothing to do');
  });

  it('says that it is over where the lost phone was the one that logged in here (R-11, S-07)', async () => {
    const user = await lisa();
    const phone = await registerPhone(system, { user });
    const browser = await loggedIn(phone);
    const done = await browser.send('/lost/device', { id: await deviceIdOf(phone), reason: 'stolen' });
    expect(done.status).toBe(200);
    expect(done.text).toContain('The phone is deactivated');
    expect(done.text).toContain('You are logged out here too');
    expect((await browser.open('/')).text).toContain('Log in with mToken');
  });

  it('ends all phones at once, and another session alone (R-11, S-08)', async () => {
    const user = await lisa();
    const phones = [await registerPhone(system, { user }), await registerPhone(system, { user })] as const;
    const [here, there] = [await loggedIn(phones[0]), await loggedIn(phones[1])];
    expect((await here.send('/lost/sessions', {})).text).toContain('One session has ended');
    // Told by the back channel or found at the next try: either way it is over there.
    expect((await there.open('/lost')).text).toMatch(/You have been logged out meanwhile|Log in with mToken/);
    expect((await here.send('/lost/devices', { reason: 'fraud' })).text).toContain('2 phones are deactivated');
    for (const phone of phones) await expect(phone.unlockWithMpin(mpin)).rejects.toMatchObject({ code: 'deactivated' });
  });

  it('shows names as text, does nothing for whoever is not logged in, and nothing for buttons that there are not (T26)', async () => {
    expect((await openBrowser().send('/lost/devices', { reason: 'lost' })).text).toContain('Log in with mToken');
    const user = await lisa();
    const browser = await loggedIn(await registerPhone(system, { user }));
    expect((await browser.send('/lost/constructor', {})).status).toBe(404);
    expect((await browser.send('/lost/device', { id: '../sessions/end', reason: 'lost' })).status).toBe(502);
    expect((await browser.open('/lost')).status).toBe(200);
    const device = { platform: 'x', status: 'active', isThis: false, createdAt: 1, lastUsedAt: 1 };
    const shown = lostPage([{ ...device, deviceId: 'dev_x', name: '"><script>alert(1)</script>' }], []);
    expect(shown).not.toContain('<script');
  });
});
