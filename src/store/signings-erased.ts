/** How requests to sign go: with the person whom they are about, or when they are old; in SQL. */
import type { SigningStore } from '../signing/store.ts';
import type { Sql } from './ports.ts';
import { atomically } from './transaction.ts';

const prunedAtOnce = 1_000;

type Erasing = Pick<SigningStore, 'eraseOf' | 'prune'>;

/** The part of the store that erases. */
export function signingEraser(sql: Sql): Erasing {
  return {
    eraseOf: (userId) => atomically(sql, (inner) => eraseSignings(inner, userId)),
    prune: (before) =>
      atomically(sql, async (inner) => {
        const old = `select id from signings where ended_at < $1 order by ended_at, id limit ${prunedAtOnce}`;
        const ids = await inner.query<{ id: string }>(old, [before]);
        if (ids.length === 0) return 0;
        const places = ids.map((_, index) => `$${index + 1}`).join(', ');
        const values = ids.map(({ id }) => id);
        await inner.run(`delete from signing_approvals where request_id in (${places})`, values);
        await inner.run(`delete from signings where id in (${places})`, values);
        return ids.length;
      }),
  };
}

/** Removes what the person was asked, what they approved, and the receipts of both; answers how many requests and approvals. */
export async function eraseSignings(sql: Sql, userId: string): Promise<number> {
  // An approval without its receipt counts for nothing (T-15): somebody else has to give it.
  await sql.run(
    `update signings set given = given - 1, version = version + 1
     where status = 'pending' and id in (select request_id from signing_approvals where user_id = $1)`,
    [userId],
  );
  // Two statements: of one with "or" PostgreSQL makes a look at every row that there is.
  const own = await sql.run('delete from signing_approvals where user_id = $1', [userId]);
  const others = await sql.run(
    'delete from signing_approvals where request_id in (select id from signings where user_id = $1)',
    [userId],
  );
  return own + others + (await sql.run('delete from signings where user_id = $1', [userId]));
}
