/** Companies in SQL; their limits are taken by one conditional statement each. */
import { completeRules, type KeptRules } from '../companies/rules.ts';
import type { Company, CompanyFilter, CompanyStore, Page } from '../companies/store.ts';
import { AuthError } from '../errors.ts';
import { containing, folded, isUnfolded } from './folded.ts';
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
    rules: completeRules(row.rules === null ? {} : parsed<KeptRules>(row.rules)),
    isBank: row.is_bank === 1,
    createdAt: row.created_at,
    version: row.version,
  };
}

/** Companies over one engine or one open transaction. */
export function companyStore(sql: Sql): CompanyStore {
  return {
    insert: (company) => insertCompany(sql, company),
    find: async (id) =>
      firstOf(await sql.query<CompanyRow>(`select ${companyColumns} from companies where id = $1`, [id]), toCompany),
    findBank: async () =>
      firstOf(await sql.query<CompanyRow>(`select ${companyColumns} from companies where is_bank = 1`), toCompany),
    list: (page, filter = {}) => listCompanies(sql, page, filter),
    update: async (company) => (await updateCompany(sql, company)) === 1,
    hold: async (companyId) => {
      await sql.run('update companies set user_count = user_count where id = $1', [companyId]);
    },
    takeUserPlace: async (companyId) =>
      (await sql.run('update companies set user_count = user_count + 1 where id = $1 and user_count < user_limit', [
        companyId,
      ])) === 1,
    freeUserPlace: async (companyId) => {
      await sql.run('update companies set user_count = user_count - 1 where id = $1 and user_count > 0', [companyId]);
    },
    foldNames: (limit) => foldNames(sql, limit),
  };
}

async function insertCompany(sql: Sql, company: Company): Promise<void> {
  const written = await sql.run(
    `insert into companies (${companyColumns}, name_folded, name_folded_version)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) on conflict do nothing`,
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
      folded(company.name),
      company.version,
    ],
  );
  if (written === 0) throw new AuthError('already_exists', { message: 'a company has this id' });
}

function updateCompany(sql: Sql, company: Company): Promise<number> {
  return sql.run(
    `update companies set name = $1, status = $2, user_limit = $3, device_limit = $4, self_activation = $5,
       mpin_length = $6, rules = $7, name_folded = $8, name_folded_version = version + 1, version = version + 1
     where id = $9 and version = $10`,
    [
      company.name,
      company.status,
      company.userLimit,
      company.deviceLimit,
      company.selfActivation,
      company.mpinLength,
      JSON.stringify(company.rules),
      folded(company.name),
      company.id,
      company.version,
    ],
  );
}

/** Reads on where names that no folded form is kept of turned out to be others: a short page is the last one. */
async function listCompanies(sql: Sql, page: Page, { id, search, status }: CompanyFilter): Promise<Company[]> {
  const wanted = search === undefined ? undefined : folded(search);
  const limit = pageSize(page.limit);
  const found: CompanyRow[] = [];
  let { after } = page;
  for (;;) {
    const where = whereAll([
      ['id = ?', id],
      ['id > ?', after],
      ['status = ?', status],
      [`(name_folded like ? escape '!' or ${isUnfolded})`, wanted === undefined ? undefined : containing(wanted)],
    ]);
    const rows = await sql.query<CompanyRow>(
      `select ${companyColumns} from companies ${where.clause} order by id limit ${limit}`,
      where.values,
    );
    found.push(...rows.filter(({ name }) => wanted === undefined || folded(name).includes(wanted)));
    after = rows.at(-1)?.id;
    if (rows.length < limit || found.length >= limit) return found.slice(0, limit).map(toCompany);
  }
}

async function foldNames(sql: Sql, limit: number): Promise<number> {
  const rows = await sql.query<Pick<CompanyRow, 'id' | 'name' | 'version'>>(
    `select id, name, version from companies where ${isUnfolded} order by id limit ${pageSize(limit)}`,
  );
  for (const { id, name, version } of rows) {
    await sql.run('update companies set name_folded = $1, name_folded_version = $2 where id = $3 and version = $2', [
      folded(name),
      version,
      id,
    ]);
  }
  return rows.length;
}
