/** CIBA on a whole system: a portal's server asks without a browser, the phone finds it in its inbox, the portal redeems it. */
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createCompany } from '../../../src/companies/companies.ts';
import type { User } from '../../../src/companies/store.ts';
import { suspendUser } from '../../../src/companies/user-status.ts';
import { backchannelAsker } from '../../../src/oidc/ciba-ask.ts';
import type { ClaimedOrder, Phone } from '../../../src/sdk/index.ts';
import { samples } from '../../unit/signing/samples.ts';
import { type Receiver, startReceiver } from '../notify/receiver.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import { addUser, bank, eventually, mpin, registerPhone, type System, startSystem } from '../system/rig.ts';
import {
  addCibaPortal,
  askByCiba,
  assertionOf,
  authReqIdOf,
  type CibaPortal,
  poll,
  post,
  requestClaims,
  signRequest,
} from './ciba-portal.ts';

const hourMs = 3_600_000;

let stores: SystemStores;
let system: System;
let portal: CibaPortal;
let phone: Phone;
let receiver: Receiver;
let offset = 0;
let began = 0;

const clock = { now: () => Date.now() + offset };

beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('there is no engine');
  stores = await engine.open();
  system = await startSystem(stores, { clock });
  portal = await addCibaPortal(system);
  phone = await registerPhone(system);
  receiver = await startReceiver();
});
afterAll(async () => {
  await receiver.close();
  await system.close();
  await stores.close();
});
// Three an hour: each test has an hour of its own.
beforeEach(() => {
  offset += hourMs + 1;
  began = clock.now();
});

/** What this test asked and nobody has decided, claimed on the phone from its inbox. */
async function claimed(one = phone): Promise<ClaimedOrder> {
  await one.unlockWithMpin(mpin);
  // The inbox itself may not be asked as often.
  const asked = "select id from signings where status = 'pending' and created_at >= $1";
  await eventually('the question', async () => (await system.server.stores.durable.query(asked, [began]))[0]);
  const [waiting] = await one.inbox();
  if (waiting === undefined) throw new Error('nothing is in the inbox');
  return one.claimWaiting(waiting.signingId);
}

async function approve(): Promise<void> {
  await phone.approve(await claimed(), { method: 'mpin', mpin });
}

/** Why nobody was asked, the newest first. */
const silences = async (): Promise<unknown[]> =>
  (
    await system.server.stores.records.audit.search({ event: 'backchannel.silenced' }, { order: 'newest', limit: 50 })
  ).map(({ data }) => data?.['reason']);

const requests = async (): Promise<number> => {
  const rows = await system.server.stores.durable.query('select count(*) as total from backchannel_requests', []);
  return Number(rows[0]?.['total']);
};

describe('discovery', () => {
  it('says how and by what requests are made, and nothing that is not so (O-17)', async () => {
    const document = (await (await fetch(`${system.issuer}/.well-known/openid-configuration`)).json()) as object;
    expect(document).toMatchObject({
      backchannel_authentication_endpoint: `${system.issuer}/oauth2/backchannel`,
      backchannel_token_delivery_modes_supported: ['poll', 'ping'],
      backchannel_authentication_request_signing_alg_values_supported: ['ES256', 'PS256'],
      backchannel_user_code_parameter_supported: false,
      request_parameter_supported: false,
    });
    expect((document as { grant_types_supported: string[] }).grant_types_supported).toContain(
      'urn:openid:params:grant-type:ciba',
    );
  });
});

