/** Which `authorization_details` a portal may send, how, and what each wrong one is answered. */
import { UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { detailTypes } from '../../../src/oidc/detail-types.ts';
import { samples, templateNames } from '../../unit/signing/samples.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import type { Portal } from '../system/portal.ts';
import { addPortal, type System, startSystem } from '../system/rig.ts';
import { openBrowser } from './browser.ts';
import { detailOf, type Json, post, push } from './rar-portal.ts';

let stores: SystemStores;
let system: System;
let portal: Portal;

beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('there is no engine');
  stores = await engine.open();
  system = await startSystem(stores);
  portal = await addPortal(system.server, system.issuer, { scope: 'sign' });
});
afterAll(async () => {
  await portal.close();
  await system.close();
  await stores.close();
});

const payment = (fields: object = {}, changed: object = {}): Json => detailOf('payment', fields, changed);
const without = (object: Json, name: string): Json =>
  Object.fromEntries(Object.entries(object).filter(([member]) => member !== name));

/** That the answer is the error of RFC 9396 §5, and says what is wrong in characters that RFC 6749 §5.2 allows. */
function expectRefused({ status, body }: { status: number; body: Json }, words: RegExp): void {
  expect({ status, error: body['error'] }).toEqual({ status: 400, error: 'invalid_authorization_details' });
  expect(body['error_description']).toMatch(words);
  expect(body['error_description']).toMatch(/^[ !#-[\]-~]+$/);
}

describe('A pushed request', () => {
  it('may ask for every template, and discovery names their types (T-01, T-11)', async () => {
    for (const template of templateNames) {
      // A document lies at the portal's own origin.
      const own = template === 'document' ? { viewer: `${portal.baseUrl}/documents/4711` } : {};
      const { status, body } = await push(system, portal, [detailOf(template, own)]);
      expect({ template, status, body }).toMatchObject({ status: 201 });
    }
    const discovery = await fetch(`${system.issuer}/.well-known/openid-configuration`);
    const { authorization_details_types_supported: types } = (await discovery.json()) as Json;
    expect(types).toEqual(detailTypes);
    expect(types).toHaveLength(templateNames.length);
  });

  it.each([
    ['no detail', () => '[]', undefined],
    ['two of them', () => [payment(), payment()], /one detail/],
    ['one that is none', () => ['payment'], /JSON object/],
    ['an object in place of the list', () => payment(), /array/],
    ['no JSON', () => '[{', /JSON/],
    ['an unknown type', () => [payment({}, { type: 'urn:mtoken:signing:payment:v2' })], /type/],
    ['a member of every object as type', () => [payment({}, { type: 'constructor' })], /type/],
    ['no type', () => [without(payment(), 'type')], /type/],
    ['an unknown member', () => [payment({}, { locations: ['https://api.example'] })], /locations/],
    ['a member that only we may add', () => [payment({}, { signing_id: 'sig_1' })], /signing_id/],
    ['no reference', () => [without(payment(), 'reference')], /reference/],
    ['a reference that reads two ways', () => [payment({}, { reference: 'Iban\u202e' })], /reference/],
    ['an unknown field', () => [payment({ fee: 1 })], /fields\/fee/],
    [
      'a field that only we may make',
      () => [detailOf('payment-batch', { paymentsHash: 'A'.repeat(43) })],
      /paymentsHash/,
    ],
    ['a member twice', () => `[${JSON.stringify(payment()).replace('"amount":', '"amount":1,"amount":')}]`, /twice/],
    [
      'more than fits into a token',
      () => [detailOf('text', { words: '\u00e9'.repeat(1000) }, { reference: 'x'.repeat(4000) })],
      /4096 bytes/,
    ],
    ['a document elsewhere', () => [detailOf('document', { viewer: 'https://evil.example/x' })], /viewer/],
  ])('with %s is refused, saying what is wrong (T-11)', async (_name, details, words) => {
    const answer = await push(system, portal, details());
    // An empty list asks for nothing (RFC 9396 §2), and nothing will come of it.
    if (words === undefined) expect(answer.status).toBe(201);
    else expectRefused(answer, words);
  });

  it.each(Object.keys(samples.payment).filter((name) => name !== 'reference'))(
    'without the field %s, or with it in a wrong form, is refused by its name (T-01, T-11)',
    async (name) => {
      const words = new RegExp(`fields.*${name}`);
      expectRefused(await push(system, portal, [payment({ [name]: undefined })]), words);
      for (const wrong of [null, {}, '\u202e']) {
        expectRefused(await push(system, portal, [payment({ [name]: wrong })]), words);
      }
    },
  );

  it.each([
    ['amount', [0, -1, 1.5, 1e30, '125000', '12,50']],
    ['currency', ['EURO', 'eur', 'XXQ']],
    ['creditorIban', ['BE71096123456768', 'BE71 0961 2345 6769', 'BE7109612345676']],
    ['date', ['2026-02-30', '23.11.2026', '2020-01-01']],
    ['creditorName', ['Jаnsen', 'a  b', '']],
  ])('with an unclear %s is refused by its name (T-08, T-11)', async (name, wrong) => {
    for (const value of wrong) {
      expectRefused(await push(system, portal, [payment({ [name]: value })]), new RegExp(`fields.*${name}`));
    }
  });

  it('is refused to a portal that is not registered for signing (T-11)', async () => {
    expectRefused(await push(system, system.portal, [payment()]), /not allowed for this client/);
  });

  it('is its own client’s: another one finds nothing under the request_uri (T-11, O-06)', async () => {
    const other = await addPortal(system.server, system.issuer, { scope: 'sign' });
    try {
      const { body, url } = await push(system, portal, [payment()]);
      const own = await openBrowser(system.issuer).follow(url);
      expect(own.url.pathname).toMatch(/^\/interaction\//);
      const query = new URLSearchParams({ client_id: other.id, request_uri: String(body['request_uri']) });
      const page = await openBrowser(system.issuer).follow(`${system.issuer}/oauth2/authorize?${query}`);
      expect(page.status).toBe(400);
      expect(page.url.pathname).toBe('/oauth2/authorize');
    } finally {
      await other.close();
    }
  });
});

describe('Details that were not pushed', () => {
  it('are refused in a plain authorization request: nothing of them goes through a browser (T-11)', async () => {
    const { url } = await portal.begin({ scope: 'openid', authorization_details: JSON.stringify([payment()]) });
    const page = await openBrowser(system.issuer).follow(url);
    expect(page.url.href.startsWith(portal.redirectUri)).toBe(true);
    expect(page.url.searchParams.get('error')).toBe('invalid_authorization_details');
    expect(page.url.searchParams.get('error_description')).toMatch(/pushed/);
    expect(page.url.searchParams.has('code')).toBe(false);
  });

  it('are refused in a request object as well, which nobody pushed (T-11, O-16)', async () => {
    const { url } = await portal.begin({ scope: 'openid' });
    const { searchParams: params } = new URL(url);
    const claims = { ...Object.fromEntries(params), authorization_details: [payment()] };
    const request = new UnsecuredJWT(claims).setIssuer(portal.id).setAudience(system.issuer).encode();
    const beside = `${url}&${new URLSearchParams({ request })}`;
    const page = await openBrowser(system.issuer).follow(beside);
    expect(page.url.searchParams.has('code')).toBe(false);
    expect(page.url.pathname).not.toMatch(/^\/interaction\//);
  });

  it('are refused in a token request, of whatever grant: what is approved is approved (T-11)', async () => {
    const details = JSON.stringify([payment()]);
    const own = { grant_type: 'client_credentials', scope: 'sign', resource: `${system.issuer}/signing` };
    expect((await post(system, portal, ['/oauth2/token', own])).status).toBe(200);
    expectRefused(
      await post(system, portal, ['/oauth2/token', { ...own, authorization_details: details }]),
      /a token request names none/,
    );
  });
});
