/** Webhooks over real HTTP: who is told, of what, how it is signed, and what a receiver that misbehaves can do. */
import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { updateCompany } from '../../../src/companies/companies.ts';
import type { Company, User } from '../../../src/companies/store.ts';
import { suspendUser } from '../../../src/companies/user-status.ts';
import { updateUser } from '../../../src/companies/users.ts';
import { deactivateDevice } from '../../../src/devices/devices.ts';
import { resendAllDeadLetters } from '../../../src/notify/dead-letters.ts';
import { type OutboxOptions, type OutboxWorker, startOutboxWorker } from '../../../src/notify/outbox.ts';
import { purgeOutbox } from '../../../src/notify/purge.ts';
import { tryWebhook, type WebhookDeps, webhookDeliverer } from '../../../src/notify/webhook-delivery.ts';
import { tellingRecords } from '../../../src/notify/webhook-events.ts';
import { signedHeaders, webhookSecret } from '../../../src/notify/webhook-signature.ts';
import { createWebhook, rotateWebhook, setWebhookStatus } from '../../../src/notify/webhooks.ts';
import { soon } from '../../soon.ts';
import { addCompany, addDevice, addUser, auditTrail, bank, openWorld, type World } from '../../unit/companies/world.ts';
import { type Received, type Receiver, startReceiver } from './receiver.ts';

let world: World;
let deps: WebhookDeps;
let receiver: Receiver;
let workers: OutboxWorker[];
let company: Company;
let user: User;

beforeEach(async () => {
  const plain = await openWorld();
  world = { ...plain, records: tellingRecords(plain.records) };
  receiver = await startReceiver();
  deps = {
    records: world.records,
    clock: world.clock,
    internalWebhooks: [receiver.host],
    webhookTimeoutMs: 20_000,
  };
  workers = [];
  company = await addCompany(world);
  user = await addUser(world, company.id, { name: 'Anna Secretary', email: 'anna@bakery.example', status: 'active' });
});

afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  await receiver.close();
  await world.stores.close();
});

function start(options: OutboxOptions = {}): void {
  const others = async (): Promise<void> => undefined;
  const { records, shortLived, clock } = world;
  workers.push(
    startOutboxWorker(
      {
        records,
        shortLived,
        clock,
        deliverers: {
          email: others,
          backchannel_logout: others,
          backchannel_request: others,
          backchannel_ping: others,
          portal_webhook: others,
          webhook: webhookDeliverer(deps),
          push: others,
        },
        log: { warn: () => undefined, error: () => undefined },
      },
      { pollMs: 5, random: () => 1, ...options },
    ),
  );
}

const add = (given: Partial<Parameters<typeof createWebhook>[1]> = {}) =>
  createWebhook(deps, { name: 'Fraud desk', url: receiver.url, ...given }, bank);
const suspend = (one = user) => suspendUser(world, { userId: one.id, reason: 'left on Friday', actor: bank });
const eventOf = ({ body }: Received) => JSON.parse(body) as { type: string; timestamp: string; data: object };
const types = () => receiver.received.map((one) => eventOf(one).type);
const webhooks = async () => (await world.records.outbox.summary()).find(({ kind }) => kind === 'webhook');
const lastErrors = async () =>
  (await world.stores.durable.query('select last_error from outbox where kind = $1', ['webhook'])).map(
    (row) => row['last_error'],
  );

