/** Changing a user's e-mail address: the way to their confirmation codes, so the person at the old one is told. */
import { AuthError } from '../errors.ts';
import { notify } from '../notify/notify.ts';
import { wakeOutbox } from '../notify/outbox.ts';
import { type Actor, actedBy, assertMayManage } from './actor.ts';
import type { CompanyDeps } from './deps.ts';
import { checkedEmail } from './fields.ts';
import { assertWithinRules } from './rule-checks.ts';
import type { User } from './store.ts';
import { heldUser } from './users.ts';

/**
 * Gives the user as it stood at `version` another address. Open activations are void, both addresses are told, and the trail says that it
 * happened without either. Throws `invalid_request`, also for a domain that the company does not allow, `access_denied`, `not_found`,
 * `already_exists` where somebody of the company has it, however it is written, `conflict`.
 */
export async function changeEmail(
  deps: CompanyDeps,
  change: { readonly userId: string; readonly version: number; readonly email: string; readonly actor: Actor },
): Promise<User> {
  const { userId, version, actor } = change;
  const email = checkedEmail(change.email);
  const at = deps.clock.now();
  const changed = await deps.records.transaction(async (records) => {
    const { user, company } = await heldUser(records, userId, actor);
    if (user.status === 'removed') throw new AuthError('conflict', { message: 'the user is removed' });
    assertMayManage(actor, user);
    assertWithinRules(company.rules, { ...user, email }, ['email']);
    if (user.version !== version) throw stale();
    if (user.email === email) return user;
    if (!(await records.users.changeEmail({ ...user, email }))) throw stale();
    // A code that was sent to the old address must not register a phone any more.
    await records.activations.voidOpen(userId);
    await notify(records, { event: 'contact.changed', userId, formerAddress: user.email }, at);
    const record = { event: 'user.email_changed', ...actedBy(actor), companyId: user.companyId, userId } as const;
    await records.audit.append(record, at);
    return { ...user, email, version: version + 1 };
  });
  await wakeOutbox(deps.shortLived);
  return changed;
}

function stale(): AuthError {
  return new AuthError('conflict', { message: 'the record was changed by someone else: read it again' });
}
