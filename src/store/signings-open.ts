/** What is open: how much of it a portal has, and what one inbox shows; in SQL. */
import type { Asked, SigningStore } from '../signing/store.ts';
import type { Sql } from './ports.ts';

/** What one inbox shows at most. */
const mostWaiting = 100;

/** The part of the store that counts. */
export function signingUse(sql: Sql): Pick<SigningStore, 'use' | 'openOf'> {
  return {
    use: async (clientId, at, since) => {
      const [open] = await sql.query<{ total: number }>(
        "select count(*) as total from signings where client_id = $1 and status = 'pending' and expires_at > $2",
        [clientId, at],
      );
      const [large] = await sql.query<{ total: number }>(
        `select cast(coalesce(sum(list_bytes), 0) as bigint) as total from signings
         where client_id = $1 and created_at >= $2 and list_bytes > 0`,
        [clientId, since],
      );
      return { open: open?.total ?? 0, bytes: large?.total ?? 0 };
    },
    openOf: async (userId, clientId, at) => {
      const [open] = await sql.query<{ total: number }>(
        `select count(*) as total from signings
         where user_id = $1 and client_id = $2 and status = 'pending' and expires_at > $3`,
        [userId, clientId, at],
      );
      return open?.total ?? 0;
    },
  };
}

/** Each part by an index of its own, and as many of each as an inbox shows. */
export function waitingQuery({ mayCosign }: Asked, columns: string): string {
  const isOpen = "status = 'pending' and askable_at <= $2 and expires_at > $2";
  const isTheirs = 'not exists (select 1 from signing_approvals a where a.request_id = s.id and a.user_id = $1)';
  const oldest = (where: string, name: string): string =>
    `select * from (select ${columns} from signings s where ${where} and ${isOpen} and ${isTheirs}
      order by created_at, id limit ${mostWaiting}) ${name}`;
  const own = oldest('user_id = $1', 'own');
  const others = oldest('company_id = $3 and approvers > 1 and user_id <> $1', 'others');
  return `${own}${mayCosign ? ` union all ${others}` : ''} order by created_at, id`;
}

/** As many as an inbox shows: of what is the person's own, and of what others of the company are asked, half at least where there is so much. */
export function shared<Row extends { readonly user_id: string }>(
  rows: readonly Row[],
  { userId }: Pick<Asked, 'userId'>,
): readonly Row[] {
  const isOwn = (row: Row): boolean => row.user_id === userId;
  const own = rows.filter(isOwn).length;
  const half = mostWaiting / 2;
  const left = { own: Math.max(half, mostWaiting - (rows.length - own)), others: Math.max(half, mostWaiting - own) };
  return rows.filter((row) => (isOwn(row) ? left.own-- : left.others--) > 0);
}
