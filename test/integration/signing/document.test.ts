/** Documents that are signed: the server fetches them from the portal for the phone, and whoever hands out another one cannot pass. */
import { createHash, randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { get } from '../../../src/http/outbound.ts';
import { type ClaimedOrder, isSignedDocument, type Phone } from '../../../src/sdk/index.ts';
import { verifyReceipt } from '../../../src/sdk/receipt.ts';
import { documentEndpoints } from '../../../src/signing/document.ts';
import { addPhone, refusalOf } from '../../unit/mpin/world.ts';
import { callOf } from '../../unit/orders/order-world.ts';
import { samples } from '../../unit/signing/samples.ts';
import { ask as askFor, claimShown, createSigningWorld, type SigningWorld } from '../../unit/signing/signed.ts';
import { type SystemStores, systemEngines } from '../system/engines.ts';
import { mpin, registerPhone, type System, startSystem } from '../system/rig.ts';
import { byMpin, type FileServer, fileServer, type PortalServer, portalServer } from './portal-server.ts';

const text = Buffer.from('Loan agreement 4711\nThe bank lends 10,000.00 EUR.\n');
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
/** As many bytes as the text has, of which a program that unpacks them makes millions. */
const bomb = gzipSync(Buffer.alloc(20_000_000)).subarray(0, text.length);
/** What a portal says of a file that it has. */
const fieldsOf = (bytes: Uint8Array, viewer: string, mediaType = 'text/plain') => ({
  title: 'Loan agreement 4711',
  mediaType,
  size: bytes.length,
  sha256: sha256(bytes),
  viewer,
});

describe('a document of a whole server', () => {
  let stores: SystemStores;
  let system: System;
  let files: FileServer;
  let portal: PortalServer;
  let phone: Phone;

  beforeAll(async () => {
    const engine = systemEngines().at(-1);
    if (engine === undefined) throw new Error('there is no engine');
    stores = await engine.open();
    system = await startSystem(stores);
    files = await fileServer((response) => response.end(text));
    portal = await portalServer(system, [`${files.origin}/callback`]);
    phone = await registerPhone(system);
    await phone.unlockWithMpin(mpin);
  });
  afterAll(async () => {
    await portal.close();
    await files.close();
    await system.close();
    await stores.close();
  });

  const asked = (bytes: Uint8Array, path = '/4711', mediaType?: string) =>
    portal.ask('document', fieldsOf(bytes, `${files.origin}${path}`, mediaType));

  async function claimed(bytes: Uint8Array, mediaType?: string): Promise<ClaimedOrder> {
    const { json } = await asked(bytes, '/4711', mediaType);
    return portal.shownTo(phone, json.signingId);
  }

  it('of eight mebibytes reaches the phone whole, in parts, and its receipt verifies with the file beside it (T-05, T-14)', async () => {
    const large = randomBytes(8 * 1024 * 1024);
    files.answer = (response) => response.end(large);
    const before = files.asked.length;
    const order = await claimed(large, 'application/pdf');
    const document = await phone.document(order);
    expect([document.mediaType, document.title]).toEqual(['application/pdf', 'Loan agreement 4711']);
    expect(large.equals(document.bytes)).toBe(true);
    // The portal is asked once for all parts.
    expect(files.asked.length - before).toBe(1);
    await phone.approve(order, byMpin);
    const { json } = await portal.call(`/${order.descriptor.signing?.id}`);
    const history = await (await fetch(`${system.issuer}/.well-known/mtoken-key-history`)).json();
    const { isGenuine, facts } = await verifyReceipt(json.receipts[0], history);
    expect(isGenuine).toBe(true);
    if (facts?.document === undefined) throw new Error('no document');
    expect(await isSignedDocument(document.bytes, facts.document)).toBe(true);
    const bent = new Uint8Array(document.bytes);
    bent[4_000_000] = (bent[4_000_000] ?? 0) ^ 1;
    expect(await isSignedDocument(bent, facts.document)).toBe(false);
  });

  it('of the portal that is another one by now is not shown, and the trail says so (T-05)', async () => {
    const order = await claimed(text);
    files.answer = (response) => response.end(Buffer.from(text.toString().replace('10,000', '90,000')));
    await expect(phone.document(order)).rejects.toMatchObject({ code: 'document_changed' });
    const trail = await system.server.stores.records.audit.read(0, 10, { event: 'signing.document_changed' });
    expect(trail[0]).toMatchObject({ orderId: order.orderId, clientId: portal.portal.id });
    expect(trail[0]?.data).toMatchObject({ expected: sha256(text) });
    // The right one comes back: nothing of the wrong one was kept.
    files.answer = (response) => response.end(text);
    expect(text.equals((await phone.document(order)).bytes)).toBe(true);
  });

  it('reaches the phone that claimed its order, and no other (T-09)', async () => {
    files.answer = (response) => response.end(text);
    const order = await claimed(text);
    const other = await registerPhone(system);
    await other.unlockWithMpin(mpin);
    // What the SDK would not even send: the description is for another phone.
    await expect(other.document(order)).rejects.toMatchObject({ code: 'server_not_authentic' });
    await other.unlockWithMpin(mpin);
    const before = files.asked.length;
    const payment = await portal.ask('payment');
    const own = await portal.shownTo(other, payment.json.signingId);
    await expect(other.document(own)).rejects.toMatchObject({ code: 'not_found' });
    expect(files.asked.length).toBe(before);
  });

  it('is unreachable while the portal is down, and there again once it is up (X-03)', async () => {
    files.answer = (response) => response.end(text);
    const order = await claimed(text);
    const { port } = files;
    await files.close();
    await expect(phone.document(order)).rejects.toMatchObject({ code: 'document_unreachable' });
    files = await fileServer((response) => response.end(text), port);
    expect((await phone.document(order)).bytes.length).toBe(text.length);
  });

  it('is at an origin of the portal’s own, or nobody is asked: no other scheme, host or port (P6)', async () => {
    const before = files.asked.length;
    for (const viewer of [
      `https://127.0.0.1:${files.port}/4711`,
      `http://localhost:${files.port}/4711`,
      `http://127.0.0.1:${files.port + 1}/4711`,
      'http://127.0.0.1/4711',
      'http://169.254.169.254/latest/meta-data/',
    ]) {
      const { status, json } = await portal.ask('document', fieldsOf(text, viewer));
      expect([status, json.detail], viewer).toEqual([400, expect.stringContaining('fields/viewer')]);
    }
    expect(files.asked.length).toBe(before);
  });

  it('may wait for thirty days, and nothing else may (T-09)', async () => {
    const thirtyDays = 30 * 86_400;
    const waiting = await portal.ask('document', fieldsOf(text, `${files.origin}/4711`), {
      expiresInSeconds: thirtyDays,
    });
    expect(waiting.status).toBe(201);
    expect(waiting.json.expiresAt).toBeGreaterThan(Date.now() + 29 * 86_400_000);
    const until = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
    for (const template of [
      'payment',
      'payment-batch',
      'payee-add',
      'mandate',
      'consent',
      'admin-act',
      'text',
    ] as const) {
      const { status, json } = await portal.ask(template, {}, { expiresInSeconds: thirtyDays });
      expect([status, json.detail], template).toEqual([400, expect.stringContaining('expiresInSeconds')]);
    }
    expect((await portal.ask('reservation', { until }, { expiresInSeconds: thirtyDays })).status).toBe(400);
    const fields = fieldsOf(text, `${files.origin}/4711`);
    expect((await portal.ask('document', fields, { expiresInSeconds: thirtyDays + 1 })).status).toBe(400);
  });
});

describe('a portal that hands out something else', () => {
  let world: SigningWorld;
  let files: FileServer;
  /** Long enough for a portal that answers, on a machine that is busy. */
  const timeoutMs = 1_000;

  beforeAll(async () => {
    world = await createSigningWorld();
    files = await fileServer((response) => response.end(text));
    const client = await world.signing.records.clients.find('business');
    if (client === undefined) throw new Error('no portal');
    await world.signing.records.clients.update({
      ...client,
      metadata: { redirect_uris: [`${files.origin}/callback`] },
    });
  });
  afterAll(async () => {
    await files.close();
    await world.close();
  });
  afterEach(() => {
    files.answer = (response) => response.end(text);
    // What a phone may fetch in a minute it may fetch again.
    world.clock.advance(60_001);
  });

  const drip: FileServer['answer'] = (response) => {
    const drops = setInterval(() => response.write('x'), 50);
    response.once('close', () => clearInterval(drops));
  };

  /** As one process serves it. `internal`: hosts that may be in a private network. */
  function endpointOf(internal: readonly string[] = ['127.0.0.1'], documentTimeoutMs = timeoutMs) {
    const limits = { perAddress: 100, perDevice: 100, perUser: 100, global: 1000 };
    const deps = { ...world.orders, limits, internalPortals: internal, documentTimeoutMs };
    const [endpoint] = documentEndpoints(deps);
    if (endpoint?.access !== 'session') throw new Error('no endpoint');
    return endpoint;
  }

  /** The endpoint, asked by the phone that claimed an order. */
  async function partsOf(endpoint = endpointOf()) {
    const fields = { ...samples.document, ...fieldsOf(text, `${files.origin}/4711`) };
    const client = await world.signing.records.clients.find('business');
    if (client === undefined) throw new Error('no portal');
    const { signingId } = await askFor(world, { template: 'document', client, fields });
    const { orderId } = await claimShown(world, signingId);
    const ask = async (part = 0, phone = world.phone) =>
      endpoint.answer({ ...(await callOf(world, phone)), body: { orderId, part } } as never);
    return Object.assign(ask, { orderId });
  }

  it.each([
    ['a redirect to a system inside', (response) => response.writeHead(302, { location: '/inside' }).end()],
    ['an answer that never begins', () => undefined],
    ['a body that never ends', (response) => void response.writeHead(200).write(text.subarray(0, 10))],
    ['one byte at a time', drip],
    ['a body that goes on and on', (response) => response.end(Buffer.alloc(1_000_000))],
    ['a byte too many', (response) => response.end(Buffer.concat([text, Buffer.from('!')]))],
    ['a byte too few', (response) => response.end(text.subarray(1))],
    [
      'fewer bytes than it announced',
      (response) => void response.writeHead(200, { 'content-length': text.length }).end(text.subarray(1)),
    ],
    ['a packed answer', (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(text))],
    [
      'a few bytes that become very many',
      (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
    ],
    ['what it calls packed', (response) => response.writeHead(200, { 'content-encoding': 'br' }).end(text)],
    ['nothing', (response) => response.writeHead(204).end()],
    ['an error', (response) => response.writeHead(500).end(text)],
    ['a part alone', (response) => response.writeHead(206).end(text)],
    ['no HTTP', (response) => void response.socket?.end('hello\r\n')],
  ] satisfies [string, FileServer['answer']][])('gives no document by %s (P6, X-10)', async (_what, answer) => {
    const part = await partsOf();
    files.answer = answer;
    const before = files.asked.length;
    expect(await refusalOf(part())).toMatchObject({ code: 'document_unreachable' });
    // Asked once, and led nowhere.
    expect(files.asked.slice(before)).toEqual(['/4711']);
    files.answer = (response) => response.end(text);
    expect(await part()).toEqual({ bytes: text.toString('base64url'), parts: 1 });
  });

  it('is told by its hash, and asked anew once what was kept is forgotten (T-05)', async () => {
    const part = await partsOf();
    expect(await part()).toMatchObject({ parts: 1 });
    files.answer = (response) => response.end(Buffer.from(text.toString().replace('10,000', '90,000')));
    expect(await part()).toEqual({ bytes: text.toString('base64url'), parts: 1 });
    world.clock.advance(120_001);
    expect(await refusalOf(part())).toMatchObject({ code: 'document_changed' });
  });

  it('is asked once at a time of an order, however often a phone asks; others wait for their turn (X-10)', async () => {
    const part = await partsOf(endpointOf(undefined, 20_000));
    const before = files.asked.length;
    files.answer = (response) => void setTimeout(() => response.end(text), 100);
    const answers = await Promise.allSettled([part(), part(), part()]);
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const answer of answers) {
      if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ code: 'too_many_requests' });
    }
    expect(files.asked.length - before).toBe(1);
  });

  it('that is slow holds four fetches of a process, and nobody else’s: the fifth is told to come again (X-10)', async () => {
    const endpoint = endpointOf(undefined, 20_000);
    const parts = [];
    for (let count = 0; count < 5; count += 1) parts.push(await partsOf(endpoint));
    files.answer = (response) => void setTimeout(() => response.end(text), 150);
    const answers = await Promise.allSettled(parts.map((part) => part()));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(4);
    const turnedAway = answers.find((answer) => answer.status === 'rejected');
    expect(turnedAway?.reason).toMatchObject({ code: 'too_many_requests', members: { retryAfterSeconds: 2 } });
    expect(await Promise.all(parts.map((part) => part()))).toHaveLength(5);
  });

  it('may not be in a private network unless the operator says so, by number or by name (P6)', async () => {
    const part = await partsOf(endpointOf([]));
    const before = files.asked.length;
    expect(await refusalOf(part())).toMatchObject({ code: 'document_unreachable' });
    const options = { internalHosts: [], timeoutMs, size: 1, accept: 'text/plain' };
    await expect(get(new URL(`http://localhost:${files.port}/`), options)).rejects.toThrow(
      'leads to the private address',
    );
    expect(files.asked.length).toBe(before);
  });

  it('gives nothing once it is disabled or moved, though the order is younger (S-07)', async () => {
    const part = await partsOf();
    const { clients } = world.signing.records;
    const change = async (changed: object) => {
      const client = await clients.find('business');
      if (client !== undefined) await clients.update({ ...client, ...changed });
    };
    const metadata = (await clients.find('business'))?.metadata;
    await change({ status: 'disabled' });
    expect(await refusalOf(part())).toMatchObject({ code: 'document_unreachable' });
    await change({ status: 'active', metadata: { redirect_uris: ['https://elsewhere.example/callback'] } });
    expect(await refusalOf(part())).toMatchObject({ code: 'document_unreachable' });
    await change({ metadata });
    expect(await part()).toMatchObject({ parts: 1 });
    expect(await refusalOf(part(1))).toMatchObject({ code: 'order_unavailable' });
  });

  it('that has lost its file is not asked without end by one phone, and no phone uses up what others may fetch (X-10)', async () => {
    const part = await partsOf();
    files.answer = (response) => response.writeHead(404).end();
    const before = files.asked.length;
    const refusals: string[] = [];
    for (let count = 0; count < 15; count += 1) refusals.push((await refusalOf(part())).code);
    expect([refusals[0], refusals.at(-1), files.asked.length - before]).toEqual([
      'document_unreachable',
      'too_many_requests',
      12,
    ]);
    files.answer = (response) => response.end(text);
    world.clock.advance(60_001);
    expect(await part()).toMatchObject({ parts: 1 });
  });

  it('is kept sealed: who reads the short-lived store reads no document (C-13)', async () => {
    const part = await partsOf();
    await part();
    const kept = await world.signing.shortLived.get(`order-document:{${part.orderId}}:0`);
    expect(kept?.value).toMatch(/^1 v1\./);
    expect(kept?.value).not.toContain(text.toString('base64url').slice(0, 20));
  });

  it('gives its document to the phone that claimed the order, and to no other of the same user (T-09)', async () => {
    const part = await partsOf();
    const other = await addPhone(world);
    const before = files.asked.length;
    expect(await refusalOf(part(0, other))).toMatchObject({ code: 'order_unavailable' });
    expect(files.asked.length).toBe(before);
  });

  it('fills no store: a portal’s files are so many mebibytes in a minute, and the rest wait (X-10)', async () => {
    const part = await partsOf();
    const { shortLived } = world.signing;
    for (let count = 0; count < 256; count += 1) {
      await shortLived.hit('limit:{caller:signing.document:business}', 60_000);
    }
    const before = files.asked.length;
    const { code, members } = await refusalOf(part());
    expect([code, members]).toEqual(['too_many_requests', { retryAfterSeconds: expect.any(Number) }]);
    expect(files.asked.length).toBe(before);
    world.clock.advance(60_001);
    expect(await part()).toMatchObject({ parts: 1 });
  });
});
