/** Users of a company: created within its limit and rules, changed, found; never another company's. */
import { randomId } from '../crypto/random.ts';
import { AuthError } from '../errors.ts';
import { notify } from '../notify/notify.ts';
import { wakeOutbox } from '../notify/outbox.ts';
import type { Records } from '../store/records.ts';
import { type Actor, actedBy, assertMayManage, reaches, within } from './actor.ts';
import { assertNotLast } from './administrators.ts';
import type { CompanyDeps } from './deps.ts';
import {
  checkedDocument,
  checkedEmail,
  checkedLanguage,
  checkedLocale,
  checkedName,
  type NewDocument,
} from './fields.ts';
import type { StaffRole } from './roles.ts';
import { assertWithinRules } from './rule-checks.ts';
import { assertStaffFits } from './staff.ts';
import type { Company, Page, User, UserFilter } from './store.ts';

export interface NewUser {
  readonly companyId: string;
  readonly name: string;
  readonly email: string;
  /** `user` unless told. */
  readonly role?: User['role'] | undefined;
  /** For a user of the bank's own company; given by the one endpoint that takes the permission for it. */
  readonly staffRole?: StaffRole | undefined;
  /** `mtoken` unless told: the least. */
  readonly permissions?: User['permissions'] | undefined;
  /** `en` unless told. */
  readonly locale?: string | undefined;
  /** In which they are written to: that of `locale` unless told. */
  readonly language?: string | undefined;
  readonly document?: NewDocument | undefined;
}

/**
 * Creates an invited user and takes a place of the company's user limit; a new administrator, or operator of the bank, is told of to the
 * others. Throws `invalid_request`, also for what the company's rules do not allow, `not_found`, `already_exists` where the company has
 * that e-mail address, `limit_reached`, `conflict` where the company is not active.
 */
export async function createUser(deps: CompanyDeps, options: NewUser & { readonly actor: Actor }): Promise<User> {
  const { actor, companyId } = options;
  const at = deps.clock.now();
  const user: User = {
    id: randomId('usr'),
    companyId,
    name: checkedName(options.name),
    email: checkedEmail(options.email),
    role: options.role ?? 'user',
    staffRole: options.staffRole,
    permissions: options.permissions ?? 'mtoken',
    locale: checkedLocale(options.locale ?? 'en'),
    language: options.language === undefined ? undefined : checkedLanguage(options.language),
    document: options.document === undefined ? undefined : checkedDocument(options.document),
    status: 'invited',
    createdAt: at,
    version: 1,
  };
  if (!reaches(actor, companyId)) throw new AuthError('not_found');
  await deps.records.transaction(async (records) => {
    const company = await takePlace(records, companyId);
    assertStaffFits(company, user);
    assertWithinRules(company.rules, user);
    await records.users.insert(user);
    const { role, staffRole, permissions, locale, language, document } = user;
    const data = {
      role,
      permissions,
      locale,
      ...(staffRole === undefined ? {} : { staffRole }),
      ...(language === undefined ? {} : { language }),
      ...(document === undefined ? {} : { hasDocument: true }),
    };
    const isTold = role === 'administrator' || staffRole === 'operator';
    if (isTold) await notify(records, { event: 'administrator.added', userId: user.id }, at);
    await records.audit.append({ event: 'user.created', ...actedBy(actor), companyId, userId: user.id, data }, at);
  });
  await wakeOutbox(deps.shortLived);
  return user;
}

/** The place first: it locks the company, so that what is then read of it stays true until the commit. */
async function takePlace(records: Records, companyId: string): Promise<Company> {
  const isTaken = await records.companies.takeUserPlace(companyId);
  const company = await records.companies.find(companyId);
  if (company === undefined) throw new AuthError('not_found');
  if (company.status !== 'active') throw new AuthError('conflict', { message: 'the company is not active' });
  if (!isTaken) throw new AuthError('limit_reached', { message: 'the company has as many users as it may have' });
  return company;
}

export interface UserChanges {
  readonly name?: string | undefined;
  readonly role?: User['role'] | undefined;
  readonly permissions?: User['permissions'] | undefined;
  readonly locale?: string | undefined;
  /** Null: that of `locale` again. */
  readonly language?: string | null | undefined;
  /** Null: none. */
  readonly document?: NewDocument | null | undefined;
}

/** A change of the user as it stood at `version`. */
interface UserUpdate {
  readonly userId: string;
  readonly version: number;
  readonly changes: UserChanges;
  readonly actor: Actor;
}

/**
 * Changes the user as it stood at `version`. Company, e-mail address and staff role have acts of their own. Nobody changes their own role
 * or permissions, and a company's own people cannot demote its last administrator. Throws `invalid_request`, `access_denied`,
 * `not_found`, `conflict`.
 */
export async function updateUser(deps: CompanyDeps, update: UserUpdate): Promise<User> {
  const at = deps.clock.now();
  const { userId, actor, changes } = update;
  const updated = await deps.records.transaction(async (records) => {
    const { user, company } = await heldUser(records, userId, actor);
    if (user.status === 'removed') throw new AuthError('conflict', { message: 'the user is removed' });
    assertMayManage(actor, user);
    const changed = changedUser(user, update);
    await assertMayChange(records, { user, changed, company, actor });
    if (!(await records.users.update(changed))) {
      throw new AuthError('conflict', { message: 'the record was changed by someone else: read it again' });
    }
    // Apart from the rest, or a phone that sets it meanwhile would be overwritten with what was read before.
    if (changes.language !== undefined) await records.users.setLanguage(userId, changed.language);
    const { companyId } = user;
    const isNew = user.role !== 'administrator' && changed.role === 'administrator';
    if (isNew) await notify(records, { event: 'administrator.added', userId }, at);
    const record = { event: 'user.updated', ...actedBy(actor), companyId, userId } as const;
    await records.audit.append({ ...record, data: differences(user, changed) }, at);
    return { ...changed, version: changed.version + 1 };
  });
  await wakeOutbox(deps.shortLived);
  return updated;
}