function signatureOf({ headers, body }: Received, secret: string): string {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
  return `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
}

describe('the signature of a webhook', () => {
  it('is the one of the Standard Webhooks specification, by its own example', () => {
    const headers = signedHeaders(
      { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', body: '{"test": 2432232314}', at: 1_614_265_330_999 },
      ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
    );
    expect(headers).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('is made with 256 random bits', () => {
    const [one, two] = [webhookSecret(), webhookSecret()];
    expect(one).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(one).not.toBe(two);
  });
});

describe('an event', () => {
  it('is told with ids and time, and without a name, an address or what somebody wrote (A-09, A-13)', async () => {
    const endpoint = await add();
    const device = await addDevice(world, user, { name: 'Phone of Anna' });
    const act = { actor: 'cli', reason: 'lost on Friday', origin: { address: '192.0.2.7' } };
    await deactivateDevice({ ...world, log: { warn: () => undefined } } as never, { deviceId: device.id, ...act });
    start();
    await soon(() => expect(receiver.received).toHaveLength(1));
    const [request] = receiver.received as [Received];
    expect(eventOf(request)).toEqual({
      type: 'device.deactivated',
      timestamp: new Date(world.clock.now()).toISOString(),
      data: { companyId: company.id, userId: user.id, deviceId: device.id },
    });
    expect(request.headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-id': expect.stringMatching(/^box_/),
      'webhook-timestamp': String(Math.floor(world.clock.now() / 1000)),
      'webhook-signature': signatureOf(request, endpoint.secret),
    });
    expect(JSON.stringify(request)).not.toMatch(/anna|friday|192\.0\.2\.7/i);
  });

  it('tells what changed of a policy and of a role: an administrator was added (A-10)', async () => {
    await add();
    await updateCompany(world, {
      companyId: company.id,
      version: 1,
      changes: { userLimit: 7, name: 'New' },
      actor: bank,
    });
    await updateUser(world, {
      userId: user.id,
      version: user.version,
      changes: { role: 'administrator' },
      actor: bank,
    });
    start();
    await soon(() => expect(receiver.received).toHaveLength(2));
    const data = new Map(receiver.received.map((one) => [eventOf(one).type, eventOf(one).data]));
    expect(data.get('company.updated')).toEqual({
      companyId: company.id,
      userLimitBefore: 10,
      userLimitAfter: 7,
    });
    expect(data.get('user.updated')).toEqual({
      companyId: company.id,
      userId: user.id,
      roleBefore: 'user',
      roleAfter: 'administrator',
    });
  });

  it('is told to nobody where the act was rolled back, and kept for a receiver that is down (X-03)', async () => {
    await add();
    const failing = world.records.transaction(async (records) => {
      await records.audit.append({ event: 'user.suspended', actor: 'cli', companyId: company.id }, 1);
      throw new Error('on purpose');
    });
    await expect(failing).rejects.toThrow('on purpose');
    expect(await webhooks()).toBeUndefined();
    receiver.manners.push(503, 503);
    start();
    await suspend();
    for (const tries of [1, 2]) {
      await soon(async () => {
        const rows = await world.stores.durable.query("select attempts, last_error from outbox where kind = 'webhook'");
        expect(rows).toEqual([{ attempts: tries, last_error: 'Error: the receiver answered 503' }]);
      });
      world.clock.advance(tries * 1_000);
    }
    await soon(async () => expect(await webhooks()).toBeUndefined());
    expect(types()).toEqual(['user.suspended', 'user.suspended', 'user.suspended']);
    // One id for all tries, so that the receiver can tell a repeat; a fresh time and signature for each.
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-timestamp'])).size).toBe(3);
  });

  it('is told only to endpoints that asked for it, in the order in which things happened', async () => {
    await add({ events: ['user.restored', 'user.suspended'] });
    const device = await addDevice(world, user);
    await world.records.audit.append(
      { event: 'mpin.changed', actor: 'x', companyId: company.id, deviceId: device.id },
      1,
    );
    for (let round = 0; round < 5; round += 1) {
      for (const event of ['user.suspended', 'user.restored'] as const) {
        await world.records.audit.append({ event, actor: 'x', companyId: company.id, userId: user.id }, 1);
      }
    }
    for (let index = 0; index < 3; index += 1) start();
    await soon(() => expect(receiver.received).toHaveLength(10));
    expect(types()).toEqual(
      Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? 'user.suspended' : 'user.restored')),
    );
  });
});

describe('an endpoint of one company', () => {
  it('is never told of another company, nor of what belongs to none; one of the bank is told of all (T31, T32)', async () => {
    const other = await addCompany(world);
    const stranger = await addUser(world, other.id, { status: 'active' });
    const theirs = await startReceiver();
    deps = { ...deps, internalWebhooks: [receiver.host, theirs.host] };
    try {
      await add({ companyId: other.id, url: theirs.url });
      await add();
      await suspend();
      await suspend(stranger);
      await world.records.audit.append({ event: 'company.created', actor: 'x' }, 1);
      start();
      await soon(() => expect(receiver.received).toHaveLength(3));
      await soon(async () => expect(await webhooks()).toBeUndefined());
      expect(theirs.received.map((one) => eventOf(one).data)).toEqual([{ companyId: other.id, userId: stranger.id }]);
      expect(JSON.stringify(theirs.received)).not.toContain(company.id);
    } finally {
      await theirs.close();
    }
  });

  it('is told nothing of another company by a row that a fault put there (T32)', async () => {
    const other = await addCompany(world);
    const { id } = await add({ companyId: other.id });
    const payload = JSON.stringify({ type: 'user.suspended', timestamp: '', data: { companyId: company.id } });
    await world.records.outbox.enqueue({ kind: 'webhook', recipient: id, payload }, world.clock.now());
    const belongsToNone = JSON.stringify({ type: 'user.suspended', timestamp: '', data: {} });
    await world.records.outbox.enqueue({ kind: 'webhook', recipient: id, payload: belongsToNone }, world.clock.now());
    start();
    await soon(async () => expect((await webhooks())?.dead).toBe(2));
    expect(receiver.received).toEqual([]);
  });
});

describe('a receiver', () => {
  it.each([
    [500, 'the receiver answered 500'],
    [400, 'the receiver answered 400'],
    ['redirect', 'the receiver answered 307'],
    ['reset', 'ECONNRESET'],
    ['garbage', 'Parse Error'],
    ['hang', 'no answer within 1000 ms'],
    ['drip', 'no answer within 1000 ms'],
  ] as const)(
    'that answers with %s is tried again, followed nowhere and waited for only so long (X-10)',
    async (manner, why) => {
      if (why.startsWith('no answer')) deps = { ...deps, webhookTimeoutMs: 1_000 };
      await add();
      receiver.manners.push(manner);
      start();
      await suspend();
      await soon(async () => expect(String((await lastErrors())[0])).toContain(why));
      world.clock.advance(1_000);
      await soon(async () => expect(await webhooks()).toBeUndefined());
      expect(receiver.received.map(({ path }) => path)).toEqual(['/hook', '/hook']);
    },
  );

  it('that sends an endless answer is cut off and has been told (X-10)', async () => {
    await add();
    receiver.manners.push('huge');
    start();
    await suspend();
    await soon(async () => expect(await webhooks()).toBeUndefined());
    expect(receiver.written()).toBeLessThan(20_000_000);
    expect(receiver.received).toHaveLength(1);
  });

  it('that hangs holds back its own messages and nobody else’s', async () => {
    const patient = await startReceiver();
    deps = { ...deps, internalWebhooks: [receiver.host, patient.host], webhookTimeoutMs: 5_000 };
    try {
      await add();
      await add({ url: patient.url });
      receiver.manners.push('hang');
      start();
      await suspend();
      await suspend(await addUser(world, company.id, { status: 'active' }));
      await soon(() => expect(patient.received.length).toBeGreaterThanOrEqual(3));
      expect(receiver.received).toHaveLength(1);
      await workers.pop()?.stop(1);
    } finally {
      await patient.close();
    }
  });

  it('that answers 410 is told nothing more; the trail says why, and what waited is kept (A-10)', async () => {
    const { id } = await add();
    receiver.manners.push(410);
    await suspend();
    await world.records.audit.append({ event: 'user.restored', actor: 'x', companyId: company.id }, 1);
    start();
    await soon(async () => expect((await webhooks())?.dead).toBe(2));
    expect(receiver.received).toHaveLength(1);
    expect(await world.records.webhooks.find(id)).toMatchObject({ status: 'disabled' });
    const [entry] = (await world.records.audit.read(0, 1000)).filter(({ event }) => event === 'webhook.disabled');
    expect(entry).toMatchObject({ actor: 'server', data: { endpointId: id, reason: 'the receiver answered 410' } });
    await suspend(await addUser(world, company.id, { status: 'active' }));
    expect((await webhooks())?.pending).toBe(0);
    await setWebhookStatus(deps, id, { status: 'active', actor: bank });
    expect(await resendAllDeadLetters(world, { kind: 'webhook', actor: bank })).toBe(2);
    await soon(() => expect(types()).toEqual(['user.suspended', 'user.suspended', 'user.restored']));
  });

  it('that is down for days finds dead letters with the reason, which are sent again on demand and removed in time (A-13)', async () => {
    const { id } = await add();
    receiver.manners.push(500, 500);
    start({ maxAttempts: 2 });
    await suspend();
    await soon(async () => expect(await lastErrors()).toEqual(['Error: the receiver answered 500']));
    world.clock.advance(1_000);
    await soon(async () => expect((await webhooks())?.dead).toBe(1));
    expect(await world.records.outbox.deadLetters({ limit: 10 })).toMatchObject([
      {
        kind: 'webhook',
        recipient: id,
        about: 'user.suspended',
        attempts: 2,
        lastError: 'Error: the receiver answered 500',
      },
    ]);
    await resendAllDeadLetters(world, { kind: 'all', actor: bank });
    await soon(() => expect(receiver.received).toHaveLength(3));
    await soon(async () => expect(await webhooks()).toBeUndefined());
    expect(await auditTrail(world.records)).toContain('notification.resent');
    expect(await purgeOutbox(world, { deliveredDays: 30, deadDays: 90 })).toBe(0);
    world.clock.advance(31 * 86_400_000);
    expect(await purgeOutbox(world, { deliveredDays: 30, deadDays: 90 })).toBe(1);
    expect(await world.stores.durable.query('select id from outbox')).toEqual([]);
  });
});

describe('the secret of an endpoint', () => {
  it('is replaced with an overlap in which both sign, and without one at once', async () => {
    const first = await add();
    const second = await rotateWebhook(deps, first.id, { overlapHours: 24, actor: bank });
    expect(second.secret).not.toBe(first.secret);
    const signaturesNow = async (): Promise<(secret: string) => boolean> => {
      const endpoint = await world.records.webhooks.find(first.id);
      if (endpoint === undefined) throw new Error('no endpoint');
      expect(await tryWebhook(deps, endpoint)).toEqual({ isDelivered: true, answer: 'status 204' });
      const request = receiver.received.at(-1) as Received;
      const signatures = String(request.headers['webhook-signature']).split(' ');
      return (secret) => signatures.includes(signatureOf(request, secret));
    };
    const within = await signaturesNow();
    expect([within(first.secret), within(second.secret)]).toEqual([true, true]);
    world.clock.advance(24 * 3_600_000);
    const after = await signaturesNow();
    expect([after(first.secret), after(second.secret)]).toEqual([false, true]);
    await purgeOutbox(world, { deliveredDays: 30, deadDays: 90 });
    expect((await world.records.webhooks.find(first.id))?.previous).toBeUndefined();
    const third = await rotateWebhook(deps, first.id, { overlapHours: 0, actor: bank });
    const once = await signaturesNow();
    expect([once(second.secret), once(third.secret)]).toEqual([false, true]);
    expect(await auditTrail(world.records)).toEqual(expect.arrayContaining(['webhook.created', 'webhook.rotated']));
    expect(JSON.stringify(await world.records.audit.read(0, 1000))).not.toContain('whsec_');
  });
});

describe('the address of an endpoint', () => {
  it.each([
    'https://10.0.0.1/',
    'https://[::1]/',
    'https://169.254.169.254/latest/meta-data',
    'https://2130706433/',
    'http://portal.example/',
    'http://127.0.0.1:1/',
    'https://user:pw@portal.example/',
    'https://portal.example/#x',
    'ftp://portal.example/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'https://',
    'x',
  ])('is refused: %s (P6)', async (url) => {
    await expect(add({ url })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('whose name leads to a private network is not called, however it came to be stored (P6)', async () => {
    const { port } = new URL(receiver.url);
    const endpoint = await add({ url: `https://localhost:${port}/hook` });
    const trial = await tryWebhook(deps, endpoint);
    expect(trial.isDelivered).toBe(false);
    expect(trial.answer).toMatch(/private address/);
    expect(receiver.received).toEqual([]);
  });

  it('is registered by the bank alone, and for companies that exist (X-07)', async () => {
    const confined = { name: 'client:x', companyId: company.id };
    await expect(createWebhook(deps, { name: 'x', url: receiver.url }, confined)).rejects.toMatchObject({
      code: 'access_denied',
    });
    await expect(add({ companyId: 'co_none' })).rejects.toMatchObject({ code: 'not_found' });
    await expect(setWebhookStatus(deps, 'whk_none', { status: 'disabled', actor: bank })).rejects.toMatchObject({
      code: 'not_found',
    });
  });
});
