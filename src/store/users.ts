/** Users in SQL: the e-mail address is sealed and found by keyed hashes, the name by its folded form. */
import type { DueDocument, Page, User, UserFilter, UserStore } from '../companies/store.ts';
import type { Sealing } from '../crypto/sealing.ts';
import { AuthError } from '../errors.ts';
import { containing, folded, isUnfolded } from './folded.ts';
import type { Sql } from './ports.ts';
import { firstOf, pageSize, whereAll } from './rows.ts';
import { atomically } from './transaction.ts';
import { userTraces } from './user-traces.ts';

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

const emailContext = (userId: string): string => `users.email:${userId}`;
const documentContext = (userId: string): string => `users.document:${userId}`;

/** The user of a row, the address opened. */
export function toUser(row: UserRow, sealing: Sealing): User {
  return {
    id: row.id,
    companyId: row.company_id,
    name: row.name,
    email: sealing.openText(row.email_sealed, emailContext(row.id)),
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

/** What is stored of an address: sealed, as its company finds it, and as it is found across companies. */
interface StoredEmail {
  readonly sealed: string;
  readonly lookup: string;
  readonly everywhere: string;
}

function storedEmail({ id, companyId, email }: User, sealing: Sealing): StoredEmail {
  return {
    sealed: sealing.seal(email, emailContext(id)),
    lookup: inCompany(sealing, companyId, email),
    everywhere: everywhere(sealing, email),
  };
}

function inCompany(sealing: Sealing, companyId: string, email: string): string {
  return sealing.lookup(`${companyId}:${canonicalEmail(email)}`, 'users.email');
}

function everywhere(sealing: Sealing, email: string): string {
  return sealing.lookup(canonicalEmail(email), 'users.email-everywhere');
}

/** Users over one engine or one open transaction. */
export function userStore(sql: Sql, sealing: Sealing): UserStore {
  return {
    ...userReader(sql, sealing),
    insert: (user) => insertUser(sql, user, sealing),
    update: async (user) => (await updateUser(sql, user, documentValues(user, sealing))) === 1,
    changeEmail: (user) => changeEmail(sql, user, storedEmail(user, sealing)),
    setLanguage: async (userId, language) => (await setLanguage(sql, userId, language)) === 1,
    lowerPermissions: (companyId) =>
      sql.run(
        `update users set permissions = 'mtoken', version = version + 1,
           name_folded_version = case when name_folded_version = version then version + 1 else name_folded_version end
         where company_id = $1 and permissions = 'full' and status <> 'removed'`,
        [companyId],
      ),
    foldNames: (limit) => foldNames(sql, sealing, limit),
    ...documents(sql),
    ...devicePlaces(sql),
    ...userTraces(sql, sealing),
  };
}

type Reading = Pick<UserStore, 'find' | 'findByEmail' | 'list' | 'administrators'>;

function userReader(sql: Sql, sealing: Sealing): Reading {
  const open = (row: UserRow): User => toUser(row, sealing);
  return {
    find: async (id) => firstOf(await sql.query<UserRow>(`select ${userColumns} from users where id = $1`, [id]), open),
    findByEmail: async (companyId, email) => {
      const rows = await sql.query<UserRow>(
        `select ${userColumns} from users where company_id = $1 and email_lookup = $2 and status <> 'removed'`,
        [companyId, inCompany(sealing, companyId, email)],
      );
      return firstOf(rows, open);
    },
    list: (companyId, page, filter = {}) => listUsers({ sql, sealing }, { companyId, page, filter }),
    administrators: async (companyId) => {
      const rows = await sql.query<UserRow>(
        `select ${userColumns} from users
         where company_id = $1 and role = 'administrator' and status in ('invited', 'active') order by id`,
        [companyId],
      );
      return rows.map(open);
    },
  };
}

interface Listing {
  readonly companyId: string | undefined;
  readonly page: Page;
  readonly filter: UserFilter;
}

/** Reads on where rows that no searched form is kept of turned out to be others: a short page is the last one. */
async function listUsers(
  { sql, sealing }: { readonly sql: Sql; readonly sealing: Sealing },
  { companyId, page, filter }: Listing,
): Promise<User[]> {
  const { search, role, status } = filter;
  const isStaff = role !== undefined && role !== 'user' && role !== 'administrator';
  const sought = search === undefined ? undefined : searched(search, sealing);
  const limit = pageSize(page.limit);
  const found: User[] = [];
  let { after } = page;
  for (;;) {
    const where = whereAll([
      ['company_id = ?', companyId],
      ['id > ?', after],
      ['status = ?', status],
      [isStaff ? 'staff_role = ?' : 'role = ? and staff_role is null', role],
      [sought?.condition ?? '', sought?.value],
    ]);
    // The ids first, which an index alone tells.
    const rows = await sql.query<UserRow>(
      `select ${userColumns} from users
       where id in (select id from users ${where.clause} order by id limit ${limit}) order by id`,
      where.values,
    );
    const users = rows.filter((row) => sought?.mayBe(row) ?? true).map((row) => toUser(row, sealing));
    found.push(...users.filter((user) => sought?.is(user) ?? true));
    after = rows.at(-1)?.id;
    if (rows.length < limit || found.length >= limit) return found.slice(0, limit);
  }
}

/** What a search looks for: a condition that finds at least that, and what is true of it alone. */
interface Sought {
  readonly condition: string;
  readonly value: string;
  /** Before the row is opened. */
  readonly mayBe: (row: UserRow) => boolean;
  readonly is: (user: User) => boolean;
}

/** An address is found as a whole: its keyed hash tells nothing of its parts. */
function searched(search: string, sealing: Sealing): Sought {
  if (search.includes('@')) {
    const wanted = canonicalEmail(search);
    return {
      condition: `id in (select id from users where email_everywhere = ? union all select id from users where ${isUnfolded})`,
      value: everywhere(sealing, search),
      mayBe: () => true,
      is: ({ email }) => canonicalEmail(email) === wanted,
    };
  }
  const wanted = folded(search);
  return {
    condition: `(name_folded like ? escape '!' or ${isUnfolded})`,
    value: containing(wanted),
    mayBe: ({ name }) => folded(name).includes(wanted),
    is: () => true,
  };
}

async function insertUser(sql: Sql, user: User, sealing: Sealing): Promise<void> {
  const email = storedEmail(user, sealing);
  const written = await sql.run(
    `insert into users (${userColumns}, email_lookup, email_everywhere, name_folded, name_folded_version)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) on conflict do nothing`,
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
      ...documentValues(user, sealing),
      user.status,
      user.createdAt,
      user.version,
      email.lookup,
      email.everywhere,
      folded(user.name),
      user.version,
    ],
  );
  if (written === 0) throw taken();
}

function taken(): AuthError {
  return new AuthError('already_exists', { message: 'the company has a user with this e-mail address' });
}

/** A document that expires at another time is warned of anew. */
function updateUser(sql: Sql, user: User, [reference, expiresAt]: ReturnType<typeof documentValues>): Promise<number> {
  return sql.run(
    `update users set name = $1, role = $2, staff_role = $3, permissions = $4, locale = $5, document_sealed = $6,
       document_warned_at = case when coalesce(document_expires_at, -1) = $7 then document_warned_at else null end,
       document_expires_at = $8, status = $9, name_folded = $10, name_folded_version = version + 1,
       version = version + 1
     where id = $11 and version = $12`,
    [
      user.name,
      user.role,
      user.staffRole ?? null,
      user.permissions,
      user.locale,
      reference,
      expiresAt ?? -1,
      expiresAt,
      user.status,
      folded(user.name),
      user.id,
      user.version,
    ],
  );
}

/** Looked up first: a statement that fails would end the transaction. Of two at once the index lets one through. */
async function changeEmail(sql: Sql, user: User, email: StoredEmail): Promise<boolean> {
  return atomically(sql, async (inner) => {
    const others = await inner.query(
      "select id from users where company_id = $1 and email_lookup = $2 and id <> $3 and status <> 'removed'",
      [user.companyId, email.lookup, user.id],
    );
    if (others.length > 0) throw taken();
    const changed = await inner.run(
      `update users set email_sealed = $1, email_lookup = $2, email_everywhere = $3, version = version + 1,
         name_folded_version = case when name_folded_version = version then version + 1 else name_folded_version end
       where id = $4 and version = $5`,
      [email.sealed, email.lookup, email.everywhere, user.id, user.version],
    );
    return changed === 1;
  });
}

/** One statement: of two that set the same at once, one has changed it. */
function setLanguage(sql: Sql, userId: string, language: string | undefined): Promise<number> {
  return sql.run(
    "update users set language = $1 where id = $2 and coalesce(language, '') <> $3 and status <> 'removed'",
    [language ?? null, userId, language ?? ''],
  );
}

async function foldNames(sql: Sql, sealing: Sealing, limit: number): Promise<number> {
  const rows = await sql.query<UserRow>(
    `select ${userColumns} from users where ${isUnfolded} order by id limit ${pageSize(limit)}`,
  );
  for (const row of rows) {
    await sql.run(
      `update users set name_folded = $1, name_folded_version = $2, email_everywhere = $3
       where id = $4 and version = $2`,
      [folded(row.name), row.version, everywhere(sealing, toUser(row, sealing).email), row.id],
    );
  }
  return rows.length;
}

function documents(sql: Sql): Pick<UserStore, 'dueDocuments' | 'markDocumentWarned'> {
  return {
    dueDocuments: (expiresBefore, limit) =>
      sql.query<DueDocument>(
        `select id as "userId", document_expires_at as "expiresAt" from users
         where document_expires_at is not null and document_warned_at is null and document_expires_at < $1
           and status <> 'removed' order by document_expires_at limit ${pageSize(limit)}`,
        [expiresBefore],
      ),
    markDocumentWarned: async ({ userId, expiresAt }, at) =>
      (await sql.run(
        `update users set document_warned_at = $1
         where id = $2 and document_expires_at = $3 and document_warned_at is null and status <> 'removed'`,
        [at, userId, expiresAt],
      )) === 1,
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