describe('a request by CIBA', () => {
  it('waits in the inbox, shows its message, and gives tokens once, however many ask at one time (O-17, T-09, T-13)', async () => {
    const asked = await askByCiba(system, portal, { claims: { requested_expiry: 120, jti: 'call-4711-2026' } });
    expect(asked).toMatchObject({ status: 200, body: { expires_in: 120, interval: 5 } });
    const id = String(asked.body['auth_req_id']);
    expect(Buffer.from(id, 'base64url').length).toBeGreaterThanOrEqual(16);
    expect((await poll(system, portal, id)).body).toMatchObject({ error: 'authorization_pending' });
    expect((await poll(system, portal, id)).body).toMatchObject({ error: 'slow_down' });
    const order = await claimed();
    expect(order.descriptor).toMatchObject({ purpose: 'signing', client: { name: 'Call centre' } });
    expect(order.descriptor.display.text).toContain('Call with desk 4, code W4SCT');
    await phone.approve(order, { method: 'mpin', mpin });
    const answers = await Promise.all(Array.from({ length: 20 }, () => poll(system, portal, id)));
    const given = answers.filter(({ status }) => status === 200);
    expect(given).toHaveLength(1);
    expect(answers.filter(({ body }) => body['error'] === 'invalid_grant')).toHaveLength(19);
    const { body } = given[0] as (typeof answers)[number];
    expect(body).not.toHaveProperty('refresh_token');
    const claims = decodeJwt(String(body['id_token']));
    expect(claims).toMatchObject({
      sub: system.user.id,
      aud: portal.id,
      acr: expect.any(String),
      amr: ['pin', 'hwk', 'mfa'],
      auth_time: expect.any(Number),
      'urn:openid:params:jwt:claim:auth_req_id': id,
      signing_id: expect.stringMatching(/^sig_/),
    });
    const [approval] = await system.server.stores.records.signings.approvals(String(claims['signing_id']));
    // The portal's own name for it is that of its signed request, and the phone signed these words for this portal.
    expect(decodeJwt(approval?.receipt.countersignature ?? '')).toMatchObject({ reference: 'call-4711-2026' });
    expect((await poll(system, portal, id)).body).toMatchObject({ error: 'invalid_grant' });
    // What was given to the first stays good.
    const introspected = await post(system, portal, '/oauth2/introspect', { token: String(body['access_token']) });
    expect(introspected.body).toMatchObject({ active: true, sub: system.user.id });
  });

  it('keeps neither its id nor the token for the ping where a thief of the database reads it (S-04, C-13)', async () => {
    const pinged = await addCibaPortal(system, {
      backchannel_token_delivery_mode: 'ping',
      backchannel_client_notification_endpoint: receiver.url,
    });
    const claims = { client_notification_token: 'token-of-the-portal-42', binding_message: 'secret words' };
    const id = await authReqIdOf(system, pinged, claims);
    const rows = await system.server.stores.durable.query('select * from backchannel_requests', []);
    const messages = await system.server.stores.durable.query('select * from outbox', []);
    expect(rows.length).toBeGreaterThan(0);
    for (const secret of [id, 'token-of-the-portal-42', 'secret words']) {
      expect(JSON.stringify([rows, messages])).not.toContain(secret);
    }
    await phone.decline(await claimed());
  });

  it('tells a decline and an alarm to the portal, at once and again, and gives no token (O-17, T-17)', async () => {
    // A person of their own: of whom an alarm was raised nobody asks anything for a day.
    const user = await addUser(system.server, system.company.id, { name: 'Al Armed' });
    const own = await registerPhone(system, { user });
    for (const no of ['decline', 'report'] as const) {
      const id = await authReqIdOf(system, portal, { login_hint: user.id });
      await own[no](await claimed(own));
      for (const _time of [1, 2]) {
        expect((await poll(system, portal, id)).body).toMatchObject({ error: 'access_denied' });
      }
    }
    const id = await authReqIdOf(system, portal, { login_hint: user.id });
    await eventually('the silence', async () => ((await silences())[0] === 'risk_denied' ? true : undefined));
    expect((await poll(system, portal, id)).body).toMatchObject({ error: 'authorization_pending' });
  });

  it('expires for good, and says so (O-17)', async () => {
    const id = await authReqIdOf(system, portal, { requested_expiry: 90 });
    const order = await claimed();
    offset += 90_000;
    for (const _time of [1, 2]) {
      expect((await poll(system, portal, id)).body).toMatchObject({ error: 'expired_token' });
    }
    // The portal goes on without it: nobody signs it any more, also who has it before their eyes.
    await expect(phone.approve(order, { method: 'mpin', mpin })).rejects.toThrow();
    expect((await poll(system, portal, id)).body).toMatchObject({ error: 'expired_token' });
  });

  it('of which the portal was not told that it expired may be decided by who looks at it, and be redeemed (O-17)', async () => {
    const id = await authReqIdOf(system, portal, { requested_expiry: 90 });
    const order = await claimed();
    offset += 100_000;
    await phone.approve(order, { method: 'mpin', mpin });
    expect((await poll(system, portal, id)).status).toBe(200);
  });

  it('of one client is nothing for another, who cannot even slow it down (O-17, O-18)', async () => {
    const other = await addCibaPortal(system);
    const id = await authReqIdOf(system, portal);
    for (const _time of [1, 2]) {
      expect((await poll(system, other, id)).body).toMatchObject({ error: 'invalid_grant' });
    }
    expect((await poll(system, portal, id)).body).toMatchObject({ error: 'authorization_pending' });
    await phone.decline(await claimed());
  });

  it('gives no token once the phone has ended, and ends those that it gave (O-17, T8)', async () => {
    const before = await authReqIdOf(system, portal);
    await approve();
    const { body } = await poll(system, portal, before);
    const introspect = () => post(system, portal, '/oauth2/introspect', { token: String(body['access_token']) });
    expect((await introspect()).body).toMatchObject({ active: true });
    const after = await authReqIdOf(system, portal);
    await approve();
    await phone.deactivate('lost');
    expect((await poll(system, portal, after)).body).toMatchObject({ error: 'access_denied' });
    expect((await introspect()).body).toEqual({ active: false });
    phone = await registerPhone(system);
  });

  it('shows authorization_details instead of a message, and every token carries them as they were (O-17, T-11)', async () => {
    const detail = { type: 'urn:mtoken:signing:payment:v1', reference: 'payment-4711', fields: samples.payment };
    const id = await authReqIdOf(system, portal, { authorization_details: [detail], binding_message: undefined });
    const order = await claimed();
    expect(order.descriptor.display).toMatchObject({ template: { name: 'payment', fields: samples.payment } });
    await phone.approve(order, { method: 'mpin', mpin });
    const { status, body } = await poll(system, portal, id);
    expect(status, JSON.stringify(body)).toBe(200);
    const claims = decodeJwt(String(body['id_token']));
    const expected = [{ ...detail, signing_id: claims['signing_id'] }];
    expect(claims['authorization_details']).toEqual(expected);
    expect(body['authorization_details']).toEqual(expected);
    const introspected = await post(system, portal, '/oauth2/introspect', { token: String(body['access_token']) });
    expect(introspected.body['authorization_details']).toEqual(expected);
  });

  it('refuses details with one field changed, missing or unknown before anybody is asked (T-01, T-11)', async () => {
    const before = await requests();
    const detail = { type: 'urn:mtoken:signing:payment:v1', reference: 'payment-4711', fields: samples.payment };
    const wrong = [
      { ...detail, fields: { ...samples.payment, amount: 12.5 } },
      { ...detail, fields: { ...samples.payment, date: '2020-01-01' } },
      { ...detail, fields: { ...samples.payment, memo: 'more' } },
      { ...detail, type: 'payment' },
    ];
    for (const one of wrong) {
      const { body } = await askByCiba(system, portal, {
        claims: { authorization_details: [one], binding_message: undefined },
      });
      expect(body).toMatchObject({ error: 'invalid_authorization_details' });
    }
    const { body } = await askByCiba(system, portal, { claims: { authorization_details: [detail] } });
    expect(body).toMatchObject({ error: 'invalid_binding_message' });
    expect(await requests()).toBe(before);
  });

  it('names its user by an ID token of before, and gives a JWT for the portal’s own API that says how (O-17, O-15)', async () => {
    const api = 'https://api.desk.example/';
    const desk = await addCibaPortal(system, { resource: api, scope: 'calls' });
    const first = await authReqIdOf(system, desk);
    await approve();
    const { body } = await poll(system, desk, first);
    const hint = { login_hint: undefined, id_token_hint: String(body['id_token']) };
    // Another client's ID token names nobody here.
    expect((await askByCiba(system, portal, { claims: hint })).status).toBe(400);
    const id = await authReqIdOf(system, desk, { ...hint, scope: 'openid calls' });
    await approve();
    const { body: second } = await poll(system, desk, id);
    const idToken = decodeJwt(String(second['id_token']));
    expect(idToken).toMatchObject({ sub: system.user.id, signing_id: expect.stringMatching(/^sig_/) });
    const { acr, amr, auth_time } = idToken;
    const { payload } = { payload: decodeJwt(String(second['access_token'])) };
    expect(payload).toMatchObject({ aud: api, scope: 'calls', acr, amr, auth_time });
  });

  it('of a company whose people sign together speaks of the user who was named, or of nobody (O-17, T-15)', async () => {
    const { admin } = system.server.capabilities;
    const approvers = [{ templates: ['text' as const], needed: 2 }];
    const company = await createCompany(admin, { name: 'Two Sign', userLimit: 10, rules: { approvers }, actor: bank });
    const people: { user: User; phone: Phone }[] = [];
    for (const name of ['Ada', 'Ben', 'Cat']) {
      const user = await addUser(system.server, company.id, { name });
      people.push({ user, phone: await registerPhone(system, { user }) });
    }
    const [named, ...others] = people as [(typeof people)[0], ...typeof people];
    const sign = async ({ phone: one }: (typeof people)[0]) =>
      one.approve(await claimed(one), { method: 'mpin', mpin });
    const first = await authReqIdOf(system, portal, { login_hint: named.user.id });
    await sign(named);
    expect((await poll(system, portal, first)).body).toMatchObject({ error: 'authorization_pending' });
    await sign(others[0] as (typeof people)[0]);
    const { body } = await poll(system, portal, first);
    expect(decodeJwt(String(body['id_token'])).sub).toBe(named.user.id);
    const second = await authReqIdOf(system, portal, { login_hint: named.user.id });
    for (const other of others) await sign(other);
    expect((await poll(system, portal, second)).body).toMatchObject({ error: 'access_denied' });
  });

  it('is no login: its approval is a signature over its words, and neither code nor id stands for the other (T-10)', async () => {
    const id = await authReqIdOf(system, portal);
    await approve();
    const asCode = {
      grant_type: 'authorization_code',
      redirect_uri: 'https://desk.example/callback',
      code_verifier: 'v'.repeat(43),
    };
    expect((await post(system, portal, '/oauth2/token', { ...asCode, code: id })).body).toMatchObject({
      error: 'invalid_grant',
    });
    expect(
      (await post(system, portal, '/oauth2/token', { grant_type: 'refresh_token', refresh_token: id })).status,
    ).toBe(400);
    const { body } = await poll(system, portal, id);
    const signingId = String(decodeJwt(String(body['id_token']))['signing_id']);
    const [approval] = await system.server.stores.records.signings.approvals(signingId);
    expect(decodeJwt(approval?.receipt.approval ?? '')).toMatchObject({ purpose: 'signing' });
    const sessions = await system.server.stores.records.oidc.sessionsOf({ userId: system.user.id });
    expect(sessions).toEqual([]);
  });
});

