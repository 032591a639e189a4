/** Companies: whose users may log in, and under which policies and rules. */
import { randomId } from '../crypto/random.ts';
import { AuthError } from '../errors.ts';
import { notify } from '../notify/notify.ts';
import { wakeOutbox } from '../notify/outbox.ts';
import { approversText, hoursText, riskTexts } from '../risk/rule-checks.ts';
import type { Records } from '../store/records.ts';
import { type Actor, actedBy, reaches } from './actor.ts';
import type { CompanyDeps } from './deps.ts';
import { checkedInteger, checkedName } from './fields.ts';
import { loginObstacle } from './login-rules.ts';
import { bankRules, changedRules, type RuleChanges } from './rule-checks.ts';
import { type CompanyRules, defaultRules } from './rules.ts';
import type { Company, CompanyFilter, Page } from './store.ts';

/** What a company decides, or the bank for it. */
export interface CompanyPolicies {
  readonly userLimit: number;
  readonly deviceLimit: number;
  readonly selfActivation: boolean;
  readonly mpinLength: number;
}

const defaultPolicies: CompanyPolicies = { userLimit: 2, deviceLimit: 3, selfActivation: true, mpinLength: 5 };
/** Beside its rules only these may be set by an actor that is confined to the company: name and limits are the bank's. */
const ownChanges: ReadonlySet<string> = new Set(['selfActivation', 'mpinLength', 'rules']);

export type NewCompany = Partial<CompanyPolicies> & { readonly name: string; readonly rules?: RuleChanges | undefined };

/** Creates an active company; only an actor of the bank may. Throws `invalid_request`, `access_denied`. */
export async function createCompany(
  deps: CompanyDeps,
  options: NewCompany & { readonly actor: Actor },
): Promise<Company> {
  const { actor, name, rules = {}, ...policies } = options;
  if (actor.companyId !== undefined) throw new AuthError('access_denied');
  const at = deps.clock.now();
  const company: Company = {
    id: randomId('co'),
    name: checkedName(name),
    status: 'active',
    ...checkedPolicies({ ...defaultPolicies, ...given(policies) }),
    rules: changedRules(defaultRules, rules),
    isBank: false,
    createdAt: at,
    version: 1,
  };
  await deps.records.transaction(async (records) => {
    await records.companies.insert(company);
    const { userLimit, deviceLimit, selfActivation, mpinLength } = company;
    const data = {
      userLimit,
      deviceLimit,
      selfActivation,
      mpinLength,
      ...ruleDifferences(defaultRules, company.rules),
    };
    const by = { ...actedBy(actor), companyId: company.id };
    await records.audit.append({ event: 'company.created', ...by, data }, at);
    const signing = signingDifferences(defaultRules, company.rules);
    if (Object.keys(signing).length > 0) {
      await records.audit.append({ event: 'company.updated', ...by, data: signing }, at);
    }
  });
  return company;
}

export interface CompanyChanges extends Partial<CompanyPolicies> {
  readonly name?: string | undefined;
  /** What is not given stays. */
  readonly rules?: RuleChanges | undefined;
}

