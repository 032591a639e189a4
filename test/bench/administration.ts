/** What administrators and the people whom they tell wait for, and what the audit trail costs a login. */
import { randomInt } from 'node:crypto';
import { systemClock } from '../../src/clock.ts';
import { randomId } from '../../src/crypto/random.ts';
import { wakeOutbox } from '../../src/notify/outbox.ts';
import { createClient } from '../../src/oidc/clients.ts';
import { openStores, type Stores } from '../../src/server/stores.ts';
import type { BenchContext, Benchmark } from './benchmark.ts';
import { operatorToken } from './emergency-rounds.ts';
import { addOperator, type LogoutReceiver, type Operator, startLogoutReceiver } from './emergency-world.ts';
import { fastPhone, findServer } from './fast-phone.ts';
import { type Connections, createConnections } from './http-client.ts';
import { createLoad } from './load.ts';
import { median, percentile, wallMs } from './measure.ts';
import { type PartsRole, startParts } from './parts-process.ts';
import type { Figure } from './report.ts';
import { type Environment, type ServerProcess, serverEnvironment, startServer } from './server-process.ts';
import { configOf, createWorld, type StorePair, storePairs, type World } from './world.ts';

const userCount = 100_000;
const usersAtOnce = 500;

export const administrationBenchmark: Benchmark = {
  name: 'administration',
  about: 'admin lists of 100,000 users, deactivation to death, outbox, cost of the trail',
  needsBuild: true,
  run: async (context) => {
    const figures: Figure[] = [];
    for (const pair of storePairs()) {
      figures.push(...(await measureRunning(pair, context)), ...(await measureTrail(pair, context)));
    }
    return figures;
  },
};

/** A running server, with what is needed to fill its stores and to ask it. */
interface Desk {
  readonly pair: StorePair;
  readonly world: World;
  readonly stores: Stores;
  readonly server: ServerProcess;
  readonly admin: Connections;
  readonly operator: Operator;
  readonly receiver: LogoutReceiver;
}

async function measureRunning(pair: StorePair, context: BenchContext): Promise<Figure[]> {
  context.tell(`administration: ${pair.name}`);
  const world = await createWorld(pair, context.isQuick ? 4 : 32);
  const receiver = await startLogoutReceiver();
  const environment: Environment = { ...world.environment, MTOKEN_INTERNAL_PORTALS: '127.0.0.1' };
  const log = { info: () => undefined, warn: () => undefined };
  const stores = await openStores({ config: configOf(environment), clock: systemClock, log, isServer: false });
  const companyId = await fill(stores, context.isQuick ? 2_000 : userCount, context);
  const operator = await addOperator(stores.records);
  const server = await startServer(environment);
  const admin = createConnections(Number(environment['MTOKEN_ADMIN_PORT']));
  const desk: Desk = { pair, world, stores, server, admin, operator, receiver };
  try {
    const lists = await measureLists(desk, companyId, context.isQuick ? 20 : 300);
    const outbox = await measureOutbox(desk, context.isQuick ? 50 : 2_000);
    // One server alone has the embedded stores.
    const deaths = pair.name.startsWith('SQLite') ? [] : await measureDeaths(desk, environment);
    return [...lists, ...deaths, ...outbox];
  } finally {
    admin.close();
    await server.stop();
    await stores.close();
    await receiver.close();
    await world.remove();
  }
}

/** Users of one company that the world has; answers its id. */
async function fill({ records }: Stores, count: number, { tell }: BenchContext): Promise<string> {
  const [company] = await records.companies.list({ limit: 1 });
  if (company === undefined) throw new Error('the world has no company');
  tell(`administration: ${count} users`);
  for (let first = 0; first < count; first += usersAtOnce) {
    await records.transaction(async (within) => {
      for (let index = first; index < Math.min(count, first + usersAtOnce); index += 1) {
        await within.users.insert({
          id: randomId('usr'),
          companyId: company.id,
          name: `Person ${index} Example`,
          email: `person${index}@many.example`,
          role: 'user',
          permissions: 'full',
          locale: 'en',
          language: undefined,
          staffRole: undefined,
          document: undefined,
          status: 'active',
          createdAt: systemClock.now(),
          version: 1,
        });
      }
    });
  }
  return company.id;
}