describe('a signed request', () => {
  const now = () => Math.floor(Date.now() / 1000);

  it('is refused for each claim that is missing or wrong, and asks nobody (O-17)', async () => {
    const before = await requests();
    const wrong: Record<string, unknown>[] = [
      ...['iss', 'aud', 'exp', 'nbf', 'iat', 'jti', 'scope'].map((name) => ({ [name]: undefined })),
      { iss: 'another-client' },
      { aud: 'https://other.example' },
      { aud: `${system.issuer}/oauth2/backchannel` },
      { aud: [system.issuer, 'https://other.example'] },
      { exp: now() - 60 },
      { exp: now() + 7200 },
      { exp: String(now() + 300) },
      { nbf: now() - 3590, exp: now() + 300 },
      { nbf: now() + 2 * hourMs },
      { iat: now() + 100 * hourMs },
      { jti: 'short' },
      { jti: 7 },
      { sub: portal.id },
      { scope: 'profile' },
      { client_id: 'another-client' },
      { acr_values: 'urn:other' },
      { request_context: { channel: 'phone' } },
      { user_code: '1234' },
      { requested_expiry: -1 },
      { login_hint: undefined },
      { id_token_hint: 'a.b.c' },
      { login_hint: undefined, login_hint_token: 'a.b.c' },
      { login_hint: undefined, id_token_hint: 'a.b.c' },
      { login_hint: 'ada@northwind.example' },
      { binding_message: undefined },
      { binding_message: '' },
      { binding_message: 'x'.repeat(141) },
      { binding_message: 'two\nlines' },
      { binding_message: 'pay \u202e001 EUR' },
      { binding_message: 'p\u0430ypal' },
    ];
    for (const claims of wrong) {
      const { status, body } = await askByCiba(system, portal, { claims });
      expect({ status, error: typeof body['error'] }, JSON.stringify(claims)).toEqual({ status: 400, error: 'string' });
      expect(body, JSON.stringify(claims)).not.toHaveProperty('auth_req_id');
    }
    expect(await requests()).toBe(before);
  });

  it('is refused unsigned, by another algorithm, key or type of JWT, and with extensions of JOSE (O-17, C-07)', async () => {
    const before = await requests();
    const claims = requestClaims(system, portal);
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const other = await addCibaPortal(system);
    const secret = new TextEncoder().encode(JSON.stringify(portal.publicJwk));
    const forged = [
      `${encode({ alg: 'none' })}.${encode(claims)}.`,
      await new SignJWT({ ...claims }).setProtectedHeader({ alg: 'HS256' }).sign(secret),
      await signRequest({ ...other, publicJwk: portal.publicJwk }, claims),
      await signRequest(other, claims, { jwk: other.publicJwk } as never),
      await signRequest(other, claims, { jku: `${receiver.url}/keys` }),
      await signRequest(portal, claims, { typ: 'dpop+jwt' }),
      await assertionOf(system, portal),
      'not a jwt',
    ];
    for (const request of forged) {
      const { status, body } = await askByCiba(system, portal, { request });
      expect(status, JSON.stringify([request.slice(0, 40), body])).toBe(400);
    }
    // Plain parameters are no request, with or without a signed one of somebody else beside them.
    const plain = { scope: 'openid', login_hint: system.user.id, binding_message: 'W4SCT' };
    expect((await askByCiba(system, portal, { request: '', form: plain })).body).toMatchObject({
      error: 'invalid_request',
    });
    expect(await requests()).toBe(before);
    expect(receiver.received.filter(({ path }) => path.endsWith('/keys'))).toEqual([]);
  });

  it('of any odd form is refused with a 4xx, signed or not (T28)', async () => {
    const odd = [
      null,
      0,
      1.5,
      true,
      '',
      '\u0000',
      [],
      {},
      [[]],
      [null],
      { type: 5 },
      'x'.repeat(9000),
      '{"a":1',
      '1e999',
    ];
    const members = ['login_hint', 'id_token_hint', 'login_hint_token', 'binding_message', 'scope', 'requested_expiry'];
    const more = [
      'authorization_details',
      'claims',
      'resource',
      'acr_values',
      'ui_locales',
      'jti',
      'aud',
      'nonce',
      'request',
    ];
    for (const member of [...members, ...more]) {
      for (const value of odd) {
        // A hint that names nobody, so that nobody is asked where the odd member is merely not read.
        const { status, body } = await askByCiba(system, portal, { claims: { login_hint: 'nobody', [member]: value } });
        expect(status, `${member} ${JSON.stringify(value)?.slice(0, 40)} ${JSON.stringify(body)}`).toBe(400);
      }
    }
    const encode = (text: string): string => Buffer.from(text).toString('base64url');
    for (const text of ['null', '[]', '5', '"x"', '{', '{"__proto__":{"iss":"x"}}']) {
      const { status } = await askByCiba(system, portal, {
        request: `${encode('{"alg":"ES256"}')}.${encode(text)}.${encode('x')}`,
      });
      expect(status, text).toBe(400);
    }
    for (const id of ['', 'x', '\u0000', 'y'.repeat(20_000)]) {
      expect((await poll(system, portal, id)).body, id.slice(0, 9)).toMatchObject({ error: expect.any(String) });
      expect((await poll(system, portal, id)).status).toBe(400);
    }
  });

  it('counts alone: what stands beside it is not read (O-17)', async () => {
    const form = {
      binding_message: 'another message',
      requested_expiry: '300',
      login_hint: 'usr_0000000000000000000000',
    };
    const { body } = await askByCiba(system, portal, { claims: { requested_expiry: 100 }, form });
    expect(body).toMatchObject({ expires_in: 100 });
    const order = await claimed();
    expect(order.descriptor.display.text).toContain('W4SCT');
    await phone.decline(order);
  });

  it('is taken once, also of twenty at one time (O-17)', async () => {
    const request = await signRequest(portal, requestClaims(system, portal));
    const answers = await Promise.all(Array.from({ length: 20 }, () => askByCiba(system, portal, { request })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ body }) => body['error'] === 'invalid_request')).toHaveLength(19);
    await phone.decline(await claimed());
  });

  it('is for the backchannel alone: the authorization endpoint takes none (O-16, C-07)', async () => {
    const request = await signRequest(portal, { ...requestClaims(system, portal), response_type: 'code' });
    const pushed = await post(system, portal, '/oauth2/par', { request });
    expect(pushed).toMatchObject({ status: 400, body: { error: expect.stringMatching(/request/) } });
    expect(decodeProtectedHeader(request).alg).toBe('ES256');
  });
});

