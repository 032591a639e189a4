/** Payees that a company knows, as keyed hashes, and what of the trail says something about risk, in SQL. */
import type { Sealing } from '../crypto/sealing.ts';
import type { RecentSpan, RecentUse, RiskStore } from '../risk/store.ts';
import type { Sql } from './ports.ts';
import { atomically } from './transaction.ts';

/** Two years: after that a payee is as good as a new one, and nobody's data is kept without end. */
const keptMs = 730 * 86_400_000;
/** Values of one statement; between two of them whatever else the process has to do gets its turn. */
const slice = 500;
const most = 200;

/** Written as in the index `audit_events_risk`: otherwise SQLite does not use it. */
const riskEvents = `event in ('order.declined', 'order.reported', 'mpin.wrong', 'signing.requested')`;

/** What risk needs, over one engine or one open transaction. */
export function riskStore(sql: Sql, sealing: Sealing): RiskStore {
  return {
    newPayees: (companyId, accounts) => newPayees(sql, sealing, { companyId, accounts }),
    rememberPayees: (companyId, accounts, at) =>
      atomically(sql, (inner) => remember(inner, sealing, { companyId, accounts, at })),
    recentUse: (userId, span) => recentUse(sql, userId, span),
  };
}

interface Payees {
  readonly companyId: string;
  readonly accounts: readonly string[];
}

/** The company is part of what is hashed: rows of two companies do not tell that both pay the same account. */
function lookupOf(sealing: Sealing, companyId: string, account: string): string {
  return sealing.lookup(`${companyId}:${account}`, 'payees.account');
}

async function newPayees(sql: Sql, sealing: Sealing, { companyId, accounts }: Payees): Promise<ReadonlySet<string>> {
  const fresh = new Set(accounts);
  for (const part of slicesOf([...fresh])) {
    const byLookup = new Map(part.map((account) => [lookupOf(sealing, companyId, account), account]));
    const places = part.map((_, index) => `$${index + 2}`).join(', ');
    const known = await sql.query<{ payee_lookup: string }>(
      `select payee_lookup from payees where company_id = $1 and payee_lookup in (${places})`,
      [companyId, ...byLookup.keys()],
    );
    for (const row of known) fresh.delete(byLookup.get(row.payee_lookup) ?? '');
  }
  return fresh;
}

async function remember(
  sql: Sql,
  sealing: Sealing,
  { companyId, accounts, at }: Payees & { readonly at: number },
): Promise<void> {
  // In one order: two that remember the same payees at once would wait for each other crosswise otherwise.
  const lookups = [...new Set(accounts)].map((account) => lookupOf(sealing, companyId, account)).sort();
  for (const part of slicesOf(lookups)) {
    const rows = part.map((_, index) => `($1, $${index + 3}, $2)`).join(', ');
    await sql.run(
      `insert into payees (company_id, payee_lookup, used_at) values ${rows}
       on conflict (company_id, payee_lookup) do update set used_at = excluded.used_at`,
      [companyId, at, ...part],
    );
  }
  await sql.run('delete from payees where company_id = $1 and used_at < $2', [companyId, at - keptMs]);
}

function slicesOf<T>(values: readonly T[]): T[][] {
  const count = Math.ceil(values.length / slice);
  return Array.from({ length: count }, (_, index) => values.slice(index * slice, (index + 1) * slice));
}

/** Each kind by itself, so that many of one cannot push another out of sight. */
async function recentUse(sql: Sql, userId: string, { from, reportedFrom }: RecentSpan): Promise<RecentUse> {
  const kinds = [
    ['order.declined', '$2'],
    ['order.reported', '$3'],
    ['mpin.wrong', '$2'],
    ['signing.requested', '$2'],
  ] as const;
  const parts = kinds.map(
    ([event, since], index) =>
      `select event, at from (select event, at from audit_events
         where user_id = $1 and at >= ${since} and ${riskEvents} and event = '${event}'
         order by at desc limit ${most}) as part${index}`,
  );
  const rows = await sql.query<{ event: string; at: number }>(parts.join(' union all '), [userId, from, reportedFrom]);
  const timesOf = (event: (typeof kinds)[number][0]): number[] =>
    rows
      .filter((row) => row.event === event)
      .map(({ at }) => at)
      .sort((one, other) => other - one);
  return {
    declinedAt: timesOf('order.declined'),
    reportedAt: timesOf('order.reported'),
    wrongMpinAt: timesOf('mpin.wrong'),
    askedAt: timesOf('signing.requested'),
  };
}