async function ask({ world, server, admin, operator }: Desk): Promise<(path: string) => Promise<string>> {
  const issuer = world.environment.MTOKEN_ISSUER;
  const token = await operatorToken({ operator, issuer }, `http://127.0.0.1:${server.port}`);
  return async (path) => {
    const answer = await admin.send({ method: 'GET', path, headers: { authorization: `Bearer ${token}` } });
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.text}`);
    return answer.text;
  };
}

async function measureLists(desk: Desk, companyId: string, times: number): Promise<Figure[]> {
  const get = await ask(desk);
  const users = `/admin/v1/users?limit=50`;
  const wanted: Readonly<Record<string, () => string>> = {
    'a page of users, anywhere in the list': () => `${users}&after=${randomId('usr')}`,
    'the same, of one company': () => `${users}&companyId=${companyId}&after=${randomId('usr')}`,
    'search by a part of a name': () => `${users}&search=${encodeURIComponent(`Person ${randomInt(userCount)}`)}`,
    'search by an e-mail address': () => `${users}&search=person${randomInt(userCount)}%40many.example`,
  };
  const figures: Figure[] = [];
  for (const [what, path] of Object.entries(wanted)) {
    await get(path());
    const measured: number[] = [];
    for (let turn = 0; turn < times; turn += 1) measured.push(await wallMs(() => get(path())));
    figures.push(...spread(`administration, ${desk.pair.name}`, what, measured, { atMost: 100 }));
  }
  return figures;
}

function spread(benchmark: string, what: string, times: readonly number[], goal: Figure['goal']): Figure[] {
  return [
    { benchmark, what: `${what}, median`, value: percentile(times, 0.5), unit: 'ms' },
    { benchmark, what: `${what}, p95`, value: percentile(times, 0.95), unit: 'ms', ...(goal && { goal }) },
  ];
}

/** From sending the deactivation at one process until both others have refused the phone. */
async function measureDeaths(desk: Desk, environment: Environment): Promise<Figure[]> {
  const { world, admin, operator, server } = desk;
  const issuer = world.environment.MTOKEN_ISSUER;
  const others = [await startAnother(environment), await startAnother(environment)];
  const token = await operatorToken({ operator, issuer }, `http://127.0.0.1:${server.port}`);
  const connections = others.map(({ port }) => createConnections(port));
  const times: number[] = [];
  for (const { identity } of world.phones) {
    const phones = await Promise.all(
      connections.map(async (one) => fastPhone(identity, await findServer(issuer, one), world.power)),
    );
    for (const phone of phones) await phone.unlock();
    const path = `/admin/v1/devices/${identity.deviceId}/deactivate`;
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    times.push(
      await wallMs(async () => {
        const { status } = await admin.send({ method: 'POST', path, headers, body: '{"reason":"lost"}' });
        if (status !== 200) throw new Error(`a deactivation was answered with ${status}`);
        await Promise.all(phones.map(refused));
      }),
    );
  }
  for (const one of connections) one.close();
  for (const other of others) await other.stop();
  const benchmark = `administration, ${desk.pair.name}`;
  return spread(benchmark, 'deactivation sent → refused by two other processes', times, { atMost: 1000 });
}

async function startAnother(environment: Environment): Promise<ServerProcess> {
  const { MTOKEN_PORT: port = '', MTOKEN_ADMIN_PORT: adminPort = '' } = await serverEnvironment();
  return startServer({ ...environment, MTOKEN_PORT: port, MTOKEN_ADMIN_PORT: adminPort });
}

async function refused(phone: { unlock(): Promise<void> }): Promise<void> {
  for (;;) {
    const isOpen = await phone.unlock().then(
      () => true,
      () => false,
    );
    if (!isOpen) return;
  }
}

/** Logout tokens: many at once for the rate, one at a time for the delay. */
async function measureOutbox({ pair, stores, receiver }: Desk, count: number): Promise<Figure[]> {
  const { records, shortLived } = stores;
  const metadata = { redirect_uris: ['http://localhost:9/callback'], backchannel_logout_uri: receiver.uri };
  const input = { kind: 'portal', name: 'Told', metadata } as const;
  const { client } = await createClient({ records, clock: systemClock }, input, { name: 'bench' });
  const enqueue = async (sids: readonly string[]): Promise<void> => {
    await records.transaction(async (within) => {
      for (const sid of sids) {
        const payload = JSON.stringify({ clientId: client.id, sub: 'usr_x', sid });
        const message = { kind: 'backchannel_logout', recipient: client.id, payload } as const;
        await within.outbox.enqueue(message, systemClock.now());
      }
    });
    await wakeOutbox(shortLived);
  };
  const single: number[] = [];
  // What is written beside an embedded server is found by its look-out alone: no delay of anything real.
  const isTold = !pair.name.startsWith('SQLite');
  for (let turn = 0; isTold && turn < Math.min(50, count); turn += 1) {
    const sid = randomId('ses');
    single.push(await wallMs(async () => enqueue([sid]).then(() => arrived(receiver, [sid]))));
  }
  const sids = Array.from({ length: count }, () => randomId('ses'));
  const time = await wallMs(async () => enqueue(sids).then(() => arrived(receiver, sids)));
  const benchmark = `administration, ${pair.name}`;
  return [
    { benchmark, what: 'logout tokens through the outbox of one process', value: (1000 * count) / time, unit: '/s' },
    ...(isTold ? spread(benchmark, 'event committed → logout token at the portal', single, undefined) : []),
  ];
}

async function arrived({ sids }: LogoutReceiver, wanted: readonly string[]): Promise<void> {
  while (!wanted.every((sid) => sids.has(sid))) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** CPU of a login with the trail over one without, in turns, in one run. */
async function measureTrail(pair: StorePair, { isQuick, tell }: BenchContext): Promise<Figure[]> {
  tell(`administration: the trail's part of a login, ${pair.name}`);
  const ratios: number[] = [];
  for (let round = 0; round < (isQuick ? 1 : 5); round += 1) {
    const roles: readonly PartsRole[] = round % 2 === 0 ? ['plain', 'unaudited'] : ['unaudited', 'plain'];
    const cpu = new Map<PartsRole, number>();
    for (const role of roles) cpu.set(role, await cpuOfLogin(pair, role, isQuick ? 5 : 150));
    ratios.push((cpu.get('plain') ?? Number.NaN) / (cpu.get('unaudited') ?? Number.NaN));
  }
  const benchmark = `administration, ${pair.name}`;
  const what = 'CPU of a login with the audit trail / without';
  return [{ benchmark, what, value: median(ratios), unit: '×', goal: { atMost: 1.1 } }];
}

async function cpuOfLogin(pair: StorePair, role: PartsRole, logins: number): Promise<number> {
  const world = await createWorld(pair, 32);
  const program = await startParts(role, world.environment);
  const issuer = world.environment.MTOKEN_ISSUER;
  const load = await createLoad(world, { issuer, port: Number(world.environment['MTOKEN_PORT']) });
  try {
    await load.times(Math.ceil(logins / 3), 4);
    const before = await program.cpuMicros();
    await load.times(logins, 4);
    return ((await program.cpuMicros()) - before) / logins;
  } finally {
    load.close();
    await program.stop();
    await world.remove();
  }
}
