/** Who calls the admin API, and whether that is enough for what they ask. */
import type { FastifyRequest } from 'fastify';
import type { Actor } from '../companies/actor.ts';
import type { Role } from '../companies/roles.ts';
import { clientAddress } from '../http/addresses.ts';
import { type PermissionName, permission } from './permissions.ts';

/** A machine, by an access token of the client credentials grant. */
export interface MachineIdentity {
  readonly kind: 'machine';
  readonly clientId: string;
  /** The company that it is confined to; undefined for the bank's own. */
  readonly companyId: string | undefined;
  readonly scopes: ReadonlySet<string>;
}

/** A person, logged in to the console with mToken. */
export interface PersonIdentity {
  readonly kind: 'person';
  readonly userId: string;
  /** The phone with which they logged in; undefined where somebody else has done what they asked for earlier. */
  readonly deviceId: string | undefined;
  readonly role: Role;
  /** Their own company; for the bank's staff that is the bank's, and no bound. */
  readonly companyId: string;
  /** When the mPIN or biometrics behind this session was last proven, in epoch-milliseconds. */
  readonly provedAt: number;
  /** Whether there is such a proof that nobody has used. */
  readonly isConfirmed: () => Promise<boolean>;
  /** Uses up the proof that was made for one act: true once, for one caller, and only while it is fresh. */
  readonly takeConfirmation: () => Promise<boolean>;
}

export type AdminIdentity = MachineIdentity | PersonIdentity;

/** How long a proof counts as fresh. */
export const freshMs = 300_000;

/** `proof`: the caller may, once they have shown again that it is them. */
export type Verdict = 'allowed' | 'refused' | 'proof';

/**
 * Whether the caller may use the permission at `now`; how far is then decided by the actor's company. Where it takes a confirmation,
 * that is used up by the plugin once the request was read.
 */
export function judge(identity: AdminIdentity, name: PermissionName, now: number): Verdict {
  const row = permission(name);
  if (identity.kind === 'machine') {
    const reaches = row.machines === 'own' || identity.companyId === undefined;
    return reaches && identity.scopes.has(row.scope) ? 'allowed' : 'refused';
  }
  if (row.people[identity.role] === undefined) return 'refused';
  if (row.proof === 'session') return 'allowed';
  return now - identity.provedAt > freshMs ? 'proof' : 'allowed';
}

/** The caller as the rules and the trail know it. Whoever reaches all companies is confined to none. */
export function actorOf(identity: AdminIdentity, request: FastifyRequest): Actor {
  const from = { address: clientAddress(request), requestId: request.id };
  if (identity.kind === 'machine') {
    const isStaffMachine = judge(identity, 'users.staff', 0) === 'allowed';
    return { name: `client:${identity.clientId}`, companyId: identity.companyId, isStaffMachine, ...from };
  }
  const { userId, deviceId, role, companyId } = identity;
  const isConfined = role === 'administrator' || role === 'user';
  return { name: `user:${userId}`, userId, deviceId, companyId: isConfined ? companyId : undefined, ...from };
}
