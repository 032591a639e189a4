/** The server's health as people at the console see it; monitoring reads `/health` of the admin listener, which asks nobody who they are. */
import type { Health } from '../http/health.ts';
import * as view from '../protocol/admin-views.ts';
import { type AdminEndpoint, adminEndpoint } from './endpoint.ts';

export interface HealthAdminDeps {
  readonly health: Health;
}

/** Whether this process and the parts that it needs work. */
export function healthAdminEndpoints(deps: HealthAdminDeps): readonly AdminEndpoint[] {
  return [
    adminEndpoint({
      name: 'getHealth',
      summary: "See the server's health",
      method: 'GET',
      path: '/health',
      reply: view.HealthView,
      permission: 'health.read',
      answer: async () => {
        const [isReady, components] = await Promise.all([deps.health.isReady(), deps.health.components()]);
        return { isReady, components };
      },
    }),
  ];
}
