/** Making and unmaking the bank's staff, and who else may touch one of them. */
import { AuthError } from '../errors.ts';
import { notify } from '../notify/notify.ts';
import { wakeOutbox } from '../notify/outbox.ts';
import { type Actor, actedBy } from './actor.ts';
import { assertNotLast } from './administrators.ts';
import type { CompanyDeps } from './deps.ts';
import type { StaffRole } from './roles.ts';
import { assertStaffFits } from './staff.ts';
import type { User } from './store.ts';
import { createUser, heldUser, type NewUser } from './users.ts';

/**
 * Creates an invited member of the staff in the bank's own company. Throws as `createUser`, and `conflict` where the bank has no company
 * yet, which `mtoken bootstrap` makes.
 */
export async function createStaff(
  deps: CompanyDeps,
  options: Omit<NewUser, 'companyId' | 'role' | 'staffRole'> & { readonly staffRole: StaffRole; readonly actor: Actor },
): Promise<User> {
  const bank = await deps.records.companies.findBank();
  if (bank === undefined)
    throw new AuthError('conflict', { message: 'the first operator is made by mtoken bootstrap' });
  return createUser(deps, { ...options, companyId: bank.id });
}

/**
 * Makes a member of the staff something else; their logins end, so that nothing that they were goes on, and a new operator is told of to
 * the others. Nobody changes their own role, and the last operator stays one. Throws `invalid_request` for who is no member,
 * `access_denied`, `not_found`, `conflict`.
 */
export async function changeStaffRole(
  deps: CompanyDeps,
  change: {
    readonly userId: string;
    readonly version: number;
    readonly staffRole: StaffRole;
    readonly actor: Actor;
  },
): Promise<User> {
  const { userId, version, staffRole, actor } = change;
  const at = deps.clock.now();
  const staff = await deps.records.transaction(async (records) => {
    const { user, company } = await heldUser(records, userId, actor);
    if (user.status === 'removed') throw new AuthError('conflict', { message: 'the user is removed' });
    if (actor.userId === userId) throw new AuthError('access_denied', { message: 'nobody changes their own role' });
    const changed: User = { ...user, version, staffRole };
    assertStaffFits(company, changed);
    if (staffRole === user.staffRole) return user;
    await assertNotLast(records, user, actor);
    if (!(await records.users.update(changed))) {
      throw new AuthError('conflict', { message: 'the record was changed by someone else: read it again' });
    }
    await deps.endLogins(records, { userId }, at);
    if (staffRole === 'operator') await notify(records, { event: 'administrator.added', userId }, at);
    const data = { staffRoleBefore: user.staffRole ?? 'none', staffRoleAfter: staffRole };
    const record = { event: 'user.staff_changed', ...actedBy(actor), companyId: user.companyId, userId } as const;
    await records.audit.append({ ...record, data }, at);
    return { ...changed, version: version + 1 };
  });
  await wakeOutbox(deps.shortLived);
  return staff;
}
