/** What a signature costs beside a login, how soon a phone sees what waits, what checking a receipt takes, and batches of ten thousand. */
import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../../src/clock.ts';
import type { Receipt } from '../../src/protocol/receipt.ts';
import { verifyReceipt } from '../../src/sdk/index.ts';
import { openStores } from '../../src/server/stores.ts';
import type { BenchContext, Benchmark } from './benchmark.ts';
import { type FastPhone, fastPhone, findServer } from './fast-phone.ts';
import { type Connections, createConnections } from './http-client.ts';
import { createLoad } from './load.ts';
import { median, percentile, wallMs } from './measure.ts';
import type { Figure } from './report.ts';
import { type ServerProcess, startServer } from './server-process.ts';
import { measureBatch } from './signing-batch.ts';
import { onlyReceipt, type PortalCalls, registerSigningPortal, signingPortal } from './signing-portal.ts';
import { configOf, createWorld, type StorePair, storePairs, type World } from './world.ts';

/** Signatures under way at once. */
const clients = 16;
/** Several, as one portal has 10,000 requests a minute. */
const portalCount = 4;
/** Each user is asked by CIBA three times an hour at most, and no phone claims more than ten times a minute. */
const phoneCount = 600;
/** How long a phone with an empty inbox waits before it asks again, in milliseconds. */
const inboxPause = 100;

const payment = {
  amount: 1250,
  currency: 'EUR',
  creditorName: 'Jansen & Zn',
  creditorIban: 'BE71096123456769',
  debtorIban: 'DE89370400440532013000',
  date: new Date().toISOString().slice(0, 10),
  reference: 'Invoice 2026/118',
};

export const signingBenchmark: Benchmark = {
  name: 'signing',
  about: 'signatures by two doors beside a login, inbox delay, receipts, batches of 10,000',
  needsBuild: true,
  run: async (context) => {
    const figures: Figure[] = [];
    for (const pair of storePairs()) figures.push(...(await measurePair(pair, context)));
    return figures;
  },
};

/** A running server with phones and portals. */
export interface SigningDesk {
  readonly world: World;
  readonly server: ServerProcess;
  readonly connections: Connections;
  readonly phones: readonly { readonly phone: FastPhone; readonly userId: string }[];
  readonly portals: readonly PortalCalls[];
}

async function measurePair(pair: StorePair, context: BenchContext): Promise<Figure[]> {
  context.tell(`signing: ${pair.name}`);
  const world = await createWorld(pair, context.isQuick ? 64 : phoneCount);
  const registered = await registerPortals(world);
  const server = await startServer(world.environment);
  const connections = createConnections(server.port);
  const { issuer } = server;
  const side = await findServer(issuer, connections);
  const desk: SigningDesk = {
    world,
    server,
    connections,
    phones: world.phones.map(({ identity, userId }) => ({ phone: fastPhone(identity, side, world.power), userId })),
    portals: registered.map((portal) => signingPortal(portal, issuer, connections)),
  };
  const benchmark = `signing, ${pair.name}`;
  try {
    const doors = await measureDoors(desk, context);
    const inbox = await measureInbox(desk, context.isQuick ? 5 : 100);
    const receipt = await measureReceipt(desk, context.isQuick ? 20 : 1_000);
    const batch = await measureBatch(desk, context);
    return [...doors, ...inbox, ...receipt, ...batch].map((figure) => ({ benchmark, ...figure }));
  } finally {
    connections.close();
    await server.stop();
    await world.remove();
  }
}

async function registerPortals({ environment }: World) {
  const log = { info: () => undefined, warn: () => undefined };
  const stores = await openStores({ config: configOf(environment), clock: systemClock, log, isServer: false });
  const portals = [];
  for (let index = 0; index < portalCount; index += 1) portals.push(await registerSigningPortal(stores.records));
  await stores.close();
  return portals;
}

type Measured = Omit<Figure, 'benchmark'>;
/** One signature from the portal's request to its receipt. */
type Sign = (turn: number) => Promise<void>;

