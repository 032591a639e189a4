/** What cannot be recorded does not happen: the trail's table is taken away under a running server. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyTrail } from '../../../src/audit/trail.ts';
import { everySystemEngine, type SystemStores } from '../system/engines.ts';
import { logIn, openLoginPage, scan } from '../system/login.ts';
import {
  addAdminClient,
  adminToken,
  deviceIdOf,
  mpin,
  registerPhone,
  type System,
  startSystem,
} from '../system/rig.ts';
import { type RawAnswer, send } from '../system/wire.ts';

describe.each(everySystemEngine())('a trail that cannot be written, on $name', (engine) => {
  let stores: SystemStores;
  let system: System;
  let token: string;

  beforeAll(async () => {
    stores = await engine.open();
    system = await startSystem(stores);
    token = await adminToken(system, await addAdminClient(system.server));
  });
  afterAll(async () => {
    await system.close();
    await stores.close();
  });

  const records = () => system.server.stores.records;

  /** Does the work while no audit record can be written. */
  async function unrecorded<T>(work: () => Promise<T>): Promise<T> {
    const { durable } = system.server.stores;
    await durable.run('alter table audit_events rename to audit_events_away');
    try {
      return await work();
    } finally {
      await durable.run('alter table audit_events_away rename to audit_events');
    }
  }

  function call(method: string, path: string, body?: unknown): Promise<RawAnswer> {
    return send(system.adminUrl, {
      method,
      path: `/admin/v1${path}`,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  it('stops an act of administration: no company is made, no device deactivated, no byte exported (A-10)', async () => {
    const phone = await registerPhone(system);
    const deviceId = await deviceIdOf(phone);
    const { seq } = await records().audit.head();
    const answers = await unrecorded(async () => [
      await call('POST', '/companies', { name: 'Unrecorded Ltd' }),
      await call('POST', `/devices/${deviceId}/deactivate`, { reason: 'lost' }),
      await call('GET', '/audit/export'),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([500, 500, 500]);
    for (const { text } of answers) expect(text).not.toMatch(/audit|table|"seq"/);
    const companies = await call('GET', '/companies?limit=200');
    expect(companies.text).not.toContain('Unrecorded Ltd');
    expect(await records().devices.find(deviceId)).toMatchObject({ status: 'active' });
    expect((await records().audit.head()).seq).toBe(seq);
    await phone.unlockWithMpin(mpin);
    expect((await call('POST', `/devices/${deviceId}/deactivate`, { reason: 'lost' })).status).toBe(200);
  });

  it('stops an unlock: no session is opened, and the attempt that it took is not forgotten (A-01)', async () => {
    const phone = await registerPhone(system);
    await expect(unrecorded(() => phone.unlockWithMpin(mpin))).rejects.toBeDefined();
    await expect(phone.listDevices()).rejects.toBeDefined();
    await phone.unlockWithMpin(mpin);
    expect((await phone.listDevices()).length).toBeGreaterThan(0);
  });

  it('stops an approval: the portal gets no login, and the same order can be approved once it can be recorded (A-11)', async () => {
    const phone = await registerPhone(system);
    await phone.unlockWithMpin(mpin);
    const login = await openLoginPage(system.portal);
    const order = await scan(login, phone);
    await expect(unrecorded(() => phone.approve(order))).rejects.toBeDefined();
    const approvals = (
      await records().audit.search({ event: 'order.approved' }, { order: 'newest', limit: 10 })
    ).filter(({ orderId }) => orderId === order.orderId);
    expect(approvals).toEqual([]);
    const { tokens } = await logIn(system.portal, phone);
    expect(tokens).toBeDefined();
  });

  it('leaves a trail without a gap', async () => {
    expect(await verifyTrail(records())).toMatchObject({ outcome: 'intact' });
  });
});
