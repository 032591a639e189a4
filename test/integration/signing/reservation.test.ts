/** Reservations of a whole server: the person approves a maximum, and the portal takes what is due, never more. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Phone } from '../../../src/sdk/index.ts';
import { verifyReceipt } from '../../../src/sdk/receipt.ts';
import { everySystemEngine, type SystemStores } from '../system/engines.ts';
import { mpin, registerPhone, type System, startSystem } from '../system/rig.ts';
import { byMpin, type PortalServer, portalServer } from './portal-server.ts';

const day = (fromNow: number) => new Date(Date.now() + fromNow * 86_400_000).toISOString().slice(0, 10);

describe.each(everySystemEngine())('a reservation on $name', (engine) => {
  let stores: SystemStores;
  let system: System;
  let portal: PortalServer;
  let phone: Phone;
  let skewMs = 0;

  beforeAll(async () => {
    stores = await engine.open();
    system = await startSystem(stores, { clock: { now: () => Date.now() + skewMs } });
    portal = await portalServer(system);
    phone = await registerPhone(system);
  });
  afterAll(async () => {
    await portal.close();
    await system.close();
    await stores.close();
  });

  const capture = (
    id: string,
    amount: unknown,
    { key = randomUUID(), ...more }: { key?: string; currency?: string } = {},
  ) => portal.call(`/${id}/capture`, { body: { amount, ...more }, key });

  /** Of a maximum of 40,000. */
  async function approved(changed: object = {}): Promise<string> {
    const { json } = await portal.ask('reservation', { until: day(30), ...changed });
    await phone.unlockWithMpin(mpin);
    await phone.approve(await portal.shownTo(phone, json.signingId), byMpin);
    return json.signingId;
  }

  it('is shown as a maximum, and its receipt says so (T-07)', async () => {
    const { json } = await portal.ask('reservation', { until: day(30) });
    await phone.unlockWithMpin(mpin);
    const order = await portal.shownTo(phone, json.signingId);
    expect(order.descriptor.display.text).toContain('Up to, in total: 400.00\u00a0EUR\n');
    expect(order.lines?.filter(({ emphasis }) => emphasis === 'main').map(({ name }) => name)).toEqual([
      'upTo',
      'payee',
      'payeeAccount',
    ]);
    expect(await capture(json.signingId, 1)).toMatchObject({ status: 409, json: { detail: 'it is not approved' } });
    await phone.approve(order, byMpin);
    const { json: after } = await portal.call(`/${json.signingId}`);
    expect(after).toMatchObject({ state: 'approved', captured: 0 });
    const history = await (await fetch(`${system.issuer}/.well-known/mtoken-key-history`)).json();
    const { isGenuine, facts } = await verifyReceipt(after.receipts[0], history);
    expect([isGenuine, facts?.title]).toEqual([true, 'Reservation up to a maximum']);
  });

  it('gives no more than its maximum, ever: not one cent more, not by twenty captures at once (T-07)', async () => {
    const id = await approved();
    expect((await capture(id, 40_001)).status).toBe(409);
    const answers = await Promise.all(Array.from({ length: 20 }, () => capture(id, 2_500)));
    expect(answers.map(({ status }) => status).sort()).toEqual([
      ...Array.from({ length: 16 }, () => 200),
      ...Array.from({ length: 4 }, () => 409),
    ]);
    expect((await capture(id, 1)).status).toBe(409);
    expect((await portal.call(`/${id}`)).json.captured).toBe(40_000);
    const trail = await system.server.stores.records.audit.read(0, 100, { event: 'signing.captured' });
    const own = trail.filter(({ data }) => data?.['signingId'] === id);
    expect(own.reduce((sum, { data }) => sum + Number(data?.['amount']), 0)).toBe(40_000);
  });

  it('gives the rest to the cent after a part, and once for a key however often it is sent (T-07, T-09)', async () => {
    const id = await approved();
    const key = randomUUID();
    const parallel = await Promise.all(Array.from({ length: 5 }, () => capture(id, 39_999, { key })));
    // Those that come while the first one is being done are told to come again.
    for (const { status } of parallel) expect([200, 409]).toContain(status);
    expect((await capture(id, 39_999, { key })).json.captured).toBe(39_999);
    expect((await capture(id, 1, { key })).status).toBe(422);
    expect((await capture(id, 2)).status).toBe(409);
    expect((await capture(id, 1)).json.captured).toBe(40_000);
  });

  it('gives a part once although its answer is lost: the key commits with the capture (T-07, T-09)', async () => {
    const id = await approved();
    const { idempotency } = system.server.stores.records;
    const { answer } = idempotency;
    // As a server that dies between the commit and the answer.
    Object.assign(idempotency, { answer: () => Promise.reject(new Error('on purpose')) });
    const key = randomUUID();
    await capture(id, 10_000, { key });
    Object.assign(idempotency, { answer });
    expect((await capture(id, 10_000, { key })).json.type).toBe('urn:mtoken:error:in_progress');
    // Whoever begins a request and dies loses its key after a minute; whoever has done it, never.
    skewMs = 61_000;
    expect((await capture(id, 10_000, { key })).json.type).toBe('urn:mtoken:error:conflict');
    skewMs = 0;
    expect((await portal.call(`/${id}`)).json.captured).toBe(10_000);
  });

  it('gives nothing in another currency or form, to another portal, nor of what is no reservation (T-07, T17)', async () => {
    const id = await approved();
    expect((await capture(id, 1, { currency: 'USD' })).status).toBe(400);
    expect((await capture(id, 1, { currency: 'EUR' })).status).toBe(200);
    for (const wrong of [0, -1, 1.5, '1', '1e2', 1e30, null, undefined, [1]]) {
      expect((await capture(id, wrong)).status, String(wrong)).toBe(400);
    }
    expect((await portal.call(`/${id}/capture`, { body: { amount: 1 }, key: 'short' })).status).toBe(400);
    const other = await portalServer(system);
    expect((await other.call(`/${id}/capture`, { body: { amount: 1 } })).status).toBe(404);
    await other.close();
    const { json } = await portal.ask('payment');
    await phone.approve(await portal.shownTo(phone, json.signingId), byMpin);
    expect(await capture(json.signingId, 1)).toMatchObject({
      status: 409,
      json: { detail: 'it is not a reservation' },
    });
  });

  it('takes no day that is over, or later than its request is kept (T-07)', async () => {
    for (const until of [day(-1), day(91)]) {
      expect((await portal.ask('reservation', { until })).json.detail).toContain('fields/until');
    }
  });
});