async function measureDoors(desk: SigningDesk, { seconds, isQuick, tell }: BenchContext): Promise<Measured[]> {
  const { server, world } = desk;
  const part = (1000 * seconds) / 3;
  const load = await createLoad(world, server);
  // A code is good for seconds: a machine that is busy with something else gets a smoke test through with fewer at once.
  const atOnce = isQuick ? 4 : clients;
  await load.times(isQuick ? 16 : 600, atOnce);
  const loop = async (until: number) => (await load.run(atOnce, () => performance.now() >= until)).length;
  const login = await cpuOf(server, loop, part);
  load.close();
  tell('signing: door (c)');
  // Turns go on where the last door ended: no phone has two sessions open, nor claims too often.
  const turns = { next: 0 };
  const api = (turn: number): Promise<void> => signByApi(desk, turn);
  await repeat(desk, api, { turns, until: 0, least: isQuick ? 8 : 300, atOnce });
  const byApi = await cpuOf(server, (until) => repeat(desk, api, { turns, until, atOnce }), part);
  tell('signing: door (b)');
  const asks = { made: 0 };
  const ciba = (turn: number): Promise<void> => signByCiba(desk, turn, asks);
  await repeat(desk, ciba, { turns, until: 0, least: isQuick ? 8 : 150, atOnce });
  const before = asks.made;
  const byCiba = await cpuOf(server, (until) => repeat(desk, ciba, { turns, until, atOnce }), part);
  const questions = (asks.made - before) / byCiba.count;
  return [
    { what: 'CPU of a login, in the same run', value: login.cpuMicros / 1000, unit: 'ms' },
    ...doorFigures('signing API (c)', byApi, { loginMicros: login.cpuMicros, atOnce }),
    ...doorFigures('CIBA (b)', byCiba, { loginMicros: login.cpuMicros, atOnce }),
    { what: 'questions of a phone to its inbox, CIBA (b)', value: questions, unit: 'per signature' },
  ];
}

interface Spent {
  /** Of one. */
  readonly cpuMicros: number;
  readonly count: number;
  readonly perSecond: number;
}

function doorFigures(
  door: string,
  { cpuMicros, perSecond }: Spent,
  { loginMicros, atOnce }: { readonly loginMicros: number; readonly atOnce: number },
): Measured[] {
  return [
    { what: `signatures per second and core, ${door}`, value: 1e6 / cpuMicros, unit: '/s' },
    { what: `CPU of a signature, unlock included, ${door}`, value: cpuMicros / 1000, unit: 'ms' },
    { what: `the same / CPU of a login, ${door}`, value: cpuMicros / loginMicros, unit: '×' },
    { what: `signatures per second, ${atOnce} clients on the same machine, ${door}`, value: perSecond, unit: '/s' },
  ];
}

/** CPU of the server for one of what `work` does until its time is over; `work` answers how many. */
async function cpuOf(
  server: ServerProcess,
  work: (until: number) => Promise<number>,
  milliseconds: number,
): Promise<Spent> {
  const before = await server.cpuMicros();
  const startedAt = performance.now();
  const count = await work(startedAt + milliseconds);
  const elapsed = (performance.now() - startedAt) / 1000;
  return { cpuMicros: ((await server.cpuMicros()) - before) / count, count, perSecond: count / elapsed };
}

interface Until {
  readonly turns: { next: number };
  /** As `performance.now()` tells it. */
  readonly until: number;
  /** So many are made in any case. */
  readonly least?: number;
  readonly atOnce?: number;
}

/** Signs in several loops at once, each turn by the next phone; answers how many were signed. */
async function repeat(
  { phones }: SigningDesk,
  sign: Sign,
  { turns, until, least = 0, atOnce = clients }: Until,
): Promise<number> {
  let count = 0;
  const loop = async (): Promise<void> => {
    while (count < least || performance.now() < until) {
      count += 1;
      const turn = turns.next;
      turns.next += 1;
      await sign(turn % phones.length);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, loop));
  return count;
}

function placesOf({ phones, portals }: SigningDesk, turn: number) {
  const [phone, portal] = [phones[turn % phones.length], portals[turn % portals.length]];
  if (phone === undefined || portal === undefined) throw new Error('there is no phone or no portal');
  return { ...phone, portal };
}

