/**
 * Who may do what: the one table. The admin API enforces it, docs/administration.md prints it, and a test asks every role for every
 * endpoint.
 */
import type { Role } from '../companies/roles.ts';
import type { AdminScope } from '../oidc/deps.ts';

/** How far a caller reaches: every company, or their own alone. */
export type Reach = 'all' | 'own';

/**
 * What a person must have shown before the act: that they logged in (`session`), their mPIN or biometrics within the last five minutes
 * (`fresh`), or a log-in made for this one act (`confirmed`, used up by it). Machines prove their key at every token.
 */
export type Proof = 'session' | 'fresh' | 'confirmed';

export interface Permission {
  /** As a person reads it in the table. */
  readonly means: string;
  /** What a machine's access token must carry. */
  readonly scope: AdminScope;
  /** `all`: only machines of the bank; `own`: also those of a company, within it. */
  readonly machines: Reach;
  /** Who else may; a role that is not named may not. */
  readonly people: Partial<Readonly<Record<Role, Reach>>>;
  readonly proof: Proof;
}

const everyStaff = { operator: 'all', support: 'all', auditor: 'all' } as const;
const everyone = { ...everyStaff, administrator: 'own' } as const;
const operators = { operator: 'all' } as const;
const managers = { operator: 'all', administrator: 'own' } as const;
/** Who can stop harm. Support may look and deactivate, and nothing else. */
const rescuers = { operator: 'all', support: 'all', administrator: 'own' } as const;

const row = (
  means: string,
  [scope, machines]: readonly [AdminScope, Reach],
  people: Permission['people'],
  proof: Proof = 'session',
): Permission => ({ means, scope, machines, people, proof });

export const permissions = {
  'me.read': row('see who one is and what one may do', ['admin:read', 'own'], everyone),
  'companies.read': row('see companies and their rules', ['admin:read', 'own'], everyone),
  'companies.create': row('create a company', ['admin:write', 'all'], operators, 'fresh'),
  'companies.change': row("change a company's name and rules", ['admin:write', 'own'], managers, 'fresh'),
  'companies.status': row('suspend, restore or close a company', ['admin:write', 'all'], operators, 'confirmed'),
  'users.read': row('see users', ['admin:read', 'own'], everyone),
  'users.create': row('create a user', ['admin:write', 'own'], managers, 'fresh'),
  'users.change': row("change a user's name, role, permissions, document", ['admin:write', 'own'], managers, 'fresh'),
  'users.email': row("change a user's e-mail address", ['admin:write', 'own'], managers, 'confirmed'),
  'users.suspend': row('suspend a user', ['admin:write', 'own'], managers, 'fresh'),
  'users.restore': row('restore a suspended user', ['admin:write', 'own'], managers, 'fresh'),
  'users.remove': row('remove a user for good', ['admin:write', 'own'], managers, 'confirmed'),
  'users.staff': row("make and unmake the bank's own staff", ['admin:staff', 'all'], operators, 'confirmed'),
  'users.personal-data': row("export or erase a person's data", ['admin:write', 'own'], managers, 'confirmed'),
  'activations.create': row('invite a user to register a phone', ['admin:write', 'own'], managers, 'fresh'),
  'devices.read': row('see devices', ['admin:read', 'own'], everyone),
  'devices.decide': row('approve or refuse a registration', ['admin:write', 'own'], managers, 'fresh'),
  // Without a proof of the phone: it may be the administrator's own that was lost.
  'devices.deactivate': row('end a device, or all of a user', ['admin:devices', 'own'], rescuers),
  'devices.deactivate-company': row('end all devices of a company', ['admin:devices', 'own'], managers, 'confirmed'),
  'approvals.read': row('see acts that wait for a second person', ['admin:read', 'own'], everyone),
  'approvals.decide': row('decide on an act of somebody else', ['admin:write', 'own'], managers, 'fresh'),
  'terms.read': row('see the terms', ['admin:read', 'own'], everyone),
  'terms.publish': row('publish new terms', ['admin:write', 'all'], operators, 'confirmed'),
  'clients.read': row('see portals and machines', ['admin:read', 'all'], everyStaff),
  'clients.write': row(
    'register, change or disable a portal or machine',
    ['admin:clients', 'all'],
    operators,
    'confirmed',
  ),
  'keys.read': row("see the server's keys", ['admin:read', 'all'], everyStaff),
  'keys.rotate': row("rotate the server's keys", ['admin:keys', 'all'], operators, 'confirmed'),
  'audit.read': row('search and export the audit trail', ['admin:audit', 'own'], everyone),
  'audit.checkpoint': row('fetch the signed head of the audit trail', ['admin:audit', 'all'], everyStaff),
  'notifications.read': row('see the outbox, dead letters and webhooks', ['admin:read', 'all'], everyStaff),
  'notifications.write': row('send again; register and change webhooks', ['admin:write', 'all'], operators, 'fresh'),
  'health.read': row("see the server's health", ['admin:read', 'all'], everyStaff),
} as const satisfies Record<string, Permission>;

export type PermissionName = keyof typeof permissions;

/** The row of a permission. */
export function permission(name: PermissionName): Permission {
  return permissions[name];
}
