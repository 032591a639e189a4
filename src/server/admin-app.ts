/** The admin listener: admin API, metrics and health detail; never reachable from the public side. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { createIdempotency } from '../admin/idempotency.ts';
import type { AdminIdentity } from '../admin/identity.ts';
import { openApiDocument } from '../admin/openapi.ts';
import { registerAdminEndpoints } from '../admin/plugin.ts';
import { adminEndpoints } from '../admin/routes.ts';
import type { ConsoleDeps } from '../console/deps.ts';
import { authenticatePerson, sessionIdOf } from '../console/identity.ts';
import { registerConsoleLogin } from '../console/routes.ts';
import { createApp } from '../http/app.ts';
import { type Health, healthRoutes } from '../http/health.ts';
import { useAddressLimit } from '../http/limits.ts';
import type { Metrics } from '../http/metrics.ts';
import { verifyAdminToken } from '../oidc/access-token.ts';
import type { Capabilities, Kernel } from './capabilities.ts';
import { registerConsolePage } from './console-page.ts';
import type { BuiltPages } from './public-app.ts';

export interface AdminAppDeps {
  readonly kernel: Kernel;
  readonly capabilities: Capabilities;
  readonly metrics: Metrics;
  readonly health: Health;
  /** For the health detail. */
  readonly outbox: () => Promise<object>;
  /** Where the provider is, to which people log in. */
  readonly publicApp: FastifyInstance;
  readonly pages: BuiltPages;
}

/** All routes of the admin listener. */
export async function createAdminApp(parts: AdminAppDeps): Promise<FastifyInstance> {
  const { kernel, capabilities, metrics, health, outbox } = parts;
  const { config, log, clock, stores } = kernel;
  const { issuer, trustedProxies, mode } = config;
  const app = createApp({ log, metrics, issuer, trustedProxies, mode, look: parts.pages.plain });
  healthRoutes(app, health, { withDetail: true, more: { outbox } });
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.render()));
  const consoleDeps = consoleOf(parts);
  await app.register(async (scope) => {
    useAddressLimit(scope, { shortLived: stores.shortLived, limits: config.limits }, 'admin');
    const authenticate = (request: FastifyRequest): Promise<AdminIdentity> =>
      consoleDeps !== undefined && sessionIdOf(consoleDeps, request) !== undefined
        ? authenticatePerson(consoleDeps, request)
        : authenticateMachine(capabilities, request);
    const limiting = { shortLived: stores.shortLived, limits: config.limits };
    const idempotency = createIdempotency({
      records: stores.records,
      clock,
      onLost: (error) => log.error({ err: error }, 'the answer of a creation could not be kept'),
    });
    const endpoints = adminEndpoints({ ...capabilities.admin, records: idempotency.records });
    const isProduction = config.mode === 'production';
    const deps = {
      records: stores.records,
      clock,
      authenticate,
      checksReplies: !isProduction,
      idempotency,
      ...limiting,
    };
    registerAdminEndpoints(scope, deps, endpoints);
    // Shipped as docs/openapi.json; a production server need not tell it to whoever reaches the listener.
    if (!isProduction) scope.get('/admin/v1/openapi.json', async () => openApiDocument(endpoints));
  });
  if (consoleDeps !== undefined) {
    await app.register(async (scope) => {
      useAddressLimit(scope, { shortLived: stores.shortLived, limits: config.limits }, 'console');
      registerConsoleLogin(scope, consoleDeps);
      scope.get('/', (_request, reply) => reply.redirect('/console/', 302));
    });
    await app.register(async (scope) => {
      useAddressLimit(scope, { shortLived: stores.shortLived, limits: config.limits }, 'console-page');
      if (parts.pages.manifest['console.js'] === undefined) return;
      await registerConsolePage(scope, { ...parts.pages, origin: consoleDeps.origin });
    });
  }
  return app;
}

async function authenticateMachine({ oidc }: Capabilities, { headers }: FastifyRequest): Promise<AdminIdentity> {
  const { clientId, companyId, scopes } = await verifyAdminToken(oidc, headers.authorization);
  return { kind: 'machine', clientId, companyId, scopes };
}

/** Undefined where no browser reaches this listener: then only machines call it. */
function consoleOf({ kernel, capabilities, publicApp, pages }: AdminAppDeps): ConsoleDeps | undefined {
  const { config, clock, stores } = kernel;
  const { records, shortLived, sealing } = stores;
  const { issuer, consoleUrl: origin } = config;
  if (origin === undefined) return undefined;
  const { devices } = capabilities;
  return { records, shortLived, sealing, clock, devices, issuer, origin, publicApp, look: pages.plain };
}
