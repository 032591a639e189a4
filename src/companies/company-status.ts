/** Suspending, restoring and closing a company: acts of the bank, each with a reason. */
import { AuthError } from '../errors.ts';
import { type Actor, actedBy, reaches } from './actor.ts';
import type { CompanyDeps } from './deps.ts';
import { checkedReason } from './fields.ts';
import type { Company, Page, User } from './store.ts';
import { endLoginsOf, removeUser } from './user-status.ts';

/** What one of these acts needs to be told. */
export interface CompanyAct {
  readonly companyId: string;
  readonly reason: string;
  readonly actor: Actor;
}

/**
 * From the commit on nobody of the company can log in or decide anything; every login ends. Doing it twice changes nothing, and ends what
 * an interrupted call left open. Throws `invalid_request`, `access_denied`, `not_found`, `conflict` where it is closed or the bank's own.
 */
export async function suspendCompany(deps: CompanyDeps, act: CompanyAct): Promise<Company> {
  const company = await setStatus(deps, act, 'suspended');
  await eachUser(deps, company, (user) => endLoginsOf(deps, user.id));
  return company;
}

/** Its users may log in again. Doing it twice changes nothing. Throws as `suspendCompany`. */
export async function restoreCompany(deps: CompanyDeps, act: CompanyAct): Promise<Company> {
  return setStatus(deps, act, 'active');
}

/**
 * Ends the company for good: every user is removed and every device ended. Doing it twice changes nothing, and removes whom an
 * interrupted call left. Throws as `suspendCompany`.
 */
export async function closeCompany(deps: CompanyDeps, act: CompanyAct): Promise<Company> {
  const company = await setStatus(deps, act, 'closed');
  const { actor } = act;
  await eachUser(deps, company, (user) =>
    removeUser(deps, { userId: user.id, reason: 'the company was closed', actor }),
  );
  return company;
}

const events = { active: 'company.restored', suspended: 'company.suspended', closed: 'company.closed' } as const;

async function setStatus(deps: CompanyDeps, act: CompanyAct, status: Company['status']): Promise<Company> {
  const { companyId, actor } = act;
  const reason = checkedReason(act.reason);
  if (actor.companyId !== undefined) throw new AuthError(reaches(actor, companyId) ? 'access_denied' : 'not_found');
  const at = deps.clock.now();
  return deps.records.transaction(async (records) => {
    // Held, so that no change comes between reading and writing: the emergency does not fail on somebody's editing.
    await records.companies.hold(companyId);
    const company = await records.companies.find(companyId);
    if (company === undefined) throw new AuthError('not_found');
    if (company.status === status) return company;
    if (company.status === 'closed') throw new AuthError('conflict', { message: 'a closed company stays closed' });
    // With it every operator would be shut out, and with them whoever could undo it.
    if (company.isBank) throw new AuthError('conflict', { message: "the bank's own company stays active" });
    if (!(await records.companies.update({ ...company, status }))) throw new AuthError('conflict');
    await records.audit.append({ event: events[status], ...actedBy(actor), companyId, data: { reason } }, at);
    return { ...company, status, version: company.version + 1 };
  });
}

/** Page by page: from the commit on nobody of the company is usable, so what remains here is to end what stands open. */
async function eachUser(deps: CompanyDeps, { id }: Company, end: (user: User) => Promise<unknown>): Promise<void> {
  let after: string | undefined;
  for (;;) {
    const page: Page = after === undefined ? { limit: 200 } : { after, limit: 200 };
    const users = await deps.records.users.list(id, page);
    for (const user of users) if (user.status !== 'removed') await end(user);
    after = users.at(-1)?.id;
    if (after === undefined) return;
  }
}
