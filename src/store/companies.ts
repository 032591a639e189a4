/** Companies and users in SQL; limits are taken by one conditional statement each. */
import { type CompanyRules, defaultRules } from '../companies/rules.ts';
import type { Company, CompanyStore, User, UserStore } from '../companies/store.ts';
import type { Sealing } from '../crypto/sealing.ts';
import { AuthError } from '../errors.ts';
import type { Sql } from './ports.ts';
import { firstOf, pageSize, parsed, whereAll } from './rows.ts';

export interface CompanyRow {
  id: string;
  name: string;
  status: Company['status'];
  user_limit: number;
  device_limit: number;
  self_activation: number;
  mpin_length: number;
  rules: string | null;
  is_bank: number;
  created_at: number;
  version: number;
}

export const companyColumns =
  'id, name, status, user_limit, device_limit, self_activation, mpin_length, rules, is_bank, created_at, version';

/** The company of a row. */
export function toCompany(row: CompanyRow): Company {
  return {
    id: row.id,
    name: row.name,
    status: row.status,
    userLimit: row.user_limit,
    deviceLimit: row.device_limit,
    selfActivation: row.self_activation === 1,
    mpinLength: row.mpin_length,
    // Of rules that came later an older row knows nothing.
    rules: row.rules === null ? defaultRules : { ...defaultRules, ...parsed<Partial<CompanyRules>>(row.rules) },
    isBank: row.is_bank === 1,
    createdAt: row.created_at,
    version: row.version,
  };
}

/** Companies over one engine or one open transaction. */
export function companyStore(sql: Sql): CompanyStore {
  return {
    insert: async (company) => {
      const written = await sql.run(
        `insert into companies (${companyColumns}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict do nothing`,
        [
          company.id,
          company.name,
          company.status,
          company.userLimit,
          company.deviceLimit,
          company.selfActivation,
          company.mpinLength,
          JSON.stringify(company.rules),
          company.isBank ? 1 : 0,
          company.createdAt,
          company.version,
        ],
      );
      if (written === 0) throw new AuthError('already_exists', { message: 'a company has this id' });
    },
    find: async (id) =>
      firstOf(await sql.query<CompanyRow>(`select ${companyColumns} from companies where id = $1`, [id]), toCompany),
    findBank: async () =>
      firstOf(await sql.query<CompanyRow>(`select ${companyColumns} from companies where is_bank = 1`), toCompany),
    list: async ({ after = '', limit }) => {
      const rows = await sql.query<CompanyRow>(
        `select ${companyColumns} from companies where id > $1 order by id limit $2`,
        [after, pageSize(limit)],
      );
      return rows.map(toCompany);
    },
    update: async (company) => {
      const changed = await sql.run(
        `update companies set name = $1, status = $2, user_limit = $3, device_limit = $4, self_activation = $5,
           mpin_length = $6, rules = $7, version = version + 1
         where id = $8 and version = $9`,
        [
          company.name,
          company.status,
          company.userLimit,
          company.deviceLimit,
          company.selfActivation,
          company.mpinLength,
          JSON.stringify(company.rules),
          company.id,
          company.version,
        ],
      );
      return changed === 1;
    },
    takeUserPlace: async (companyId) =>
      (await sql.run('update companies set user_count = user_count + 1 where id = $1 and user_count < user_limit', [
        companyId,
      ])) === 1,
    freeUserPlace: async (companyId) => {
      await sql.run('update companies set user_count = user_count - 1 where id = $1 and user_count > 0', [companyId]);
    },
  };
}

export interface UserRow {
  id: string;
  company_id: string;
  name: string;
  email_sealed: string;
  role: User['role'];
  staff_role: User['staffRole'] | null;
  permissions: User['permissions'];
  locale: string;
  language: string | null;
  document_sealed: string | null;
  document_expires_at: number | null;
  status: User['status'];
  created_at: number;
  version: number;
}

export const userColumns =
  'id, company_id, name, email_sealed, role, staff_role, permissions, locale, language, document_sealed, document_expires_at, status, created_at, version';

/**
 * The form in which e-mail addresses are compared: case, width and composition do not make two users of one person, so no limit
 * or block that counts by address can be walked around by writing it differently.
 */
export function canonicalEmail(email: string): string {
  // Lower-casing can undo the composed form, so it is composed once more.
  return email.normalize('NFKC').trim().toLowerCase().normalize('NFKC');
}

/** The user of a row, the address opened. */
export function toUser(row: UserRow, sealing: Sealing): User {
  return {
    id: row.id,
    companyId: row.company_id,
    name: row.name,
    email: sealing.openText(row.email_sealed, `users.email:${row.id}`),
    role: row.role,
    staffRole: row.staff_role ?? undefined,
    permissions: row.permissions,
    locale: row.locale,
    language: row.language ?? undefined,
    document: toDocument(row, sealing),
    status: row.status,
    createdAt: row.created_at,
    version: row.version,
  };
}

