/**
 * A process that shows what a login is made of, on the same stores as the server before it:
 *
 * - `whole`: the public listener as the server composes it, over counted stores;
 * - `plain`: the same over the stores as they are, and `unaudited` with nothing in place of the audit trail's append;
 * - `oidc`: the OpenID provider alone, with one route in place of login page and phone;
 * - `pieces`: no listener; measures single pieces when asked.
 *
 * It is asked over IPC and answers there.
 */
import type { FastifyInstance } from 'fastify';
import { systemClock } from '../../../src/clock.ts';
import { createApp } from '../../../src/http/app.ts';
import { createHealth } from '../../../src/http/health.ts';
import { createLog } from '../../../src/http/logging.ts';
import { createMetrics } from '../../../src/http/metrics.ts';
import { createOidc, type Oidc } from '../../../src/oidc/plugin.ts';
import { createCapabilities, type Kernel } from '../../../src/server/capabilities.ts';
import { createPublicApp, readPages } from '../../../src/server/public-app.ts';
import { openStores } from '../../../src/server/stores.ts';
import { openRecords } from '../../../src/store/open.ts';
import type { RecordStore, Records } from '../../../src/store/records.ts';
import { countDurable, countShortLived, createCounter } from '../counting.ts';
import { ownCpuMicros } from '../measure.ts';
import type { PartsAnswer, PartsQuestion, PartsRole } from '../parts-process.ts';
import { measurePieces } from '../pieces.ts';
import { configOf } from '../world.ts';

const role = process.argv[2] as PartsRole;
const config = configOf(process.env as Record<string, string>);
const log = createLog('warn');
const opened = await openStores({ config, clock: systemClock, log, isServer: role !== 'pieces' });
const counter = createCounter();
const isCounted = role === 'whole' || role === 'oidc';
const durable = isCounted ? countDurable(opened.durable, counter) : opened.durable;
const shortLived = isCounted ? countShortLived(opened.shortLived, counter) : opened.shortLived;
const records = openRecords(durable, opened.sealing);
const stores = { ...opened, durable, shortLived, records: role === 'unaudited' ? unaudited(records) : records };
const kernel: Kernel = { config, clock: systemClock, log, stores };

/** What is not written is answered as if it were. */
function unaudited(audited: RecordStore): RecordStore {
  const silent = <T extends Records>(all: T): T => ({
    ...all,
    audit: { ...all.audit, append: async (record, at) => ({ ...record, at, seq: 0, previousHash: '', hash: '' }) },
  });
  return { ...silent(audited), transaction: (work) => audited.transaction((within) => work(silent(within))) };
}

async function compose(): Promise<FastifyInstance> {
  const capabilities = await createCapabilities(kernel);
  await capabilities.srp.warmUp();
  const oidc = createOidc(capabilities.oidc);
  const metrics = createMetrics();
  const health = createHealth(systemClock, []);
  if (role !== 'oidc') {
    const pages = await readPages(`${process.cwd()}/dist/web/`, config.brand);
    return createPublicApp({ kernel, capabilities, oidc, metrics, health, pages });
  }
  const app = createApp({ log, metrics, issuer: config.issuer, trustedProxies: [] });
  await app.register(oidc.plugin);
  stubPhone(app, oidc);
  app.get('/bare', async (_request, reply) => reply.type('application/json').send('{}'));
  return app;
}

/** In place of login page, order and phone: whoever comes is logged in as who the address says. */
function stubPhone(app: FastifyInstance, oidc: Oidc): void {
  app.post('/interaction/:uid/stub/:userId/:deviceId', async (request, reply) => {
    const { userId, deviceId } = request.params as { userId: string; deviceId: string };
    const login = { userId, deviceId, orderId: 'ord_x', factor: 'pin', provedAt: systemClock.now() } as const;
    return { location: await oidc.interactions.complete(request, reply, login) };
  });
}

async function answer(question: PartsQuestion): Promise<PartsAnswer> {
  switch (question.ask) {
    case 'cpu':
      return { cpuMicros: ownCpuMicros() };
    case 'counts':
      return { counts: { ...counter.counts }, reads: counter.reads };
    case 'pieces':
      return { pieces: await measurePieces({ ...question, durable: opened.durable, shortLived: opened.shortLived }) };
  }
}

const app = role === 'pieces' ? undefined : await compose();
await app?.listen({ host: '127.0.0.1', port: config.listen.port });
process.on('message', (question: PartsQuestion) => {
  answer(question).then(
    (result) => process.send?.(result),
    (error: unknown) => process.send?.({ failure: String(error instanceof Error ? error.stack : error) }),
  );
});
process.once('SIGTERM', () => process.exit(0));
process.send?.({ ready: true });
