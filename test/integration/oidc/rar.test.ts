/** From a pushed request to tokens: the phone approves just that, once, for this browser, this user and this portal. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Phone } from '../../../src/sdk/index.ts';
import { verifyReceipt } from '../../../src/sdk/receipt.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import type { Portal } from '../system/portal.ts';
import { addPortal, mpin, registerPhone, type System, startSystem } from '../system/rig.ts';
import type { Browser } from './browser.ts';
import { detailOf, type Json, loggedInBrowser, openPage, post, push, sign } from './rar-portal.ts';

let stores: SystemStores;
let system: System;
let portal: Portal;
let phone: Phone;
let browser: Browser;
const payment = (fields: object = {}): Json => detailOf('payment', fields);

beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('there is no engine');
  stores = await engine.open();
  system = await startSystem(stores);
  portal = await addPortal(system.server, system.issuer, { scope: 'sign' });
  phone = await registerPhone(system);
  await phone.unlockWithMpin(mpin);
  browser = await loggedInBrowser(system, portal, phone);
});
afterAll(async () => {
  await portal.close();
  await system.close();
  await stores.close();
});

const introspected = async (token: string): Promise<Json> =>
  (await post(system, portal, ['/oauth2/introspect', { token }])).body;

describe('What a phone approved', () => {
  it('is in the code’s tokens and in introspection as it was pushed, and is what the receipt says (T-03, T-11)', async () => {
    const detail = payment();
    const { tokens } = await sign(system, portal, { browser, phone, detail });
    const [approved] = tokens['authorization_details'] as unknown as readonly Json[];
    const signingId = String(approved?.['signing_id']);
    const expected = JSON.stringify([{ ...detail, signing_id: signingId }]);
    // As text: order and form of every value are those of the portal too.
    expect(JSON.stringify(tokens['authorization_details'])).toBe(expected);
    expect(JSON.stringify((await introspected(tokens.access_token))['authorization_details'])).toBe(expected);
    expect(JSON.stringify((await introspected(tokens.refresh_token ?? ''))['authorization_details'])).toBe(expected);
    const { signings } = system.server.stores.records;
    expect(await signings.find(signingId)).toMatchObject({
      door: 'redirect',
      status: 'approved',
      display: { template: { name: 'payment', fields: detail['fields'] } },
    });
    const [approval] = await signings.approvals(signingId);
    const history: unknown = await (await fetch(`${system.issuer}/.well-known/mtoken-key-history`)).json();
    const { facts } = await verifyReceipt(approval?.receipt, history);
    expect(facts).toMatchObject({ signingId, reference: 'my payment', user: { id: tokens.claims()?.sub } });
  });

  it('is in the JWT of the portal’s own API, stays with its refresh tokens, and is not to be widened (T-11, O-10)', async () => {
    const resource = 'https://api.portal.example';
    const own = await addPortal(system.server, system.issuer, { scope: 'sign payments', resource });
    try {
      const { begun, url } = await push(system, own, [payment()], { scope: 'openid payments' });
      // Beside a pushed request nothing counts.
      const beside = new URLSearchParams({ authorization_details: JSON.stringify([payment({ amount: 1 })]) });
      const page = await openPage(browser, `${url}&${beside}`);
      await page.approve(phone);
      const tokens = await own.redeem((await page.finish()).url.href, begun);
      const details = tokens['authorization_details'] as unknown as readonly Json[];
      expect(details).toEqual([{ ...payment(), signing_id: details[0]?.['signing_id'] }]);
      expect(decodeJwt(tokens.access_token)).toMatchObject({ aud: resource, authorization_details: details });
      expect(tokens.claims()).not.toHaveProperty('authorization_details');
      const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '' };
      const again = await post(system, own, ['/oauth2/token', form]);
      expect(again.body['authorization_details']).toEqual(details);
      expect(decodeJwt(String(again.body['access_token']))).toMatchObject({ authorization_details: details });
      for (const amount of [125_000, 125_001]) {
        const more = JSON.stringify([{ ...details[0], fields: { ...(details[0]?.['fields'] as object), amount } }]);
        const wider = await post(system, own, ['/oauth2/token', { ...form, authorization_details: more }]);
        expect(wider).toMatchObject({ status: 400, body: { error: 'invalid_authorization_details' } });
      }
    } finally {
      await own.close();
    }
  });

  it('lies in no store in clear but in the portal’s hands (C-13, S-04)', async () => {
    const { tokens } = await sign(system, portal, {
      browser,
      phone,
      detail: payment({ creditorName: 'Secret Payee' }),
    });
    expect(tokens.refresh_token).toBeDefined();
    const files = readdirSync(stores.dataDir, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
    expect(files.length).toBeGreaterThan(0);
    for (const { parentPath, name } of files) {
      expect(readFileSync(join(parentPath, name)).includes('Secret Payee'), name).toBe(false);
    }
  });
});
