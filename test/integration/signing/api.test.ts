/** The signing API of a whole server: a portal's server asks, a phone approves, foreign programs verify what comes of it. */
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rotateKeys } from '../../../src/keys/keys.ts';
import type { SigningFrame, SigningOrder } from '../../../src/protocol/signing-api.ts';
import type { TemplateName } from '../../../src/protocol/templates/templates.ts';
import type { Phone } from '../../../src/sdk/index.ts';
import { verifyReceipt } from '../../../src/sdk/receipt.ts';
import { samples, samplesOf, templateNames } from '../../unit/signing/samples.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import type { Portal } from '../system/portal.ts';
import { addPortal, addUser, mpin, registerPhone, type System, startSystem } from '../system/rig.ts';

const script = new URL('../../interop/receipt.py', import.meta.url).pathname;
const python = ['python3', '/usr/bin/python3'].find(
  (name) => spawnSync(name, ['-c', 'import cryptography']).status === 0,
);

let stores: SystemStores;
let system: System;
let portal: Portal;
let phone: Phone;
let token: string;
let directory: string;

beforeAll(async () => {
  const [engine] = systemEngines();
  if (engine === undefined) throw new Error('there is no engine');
  stores = await engine.open();
  system = await startSystem(stores);
  portal = await addPortal(system.server, system.issuer, { scope: 'sign' });
  token = await tokenOf(portal);
  phone = await registerPhone(system);
  directory = mkdtempSync(join(tmpdir(), 'mtoken-receipt-'));
});
afterAll(async () => {
  await portal.close();
  await system.close();
  await stores.close();
  rmSync(directory, { recursive: true, force: true });
});

async function askToken(
  client: Portal,
  more: Record<string, string> = {},
): Promise<{ status: number; token?: string }> {
  const response = await fetch(`${system.issuer}/oauth2/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}` },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      resource: `${system.issuer}/signing`,
      scope: 'sign',
      ...more,
    }),
  });
  const { access_token: found } = (await response.json()) as { access_token?: string };
  return { status: response.status, ...(found === undefined ? {} : { token: found }) };
}

async function tokenOf(client: Portal): Promise<string> {
  const { token: found = '' } = await askToken(client);
  return found;
}

interface Asked {
  readonly method?: string;
  readonly body?: unknown;
  readonly key?: string | null;
  readonly authorization?: string;
}

