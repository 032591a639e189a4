/** The terms in SQL: versions in their order, texts by language, and who accepted what. */
import { AuthError } from '../errors.ts';
import type { Terms, TermsAcceptance, TermsStore, TermsText } from '../terms/store.ts';
import type { Sql } from './ports.ts';
import { firstOf, pageSize, whereAll } from './rows.ts';
import { atomically } from './transaction.ts';

interface TermsRow {
  seq: number;
  version: string;
  published_by: string;
  published_at: number;
}

interface AcceptanceRow {
  user_id: string;
  company_id: string;
  device_id: string;
  version: string;
  language: string;
  sha256: string;
  accepted_at: number;
}

const columns = 'seq, version, published_by, published_at';

function toTerms({ seq, version, published_by, published_at }: TermsRow): Terms {
  return { seq, version, publishedBy: published_by, publishedAt: published_at };
}

function toAcceptance(row: AcceptanceRow): TermsAcceptance {
  return {
    userId: row.user_id,
    companyId: row.company_id,
    deviceId: row.device_id,
    version: row.version,
    language: row.language,
    sha256: row.sha256,
    acceptedAt: row.accepted_at,
  };
}

/** The terms over one engine or one open transaction. */
export function termsStore(sql: Sql): TermsStore {
  const find: TermsStore['find'] = async (version) =>
    firstOf(await sql.query<TermsRow>(`select ${columns} from terms where version = $1`, [version]), toTerms);
  return {
    publish: (terms, texts) => atomically(sql, (inner) => publish(inner, terms, texts)),
    current: async () =>
      firstOf(await sql.query<TermsRow>(`select ${columns} from terms order by seq desc limit 1`), toTerms),
    find,
    list: async ({ after, limit }) => {
      const where = whereAll([['seq < ?', after]]);
      const rows = await sql.query<TermsRow>(
        `select ${columns} from terms ${where.clause} order by seq desc limit ${pageSize(limit)}`,
        where.values,
      );
      return rows.map(toTerms);
    },
    texts: (version) =>
      sql.query<TermsText>(
        `select x.language, x.title, x.body as text, x.sha256 from terms_texts x join terms t on t.seq = x.seq
         where t.version = $1 order by x.language`,
        [version],
      ),
    accept: async ({ userId, companyId, deviceId, version, language, sha256, acceptedAt }) => {
      await sql.run(
        `insert into terms_acceptances (user_id, seq, company_id, device_id, language, sha256, accepted_at)
         select $1, seq, $3, $4, $5, $6, $7 from terms where version = $2 on conflict do nothing`,
        [userId, version, companyId, deviceId, language, sha256, acceptedAt],
      );
    },
    acceptances: async (userId) => {
      const rows = await sql.query<AcceptanceRow>(
        `select a.user_id, a.company_id, a.device_id, t.version, a.language, a.sha256, a.accepted_at
         from terms_acceptances a join terms t on t.seq = a.seq where a.user_id = $1 order by a.seq desc`,
        [userId],
      );
      return rows.map(toAcceptance);
    },
  };
}

async function publish(sql: Sql, terms: Omit<Terms, 'seq'>, texts: readonly TermsText[]): Promise<Terms> {
  const [newest] = await sql.query<{ seq: number | null }>('select max(seq) as seq from terms');
  const seq = (newest?.seq ?? 0) + 1;
  const { version, publishedBy, publishedAt } = terms;
  const [taken] = await sql.query('select seq from terms where version = $1', [version]);
  if (taken !== undefined) throw new AuthError('already_exists', { message: 'these terms were published before' });
  const written = await sql.run(`insert into terms (${columns}) values ($1, $2, $3, $4) on conflict do nothing`, [
    seq,
    version,
    publishedBy,
    publishedAt,
  ]);
  if (written === 0)
    throw new AuthError('conflict', { message: 'other terms were published at this moment: look again' });
  for (const { language, title, text, sha256 } of texts) {
    await sql.run('insert into terms_texts (seq, language, title, body, sha256) values ($1, $2, $3, $4, $5)', [
      seq,
      language,
      title,
      text,
      sha256,
    ]);
  }
  return { seq, ...terms };
}
