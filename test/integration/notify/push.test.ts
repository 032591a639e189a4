/** Nudges over real HTTP: what the bank's gateway gets, in which order, and what one that misbehaves can do. */
import { createHmac, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { User } from '../../../src/companies/store.ts';
import { suspendUser } from '../../../src/companies/user-status.ts';
import type { Device } from '../../../src/devices/store.ts';
import { resendAllDeadLetters } from '../../../src/notify/dead-letters.ts';
import { notify } from '../../../src/notify/notify.ts';
import { type OutboxWorker, startOutboxWorker } from '../../../src/notify/outbox.ts';
import { purgeOutbox } from '../../../src/notify/purge.ts';
import { pushingRecords } from '../../../src/notify/push.ts';
import { type PushDeps, pushDeliverer } from '../../../src/notify/push-delivery.ts';
import { soon } from '../../soon.ts';
import { addCompany, addDevice, addUser, bank, openWorld, type World } from '../../unit/companies/world.ts';
import { systemEngines } from '../system/engines.ts';
import { deviceIdOf, eventually, mpin, registerPhone, startSystem } from '../system/rig.ts';
import { type Received, type Receiver, startReceiver } from './receiver.ts';

const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`;
const [secret, former] = [newSecret(), newSecret()];
const events = ['mpin.changed', 'biometrics.enabled', 'device.approved'] as const;

vi.setConfig({ testTimeout: 60_000 });

let world: World;
let deps: PushDeps;
let receiver: Receiver;
let workers: OutboxWorker[];
let logged: unknown[];
let user: User;
let phone: Device;

beforeEach(async () => {
  const plain = await openWorld();
  world = { ...plain, records: pushingRecords(plain.records) };
  receiver = await startReceiver();
  const gateway = { url: receiver.url, secrets: [secret, former] };
  deps = { records: world.records, clock: world.clock, gateway, internalHosts: [receiver.host], timeoutMs: 5_000 };
  workers = [];
  logged = [];
  const company = await addCompany(world, { userLimit: 20 });
  user = await addUser(world, company.id, { name: 'Anna Secretary', email: 'anna@bakery.example', status: 'active' });
  phone = await addDevice(world, user, { name: 'Phone of Anna' });
});

afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  await receiver.close();
  await world.stores.close();
});

function start(given: Partial<PushDeps> = {}): void {
  const others = async (): Promise<void> => undefined;
  const { records, shortLived, clock } = world;
  const push = pushDeliverer({ ...deps, ...given });
  const deliverers = {
    email: others,
    backchannel_logout: others,
    backchannel_request: others,
    backchannel_ping: others,
    portal_webhook: others,
    webhook: others,
    push,
  };
  const log = { warn: (...line: unknown[]) => logged.push(line), error: (...line: unknown[]) => logged.push(line) };
  workers.push(
    startOutboxWorker(
      { records, shortLived, clock, deliverers, log },
      // Leases longer than any move of the clock: a delivery under way stays one.
      { pollMs: 5, random: () => 1, leaseMs: 86_400_000 },
    ),
  );
}

const tell = (event: (typeof events)[number], reader = user) =>
  world.records.transaction((records) =>
    notify(records, { event, userId: reader.id, deviceName: 'Phone of Anna' }, world.clock.now()),
  );
const bodyOf = ({ body }: Received) => JSON.parse(body) as { data: { deviceId: string; event: string } };
const nudges = async () => (await world.records.outbox.summary()).find(({ kind }) => kind === 'push');
const rows = () => world.stores.durable.query("select attempts, last_error from outbox where kind = 'push'");

function signatureOf({ headers, body }: Received, key: string): string {
  const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
  const bytes = Buffer.from(key.slice('whsec_'.length), 'base64');
  return `v1,${createHmac('sha256', bytes).update(signed).digest('base64')}`;
}

describe('the gateway', () => {
  it('is told which phone and which event, and nothing else; signed with each secret (M-08, A-09)', async () => {
    start();
    await tell('mpin.changed');
    await soon(() => expect(receiver.received).toHaveLength(1));
    const [request] = receiver.received as [Received];
    const timestamp = new Date(world.clock.now()).toISOString();
    expect(request.body).toBe(
      JSON.stringify({ type: 'push', timestamp, data: { deviceId: phone.id, event: 'mpin.changed' } }),
    );
    expect(Object.keys(request.headers).toSorted()).toEqual([
      'connection',
      'content-length',
      'content-type',
      'host',
      'webhook-id',
      'webhook-signature',
      'webhook-timestamp',
    ]);
    expect(request.headers['webhook-signature']).toBe(
      [signatureOf(request, secret), signatureOf(request, former)].join(' '),
    );
    expect(JSON.stringify(request)).not.toMatch(/anna|bakery|whsec_/i);
  });

  it('that is down for an hour is told everything afterwards, in order for each phone, under one id each (X-03)', async () => {
    const other = await addUser(world, user.companyId, { status: 'active' });
    const others = await addDevice(world, other);
    const badly = [503, 'reset', 'redirect', 'garbage'] as const;
    receiver.manners.push(...Array.from({ length: 500 }, (_, index) => badly[index % badly.length] ?? 503));
    start();
    start();
    for (const event of events) await tell(event);
    await tell('mpin.changed', other);
    for (let minute = 0; minute < 60; minute += 1) {
      const before = await rows();
      world.clock.advance(60_000);
      // While the pauses are shorter than a minute something is due at each.
      if (minute < 5) await soon(async () => expect(await rows()).not.toEqual(before));
    }
    expect((await nudges())?.pending).toBe(4);
    expect(new Set(receiver.received.map((one) => bodyOf(one).data.event))).toEqual(new Set(['mpin.changed']));
    receiver.manners.length = 0;
    const already = receiver.received.length;
    await soon(async () => {
      world.clock.advance(20 * 60_000);
      expect(await nudges()).toBeUndefined();
    });
    const told = receiver.received.slice(already);
    const toldOf = (id: string) =>
      told.filter((one) => bodyOf(one).data.deviceId === id).map((one) => bodyOf(one).data.event);
    expect(toldOf(phone.id)).toEqual([...events]);
    expect(toldOf(others.id)).toEqual(['mpin.changed']);
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(new Set(ids).size).toBe(4);
  });

  it.each([
    [500, 'the gateway answered 500'],
    [401, 'the gateway answered 401'],
    ['redirect', 'the gateway answered 307'],
    ['hang', 'no answer within 500 ms'],
    ['drip', 'no answer within 500 ms'],
  ] as const)('that answers with %s is tried again and followed nowhere (X-10)', async (manner, why) => {
    receiver.manners.push(manner);
    start({ timeoutMs: 500 });
    await tell('mpin.changed');
    await soon(async () => expect(String((await rows())[0]?.['last_error'])).toContain(why));
    world.clock.advance(1_000);
    await soon(async () => expect(await nudges()).toBeUndefined());
    expect(receiver.received.map(({ path }) => path)).toEqual(['/hook', '/hook']);
  });

  it('that knows no way to a phone (410) is not asked again, and told of the next event', async () => {
    receiver.manners.push(410);
    start();
    await tell('mpin.changed');
    await soon(async () => expect(await nudges()).toBeUndefined());
    await tell('biometrics.enabled');
    await soon(() => expect(receiver.received).toHaveLength(2));
    await soon(async () => expect(await nudges()).toBeUndefined());
    expect(receiver.received.map((one) => bodyOf(one).data.event)).toEqual(['mpin.changed', 'biometrics.enabled']);
  });

  it('whose address is wrong (404) leaves dead letters that hold nothing back, are sent again and removed in time (A-13)', async () => {
    receiver.manners.push(404);
    start();
    await tell('mpin.changed');
    await tell('biometrics.enabled');
    await soon(async () => expect(await nudges()).toEqual({ kind: 'push', pending: 0, dead: 1 }));
    expect(receiver.received).toHaveLength(2);
    expect(await world.records.outbox.deadLetters({ limit: 10 })).toMatchObject([
      { kind: 'push', recipient: phone.id, about: 'mpin.changed', attempts: 1 },
    ]);
    expect(await resendAllDeadLetters(world, { kind: 'push', actor: bank })).toBe(1);
    await soon(async () => expect(await nudges()).toBeUndefined());
    expect(bodyOf(receiver.received[2] as Received).data.event).toBe('mpin.changed');
    world.clock.advance(31 * 86_400_000);
    await purgeOutbox(world, { deliveredDays: 30, deadDays: 90 });
    expect(await rows()).toEqual([]);
  });

  it('in a private network that nobody named is not called, nor one whose name leads there (T31, X-10)', async () => {
    const { port } = new URL(receiver.url);
    for (const url of [receiver.url, `http://localhost:${port}/hook`]) {
      const deliver = pushDeliverer({ ...deps, internalHosts: [], gateway: { url, secrets: [secret] } });
      const message = { id: 'box_x', kind: 'push', recipient: phone.id, payload: '{}', attempts: 0, createdAt: 0 };
      await expect(deliver(message as never)).rejects.toThrow(/private address/);
    }
    expect(receiver.received).toEqual([]);
  });

  it('hears nothing of a phone or a user that ended before the nudge was sent', async () => {
    const second = await addDevice(world, user);
    await tell('mpin.changed');
    await world.records.devices.end(phone.id, 'deactivated', world.clock.now(), 'lost');
    start();
    await soon(async () => expect(await nudges()).toBeUndefined());
    expect(receiver.received.map((one) => bodyOf(one).data.deviceId)).toEqual([second.id]);
    await workers.pop()?.stop();
    await tell('biometrics.enabled');
    expect((await nudges())?.pending).toBe(1);
    await suspendUser(world, { userId: user.id, reason: 'left on Friday', actor: bank });
    start();
    await soon(async () => expect(await nudges()).toBeUndefined());
    expect(receiver.received).toHaveLength(1);
  });

  it('that one server does not know of yet is told by another that does', async () => {
    start({ gateway: undefined });
    await tell('mpin.changed');
    await soon(async () =>
      expect(await rows()).toEqual([
        { attempts: 1, last_error: expect.stringContaining('MTOKEN_PUSH_URL is not set') },
      ]),
    );
    await workers.pop()?.stop();
    start();
    world.clock.advance(1_000);
    await soon(async () => expect(await nudges()).toBeUndefined());
    expect(receiver.received).toHaveLength(1);
  });

  it('never finds its secret in a log, a row or a letter, whatever fails (C-13)', async () => {
    receiver.manners.push(500, 'reset', 404);
    start();
    await tell('mpin.changed');
    for (const tries of [1, 2]) {
      await soon(async () => expect((await rows())[0]?.['attempts']).toBe(tries));
      world.clock.advance(tries * 1_000);
    }
    await soon(async () => expect((await nudges())?.dead).toBe(1));
    expect(logged).toHaveLength(3);
    const written = JSON.stringify([logged, await world.stores.durable.query('select * from outbox')]);
    for (const key of [secret, former]) expect(written).not.toContain(key.slice('whsec_'.length));
    expect(written).not.toMatch(/whsec_|anna/i);
  });
});

