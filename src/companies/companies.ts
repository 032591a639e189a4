/** Companies: whose users may log in, and under which policies. */
import { randomId } from '../crypto/random.ts';
import { AuthError } from '../errors.ts';
import { type Actor, actedBy, reaches } from './actor.ts';
import type { CompanyDeps } from './deps.ts';
import { checkedInteger, checkedName } from './fields.ts';
import { defaultRules } from './rules.ts';
import type { Company, Page, User } from './store.ts';
import { endLoginsOf, removeUser } from './user-status.ts';

/** What a company decides, or the bank for it. */
export interface CompanyPolicies {
  readonly userLimit: number;
  readonly deviceLimit: number;
  readonly selfActivation: boolean;
  readonly mpinLength: number;
}

const defaultPolicies: CompanyPolicies = { userLimit: 2, deviceLimit: 3, selfActivation: true, mpinLength: 5 };
/** Of the policies only these may be set by an actor that is confined to the company: limits and status are the bank's. */
const ownPolicies: ReadonlySet<string> = new Set(['selfActivation', 'mpinLength']);

/** Creates an active company; only an actor of the bank may. Throws `invalid_request`, `access_denied`. */
export async function createCompany(
  deps: CompanyDeps,
  options: Partial<CompanyPolicies> & { readonly name: string; readonly actor: Actor },
): Promise<Company> {
  const { actor, name, ...policies } = options;
  if (actor.companyId !== undefined) throw new AuthError('access_denied');
  const at = deps.clock.now();
  const company: Company = {
    id: randomId('co'),
    name: checkedName(name),
    status: 'active',
    ...checkedPolicies({ ...defaultPolicies, ...given(policies) }),
    rules: defaultRules,
    isBank: false,
    createdAt: at,
    version: 1,
  };
  await deps.records.transaction(async (records) => {
    await records.companies.insert(company);
    const { userLimit, deviceLimit, selfActivation, mpinLength } = company;
    await records.audit.append(
      {
        event: 'company.created',
        ...actedBy(actor),
        companyId: company.id,
        data: { userLimit, deviceLimit, selfActivation, mpinLength },
      },
      at,
    );
  });
  return company;
}

export interface CompanyChanges extends Partial<CompanyPolicies> {
  readonly name?: string | undefined;
  readonly status?: Company['status'] | undefined;
}

/**
 * Changes name, status and policies of the company as it stood at `version`. `suspended` ends every login of its users, `closed`
 * removes them for good and cannot be undone. Throws `invalid_request`, `access_denied`, `not_found`, `conflict`.
 */
export async function updateCompany(
  deps: CompanyDeps,
  options: {
    readonly companyId: string;
    readonly version: number;
    readonly changes: CompanyChanges;
    readonly actor: Actor;
  },
): Promise<Company> {
  const { companyId, version, actor } = options;
  const changes = given(options.changes);
  const at = deps.clock.now();
  const { before, after } = await deps.records.transaction(async (records) => {
    const company = await records.companies.find(companyId);
    if (company === undefined || !reaches(actor, companyId)) throw new AuthError('not_found');
    assertMayChange(actor, company, changes);
    const changed = changedCompany(company, version, changes);
    if (!(await records.companies.update(changed))) throw stale();
    await records.audit.append(
      { event: 'company.updated', ...actedBy(actor), companyId, data: differences(company, changed) },
      at,
    );
    return { before: company, after: { ...changed, version: version + 1 } };
  });
  if (after.status !== before.status && after.status !== 'active') await endUsers(deps, after, actor);
  return after;
}

/** The company, if the actor may see it. Throws `not_found`. */
export async function findCompany(deps: CompanyDeps, companyId: string, actor: Actor): Promise<Company> {
  const company = await deps.records.companies.find(companyId);
  if (company === undefined || !reaches(actor, companyId)) throw new AuthError('not_found');
  return company;
}

/** Companies that the actor may see, in the order of their ids. */
export async function listCompanies(
  deps: CompanyDeps,
  options: { readonly actor: Actor; readonly page: Page },
): Promise<Company[]> {
  const { actor, page } = options;
  if (actor.companyId === undefined) return deps.records.companies.list(page);
  if (page.after !== undefined && page.after >= actor.companyId) return [];
  const own = await deps.records.companies.find(actor.companyId);
  return own === undefined ? [] : [own];
}

/** Members that were given, so that one that is `undefined` does not take a value's place. */
function given<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

function checkedPolicies(policies: CompanyPolicies): CompanyPolicies {
  return {
    userLimit: checkedInteger(policies.userLimit, 'userLimit', { min: 1, max: 1_000_000 }),
    deviceLimit: checkedInteger(policies.deviceLimit, 'deviceLimit', { min: 1, max: 20 }),
    selfActivation: policies.selfActivation,
    mpinLength: checkedInteger(policies.mpinLength, 'mpinLength', { min: 5, max: 8 }),
  };
}

function assertMayChange(actor: Actor, company: Company, changes: CompanyChanges): void {
  const isConfined = actor.companyId !== undefined;
  if (isConfined && Object.keys(changes).some((name) => !ownPolicies.has(name))) throw new AuthError('access_denied');
  if (company.status === 'closed') throw new AuthError('conflict', { message: 'a closed company stays closed' });
}

/** Takes each member by its name: no other column can be written through a change (T27). */
function changedCompany(company: Company, version: number, changes: CompanyChanges): Company {
  if (company.version !== version) throw stale();
  const { userLimit, deviceLimit, selfActivation, mpinLength } = company;
  return {
    ...company,
    name: changes.name === undefined ? company.name : checkedName(changes.name),
    status: changes.status ?? company.status,
    ...checkedPolicies({
      userLimit: changes.userLimit ?? userLimit,
      deviceLimit: changes.deviceLimit ?? deviceLimit,
      selfActivation: changes.selfActivation ?? selfActivation,
      mpinLength: changes.mpinLength ?? mpinLength,
    }),
  };
}

function differences(before: Company, after: Company): Record<string, string | number | boolean> {
  const data: Record<string, string | number | boolean> = {};
  for (const name of ['status', 'userLimit', 'deviceLimit', 'selfActivation', 'mpinLength'] as const) {
    if (before[name] === after[name]) continue;
    data[`${name}Before`] = before[name];
    data[`${name}After`] = after[name];
  }
  if (before.name !== after.name) data['nameChanged'] = true;
  return data;
}

/** Page by page: from the commit on nobody of the company is usable, so what remains here is to end what stands open. */
async function endUsers(deps: CompanyDeps, company: Company, actor: Actor): Promise<void> {
  let after: string | undefined;
  for (;;) {
    const page: Page = after === undefined ? { limit: 200 } : { after, limit: 200 };
    const users = await deps.records.users.list(company.id, page);
    for (const user of users) await endUser(deps, { company, user, actor });
    const last = users.at(-1);
    if (last === undefined) return;
    after = last.id;
  }
}

async function endUser(deps: CompanyDeps, options: { company: Company; user: User; actor: Actor }): Promise<void> {
  const { company, user, actor } = options;
  if (user.status === 'removed') return;
  if (company.status === 'closed') await removeUser(deps, { userId: user.id, reason: 'the company was closed', actor });
  else await endLoginsOf(deps, user.id);
}

function stale(): AuthError {
  return new AuthError('conflict', { message: 'the record was changed by someone else: read it again' });
}