describe('the message to ask', () => {
  it('that is delivered again, or by several servers at once, asks the phone once (O-18, X-03)', async () => {
    const { records, clock: time } = { ...system.server.stores, clock };
    const idLookup = `test-${offset}`;
    const payload = JSON.stringify({ provider: {}, requestJti: 'again-4711', bindingMessage: 'Code W4SCT' });
    const at = time.now();
    const row = { idLookup, clientId: portal.id, userId: system.user.id, payload, createdAt: at, endsAt: at + 200_000 };
    await records.backchannel.insert(row);
    const ask = backchannelAsker(system.server.capabilities.signing);
    const message = { kind: 'backchannel_request', recipient: row.userId, attempts: 0, createdAt: at } as const;
    const before = (await silences()).length;
    const deliver = () => ask({ ...message, id: 'box_test', payload: JSON.stringify({ idLookup }) });
    await Promise.all(Array.from({ length: 5 }, deliver));
    await deliver();
    const order = await claimed();
    expect(await phone.inbox()).toHaveLength(1);
    expect((await silences()).length).toBe(before);
    await phone.decline(order);
  });
});

describe('bombing and enumeration', () => {
  it('asks one person one thing at a time and three in an hour, whichever portal asks, and stays silent above (O-18)', async () => {
    const other = await addCibaPortal(system);
    const first = await authReqIdOf(system, portal);
    const order = await claimed();
    const second = await authReqIdOf(system, other);
    await eventually('the silence', async () => ((await silences())[0] === 'pending' ? true : undefined));
    await phone.decline(order);
    expect((await poll(system, portal, first)).body).toMatchObject({ error: 'access_denied' });
    for (const _more of [2, 3]) {
      await authReqIdOf(system, other);
      await phone.decline(await claimed());
    }
    const fourth = await authReqIdOf(system, portal);
    await eventually('the silence', async () => ((await silences())[0] === 'too_many' ? true : undefined));
    expect(await phone.inbox()).toEqual([]);
    for (const [one, id] of [
      [other, second],
      [portal, fourth],
    ] as const) {
      expect((await poll(system, one, id)).body).toMatchObject({ error: 'authorization_pending' });
    }
  });

  it('answers alike for a user who exists, who does not, who is suspended, and who has no phone (O-18)', async () => {
    const { admin } = system.server.capabilities;
    const suspended = await addUser(system.server, system.company.id, { name: 'Sus Pended' });
    await suspendUser(admin, { userId: suspended.id, reason: 'test', actor: bank });
    const bare = await addUser(system.server, system.company.id, { name: 'No Phone' });
    const users = [system.user.id, 'usr_0000000000000000000000', suspended.id, bare.id];
    const seen = [];
    const ids: string[] = [];
    for (const login_hint of users) {
      const answer = await askByCiba(system, portal, { claims: { login_hint } });
      const id = String(answer.body['auth_req_id']);
      ids.push(id);
      const polled = [await poll(system, portal, id), await poll(system, portal, id)];
      seen.push([answer, ...polled].map(shapeOf));
    }
    for (const one of seen) expect(one).toEqual(seen[0]);
    // Whoever waits for whomever hears the same at the same time.
    offset += 300_000;
    for (const id of ids) expect((await poll(system, portal, id)).body).toMatchObject({ error: 'expired_token' });
  });
});

