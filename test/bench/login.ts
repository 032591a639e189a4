/** Complete logins: CPU of the server for each, beside the sum of what a login cannot do without, measured in the same run. */
import type { BenchContext, Benchmark } from './benchmark.ts';
import { createBenchBrowser } from './browser.ts';
import { type Counts, perLogin, type TracedRead } from './counting.ts';
import { createConnections } from './http-client.ts';
import { createLoad } from './load.ts';
import { median } from './measure.ts';
import { type PartsProcess, type Pieces, startParts } from './parts-process.ts';
import type { Figure } from './report.ts';
import { startServer } from './server-process.ts';
import { createWorld, type StorePair, storePairs, type World } from './world.ts';

/** Browsers and phones that log in at once. */
const clients = 16;
/** Logins before the first that count. */
const warmUpLogins = 1500;
/** Enough that no phone reaches the 20 claims a minute that the server allows it. */
const phoneCount = 600;
/** HTTP requests of a login beside those of the flow that is measured alone: page, order, events, and four of the phone. */
const otherRequests = 7;

export const loginBenchmark: Benchmark = {
  name: 'login',
  about: 'complete logins: CPU of the server, beside the sum of its parts, for each pair of stores',
  needsBuild: true,
  run: async (context) => {
    const figures: Figure[] = [];
    for (const pair of storePairs()) figures.push(...(await measurePair(pair, context)));
    return figures;
  },
};

async function measurePair(pair: StorePair, context: BenchContext): Promise<Figure[]> {
  context.tell(`login: ${pair.name}`);
  const world = await createWorld(pair, context.isQuick ? 32 : phoneCount);
  try {
    const whole = await measureWhole(world, context);
    const parts = await measureParts(world, context);
    context.tell(`a login asks of the stores: ${JSON.stringify(parts.counts)}`);
    context.tell(`of that OpenID Connect: ${JSON.stringify(parts.ofOidc)}`);
    return figuresOf(pair.name, whole, parts);
  } finally {
    await world.remove();
  }
}

interface Whole {
  /** Of one login. */
  readonly cpuMicros: number;
  readonly perSecond: number;
  /** Of one login, at the client. */
  readonly totalMs: number;
}

async function measureWhole(world: World, { seconds, isQuick }: BenchContext): Promise<Whole> {
  const server = await startServer(world.environment);
  const load = await createLoad(world, server);
  try {
    // Until what is hot has been compiled: the first few hundred logins take several times as long.
    await load.times(isQuick ? world.phones.length : warmUpLogins, clients);
    const rounds: Whole[] = [];
    const roundCount = isQuick ? 1 : 5;
    for (let round = 0; round < roundCount; round += 1) {
      const cpuBefore = await server.cpuMicros();
      const startedAt = performance.now();
      const until = startedAt + (1000 * seconds) / roundCount;
      const logins = await load.run(clients, () => performance.now() >= until);
      const elapsed = (performance.now() - startedAt) / 1000;
      const cpuMicros = ((await server.cpuMicros()) - cpuBefore) / logins.length;
      rounds.push({ cpuMicros, perSecond: logins.length / elapsed, totalMs: median(logins.map(({ total }) => total)) });
    }
    return {
      cpuMicros: median(rounds.map(({ cpuMicros }) => cpuMicros)),
      perSecond: median(rounds.map(({ perSecond }) => perSecond)),
      totalMs: median(rounds.map(({ totalMs }) => totalMs)),
    };
  } finally {
    load.close();
    await server.stop();
  }
}

interface Parts {
  /** CPU microseconds in one login, by part. */
  readonly table: Readonly<Record<string, number>>;
  readonly counts: Counts;
  readonly ofOidc: Counts;
}

async function measureParts(world: World, context: BenchContext): Promise<Parts> {
  const whole = await countWhole(world);
  const oidc = await measureOidc(world, context);
  const counts = less(whole.counts, oidc.counts);
  const program = await startParts('pieces', world.environment);
  const deviceId = world.phones[0]?.identity.deviceId ?? '';
  const pieces = await program.pieces({ reads: whole.reads, deviceId, roundMs: context.isQuick ? 20 : 80 });
  await program.stop();
  const piece = (name: string): number => pieces[name] ?? Number.NaN;
  const table = {
    'SRP proof': piece('srp'),
    'envelopes (4)': 2 * piece('envelope.ecdh') + 2 * piece('envelope.session'),
    'DPoP proofs (4)': 4 * piece('dpop'),
    'descriptor signed, approval verified': piece('sign') + piece('verify'),
    [`HTTP of ${otherRequests} requests`]: otherRequests * oidc.bareMicros,
    'OpenID Connect alone': oidc.flowMicros,
    'durable store, beside OpenID Connect’s': storeCost(counts, pieces, 'sql.'),
    'short-lived store, beside OpenID Connect’s': storeCost(counts, pieces, 'kv.'),
  };
  return { table, counts: whole.counts, ofOidc: oidc.counts };
}