/**
 * The user and their company, held until the end of the transaction, the company first as every other act takes them: its rules and
 * who its administrators are stay as they are read here. Throws `not_found`.
 */
export async function heldUser(
  records: Records,
  userId: string,
  actor: Actor,
): Promise<{ readonly user: User; readonly company: Company }> {
  const { companyId } = within(actor, await records.users.find(userId));
  await records.companies.hold(companyId);
  const user = within(actor, await records.users.find(userId));
  const company = await records.companies.find(companyId);
  if (company === undefined) throw new AuthError('not_found');
  return { user, company };
}

/** Taken one by one: status, company, address and staff role cannot be written through a change (T27). */
function changedUser(user: User, { version, changes }: UserUpdate): User {
  return {
    ...user,
    version,
    name: changes.name === undefined ? user.name : checkedName(changes.name),
    role: changes.role ?? user.role,
    permissions: changes.permissions ?? user.permissions,
    locale: changes.locale === undefined ? user.locale : checkedLocale(changes.locale),
    language: changedLanguage(user, changes.language),
    document: changedDocument(user, changes.document),
  };
}

interface Change {
  readonly user: User;
  readonly changed: User;
  readonly company: Company;
  readonly actor: Actor;
}

async function assertMayChange(records: Records, { user, changed, company, actor }: Change): Promise<void> {
  const isOfRights = user.role !== changed.role || user.permissions !== changed.permissions;
  if (isOfRights && actor.userId === user.id) {
    throw new AuthError('access_denied', { message: 'nobody changes their own role or permissions' });
  }
  assertStaffFits(company, changed);
  if (changed.permissions !== user.permissions) assertWithinRules(company.rules, changed, ['permissions']);
  if (user.role === 'administrator' && changed.role !== 'administrator') await assertNotLast(records, user, actor);
}

/** Which phone sets the language of its user, and from where. */
export interface OwnLanguage {
  readonly userId: string;
  readonly companyId: string;
  readonly deviceId: string;
  readonly language: string;
  readonly origin: { readonly address?: string | undefined; readonly requestId?: string | undefined };
}

/** A user chooses, in the app, the language in which they are written to. Recorded where it changes. Throws `invalid_request`. */
export async function chooseOwnLanguage(
  deps: Pick<CompanyDeps, 'records' | 'clock'>,
  choice: OwnLanguage,
): Promise<void> {
  const { userId, companyId, deviceId, origin } = choice;
  const language = checkedLanguage(choice.language);
  const at = deps.clock.now();
  await deps.records.transaction(async (records) => {
    if (!(await records.users.setLanguage(userId, language))) return;
    const { address, requestId } = origin;
    const data = { languageAfter: language };
    const record = { event: 'user.updated', actor: `device:${deviceId}`, companyId, userId, deviceId, data } as const;
    await records.audit.append({ ...record, address, requestId }, at);
  });
}

/** The user, if the actor may see it. Throws `not_found`. */
export async function findUser(deps: CompanyDeps, userId: string, actor: Actor): Promise<User> {
  return within(actor, await deps.records.users.find(userId));
}

/** Users that the actor may see, in the order of their ids; of one company where `companyId` is given, and of those what the filter fits. */
export async function listUsers(
  deps: CompanyDeps,
  options: {
    readonly actor: Actor;
    readonly companyId?: string | undefined;
    readonly page: Page;
    readonly filter?: UserFilter;
  },
): Promise<User[]> {
  const { actor, page, filter } = options;
  const companyId = options.companyId ?? actor.companyId;
  // Never the unfiltered list for an actor of a company, and nothing for another company's id (T31).
  if (companyId !== undefined && !reaches(actor, companyId)) return [];
  return deps.records.users.list(companyId, page, filter);
}

function differences(before: User, after: User): Record<string, string | boolean> {
  const data: Record<string, string | boolean> = {};
  for (const name of ['role', 'permissions', 'locale'] as const) {
    if (before[name] === after[name]) continue;
    data[`${name}Before`] = before[name];
    data[`${name}After`] = after[name];
  }
  if (before.language !== after.language) {
    data['languageBefore'] = before.language ?? 'none';
    data['languageAfter'] = after.language ?? 'none';
  }
  if (before.name !== after.name) data['nameChanged'] = true;
  const [was, is] = [before.document, after.document];
  if (was?.reference !== is?.reference || was?.expiresAt !== is?.expiresAt) data['documentChanged'] = true;
  return data;
}

function changedLanguage(user: User, language: string | null | undefined): string | undefined {
  if (language === undefined) return user.language;
  return language === null ? undefined : checkedLanguage(language);
}

function changedDocument(user: User, document: NewDocument | null | undefined): User['document'] {
  if (document === undefined) return user.document;
  return document === null ? undefined : checkedDocument(document);
}
