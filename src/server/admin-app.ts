/** The admin listener: admin API, metrics and health detail; never reachable from the public side. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { AdminIdentity } from '../admin/identity.ts';
import { openApiDocument } from '../admin/openapi.ts';
import { registerAdminEndpoints } from '../admin/plugin.ts';
import { adminEndpoints } from '../admin/routes.ts';
import { createApp } from '../http/app.ts';
import { type Health, healthRoutes } from '../http/health.ts';
import { useAddressLimit } from '../http/limits.ts';
import type { Metrics } from '../http/metrics.ts';
import { verifyAdminToken } from '../oidc/access-token.ts';
import type { Capabilities, Kernel } from './capabilities.ts';

export interface AdminAppDeps {
  readonly kernel: Kernel;
  readonly capabilities: Capabilities;
  readonly metrics: Metrics;
  readonly health: Health;
  /** For the health detail. */
  readonly outbox: () => Promise<object>;
}

/** All routes of the admin listener. */
export async function createAdminApp({
  kernel,
  capabilities,
  metrics,
  health,
  outbox,
}: AdminAppDeps): Promise<FastifyInstance> {
  const { config, log, clock, stores } = kernel;
  const app = createApp({ log, metrics, issuer: config.issuer, trustedProxies: [], mode: config.mode });
  healthRoutes(app, health, { withDetail: true, more: { outbox } });
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.render()));
  await app.register(async (scope) => {
    useAddressLimit(scope, { shortLived: stores.shortLived, limits: config.limits }, 'admin');
    const authenticate = async ({ headers }: FastifyRequest): Promise<AdminIdentity> => {
      const { clientId, companyId, scopes } = await verifyAdminToken(capabilities.oidc, headers.authorization);
      return { kind: 'machine', clientId, companyId, scopes };
    };
    const endpoints = adminEndpoints(capabilities.admin);
    const isProduction = config.mode === 'production';
    const deps = { records: stores.records, clock, authenticate, checksReplies: !isProduction };
    registerAdminEndpoints(scope, deps, endpoints);
    // Shipped as docs/openapi.json; a production server need not tell it to whoever reaches the listener.
    if (!isProduction) scope.get('/admin/v1/openapi.json', async () => openApiDocument(endpoints));
  });
  return app;
}
