/** What a person leaves behind: the browsers in which they logged in, and what remains when they are erased, in SQL. */
import type { User, UserStore } from '../companies/store.ts';
import type { Sealing } from '../crypto/sealing.ts';
import { folded } from './folded.ts';
import { eraseAnswersAbout } from './idempotency.ts';
import type { Sql } from './ports.ts';
import { eraseSignings } from './signings-erased.ts';
import { atomically } from './transaction.ts';

/** A user's browsers that are remembered; the one that was away for longest makes room. */
const keptBrowsers = 20;

/** The part of the users' store that keeps and erases traces. */
export function userTraces(sql: Sql, sealing: Sealing): Pick<UserStore, 'noteBrowser' | 'browsers' | 'erase'> {
  return {
    noteBrowser: (userId, browser, at) =>
      atomically(sql, (inner) => {
        const lookup = sealing.lookup(`${userId}:${browser}`, 'user_browsers.browser');
        return noteBrowser(inner, { userId, lookup, at });
      }),
    browsers: async (userId) => {
      const rows = await sql.query<{ seen_at: number }>(
        'select seen_at from user_browsers where user_id = $1 order by seen_at',
        [userId],
      );
      return rows.map((row) => row.seen_at);
    },
    erase: (user) => atomically(sql, (inner) => erase(inner, sealing, user)),
  };
}

interface Visit {
  readonly userId: string;
  readonly lookup: string;
  readonly at: number;
}

async function noteBrowser(sql: Sql, { userId, lookup, at }: Visit): Promise<boolean> {
  const key = [userId, lookup];
  const isKnown = await sql.run('update user_browsers set seen_at = $3 where user_id = $1 and browser_lookup = $2', [
    ...key,
    at,
  ]);
  if (isKnown > 0) return false;
  const added = await sql.run(
    'insert into user_browsers (user_id, browser_lookup, seen_at) values ($1, $2, $3) on conflict do nothing',
    [...key, at],
  );
  await sql.run(
    `delete from user_browsers where user_id = $1 and browser_lookup not in (
       select browser_lookup from user_browsers where user_id = $1
       order by seen_at desc, browser_lookup limit ${keptBrowsers})`,
    [userId],
  );
  return added === 1;
}

/** Devices stay, because their keys may never come back; what the person called them goes. */
async function erase(sql: Sql, sealing: Sealing, { id, name, email, version }: User): Promise<boolean> {
  const changed = await sql.run(
    `update users set name = $1, email_sealed = $2, email_lookup = $3, email_everywhere = null, language = null,
       document_sealed = null, document_expires_at = null, name_folded = $4, name_folded_version = version + 1,
       version = version + 1
     where id = $5 and version = $6 and status = 'removed'`,
    [
      name,
      sealing.seal(email, `users.email:${id}`),
      sealing.lookup(`erased:${id}`, 'users.email'),
      folded(name),
      id,
      version,
    ],
  );
  if (changed === 0) return false;
  await sql.run("update devices set name = '-', last_place = null where user_id = $1", [id]);
  await sql.run("update approvals set request_sealed = '', reason = null where subject_id = $1", [id]);
  await eraseAnswersAbout(sql, id);
  await eraseSignings(sql, id);
  await sql.run('delete from user_browsers where user_id = $1', [id]);
  await sql.run("delete from outbox where kind in ('email', 'backchannel_request') and recipient = $1", [id]);
  await sql.run('delete from backchannel_requests where user_id = $1', [id]);
  return true;
}
