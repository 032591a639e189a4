/** Every endpoint of the admin API on one screen; who may call what is in each entry's scope. */
import type { ClientDeps } from '../oidc/clients.ts';
import { approvalAdminEndpoints } from './approvals.ts';
import { type AuditAdminDeps, auditAdminEndpoints } from './audit.ts';
import { clientAdminEndpoints } from './clients.ts';
import { companyAdminEndpoints } from './companies.ts';
import { activationEndpoints, type DeviceAdminDeps, deactivationEndpoints, deviceAdminEndpoints } from './devices.ts';
import type { AdminEndpoint } from './endpoint.ts';
import { type HealthAdminDeps, healthAdminEndpoints } from './health.ts';
import { keyAdminEndpoints } from './keys.ts';
import { meEndpoints } from './me.ts';
import { type NotificationAdminDeps, notificationEndpoints, webhookEndpoints } from './notifications.ts';
import { termsAdminEndpoints } from './terms.ts';
import { userAdminEndpoints } from './users.ts';

export type AdminDeps = DeviceAdminDeps & ClientDeps & AuditAdminDeps & NotificationAdminDeps & HealthAdminDeps;

/** All of them. */
export function adminEndpoints(deps: AdminDeps): readonly AdminEndpoint[] {
  const acts = [
    ...meEndpoints(deps),
    ...companyAdminEndpoints(deps),
    ...userAdminEndpoints(deps),
    ...activationEndpoints(deps),
    ...deviceAdminEndpoints(deps),
    ...deactivationEndpoints(deps),
    ...clientAdminEndpoints(deps),
    ...keyAdminEndpoints(deps),
    ...auditAdminEndpoints(deps),
    ...notificationEndpoints(deps),
    ...webhookEndpoints(deps),
    ...healthAdminEndpoints(deps),
    ...termsAdminEndpoints(deps),
  ];
  return [...acts, ...approvalAdminEndpoints(deps, acts)];
}