const documentContext = (userId: string): string => `users.document:${userId}`;

function toDocument(row: UserRow, sealing: Sealing): User['document'] {
  if (row.document_sealed === null) return undefined;
  const reference = sealing.openText(row.document_sealed, documentContext(row.id));
  return { reference, expiresAt: row.document_expires_at ?? undefined };
}

/** What is stored of a document: sealed reference and end. */
function documentValues({ id, document }: User, sealing: Sealing): [string | null, number | null] {
  if (document === undefined) return [null, null];
  return [sealing.seal(document.reference, documentContext(id)), document.expiresAt ?? null];
}

/** Users over one engine or one open transaction; the e-mail address is sealed and found by its keyed hash. */
export function userStore(sql: Sql, sealing: Sealing): UserStore {
  const emailLookup = (companyId: string, email: string): string =>
    sealing.lookup(`${companyId}:${canonicalEmail(email)}`, 'users.email');
  const open = (row: UserRow): User => toUser(row, sealing);
  return {
    insert: (user) =>
      insertUser(sql, {
        user,
        email: {
          sealed: sealing.seal(user.email, `users.email:${user.id}`),
          lookup: emailLookup(user.companyId, user.email),
        },
        document: documentValues(user, sealing),
      }),
    find: async (id) => firstOf(await sql.query<UserRow>(`select ${userColumns} from users where id = $1`, [id]), open),
    findByEmail: async (companyId, email) => {
      const rows = await sql.query<UserRow>(
        `select ${userColumns} from users where company_id = $1 and email_lookup = $2 and status <> 'removed'`,
        [companyId, emailLookup(companyId, email)],
      );
      return firstOf(rows, open);
    },
    list: async (companyId, { after, limit }) => {
      const where = whereAll([
        ['company_id = ?', companyId],
        ['id > ?', after],
      ]);
      const rows = await sql.query<UserRow>(
        `select ${userColumns} from users ${where.clause} order by id limit ${pageSize(limit)}`,
        where.values,
      );
      return rows.map(open);
    },
    administrators: async (companyId) => {
      const rows = await sql.query<UserRow>(
        `select ${userColumns} from users
         where company_id = $1 and role = 'administrator' and status in ('invited', 'active') order by id`,
        [companyId],
      );
      return rows.map(open);
    },
    update: async (user) => (await updateUser(sql, user, documentValues(user, sealing))) === 1,
    setLanguage: async (userId, language) => (await setLanguage(sql, userId, language)) === 1,
    ...devicePlaces(sql),
  };
}

function devicePlaces(sql: Sql): Pick<UserStore, 'hold' | 'takeDevicePlace' | 'freeDevicePlace'> {
  return {
    hold: async (userId) => {
      await sql.run('update users set device_count = device_count where id = $1', [userId]);
    },
    takeDevicePlace: async (userId, limit) =>
      (await sql.run('update users set device_count = device_count + 1 where id = $1 and device_count < $2', [
        userId,
        limit,
      ])) === 1,
    freeDevicePlace: async (userId) => {
      await sql.run('update users set device_count = device_count - 1 where id = $1 and device_count > 0', [userId]);
    },
  };
}

interface StoredUser {
  readonly user: User;
  readonly email: { readonly sealed: string; readonly lookup: string };
  readonly document: ReturnType<typeof documentValues>;
}

async function insertUser(sql: Sql, { user, email, document }: StoredUser): Promise<void> {
  const written = await sql.run(
    `insert into users (${userColumns}, email_lookup)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) on conflict do nothing`,
    [
      user.id,
      user.companyId,
      user.name,
      email.sealed,
      user.role,
      user.staffRole ?? null,
      user.permissions,
      user.locale,
      user.language ?? null,
      ...document,
      user.status,
      user.createdAt,
      user.version,
      email.lookup,
    ],
  );
  if (written === 0)
    throw new AuthError('already_exists', { message: 'the company has a user with this e-mail address' });
}

function updateUser(sql: Sql, user: User, document: ReturnType<typeof documentValues>): Promise<number> {
  return sql.run(
    `update users set name = $1, role = $2, staff_role = $3, permissions = $4, locale = $5, document_sealed = $6,
       document_expires_at = $7, status = $8, version = version + 1
     where id = $9 and version = $10`,
    [
      user.name,
      user.role,
      user.staffRole ?? null,
      user.permissions,
      user.locale,
      ...document,
      user.status,
      user.id,
      user.version,
    ],
  );
}

/** One statement: of two that set the same at once, one has changed it. */
function setLanguage(sql: Sql, userId: string, language: string | undefined): Promise<number> {
  return sql.run(
    "update users set language = $1 where id = $2 and coalesce(language, '') <> $3 and status <> 'removed'",
    [language ?? null, userId, language ?? ''],
  );
}
