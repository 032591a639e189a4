/** The bank's own people: users of the one company that is the bank's, each with a staff role, and nobody else with one. */
import { randomId } from '../crypto/random.ts';
import { AuthError } from '../errors.ts';
import { notify } from '../notify/notify.ts';
import type { Records } from '../store/records.ts';
import { type Actor, actedBy } from './actor.ts';
import type { CompanyDeps } from './deps.ts';
import { checkedEmail, checkedName } from './fields.ts';
import { type Role, roleOf, type StaffRole } from './roles.ts';
import { defaultRules } from './rules.ts';
import type { Company, User } from './store.ts';

/** The bank's own company begins with these; like any company's they can be changed. */
const bankPolicies = { userLimit: 100, deviceLimit: 3, selfActivation: true, mpinLength: 5 } as const;

/**
 * What a new or changed user may be in that company: the bank's people are staff, and staff are the bank's people. Whoever could be
 * made staff elsewhere would reach every company from one. Throws `invalid_request`.
 */
export function assertStaffFits(
  company: Pick<Company, 'isBank'>,
  user: { readonly role: User['role']; readonly staffRole: StaffRole | undefined },
): void {
  const isStaff = user.staffRole !== undefined;
  if (company.isBank && !isStaff)
    throw new AuthError('invalid_request', { message: "a user of the bank's own company must have a staff role" });
  if (!company.isBank && isStaff)
    throw new AuthError('invalid_request', { message: "a staff role is for users of the bank's own company" });
  if (isStaff && user.role !== 'user')
    throw new AuthError('invalid_request', { message: 'staff have a staff role, and are no administrators beside' });
}

/** The role of a person who may use the console; undefined for everybody else. A staff role counts in the bank's company alone. */
export function consoleRole(
  user: Pick<User, 'role' | 'staffRole'>,
  company: Pick<Company, 'isBank'>,
): Exclude<Role, 'user'> | undefined {
  if (company.isBank !== (user.staffRole !== undefined)) return undefined;
  const role = roleOf(user);
  return role === 'user' ? undefined : role;
}

export interface NewOperator {
  readonly name: string;
  readonly email: string;
  /** What the bank's company is called where this call makes it. */
  readonly bankName: string;
  readonly actor: Actor;
}

/**
 * Creates an invited user with the staff role `operator`, and the bank's own company where there is none yet: the way to a first
 * operator, for the server's own machine. The active operators are told. Throws `invalid_request`, `already_exists` where the bank has
 * that e-mail address, `limit_reached`, `conflict` where the bank's company is not active.
 */
export async function createOperator(
  deps: Pick<CompanyDeps, 'records' | 'clock'>,
  { name, email, bankName, actor }: NewOperator,
): Promise<{ readonly user: User; readonly bank: Company; readonly isNewBank: boolean }> {
  const at = deps.clock.now();
  return deps.records.transaction(async (records) => {
    const found = await records.companies.findBank();
    const bank = found ?? (await insertBank(records, checkedName(bankName), at));
    await takePlace(records, bank.id);
    const user: User = {
      id: randomId('usr'),
      companyId: bank.id,
      name: checkedName(name),
      email: checkedEmail(email),
      role: 'user',
      staffRole: 'operator',
      permissions: 'full',
      locale: 'en',
      language: undefined,
      document: undefined,
      status: 'invited',
      createdAt: at,
      version: 1,
    };
    await records.users.insert(user);
    await notify(records, { event: 'administrator.added', userId: user.id }, at);
    if (found === undefined) {
      const record = { event: 'company.created', ...actedBy(actor), companyId: bank.id } as const;
      await records.audit.append({ ...record, data: { isBank: true, ...bankPolicies } }, at);
    }
    const record = { event: 'user.created', ...actedBy(actor), companyId: bank.id, userId: user.id } as const;
    await records.audit.append({ ...record, data: { staffRole: 'operator' } }, at);
    return { user, bank, isNewBank: found === undefined };
  });
}

async function insertBank(records: Records, name: string, at: number): Promise<Company> {
  const bank: Company = {
    id: randomId('co'),
    name,
    status: 'active',
    ...bankPolicies,
    rules: defaultRules,
    isBank: true,
    createdAt: at,
    version: 1,
  };
  await records.companies.insert(bank);
  return bank;
}

/** The place first: it locks the company, so that what is then read of it stays true until the commit. */
async function takePlace(records: Records, companyId: string): Promise<void> {
  const isTaken = await records.companies.takeUserPlace(companyId);
  const company = await records.companies.find(companyId);
  if (company?.status !== 'active') throw new AuthError('conflict', { message: "the bank's company is not active" });
  if (!isTaken) throw new AuthError('limit_reached', { message: 'the company has as many users as it may have' });
}