/** All of an answer but its random values and times. */
function shapeOf({ status, body, headers }: Awaited<ReturnType<typeof poll>>): object {
  const { auth_req_id: id, ...rest } = body;
  const names = [...headers.keys()].filter((name) => !name.startsWith('ratelimit'));
  return {
    status,
    rest,
    idLength: typeof id === 'string' ? id.length : 0,
    names,
    length: headers.get('content-length'),
  };
}

describe('ping', () => {
  let pinged: CibaPortal;
  beforeAll(async () => {
    pinged = await addCibaPortal(system, {
      backchannel_token_delivery_mode: 'ping',
      backchannel_client_notification_endpoint: receiver.url,
    });
  });
  const token = 'notification-token-0123456789';

  it('tells the portal with its own token, by nothing but the id, until it answers; a redirect is not followed (O-17)', async () => {
    const before = receiver.received.length;
    receiver.manners.push('redirect');
    const id = await authReqIdOf(system, pinged, { client_notification_token: token });
    expect(receiver.received).toHaveLength(before);
    await approve();
    const pings = await eventually('two tries', () =>
      receiver.received.length >= before + 2 ? receiver.received.slice(before) : undefined,
    );
    for (const { path, headers, body } of pings) {
      expect(path).toBe('/hook');
      expect(headers.authorization).toBe(`Bearer ${token}`);
      expect(JSON.parse(body)).toEqual({ auth_req_id: id });
    }
    expect((await poll(system, pinged, id)).status).toBe(200);
  });

  it('pings for a decline, and never for what merely expires (O-18)', async () => {
    const before = receiver.received.length;
    const late = await authReqIdOf(system, pinged, { client_notification_token: token, requested_expiry: 90 });
    await claimed();
    offset += 90_000;
    expect((await poll(system, pinged, late)).body).toMatchObject({ error: 'expired_token' });
    const id = await authReqIdOf(system, pinged, { client_notification_token: token });
    await phone.decline(await claimed());
    await eventually('the ping', () => (receiver.received.length > before ? true : undefined));
    expect(receiver.received.slice(before).map(({ body }) => JSON.parse(body))).toEqual([{ auth_req_id: id }]);
  });

  it('takes no request without a token to tell it by, or with one that is none (O-17)', async () => {
    for (const wrong of [undefined, 'with blanks in it', 'x'.repeat(1025)]) {
      const { body } = await askByCiba(system, pinged, { claims: { client_notification_token: wrong } });
      expect(body).toMatchObject({ error: 'invalid_request' });
    }
  });
});

