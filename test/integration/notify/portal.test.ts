/** A portal's own webhook over real HTTP: what it is told of its requests to sign, how that is signed, and what others get of it. */
import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resendAllDeadLetters } from '../../../src/notify/dead-letters.ts';
import { type OutboxWorker, startOutboxWorker } from '../../../src/notify/outbox.ts';
import { portalWebhookDeliverer } from '../../../src/notify/portal-delivery.ts';
import { rotatePortalWebhook, tellPortalWhenEnded } from '../../../src/notify/portal-webhooks.ts';
import type { ClientWithSecret } from '../../../src/oidc/clients.ts';
import { createClient, disableClient, updateClient } from '../../../src/oidc/clients.ts';
import type { SigningDoor, SigningRequest, SigningStatus } from '../../../src/signing/store.ts';
import { soon } from '../../soon.ts';
import { auditTrail, bank, openWorld, type World } from '../../unit/companies/world.ts';
import { type Received, type Receiver, startReceiver } from './receiver.ts';

let world: World;
let receiver: Receiver;
let workers: OutboxWorker[];

beforeEach(async () => {
  world = await openWorld();
  receiver = await startReceiver();
  workers = [];
});
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  await receiver.close();
  await world.stores.close();
});

const add = (metadata: Record<string, unknown> = {}, id = 'portal'): Promise<ClientWithSecret> => {
  const all = { redirect_uris: ['https://portal.example/callback'], signing_webhook_uri: receiver.url, ...metadata };
  return createClient(world, { id, kind: 'portal', name: 'Portal', metadata: all }, bank);
};

function start(internalHosts: readonly string[] = [receiver.host]): void {
  const others = async (): Promise<void> => undefined;
  const { records, shortLived, clock } = world;
  const deliverers = {
    email: others,
    backchannel_logout: others,
    backchannel_request: others,
    backchannel_ping: others,
    webhook: others,
    portal_webhook: portalWebhookDeliverer({ records, clock, internalHosts, webhookTimeoutMs: 20_000 }),
    push: others,
  };
  const log = { warn: () => undefined, error: () => undefined };
  workers.push(startOutboxWorker({ records, shortLived, clock, deliverers, log }, { pollMs: 5, random: () => 1 }));
}

let count = 0;
/** A request that ends now, as signing tells of it. */
async function end(status: SigningStatus, { door = 'api' as SigningDoor, clientId = 'portal' } = {}): Promise<string> {
  count += 1;
  const at = world.clock.now();
  const request = {
    id: `sig_${count}`,
    clientId,
    door,
    reference: 'payment-4711',
    display: { text: 'Payment of 1,250.00 EUR to Jansen' },
    status,
    endedAt: at,
    expiresAt: at,
  } as unknown as SigningRequest;
  await world.records.transaction((records) => tellPortalWhenEnded(records, request));
  return request.id;
}

