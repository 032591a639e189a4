/** Composes the server from its configuration, and starts and ends it in order. */
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { LineOutput } from './audit/sinks.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Config } from './config/config.ts';
import { AuthError } from './errors.ts';
import type { Health } from './http/health.ts';
import { createLog, type Log } from './http/logging.ts';
import { countingRecords, createMetrics, type Metrics } from './http/metrics.ts';
import { type OutboxState, outboxState } from './notify/dead-letters.ts';
import { createSmtpSender, type EmailSender } from './notify/email.ts';
import { memoryMailbox } from './notify/mailbox.ts';
import { createOidc } from './oidc/plugin.ts';
import { requireNewest, type StandingDeps, witnessOf } from './restore/standing.ts';
import { startTrailWatch, type TrailWatch } from './restore/watch.ts';
import { createAdminApp } from './server/admin-app.ts';
import { gaugeAudit } from './server/audit-stream.ts';
import { type Background, startBackground } from './server/background.ts';
import { type Capabilities, createCapabilities, type Kernel } from './server/capabilities.ts';
import { builtWebDirectory } from './server/page-assets.ts';
import { createPublicApp, readPages } from './server/public-app.ts';
import { openStores, type Stores } from './server/stores.ts';
import { alarmingRecords } from './signing/altered.ts';

/** Longest wait for requests under way when the server ends. */
const drainMs = 10_000;
/** The demo's portal; a database that knows it holds data that everybody knows. */
export const demoClientId = 'demo-portal';

export interface ServerOptions {
  readonly config: Config;
  readonly clock?: Clock;
  readonly log?: Log;
  /** Where the log writes: the audit trail is streamed there where the configuration says `stdout`. */
  readonly output?: LineOutput | undefined;
  /** Takes the place of the mail server, for the demo, for development and for tests. */
  readonly mailbox?: EmailSender | undefined;
  /** Directory of the built pages; `dist/web` unless told. */
  readonly webDirectory?: string;
}

export interface ServerAddresses {
  readonly publicUrl: string;
  readonly adminUrl: string;
}

export interface Server {
  readonly publicApp: FastifyInstance;
  readonly adminApp: FastifyInstance;
  readonly capabilities: Capabilities;
  readonly stores: Stores;
  /** Listens on both listeners and starts the background work. */
  start(): Promise<ServerAddresses>;
  /** Not ready any more, no new requests, those under way finished within 10 s, streams and stores closed. Doing it twice is harmless. */
  close(): Promise<void>;
}

/** Opens stores, makes what is missing and composes everything; nothing listens before `start`. */
export async function buildServer(options: ServerOptions): Promise<Server> {
  const { config, clock = systemClock, log = createLog(config.logLevel) } = options;
  const metrics = createMetrics();
  const opened = await openStores({ config, clock, log, isServer: true });
  const stores: Stores = {
    ...opened,
    records: alarmingRecords(countingRecords(opened.records, metrics), { clock, log }),
  };
  try {
    if (config.mode === 'production') await refuseDemoData(stores);
    // Before anything is written: what is written to a restored backup hinders its repair.
    await requireNewest(trailOf({ config, clock, stores }), {
      isStrict: config.mode === 'production',
      warn: (text) => log.warn({}, text),
    });
    const kernel: Kernel = { config, clock, log, stores, output: options.output };
    const capabilities = await createCapabilities(kernel);
    return await compose({ kernel, capabilities, metrics, options });
  } catch (error) {
    await stores.close();
    throw error;
  }
}

function trailOf({ config, clock, stores }: Pick<Kernel, 'config' | 'clock' | 'stores'>): StandingDeps {
  return { records: stores.records, clock, witness: witnessOf(config, stores.shortLived) };
}

interface Composition {
  readonly kernel: Kernel;
  readonly capabilities: Capabilities;
  readonly metrics: Metrics;
  readonly options: ServerOptions;
}