describe('registration', () => {
  it.each([
    [
      'push',
      { backchannel_token_delivery_mode: 'push', backchannel_client_notification_endpoint: 'https://a.example/' },
    ],
    ['ping without an endpoint', { backchannel_token_delivery_mode: 'ping' }],
    ['an endpoint without ping', { backchannel_client_notification_endpoint: 'https://desk.example/ping' }],
    [
      'an endpoint in clear',
      { backchannel_token_delivery_mode: 'ping', backchannel_client_notification_endpoint: 'http://desk.example/' },
    ],
    ['a client with a secret', { token_endpoint_auth_method: 'client_secret_basic', jwks: undefined }],
    ['a client without authentication', { token_endpoint_auth_method: 'none', jwks: undefined, scope: undefined }],
    ['an algorithm that is not that of its keys', { backchannel_authentication_request_signing_alg: 'PS256' }],
  ])('refuses %s (O-17)', async (_what, metadata) => {
    const given = Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, value]));
    await expect(addCibaPortal(system, given)).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('is what lets a client ask: a portal without it may not (O-17)', async () => {
    const plain = await addCibaPortal(system, {});
    const { records } = system.server.stores;
    const stored = await records.clients.find(plain.id);
    if (stored === undefined) throw new Error('the client is not there');
    const {
      backchannel_token_delivery_mode: _mode,
      backchannel_authentication_request_signing_alg: _alg,
      ...metadata
    } = stored.metadata;
    await records.clients.update({ ...stored, metadata });
    const { status, body } = await askByCiba(system, plain);
    expect({ status, error: body['error'] }).toEqual({ status: 400, error: 'invalid_request' });
  });
});
