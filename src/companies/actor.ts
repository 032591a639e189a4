/** Who does an administrative act, and how far that reaches. */
import { AuthError } from '../errors.ts';

/** The caller of an administrative act, as the caller's authentication told. */
export interface Actor {
  /** As the audit trail names it: `client:<id>`, `user:<id>`, `cli`. */
  readonly name: string;
  /** The company that the actor is confined to; undefined for the bank's own. */
  readonly companyId?: string | undefined;
  /** The person who acts, where it is known: nobody approves what is their own. */
  readonly userId?: string | undefined;
  /** Whether it is a machine that may make and unmake the bank's staff. */
  readonly isStaffMachine?: boolean | undefined;
  /** The phone with which that person logged in. */
  readonly deviceId?: string | undefined;
  readonly address?: string | undefined;
  readonly requestId?: string | undefined;
}

/** The members of an audit record that tell who acted and from where. */
export function actedBy(actor: Actor): { actor: string; address: string | undefined; requestId: string | undefined } {
  return { actor: actor.name, address: actor.address, requestId: actor.requestId };
}

/**
 * The owned thing, if the actor may touch it. Throws `not_found` for what does not exist and for what is another company's, so
 * that nobody learns what others have (T31).
 */
export function within<T extends { readonly companyId: string }>(actor: Actor, owned: T | undefined): T {
  if (owned === undefined || !reaches(actor, owned.companyId)) throw new AuthError('not_found');
  return owned;
}

/** Whether the actor may touch what belongs to the company. */
export function reaches(actor: Actor, companyId: string): boolean {
  return actor.companyId === undefined || actor.companyId === companyId;
}

/**
 * Asserts that the actor may change a person of the bank's staff, who reaches every company: an operator or the server's own machine,
 * and no client, whose key would otherwise be worth as much as an operator's phone. Throws `access_denied`.
 */
export function assertMayManage(actor: Actor, user: { readonly staffRole: string | undefined }): void {
  if (user.staffRole === undefined || !actor.name.startsWith('client:')) return;
  throw new AuthError('access_denied', { message: "the bank's staff are changed by its operators" });
}