async function signByApi(desk: SigningDesk, turn: number): Promise<void> {
  const { phone, userId, portal } = placesOf(desk, turn);
  const { signingId } = await portal.create({ userId, template: 'payment', fields: payment });
  await phone.unlock();
  const { qr } = await portal.frame(signingId);
  await phone.sign(await phone.claim(qr));
  onlyReceipt(await portal.read(signingId));
}

async function signByCiba(desk: SigningDesk, turn: number, asks: { made: number }): Promise<void> {
  const { phone, userId, portal } = placesOf(desk, turn);
  const authReqId = await portal.askByCiba({ userId, template: 'payment', fields: payment });
  await phone.unlock();
  for (;;) {
    asks.made += 1;
    const [signingId] = await phone.inbox();
    if (signingId !== undefined) {
      await phone.sign(await phone.claimWaiting(signingId));
      onlyReceipt(await portal.read(await portal.redeem(authReqId)));
      return;
    }
    await wait(inboxPause);
  }
}

/** From sending the request to the first answer of the inbox that has it, for a phone that asks without a pause. */
async function measureInbox(desk: SigningDesk, times: number): Promise<Measured[]> {
  const figures: Measured[] = [];
  const doors = [
    ['signing API (c)', (portal: PortalCalls, userId: string) => portal.create(asked(userId)).then(() => undefined)],
    ['CIBA (b)', (portal: PortalCalls, userId: string) => portal.askByCiba(asked(userId)).then(() => undefined)],
  ] as const;
  for (const [door, ask] of doors) {
    const delays: number[] = [];
    for (let turn = 0; turn < times; turn += 1) {
      // Those at the end of the row were asked least.
      const { phone, userId, portal } = placesOf(desk, desk.phones.length - 1 - (turn % desk.phones.length));
      await phone.unlock();
      for (const signingId of await phone.inbox()) await phone.sign(await phone.claimWaiting(signingId));
      delays.push(await wallMs(() => Promise.all([ask(portal, userId), seen(phone)])));
      for (const signingId of await phone.inbox()) await phone.sign(await phone.claimWaiting(signingId));
    }
    figures.push(
      { what: `asked → seen in the inbox, median, ${door}`, value: median(delays), unit: 'ms' },
      { what: `asked → seen in the inbox, p95, ${door}`, value: percentile(delays, 0.95), unit: 'ms' },
    );
  }
  return figures;
}

function asked(userId: string) {
  return { userId, template: 'payment', fields: payment };
}

async function seen(phone: FastPhone): Promise<void> {
  while ((await phone.inbox()).length === 0) await wait(5);
}

/**
 * What `mtoken verify`, the page and the SDK do: everything of it, from the two documents as they are read. As at a portal the key history
 * is the same every time, and the phones are not: they are more than a verifier keeps the keys of.
 */
async function measureReceipt(desk: SigningDesk, times: number): Promise<Measured[]> {
  const receipts: Receipt[] = [];
  for (let turn = 0; turn < Math.min(48, times); turn += 1) receipts.push(await signedReceipt(desk, turn));
  const { text } = await desk.connections.send({ method: 'GET', path: '/.well-known/mtoken-key-history' });
  const history: unknown = JSON.parse(text);
  const measured: number[] = [];
  for (let turn = 0; turn < times; turn += 1) {
    measured.push(
      await wallMs(async () => {
        const { isGenuine } = await verifyReceipt(receipts[turn % receipts.length], history);
        if (!isGenuine) throw new Error('a receipt of this server is not genuine');
      }),
    );
  }
  return [{ what: 'a receipt checked, median', value: median(measured), unit: 'ms', goal: { atMost: 1 } }];
}

async function signedReceipt(desk: SigningDesk, turn: number): Promise<Receipt> {
  const { phone, userId, portal } = placesOf(desk, turn);
  const { signingId } = await portal.create(asked(userId));
  await phone.unlock();
  await phone.sign(await phone.claimWaiting(signingId));
  return onlyReceipt(await portal.read(signingId));
}