function signatureOf({ headers, body }: Received, secret = ''): string {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
  return `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
}

const arrived = (many: number): Promise<Received[]> =>
  soon(() => {
    expect(receiver.received.length).toBeGreaterThanOrEqual(many);
    return [...receiver.received];
  });

/** Until the first message has failed so often, and why. */
const failed = (attempts: number, why: string): Promise<void> =>
  soon(async () => {
    const [row] = await world.stores.durable.query('select attempts, last_error from outbox', []);
    expect(row).toMatchObject({ attempts, last_error: expect.stringContaining(why) });
  });

describe('a portal’s webhook', () => {
  it('is told how each request ended, in order and by id, and nothing of what it says (A-09)', async () => {
    const { webhookSecret } = await add();
    const states = ['approved', 'declined', 'reported', 'expired', 'cancelled'] as const;
    const ids: string[] = [];
    for (const state of states) ids.push(await end(state));
    receiver.manners.push(500);
    start();
    await soon(async () => {
      const rows = await world.stores.durable.query('select attempts from outbox where attempts = 1', []);
      expect(rows).toHaveLength(1);
    });
    world.clock.advance(1_000);
    const all = await arrived(6);
    // The first came twice, and the others waited for it.
    expect(all[0]?.body).toBe(all[1]?.body);
    const told = all.slice(1).map(({ body }) => JSON.parse(body) as object);
    expect(told).toEqual(
      states.map((state, index) => ({
        type: `signing.${state}`,
        timestamp: expect.stringMatching(/Z$/),
        data: { signingId: ids[index], reference: 'payment-4711', state },
      })),
    );
    for (const one of all) expect(one.headers['webhook-signature']).toBe(signatureOf(one, webhookSecret));
    expect(JSON.stringify(all)).not.toMatch(/1,250|Jansen/);
  });

  it('is not told that a request by CIBA merely expired: of a user who does not exist it would hear nothing (O-18)', async () => {
    await add();
    await end('expired', { door: 'backchannel' });
    const id = await end('declined', { door: 'backchannel' });
    start();
    const [only] = await arrived(1);
    expect(JSON.parse(only?.body ?? '')).toMatchObject({ data: { signingId: id } });
  });

  it('is signed by both secrets until the overlap ends, then by the new one alone; rotation is the bank’s (C-13)', async () => {
    const { webhookSecret } = await add();
    await expect(
      rotatePortalWebhook(world, 'portal', { actor: { name: 'client:acme', companyId: 'co_1' } }),
    ).rejects.toMatchObject({ code: 'access_denied' });
    const { secret } = await rotatePortalWebhook(world, 'portal', { overlapHours: 1, actor: bank });
    await end('approved');
    start();
    const [first] = await arrived(1);
    expect(first?.headers['webhook-signature']).toBe(
      `${signatureOf(first as Received, secret)} ${signatureOf(first as Received, webhookSecret)}`,
    );
    world.clock.advance(3_600_000);
    await end('approved');
    const [, second] = await arrived(2);
    expect(second?.headers['webhook-signature']).toBe(signatureOf(second as Received, secret));
    expect((await auditTrail(world.records)).filter((event) => event === 'webhook.rotated')).toHaveLength(1);
    await expect(rotatePortalWebhook(world, 'nobody', { actor: bank })).rejects.toMatchObject({ code: 'not_found' });
  });

  it('shows its secret once: a change of anything else makes none, taking it away erases it (C-13)', async () => {
    const { client, webhookSecret } = await add();
    expect(webhookSecret).toMatch(/^whsec_/);
    const { metadata } = client;
    const renamed = await updateClient(world, 'portal', {
      change: { version: 1, name: 'Other', metadata },
      actor: bank,
    });
    expect(renamed.webhookSecret).toBeUndefined();
    const { signing_webhook_uri: _uri, ...without } = metadata;
    await updateClient(world, 'portal', { change: { version: 2, metadata: without }, actor: bank });
    expect(await world.records.portalWebhooks.find('portal')).toBeUndefined();
    const again = await updateClient(world, 'portal', { change: { version: 3, metadata }, actor: bank });
    expect(again.webhookSecret).toMatch(/^whsec_/);
    expect(again.webhookSecret).not.toBe(webhookSecret);
  });

  it('in a private network is not called unless the bank says so, and no redirect is followed (SSRF, C-07)', async () => {
    await add();
    await end('approved');
    start([]);
    await failed(1, 'private address');
    expect(receiver.received).toEqual([]);
    await workers[0]?.stop();
    receiver.manners.push('redirect');
    start();
    world.clock.advance(1_000);
    await failed(2, 'answered 307');
    world.clock.advance(2_000);
    const all = await arrived(2);
    expect(all.map(({ path }) => path)).toEqual(['/hook', '/hook']);
  });

  it('that answers 410, or whose portal was switched off, leaves dead letters that can be seen and sent again (A-13)', async () => {
    await add();
    receiver.manners.push(410);
    await end('approved');
    start();
    const dead = () => world.records.outbox.deadLetters({ limit: 10 });
    await soon(async () => expect(await dead()).toHaveLength(1));
    expect((await dead())[0]).toMatchObject({ kind: 'portal_webhook', recipient: 'portal', about: 'signing.approved' });
    expect(await resendAllDeadLetters(world, { kind: 'portal_webhook', actor: bank })).toBe(1);
    await arrived(2);
    await workers[0]?.stop();
    await end('declined');
    await disableClient(world, 'portal', bank);
    start();
    await soon(async () => expect((await dead())[0]?.lastError).toContain('no webhook any more'));
    // Of what ends from then on it is told nothing.
    await end('approved');
    expect((await world.records.outbox.summary()).find(({ kind }) => kind === 'portal_webhook')).toMatchObject({
      pending: 0,
      dead: 1,
    });
  });
});