/**
 * Changes name, policies and rules of the company as it stood at `version`; its administrators are told. A lower maximum of permissions
 * lowers its users, fewer minutes shorten the sessions that there are, both in the same step. Throws `invalid_request`, `access_denied`,
 * `not_found`, `conflict`.
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
  const changed = await deps.records.transaction(async (records) => {
    await records.companies.hold(companyId);
    const company = await findWithin(records, companyId, actor);
    assertMayChange(actor, company, changes);
    const after = changedCompany(company, version, changes);
    assertFitsBank(actor, company, changes);
    assertNotShutOut(actor, after, at);
    await assertEnoughApprovers(records, company, after);
    if (!(await records.companies.update(after))) throw stale();
    const data = { ...differences(company, after), ...(await enforce(records, company, after)) };
    // A record of its own: all of it in one would be more than a record takes.
    const signing = signingDifferences(company.rules, after.rules);
    const isSigning = Object.keys(signing).length > 0;
    if (isSigning || Object.keys(data).length > 0) await notify(records, { event: 'policy.changed', companyId }, at);
    if (!isSigning || Object.keys(data).length > 0) {
      await records.audit.append({ event: 'company.updated', ...actedBy(actor), companyId, data }, at);
    }
    if (isSigning) {
      await records.audit.append({ event: 'company.updated', ...actedBy(actor), companyId, data: signing }, at);
    }
    return { ...after, version: version + 1 };
  });
  await wakeOutbox(deps.shortLived);
  return changed;
}

/** What a stricter rule does at once to what there is. */
async function enforce(records: Records, before: Company, after: Company): Promise<Record<string, number>> {
  const { id, rules } = after;
  const isLower = rules.permissions !== before.rules.permissions && rules.permissions === 'mtoken';
  // Users before their sessions, as a login takes them.
  const data = isLower ? { usersLowered: await records.users.lowerPermissions(id) } : {};
  if (rules.sessionMinutes < before.rules.sessionMinutes) {
    await records.oidc.shortenSessions(id, rules.sessionMinutes * 60_000);
  }
  return data;
}

/** The company, if the actor may see it. Throws `not_found`. */
export async function findCompany(deps: CompanyDeps, companyId: string, actor: Actor): Promise<Company> {
  return findWithin(deps.records, companyId, actor);
}

async function findWithin(records: Records, companyId: string, actor: Actor): Promise<Company> {
  const company = await records.companies.find(companyId);
  if (company === undefined || !reaches(actor, companyId)) throw new AuthError('not_found');
  return company;
}

/** Companies that the actor may see, in the order of their ids. */
export async function listCompanies(
  deps: CompanyDeps,
  options: { readonly actor: Actor; readonly page: Page; readonly filter?: CompanyFilter },
): Promise<Company[]> {
  const { actor, page, filter = {} } = options;
  // Never the unfiltered list for an actor of a company (T31).
  return deps.records.companies.list(page, { ...filter, id: actor.companyId });
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
  if (company.status === 'closed') throw new AuthError('conflict', { message: 'a closed company stays closed' });
  if (actor.companyId === undefined) return;
  const isBanks = (name: string) => bankRules.has(name as keyof CompanyRules);
  const rules = Object.entries(changes.rules ?? {}).filter(([, value]) => value !== undefined);
  const refused = [
    ...Object.keys(changes).filter((name) => !ownChanges.has(name)),
    ...rules.map(([name]) => name).filter(isBanks),
  ];
  if (refused.length > 0)
    throw new AuthError('access_denied', { message: `only the bank changes ${refused.join(', ')}` });
}

/**
 * The bank's own company: its rules let the operators in or shut all of them out, so a machine that may not make them does not change
 * it. Acts of two people are those of a company's own administrators, and it has none: a rule that would hold for nobody is refused.
 */
function assertFitsBank({ name, isStaffMachine }: Actor, { isBank }: Company, { rules }: CompanyChanges): void {
  if (!isBank) return;
  if (name.startsWith('client:') && isStaffMachine !== true) {
    throw new AuthError('access_denied', {
      message: "for the bank's own company a machine needs the scope admin:staff",
    });
  }
  if ((rules?.fourEyes ?? []).length > 0) throw invalid("rules.fourEyes is without effect in the bank's own company");
}

/**
 * A person who sets networks without their own would end their company's logins with a slip. Operators have nobody above them who could
 * let them in again: for them the hours are judged too.
 */
function assertNotShutOut(actor: Actor, { id, isBank, rules }: Company, now: number): void {
  const isOwn = actor.companyId === id || (isBank && actor.companyId === undefined);
  if (actor.userId === undefined || !isOwn) return;
  const judged = isBank ? rules : { ...rules, hours: null };
  const obstacle = loginObstacle(judged, { addresses: [actor.address], now });
  if (obstacle === 'network') throw invalid('rules.networks would shut out the network that you use now');
  if (obstacle === 'hours') throw invalid('rules.hours would shut you out at this hour');
}