describe('a server with MTOKEN_PUSH_URL', () => {
  it('nudges the other phone of a user who registers one and changes its mPIN, and not that one (M-08, A-09)', async () => {
    const [engine] = systemEngines();
    const stores = await engine?.open();
    if (stores === undefined) throw new Error('no engine');
    const env = {
      MTOKEN_INTERNAL_WEBHOOKS: receiver.host,
      MTOKEN_PUSH_URL: receiver.url,
      MTOKEN_PUSH_SECRET: secret,
    };
    const system = await startSystem(stores, { env });
    try {
      const first = await registerPhone(system);
      const second = await registerPhone(system);
      const one = await deviceIdOf(first);
      // The first registration nudged nobody, for there was no other phone.
      const has = (event: string) => receiver.received.filter((given) => bodyOf(given).data.event === event);
      await eventually('the nudge of the registration', () => has('device.registered').at(0));
      await second.unlockWithMpin(mpin);
      await second.changeMpin({ oldMpin: mpin, newMpin: '27415' });
      await eventually('the nudge of the change', () => has('mpin.changed').at(0));
      expect(receiver.received.map((given) => bodyOf(given).data)).toEqual([
        { deviceId: one, event: 'device.registered' },
        { deviceId: one, event: 'mpin.changed' },
      ]);
      for (const given of receiver.received)
        expect(given.headers['webhook-signature']).toBe(signatureOf(given, secret));
    } finally {
      await system.close();
      await stores.close();
    }
  });
});
