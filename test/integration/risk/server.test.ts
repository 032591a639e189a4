/** Risk in a whole server: the engine of its configuration, the rules by its admin API, and what a portal is told. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Phone } from '../../../src/sdk/index.ts';
import { type PortalServer, portalServer } from '../signing/portal-server.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import { mpin, registerPhone, type System, startSystem } from '../system/rig.ts';
import { startEngine, type TestEngine } from './engine.ts';

let engine: TestEngine;
let stores: SystemStores;
let system: System;
let server: PortalServer;
let phone: Phone;

beforeAll(async () => {
  const [first] = systemEngines();
  if (first === undefined) throw new Error('there is no engine');
  engine = await startEngine();
  stores = await first.open();
  const env = {
    MTOKEN_RISK_URL: engine.url,
    MTOKEN_RISK_SECRET: `whsec_${randomBytes(32).toString('base64')}`,
    MTOKEN_INTERNAL_WEBHOOKS: engine.host,
  };
  system = await startSystem(stores, { env });
  server = await portalServer(system);
  phone = await registerPhone(system);
  await phone.unlockWithMpin(mpin);
});
afterAll(async () => {
  await server.close();
  await system.close();
  await stores.close();
  await engine.close();
});

describe('a server with a risk engine', () => {
  it('refuses what the engine denies with a problem that names no reason, in the inbox nothing (A-08)', async () => {
    engine.manner = { answer: 'deny', reasons: ['known_fraud'] };
    const { status, json } = await server.ask('payment');
    expect([status, json.type, json.detail]).toEqual([403, 'urn:mtoken:error:risk_denied', undefined]);
    expect(JSON.stringify(json)).not.toMatch(/fraud|reason/);
    expect(await phone.inbox()).toEqual([]);
  });

  it('shows what warned on the phone, and takes the mPIN alone where the engine asks for it (A-08)', async () => {
    engine.manner = { answer: 'step-up', reasons: ['known_fraud'] };
    const { json } = await server.ask('payment');
    const order = await server.shownTo(phone, json.signingId);
    expect(order.descriptor).toMatchObject({
      mpinOnly: true,
      signing: { warnings: ['new_device', 'new_payee', 'known_fraud'] },
    });
    await phone.approve(order, { method: 'mpin', mpin });
    expect((await server.call(`/${json.signingId}`)).json).toMatchObject({ state: 'approved' });
    engine.manner = { answer: 'allow', reasons: [] };
    const again = await server.shownTo(phone, (await server.ask('payment')).json.signingId);
    expect(again.descriptor.signing?.warnings).toEqual(['new_device']);
    expect(again.descriptor.mpinOnly).toBeUndefined();
  });

  it('says to a portal that it may try again where the engine does not answer (A-08)', async () => {
    engine.manner = 'reset';
    const { status, json } = await server.ask('payment');
    expect([status, json.type]).toEqual([403, 'urn:mtoken:error:risk_denied']);
    expect(json.detail).toMatch(/try again later/);
  });
});
