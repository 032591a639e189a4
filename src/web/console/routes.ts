/** Every address of the console and the screen that it shows. */

import type { Place, Screen } from './context.ts';
import { approvalScreen, approvalsScreen } from './screens/approvals.ts';
import { auditScreen } from './screens/audit.ts';
import { clientScreen, clientsScreen, newClientScreen } from './screens/clients.ts';
import { companiesScreen, newCompanyScreen } from './screens/companies.ts';
import { companyScreen } from './screens/company.ts';
import { deviceScreen, devicesScreen } from './screens/devices.ts';
import { healthScreen } from './screens/health.ts';
import { homeScreen } from './screens/home.ts';
import { keysScreen } from './screens/keys.ts';
import { newWebhookScreen, notificationsScreen, webhookScreen } from './screens/notifications.ts';
import { newTermsScreen, termsScreen, termsVersionScreen } from './screens/terms.ts';
import { userScreen } from './screens/user.ts';
import { newUserScreen, usersScreen } from './screens/users.ts';

const routes: readonly (readonly [pattern: string, screen: Screen])[] = [
  ['', homeScreen],
  ['/companies', companiesScreen],
  ['/companies/new', newCompanyScreen],
  ['/companies/:companyId', companyScreen],
  ['/users', usersScreen],
  ['/users/new', newUserScreen],
  ['/users/:userId', userScreen],
  ['/devices', devicesScreen],
  ['/devices/:deviceId', deviceScreen],
  ['/approvals', approvalsScreen],
  ['/approvals/:approvalId', approvalScreen],
  ['/terms', termsScreen],
  ['/terms/new', newTermsScreen],
  ['/terms/:version', termsVersionScreen],
  ['/clients', clientsScreen],
  ['/clients/new', newClientScreen],
  ['/clients/:clientId', clientScreen],
  ['/audit', auditScreen],
  ['/notifications', notificationsScreen],
  ['/webhooks/new', newWebhookScreen],
  ['/webhooks/:webhookId', webhookScreen],
  ['/keys', keysScreen],
  ['/health', healthScreen],
];

interface Found {
  readonly screen: Screen;
  readonly place: Place;
}

/** The screen of an address below `/console`; undefined where there is none. */
export function screenAt(path: string, search: string): Found | undefined {
  const parts = path.split('/');
  for (const [pattern, screen] of routes) {
    const params = match(pattern.split('/'), parts);
    if (params !== undefined)
      return { screen, place: { params, query: Object.fromEntries(new URLSearchParams(search)) } };
  }
  return undefined;
}

function match(pattern: readonly string[], parts: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, one] of pattern.entries()) {
    const part = parts[index] ?? '';
    if (!one.startsWith(':')) {
      if (one !== part) return undefined;
      continue;
    }
    // What no identifier of ours has is no part of a path that is asked for.
    if (!/^[A-Za-z0-9._-]{1,128}$/.test(part) || /^\.+$/.test(part)) return undefined;
    params[one.slice(1)] = part;
  }
  return params;
}