async function call<T>(
  path: string,
  { method = 'GET', body, key = null, authorization = `Bearer ${token}` }: Asked = {},
) {
  const response = await fetch(`${system.issuer}/signing/v1/orders${path}`, {
    method,
    headers: {
      authorization,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(key === null ? {} : { 'idempotency-key': key }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return {
    status: response.status,
    headers: response.headers,
    json: (await response.json()) as T & { type?: string; detail?: string },
  };
}

const bodyOf = (template: TemplateName, changed: object = {}) => ({
  user: system.user.id,
  template,
  version: 1,
  fields: samplesOf(portal.redirectUri)[template],
  locale: 'de-AT',
  reference: `my ${template}`,
  ...changed,
});

const create = (body: object, key: string | null = randomUUID()) =>
  call<SigningOrder>('', { method: 'POST', body, key });

async function approved(template: TemplateName): Promise<SigningOrder> {
  const { status, json } = await create(bodyOf(template));
  expect([status, json.detail], template).toEqual([201, undefined]);
  const { json: frame } = await call<SigningFrame>(`/${json.signingId}/frame`);
  await phone.unlockWithMpin(mpin);
  await phone.approve(await phone.claim(frame.qr), { method: 'mpin', mpin });
  return (await call<SigningOrder>(`/${json.signingId}?wait=10&since=pending`)).json;
}

const history = async () => (await fetch(`${system.issuer}/.well-known/mtoken-key-history`)).json() as Promise<unknown>;

describe('the signing API', () => {
  it('takes each template from the portal to the receipt; program and foreign program verify it (T-01, T-09, T-14)', async () => {
    for (const template of templateNames) {
      const { state, receipts } = await approved(template);
      const [receipt] = receipts;
      expect(state, template).toBe('approved');
      const { isGenuine, facts } = await verifyReceipt(receipt, await history());
      expect(isGenuine, template).toBe(true);
      expect(facts).toMatchObject({
        locale: 'de',
        user: { id: system.user.id, name: 'Ada Example' },
        reference: `my ${template}`,
      });
      if (python === undefined) continue;
      expect(foreign(receipt, await history())).toMatchObject({ exit: 0, answer: { user: { name: 'Ada Example' } } });
    }
  });

  it.skipIf(python === undefined)(
    'gives receipts that a foreign program refuses once any member was changed (T-04, T-14)',
    async () => {
      const [receipt] = (await approved('payment-batch')).receipts;
      const document = await history();
      for (const [member, value] of Object.entries(receipt ?? {})) {
        const text = String(value);
        const middle = Math.floor(text.length / 2);
        const changed =
          typeof value === 'number'
            ? 2
            : `${text.slice(0, middle)}${text[middle] === 'A' ? 'B' : 'A'}${text.slice(middle + 1)}`;
        expect(foreign({ ...receipt, [member]: changed }, document).exit, member).not.toBe(0);
      }
    },
  );

  it('shows the phone what the portal asked, drawn by the phone itself, with the list of a batch (T-01, T-06)', async () => {
    const user = await addUser(system.server, system.company.id, { name: 'Rita Reports' });
    const own = await registerPhone(system, { user });
    const { json } = await create(bodyOf('payment-batch', { user: user.id }));
    const { json: frame } = await call<SigningFrame>(`/${json.signingId}/frame`);
    await own.unlockWithMpin(mpin);
    const order = await own.claim(frame.qr);
    expect(order.descriptor.client).toMatchObject({ id: portal.id, name: 'Business portal' });
    expect(order.lines?.[0]).toMatchObject({ label: 'Summe', value: '12.500,01\u00a0EUR', emphasis: 'main' });
    expect(order.payments).toEqual(samples['payment-batch']['payments']);
    await own.report(order);
    expect((await call<SigningOrder>(`/${json.signingId}`)).json.state).toBe('reported');
    // Whoever holds the phone may not be its user: what it had open is over (T-17).
    await expect(own.listDevices()).rejects.toMatchObject({ code: 'session_ended' });
  });

  it('answers the same order to the same key, and refuses the key for another (T-09)', async () => {
    const key = randomUUID();
    const [one, other] = [await create(bodyOf('payment'), key), await create(bodyOf('payment'), key)];
    expect([one.status, other.status]).toEqual([201, 201]);
    expect(other.json).toEqual(one.json);
    const changed = bodyOf('payment', { fields: { ...samples.payment, amount: 125_001 } });
    expect((await create(changed, key)).status).toBe(422);
    expect((await create(bodyOf('payment'), null)).json.detail).toContain('Idempotency-Key');
  });

  it('names the field that is wrong, and is never at a loss (T-08)', async () => {
    for (const amount of [-1, 0, 1.5, '1.250,00', '1,250.00', null, 1e15]) {
      const { status, json } = await create(bodyOf('payment', { fields: { ...samples.payment, amount } }));
      expect([status, json.detail?.startsWith('fields/amount')], String(amount)).toEqual([400, true]);
    }
    const huge = { fields: { ...samples.payment, creditorName: 'x'.repeat(1_000_000) } };
    expect((await create(bodyOf('payment', huge))).status).toBe(400);
    expect((await create(bodyOf('payment', { version: 2 }))).status).toBe(400);
    expect((await create(bodyOf('payment', { more: 1 }))).status).toBe(400);
    const endless = `{"user":"${system.user.id}","template":"payment-batch","version":1,"locale":"en","reference":"r","fields":${JSON.stringify(samples['payment-batch']).replace('1250001', '1e400')}}`;
    const response = await fetch(`${system.issuer}/signing/v1/orders`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'idempotency-key': randomUUID(),
      },
      body: endless,
    });
    expect(response.status).toBe(400);
  });

  it('refuses four megabytes of numbers, or of unknown members, before any schema sees them (X-10)', async () => {
    const payments = Array.from({ length: 1_900_000 }, () => 1);
    const members = Object.fromEntries(Array.from({ length: 250_000 }, (_, index) => [`k${index}`, 1]));
    for (const body of [bodyOf('payment-batch', { fields: { payments } }), bodyOf('payment', members)]) {
      const { status, json } = await create(body);
      expect([status, json.detail]).toEqual([400, expect.stringContaining('there are more than 60000 values')]);
    }
  });

  it('takes a batch of ten thousand payments, and shows the phone every one of them (T-06)', async () => {
    const one = { amount: 1, creditorName: 'Zoë Peeters', creditorIban: 'BE71096123456769', reference: 'November' };
    const payments = Array.from({ length: 10_000 }, (_, index) => ({ ...one, amount: index + 1 }));
    const fields = { ...samples['payment-batch'], payments, count: 10_000, total: 50_005_000 };
    const { status, json } = await create(bodyOf('payment-batch', { fields }));
    expect(status).toBe(201);
    const { json: frame } = await call<SigningFrame>(`/${json.signingId}/frame`);
    const other = await registerPhone(system);
    await other.unlockWithMpin(mpin);
    const order = await other.claim(frame.qr);
    expect(order.payments).toEqual(payments);
    await other.approve(order, { method: 'mpin', mpin });
    const [receipt] = (await call<SigningOrder>(`/${json.signingId}`)).json.receipts;
    expect((await verifyReceipt(receipt, await history())).isGenuine).toBe(true);
    const tooLong = await call(`/${json.signingId}/cancel`, { method: 'POST', body: { x: 'x'.repeat(5_000) } });
    expect(tooLong.status).toBe(413);
  });

  it('waits for a change as long as it is asked to, and no longer', async () => {
    const { json } = await create(bodyOf('payment'));
    const waiting = call<SigningOrder>(`/${json.signingId}?wait=60&since=pending`);
    // As curl does it: there is nothing to say, so nothing is sent.
    expect((await call(`/${json.signingId}/cancel`, { method: 'POST' })).status).toBe(200);
    expect((await call('', { method: 'POST' })).json.detail).toContain('required properties');
    expect((await waiting).json.state).toBe('cancelled');
    for (const wait of ['0', '61', '-1', 'x']) expect((await call(`/${json.signingId}?wait=${wait}`)).status).toBe(400);
  });

  it('tells a portal that asks in a loop to wait (X-10)', async () => {
    const { json } = await create(bodyOf('payment'));
    const answers: number[] = [];
    for (let count = 0; count < 61; count += 1) answers.push((await call(`/${json.signingId}`)).status);
    expect([...new Set(answers)].sort()).toEqual([200, 429]);
  });

  it('counts no stranger’s questions: another portal uses up nothing of what the owner may ask (X-10, T17)', async () => {
    const other = await addPortal(system.server, system.issuer, { scope: 'sign' });
    const authorization = `Bearer ${await tokenOf(other)}`;
    const { json } = await create(bodyOf('payment'));
    for (let count = 0; count < 61; count += 1) {
      expect((await call(`/${json.signingId}`, { authorization })).status).toBe(404);
    }
    expect((await call(`/${json.signingId}`)).status).toBe(200);
    await other.close();
  });

  it('counts a portal’s requests by portal and not by address, which all of its servers share (X-10)', async () => {
    const { headers } = await create(bodyOf('payment'));
    expect(headers.get('ratelimit-policy')).toBe('"caller";q=10000;w=60');
  });

  it('takes ten large bodies of a portal in a minute, and reads no more (X-10)', async () => {
    const other = await addPortal(system.server, system.issuer, { scope: 'sign' });
    const authorization = `Bearer ${await tokenOf(other)}`;
    const send = (body: object) => call('', { method: 'POST', body, key: randomUUID(), authorization });
    const large = bodyOf('text', { fields: { words: 'x'.repeat(20_000) } });
    const answers: number[] = [];
    for (let count = 0; count < 11; count += 1) answers.push((await send(large)).status);
    expect(answers).toEqual([...Array.from({ length: 10 }, () => 400), 429]);
    const { status, headers } = await send(large);
    expect([status, Number(headers.get('retry-after')) > 0]).toEqual([429, true]);
    expect((await send(bodyOf('payment'))).status).toBe(201);
    await other.close();
  });

  it('gives no token to a portal without the scope, and none of a user’s or another API’s a way in (O-15)', async () => {
    expect((await askToken(system.portal)).status).toBe(400);
    expect((await askToken(portal, { resource: `${system.issuer}/admin` })).status).toBe(400);
    for (const authorization of ['', 'Bearer x.y.z', `DPoP ${token}`, `Bearer ${token.slice(0, -2)}xx`]) {
      const { status, headers } = await call('/sig_aaaaaaaaaaaaaaaaaaaaaa', { authorization });
      expect([status, headers.get('www-authenticate')?.split(' ')[0]], authorization).toEqual([
        401,
        expect.any(String),
      ]);
    }
  });

  it('refuses at once when the portal is disabled, though its token is young (S-07)', async () => {
    const { clients } = system.server.stores.records;
    const found = await clients.find(portal.id);
    if (found === undefined) throw new Error('no portal');
    await clients.update({ ...found, status: 'disabled' });
    expect((await create(bodyOf('payment'))).status).toBe(401);
    const disabled = await clients.find(portal.id);
    if (disabled !== undefined) await clients.update({ ...disabled, status: 'active' });
    expect((await create(bodyOf('payment'))).status).toBe(201);
  });

  it('has receipts that verify after the server changed its keys, and a history that keeps the old ones (C-12, T-14)', async () => {
    // One phone claims no more than ten times a minute.
    phone = await registerPhone(system);
    const [receipt] = (await approved('document')).receipts;
    const { records, shortLived } = system.server.stores;
    const rotation = { actor: 'server', immediately: true, withoutOverlap: true };
    await rotateKeys({ records, shortLived, clock: system.clock }, rotation);
    await system.server.capabilities.keys.reload();
    const document = (await history()) as { payload: string };
    const { keys } = JSON.parse(Buffer.from(document.payload, 'base64url').toString()) as {
      keys: { until: number | null }[];
    };
    expect(keys.filter(({ until }) => until !== null)).toHaveLength(1);
    expect(JSON.stringify(keys)).not.toContain('"d"');
    expect((await verifyReceipt(receipt, document)).isGenuine).toBe(true);
  });
});

function foreign(receipt: unknown, document: unknown) {
  const [one, other] = [join(directory, 'receipt.json'), join(directory, 'history.json')];
  writeFileSync(one, JSON.stringify(receipt));
  writeFileSync(other, JSON.stringify(document));
  const { status, stdout } = spawnSync(python ?? '', [script, one, other], { encoding: 'utf8' });
  return { exit: status, answer: status === 0 ? (JSON.parse(stdout) as unknown) : undefined };
}
