/** Users of a company: created within its limit, changed, found; never another company's. */
import { randomId } from '../crypto/random.ts';
import { AuthError } from '../errors.ts';
import type { Records } from '../store/records.ts';
import { type Actor, actedBy, reaches, within } from './actor.ts';
import type { CompanyDeps } from './deps.ts';
import { checkedEmail, checkedLanguage, checkedLocale, checkedName } from './fields.ts';
import type { Page, User } from './store.ts';

export interface NewUser {
  readonly companyId: string;
  readonly name: string;
  readonly email: string;
  /** `user` unless told. */
  readonly role?: User['role'] | undefined;
  /** `mtoken` unless told: the least. */
  readonly permissions?: User['permissions'] | undefined;
  /** `en` unless told. */
  readonly locale?: string | undefined;
  /** In which they are written to: that of `locale` unless told. */
  readonly language?: string | undefined;
}

/**
 * Creates an invited user and takes a place of the company's user limit. Throws `invalid_request`, `not_found`, `already_exists` where
 * the company has that e-mail address, `limit_reached`, `conflict` where the company is not active.
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
    staffRole: undefined,
    permissions: options.permissions ?? 'mtoken',
    locale: checkedLocale(options.locale ?? 'en'),
    language: options.language === undefined ? undefined : checkedLanguage(options.language),
    document: undefined,
    status: 'invited',
    createdAt: at,
    version: 1,
  };
  if (!reaches(actor, companyId)) throw new AuthError('not_found');
  await deps.records.transaction(async (records) => {
    await takePlace(records, companyId);
    await records.users.insert(user);
    const { role, permissions, locale, language } = user;
    const data = { role, permissions, locale, ...(language === undefined ? {} : { language }) };
    await records.audit.append({ event: 'user.created', ...actedBy(actor), companyId, userId: user.id, data }, at);
  });
  return user;
}

/** The place first: it locks the company, so that what is then read of it stays true until the commit. */
async function takePlace(records: Records, companyId: string): Promise<void> {
  const isTaken = await records.companies.takeUserPlace(companyId);
  const company = await records.companies.find(companyId);
  if (company === undefined) throw new AuthError('not_found');
  if (company.status !== 'active') throw new AuthError('conflict', { message: 'the company is not active' });
  if (!isTaken) throw new AuthError('limit_reached', { message: 'the company has as many users as it may have' });
}

export interface UserChanges {
  readonly name?: string | undefined;
  readonly role?: User['role'] | undefined;
  readonly permissions?: User['permissions'] | undefined;
  readonly locale?: string | undefined;
  /** Null: that of `locale` again. */
  readonly language?: string | null | undefined;
}

/**
 * Changes the user as it stood at `version`. Company and e-mail address never change: another person is another user, and a
 * changed address would be a way to another's confirmation codes. Throws `invalid_request`, `not_found`, `conflict`.
 */
export async function updateUser(
  deps: CompanyDeps,
  options: {
    readonly userId: string;
    readonly version: number;
    readonly changes: UserChanges;
    readonly actor: Actor;
  },
): Promise<User> {
  const { userId, version, changes, actor } = options;
  const at = deps.clock.now();
  return deps.records.transaction(async (records) => {
    const user = within(actor, await records.users.find(userId));
    if (user.status === 'removed') throw new AuthError('conflict', { message: 'the user is removed' });
    // Taken one by one: status, company and address cannot be written through a change (T27).
    const changed: User = {
      ...user,
      version,
      name: changes.name === undefined ? user.name : checkedName(changes.name),
      role: changes.role ?? user.role,
      permissions: changes.permissions ?? user.permissions,
      locale: changes.locale === undefined ? user.locale : checkedLocale(changes.locale),
      language: changedLanguage(user, changes.language),
    };
    if (!(await records.users.update(changed))) {
      throw new AuthError('conflict', { message: 'the record was changed by someone else: read it again' });
    }
    // Apart from the rest, or a phone that sets it meanwhile would be overwritten with what was read before.
    if (changes.language !== undefined) await records.users.setLanguage(userId, changed.language);
    const { companyId } = user;
    await records.audit.append(
      { event: 'user.updated', ...actedBy(actor), companyId, userId, data: differences(user, changed) },
      at,
    );
    return { ...changed, version: version + 1 };
  });
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

/** Users that the actor may see, in the order of their ids; of one company where `companyId` is given. */
export async function listUsers(
  deps: CompanyDeps,
  options: { readonly actor: Actor; readonly companyId?: string | undefined; readonly page: Page },
): Promise<User[]> {
  const { actor, page } = options;
  const companyId = options.companyId ?? actor.companyId;
  // Never the unfiltered list for an actor of a company, and nothing for another company's id (T31).
  if (companyId !== undefined && !reaches(actor, companyId)) return [];
  return deps.records.users.list(companyId, page);
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
  return data;
}

function changedLanguage(user: User, language: string | null | undefined): string | undefined {
  if (language === undefined) return user.language;
  return language === null ? undefined : checkedLanguage(language);
}