/** What a login asks of the stores, one login at a time. */
async function countWhole(world: World): Promise<{ counts: Counts; reads: readonly TracedRead[] }> {
  const program = await startParts('whole', world.environment);
  const load = await createLoad(world, addressOf(world));
  try {
    const logins = 10;
    await load.times(2, 1);
    const before = await program.counts();
    await load.times(logins, 1);
    const after = await program.counts();
    return { counts: perLogin(before.counts, after.counts, logins), reads: after.reads };
  } finally {
    load.close();
    await program.stop();
  }
}

interface OidcAlone {
  /** CPU of one code flow. */
  readonly flowMicros: number;
  /** CPU of one request that does nothing. */
  readonly bareMicros: number;
  readonly counts: Counts;
}

/** The provider on the same stores, with one request in place of login page, order and phone. */
async function measureOidc(world: World, { seconds, isQuick }: BenchContext): Promise<OidcAlone> {
  const program = await startParts('oidc', world.environment);
  const { issuer, port } = addressOf(world);
  const connections = createConnections(port);
  const flow = async (turn: number): Promise<void> => {
    const { userId, identity } = world.phones[turn % world.phones.length] as World['phones'][number];
    const browser = createBenchBrowser(connections, issuer, world.portal);
    const page = await browser.begin();
    await browser.complete(await browser.finish(page, `stub/${userId}/${identity.deviceId}`));
  };
  const bare = async (): Promise<void> => void (await connections.send({ method: 'GET', path: '/bare' }));
  const measure = (work: (turn: number) => Promise<void>) =>
    cpuOfProgram(program, work, { rounds: isQuick ? 1 : 5, roundMs: (200 * seconds) / (isQuick ? 1 : 5) });
  try {
    await cpuOfProgram(program, flow, { rounds: 1, roundMs: isQuick ? 300 : 8000 });
    const before = await program.counts();
    const { cpuMicros: flowMicros, calls } = await measure(flow);
    const after = await program.counts();
    const { cpuMicros: bareMicros } = await measure(bare);
    return { flowMicros, bareMicros, counts: perLogin(before.counts, after.counts, calls) };
  } finally {
    connections.close();
    await program.stop();
  }
}

/** CPU of another process for one call of `work`: the median over rounds. */
async function cpuOfProgram(
  program: PartsProcess,
  work: (turn: number) => Promise<void>,
  { rounds, roundMs }: { rounds: number; roundMs: number },
): Promise<{ cpuMicros: number; calls: number }> {
  const results: number[] = [];
  let calls = 0;
  for (let round = 0; round < rounds; round += 1) {
    const before = await program.cpuMicros();
    const first = calls;
    const until = performance.now() + roundMs;
    const loop = async (): Promise<void> => {
      while (performance.now() < until) {
        calls += 1;
        await work(calls);
      }
    };
    await Promise.all(Array.from({ length: clients }, loop));
    results.push(((await program.cpuMicros()) - before) / (calls - first));
  }
  return { cpuMicros: median(results), calls };
}

function addressOf({ environment }: World): { issuer: string; port: number } {
  return { issuer: environment.MTOKEN_ISSUER, port: Number(environment['MTOKEN_PORT']) };
}

function less(counts: Counts, others: Counts): Counts {
  return Object.fromEntries(
    Object.entries(counts).map(([name, count]) => [name, Math.max(count - (others[name] ?? 0), 0)]),
  );
}

/** How often times how dear, over one kind of store. */
function storeCost(counts: Counts, pieces: Pieces, prefix: string): number {
  const own = Object.entries(counts).filter(([name]) => name.startsWith(prefix));
  return own.reduce((sum, [name, count]) => sum + count * (pieces[name] ?? Number.NaN), 0);
}

function sumOf(counts: Counts, prefix: string): number {
  return Object.entries(counts).reduce((sum, [name, count]) => (name.startsWith(prefix) ? sum + count : sum), 0);
}

function figuresOf(pair: string, whole: Whole, { table, counts }: Parts): Figure[] {
  const benchmark = `login, ${pair}`;
  const sum = Object.values(table).reduce((total, part) => total + part, 0);
  const figure = (what: string, value: number, unit: string, goal?: Figure['goal']): Figure => ({
    benchmark,
    what,
    value,
    unit,
    ...(goal && { goal }),
  });
  return [
    figure('logins per second and core, from CPU', 1e6 / whole.cpuMicros, '/s', { atLeast: 150 }),
    figure('CPU of a login / sum of its parts', whole.cpuMicros / sum, '×', { atMost: 2 }),
    figure('CPU of a login', whole.cpuMicros / 1000, 'ms'),
    figure('sum of its parts', sum / 1000, 'ms'),
    ...Object.entries(table).map(([part, micros]) => figure(`— ${part}`, micros / 1000, 'ms')),
    figure(`logins per second, ${clients} clients on the same machine`, whole.perSecond, '/s'),
    figure('time of a login at the client, median', whole.totalMs, 'ms'),
    figure('SQL statements', sumOf(counts, 'sql.read') + sumOf(counts, 'sql.write'), 'per login'),
    figure('commits', (counts['sql.transaction'] ?? 0) + (counts['sql.write'] ?? 0), 'per login'),
    figure('short-lived calls', sumOf(counts, 'kv.'), 'per login'),
  ];
}