async function compose({ kernel, capabilities, metrics, options }: Composition): Promise<Server> {
  const { config, clock, stores } = kernel;
  const { health } = capabilities;
  const outbox = () => outboxState({ records: stores.records, clock });
  gaugeOutbox(metrics, outbox);
  gaugeAudit(metrics, kernel);
  const pages = await readPages(options.webDirectory ?? builtWebDirectory, config.brand);
  const oidc = createOidc({ ...capabilities.oidc, look: pages.plain });
  const publicApp = await createPublicApp({ kernel, capabilities, oidc, metrics, health, pages });
  const adminApp = await createAdminApp({
    kernel,
    capabilities,
    metrics,
    health,
    outbox,
    publicApp,
    pages,
  });
  const sender = options.mailbox ?? senderOf(config, clock);
  const stopParts = async (): Promise<void> => {
    oidc.close();
    capabilities.keys.close();
    capabilities.srp.close();
    await stores.close();
  };
  return {
    publicApp,
    adminApp,
    capabilities,
    stores,
    ...lifecycle({ kernel, capabilities, health, sender, publicApp, adminApp, stopParts }),
  };
}

/** What is not delivered is seen before somebody misses it. */
function gaugeOutbox(metrics: Metrics, outbox: () => Promise<OutboxState>): void {
  const gauges = [
    ['pending', 'Messages that wait to be delivered', (state: OutboxState) => state.pending],
    ['dead', 'Messages that were given up', (state: OutboxState) => state.dead],
    ['oldest_seconds', 'Age of the oldest message that waits', (state: OutboxState) => state.oldestSeconds],
  ] as const;
  for (const [name, help, read] of gauges)
    metrics.gauge(`mtoken_outbox_${name}`, help, async () => read(await outbox()));
}

interface Running {
  readonly kernel: Kernel;
  readonly capabilities: Capabilities;
  readonly health: Health;
  readonly sender: EmailSender;
  readonly publicApp: FastifyInstance;
  readonly adminApp: FastifyInstance;
  readonly stopParts: () => Promise<void>;
}

function lifecycle(running: Running): Pick<Server, 'start' | 'close'> {
  const { kernel, capabilities, health, sender, publicApp, adminApp, stopParts } = running;
  let background: Background | undefined;
  let watch: TrailWatch | undefined;
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    health.beginShutdown();
    await Promise.all([drain(publicApp), drain(adminApp)]);
    await background?.stop();
    await watch?.stop();
    await stopParts();
    kernel.log.info({ event: 'server.stopped' }, 'server.stopped');
  };
  const closeOnce = (): Promise<void> => {
    closing ??= close();
    return closing;
  };
  return {
    start: async () => {
      // Before the first login comes: it would pay for the preparation otherwise.
      await capabilities.srp.warmUp();
      const { listen, admin } = kernel.config;
      await adminApp.listen({ host: admin.host, port: admin.port });
      await publicApp.listen({ host: listen.host, port: listen.port });
      background = startBackground(kernel, capabilities, sender);
      const { log, stores } = kernel;
      const { shortLived } = stores;
      watch = await startTrailWatch({ ...trailOf(kernel), shortLived, log, onRestored: () => void closeOnce() });
      return { publicUrl: urlOf(publicApp), adminUrl: urlOf(adminApp) };
    },
    close: closeOnce,
  };
}

/** Ends a listener: idle connections at once, requests under way within the bound, the rest is cut. */
async function drain(app: FastifyInstance): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), drainMs);
  await app.close();
  clearTimeout(timer);
}

function senderOf({ smtp }: Config, clock: Clock): EmailSender {
  return smtp === undefined ? memoryMailbox(clock) : createSmtpSender(smtp.url, smtp.from);
}

function urlOf(app: FastifyInstance): string {
  const { address, family, port } = app.server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

/** The demo's secrets are known to everybody who read the sources. */
async function refuseDemoData({ records }: Stores): Promise<void> {
  if ((await records.clients.find(demoClientId)) === undefined) return;
  throw new AuthError('conflict', { detail: 'the database holds demo data; production takes a database of its own' });
}