/** A rule that asks for more people than there are would keep everything it fits from ever being signed. */
async function assertEnoughApprovers(records: Records, before: Company, { id, rules }: Company): Promise<void> {
  const isSame = approversText(before.rules.approvers) === approversText(rules.approvers);
  if (isSame && before.rules.permissions === rules.permissions) return;
  const needed = Math.max(1, ...rules.approvers.map((rule) => rule.needed));
  if (needed === 1) return;
  const able = rules.permissions === 'mtoken' ? 0 : await countAble(records, id, needed);
  if (able >= needed) return;
  throw invalid(`rules.approvers asks for ${needed} people, and the company has ${able} with full permissions`);
}

/** Users that may sign with others, counted up to `enough`; those who are invited among them. */
async function countAble(records: Records, companyId: string, enough: number): Promise<number> {
  const limit = 200;
  let able = 0;
  for (let after: string | undefined; ; ) {
    const users = await records.users.list(companyId, after === undefined ? { limit } : { limit, after });
    able += users.filter(
      ({ status, permissions }) => permissions === 'full' && (status === 'active' || status === 'invited'),
    ).length;
    after = users.at(-1)?.id;
    if (able >= enough || users.length < limit) return Math.min(able, enough);
  }
}

function invalid(message: string): AuthError {
  return new AuthError('invalid_request', { message });
}

/** Takes each member by its name: no other column can be written through a change (T27). */
function changedCompany(company: Company, version: number, changes: CompanyChanges): Company {
  if (company.version !== version) throw stale();
  const { userLimit, deviceLimit, selfActivation, mpinLength } = company;
  return {
    ...company,
    name: changes.name === undefined ? company.name : checkedName(changes.name),
    ...checkedPolicies({
      userLimit: changes.userLimit ?? userLimit,
      deviceLimit: changes.deviceLimit ?? deviceLimit,
      selfActivation: changes.selfActivation ?? selfActivation,
      mpinLength: changes.mpinLength ?? mpinLength,
    }),
    rules: changedRules(company.rules, changes.rules ?? {}),
  };
}

function differences(before: Company, after: Company): Record<string, string | number | boolean> {
  const data: Record<string, string | number | boolean> = {};
  for (const name of ['userLimit', 'deviceLimit', 'selfActivation', 'mpinLength'] as const) {
    if (before[name] === after[name]) continue;
    data[`${name}Before`] = before[name];
    data[`${name}After`] = after[name];
  }
  if (before.name !== after.name) data['nameChanged'] = true;
  return { ...data, ...ruleDifferences(before.rules, after.rules) };
}

/** Lists as their entries, so that the trail can be searched for one; what is longer than a record takes is cut there. */
function ruleDifferences(before: CompanyRules, after: CompanyRules): Record<string, string | number> {
  const data: Record<string, string | number> = {};
  for (const name of Object.keys(after) as (keyof CompanyRules)[]) {
    if (name === 'approvers' || name === 'risk') continue;
    const [was, is] = [asValue(before[name]), asValue(after[name])];
    if (was === is) continue;
    data[`${name}Before`] = was;
    data[`${name}After`] = is;
  }
  return data;
}

/** Of the rules about signing, each rule about risk by its own name. */
function signingDifferences(before: CompanyRules, after: CompanyRules): Record<string, string> {
  const was = { approvers: approversText(before.approvers), ...riskTexts(before.risk) };
  const is: Readonly<Record<string, string>> = { approvers: approversText(after.approvers), ...riskTexts(after.risk) };
  const changed = Object.entries(was).filter(([name, text]) => text !== is[name]);
  return Object.fromEntries(
    changed.flatMap(([name, text]) => [
      [`${name}Before`, text],
      [`${name}After`, is[name] ?? ''],
    ]),
  );
}

function asValue(rule: CompanyRules[Exclude<keyof CompanyRules, 'approvers' | 'risk'>]): string | number {
  if (typeof rule === 'string' || typeof rule === 'number') return rule;
  if (rule === null) return 'none';
  if ('days' in rule) return hoursText(rule);
  return rule.length === 0 ? 'none' : rule.join(' ');
}

function stale(): AuthError {
  return new AuthError('conflict', { message: 'the record was changed by someone else: read it again' });
}
