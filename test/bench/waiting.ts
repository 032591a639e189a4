/** Twenty thousand browsers that wait for their phones: what each holds, what their changing codes cost, and how soon all have one. */
import { execFileSync } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { stepMs } from '../../src/orders/frames.ts';
import type { Benchmark } from './benchmark.ts';
import { type BenchBrowser, createBenchBrowser, type LoginPage } from './browser.ts';
import { createConnections } from './http-client.ts';
import { median } from './measure.ts';
import type { Figure } from './report.ts';
import { type ServerProcess, startServer } from './server-process.ts';
import { createWorld, embedded, type World } from './world.ts';

const browserCount = 20_000;
/** Of the files that a process may have open, what is left for everything but streams. */
const otherFiles = 150;
/** Requests at once while orders are made and streams are opened. */
const openingAtOnce = 24;
/** Rotations of the codes that are watched. */
const watchedSteps = 5;
/** Of the streams that were opened, how many are still open at the end: a page whose order ran out while others were begun costs nothing more. */
const openAtTheEnd = 0.99;

export const waitingBenchmark: Benchmark = {
  name: 'waiting',
  about: 'memory, CPU and delivery with 20,000 waiting browsers',
  needsBuild: true,
  run: async ({ isQuick, tell }) => {
    const count = isQuick ? 300 : Math.min(browserCount, openFilesLimit() - otherFiles);
    tell(`waiting: ${count} browsers`);
    const world = await createWorld(embedded, 1);
    const server = await startServer(world.environment);
    try {
      return await measure(world, server, { count, tell });
    } finally {
      await server.stop();
      await world.remove();
    }
  },
};

/** How many files a process of this one's kind may have open; the machine's, not ours. */
function openFilesLimit(): number {
  const limit = Number(execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }));
  return Number.isNaN(limit) ? Number.POSITIVE_INFINITY : limit;
}

interface Memory {
  readonly rss: number;
  readonly heap: number;
}

interface WaitingOptions {
  readonly count: number;
  readonly tell: (text: string) => void;
}

async function measure(world: World, server: ServerProcess, { count, tell }: WaitingOptions): Promise<Figure[]> {
  const connections = createConnections(server.port);
  const watch = createWatch();
  try {
    // So that what every first request makes is not counted as the browsers'.
    await openPages(world, server, { count: 20, connections });
    const empty = await memoryOf(server);
    const pages = await openPages(world, server, { count, connections });
    const withOrders = await memoryOf(server);
    tell(`waiting: ${pages.length} orders`);
    await openStreams(server, pages, watch);
    tell(`waiting: ${watch.open()} streams`);
    await wait(stepMs);
    const withStreams = await memoryOf(server);
    const cpuBefore = await server.cpuMicros();
    const watchedMs = watchedSteps * stepMs;
    await wait(watchedMs);
    const busy = ((await server.cpuMicros()) - cpuBefore) / 1000 / watchedMs;
    if (watch.open() < openAtTheEnd * count) {
      throw new Error(
        `${watch.open()} of ${count} streams are left: this machine begins logins too slowly to be measured`,
      );
    }
    return figuresOf({ count, empty, withOrders, withStreams, busy, watch });
  } finally {
    watch.close();
    connections.close();
  }
}

interface Page {
  readonly browser: BenchBrowser;
  readonly page: LoginPage;
}

/** Each an order of its own browser. */
async function openPages(
  world: World,
  { issuer }: ServerProcess,
  { count, connections }: { count: number; connections: ReturnType<typeof createConnections> },
): Promise<Page[]> {
  return inParallel(count, async () => {
    const browser = createBenchBrowser(connections, issuer, world.portal);
    const page = await browser.begin();
    await browser.order(page);
    return { browser, page };
  });
}

