/** Liveness and readiness: a bare status for everybody, the detail for the admin listener. */
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../clock.ts';

/** A part that must work; `check` throws where it does not. */
export interface HealthCheck {
  readonly name: string;
  readonly check: () => Promise<void>;
}

export interface ComponentHealth {
  readonly name: string;
  readonly isHealthy: boolean;
  readonly durationMs: number;
}

export interface Health {
  /** All parts; asked at most once a second, so that questions cost nothing. */
  components(): Promise<readonly ComponentHealth[]>;
  isReady(): Promise<boolean>;
  /** From now on never ready: load balancers send no new callers while the server ends. */
  beginShutdown(): void;
}

const cacheMs = 1000;
const checkTimeoutMs = 2500;

/** Watches the given parts. */
export function createHealth(clock: Clock, checks: readonly HealthCheck[]): Health {
  let isEnding = false;
  let cached: { readonly at: number; readonly components: Promise<readonly ComponentHealth[]> } | undefined;

  const components = (): Promise<readonly ComponentHealth[]> => {
    const now = clock.now();
    if (cached === undefined || now - cached.at >= cacheMs) {
      cached = { at: now, components: Promise.all(checks.map((check) => examine(clock, check))) };
    }
    return cached.components;
  };

  return {
    components,
    isReady: async () => !isEnding && (await components()).every(({ isHealthy }) => isHealthy),
    beginShutdown: () => {
      isEnding = true;
    },
  };
}

async function examine(clock: Clock, { name, check }: HealthCheck): Promise<ComponentHealth> {
  const startedAt = clock.now();
  const isHealthy = await withTimeout(check).then(
    () => true,
    () => false,
  );
  return { name, isHealthy, durationMs: clock.now() - startedAt };
}

function withTimeout(check: () => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), checkTimeoutMs);
  });
  return Promise.race([check(), timeout]).finally(() => clearTimeout(timer));
}

export interface HealthRouteOptions {
  readonly withDetail: boolean;
  /** Members of `/health` that tell more and decide nothing; one that cannot be read is null. */
  readonly more?: Readonly<Record<string, () => Promise<object>>>;
}

/** `/health/live` and `/health/ready`; with `withDetail` also `/health`, which names the parts. */
export function healthRoutes(
  app: FastifyInstance,
  health: Health,
  { withDetail, more = {} }: HealthRouteOptions,
): void {
  app.get('/health/live', async () => ({ status: 'ok' }));
  app.get('/health/ready', async (_request, reply) => {
    const isReady = await health.isReady();
    return reply.status(isReady ? 200 : 503).send({ status: isReady ? 'ok' : 'unavailable' });
  });
  if (!withDetail) return;
  app.get('/health', async () => {
    const details = Object.entries(more).map(async ([name, read]) => [name, await read().catch(() => null)] as const);
    return {
      isReady: await health.isReady(),
      components: await health.components(),
      ...Object.fromEntries(await Promise.all(details)),
    };
  });
}