async function openStreams(server: ServerProcess, pages: readonly Page[], watch: Watch): Promise<void> {
  await inParallel(pages.length, async (index) => {
    const { browser, page } = pages[index] as Page;
    const head = [
      `GET ${page.path}/events HTTP/1.1`,
      `host: localhost:${server.port}`,
      'accept: text/event-stream',
      'sec-fetch-site: same-origin',
      `cookie: ${browser.cookies()}`,
    ];
    await watch.add(server.port, `${head.join('\r\n')}\r\n\r\n`);
  });
}

async function inParallel<T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      results[index] = await work(index);
    }
  };
  await Promise.all(Array.from({ length: openingAtOnce }, worker));
  return results;
}

async function memoryOf(server: ServerProcess): Promise<Memory> {
  await server.collectGarbage();
  const metrics = await server.metrics();
  const of = (name: string): number => metrics.get(name) ?? Number.NaN;
  return { rss: of('process_resident_memory_bytes'), heap: of('nodejs_heap_size_used_bytes') };
}

interface Watch {
  /** Opens a stream by a raw request; resolves when its first event is there. */
  add(port: number, request: string): Promise<void>;
  open(): number;
  /** For each step of which every page that had its turn was told: milliseconds from the step's begin to the last one. */
  deliveries(streams: number): number[];
  close(): void;
}

/** Sockets without an HTTP client around them: twenty thousand of those would be a load of their own. */
function createWatch(): Watch {
  const sockets = new Set<Socket>();
  const steps = new Map<number, { told: number; lastAt: number }>();
  const note = (text: string): void => {
    const step = Number(/event: frame\ndata: .*?\.(\d+)\./.exec(text)?.[1]);
    if (Number.isNaN(step)) return;
    const entry = steps.get(step) ?? { told: 0, lastAt: 0 };
    steps.set(step, { told: entry.told + 1, lastAt: Date.now() });
  };
  return {
    add: (port, request) =>
      new Promise((resolve, reject) => {
        const socket = connect({ host: '127.0.0.1', port });
        socket.setEncoding('latin1');
        socket.once('error', reject);
        socket.on('close', () => sockets.delete(socket));
        socket.on('data', (data) => {
          const text = String(data);
          if (text.includes('event: state')) resolve();
          else if (text.startsWith('HTTP/1.1 ') && !text.startsWith('HTTP/1.1 200')) reject(new Error(text));
          note(text);
        });
        sockets.add(socket);
        socket.write(request);
      }),
    open: () => sockets.size,
    deliveries: (streams) => {
      // A crowd is told in two halves, which are alike but for a page or two.
      const complete = [...steps].filter(([, { told }]) => told >= 0.49 * streams);
      return complete.map(([step, { lastAt }]) => lastAt - step * stepMs);
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

interface Measured {
  readonly count: number;
  readonly empty: Memory;
  readonly withOrders: Memory;
  readonly withStreams: Memory;
  readonly busy: number;
  readonly watch: Watch;
}

function figuresOf({ count, empty, withOrders, withStreams, busy, watch }: Measured): Figure[] {
  const benchmark = 'waiting';
  const each = (after: number, before: number): number => (after - before) / count / 1024;
  const streams = watch.open();
  return [
    { benchmark, what: 'streams open at once', value: streams, unit: '' },
    {
      benchmark,
      what: 'memory of a stream (RSS)',
      value: each(withStreams.rss, withOrders.rss),
      unit: 'KiB',
      goal: { atMost: 12 },
    },
    { benchmark, what: 'memory of a stream (heap)', value: each(withStreams.heap, withOrders.heap), unit: 'KiB' },
    {
      benchmark,
      what: 'with its order and the portal’s request, kept in process (RSS)',
      value: each(withStreams.rss, empty.rss),
      unit: 'KiB',
    },
    { benchmark, what: 'the same (heap)', value: each(withStreams.heap, empty.heap), unit: 'KiB' },
    {
      benchmark,
      what: 'CPU while the codes of all of them change',
      value: 100 * busy,
      unit: '% of a core',
      goal: { atMost: 10 },
    },
    {
      benchmark,
      what: 'a change at the last browser after its step began, median',
      value: median(watch.deliveries(streams)),
      unit: 'ms',
    },
  ];
}
