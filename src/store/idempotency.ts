/** Idempotency keys in SQL: what was asked is a keyed hash, what was answered is sealed, for it may hold a secret. */
import type { IdempotencyName, IdempotencyStore } from '../admin/store.ts';
import type { Sealing } from '../crypto/sealing.ts';
import type { Sql } from './ports.ts';
import { firstOf } from './rows.ts';

interface IdempotencyRow {
  request_hash: string;
  state: 'begun' | 'done' | 'answered';
  answer_sealed: string | null;
  begun_at: number;
}

const context = ({ caller, key }: IdempotencyName): string =>
  `idempotency_keys.answer:${JSON.stringify([caller, key])}`;

/** The users whose ids an answer holds, within the statements of a receipt too; null where it holds none. */
function peopleIn(answer: string): string | null {
  const encoded = answer.match(/(?<=\.)[A-Za-z0-9_-]{64,}(?=\.)/g) ?? [];
  const texts = [answer, ...encoded.map((payload) => Buffer.from(payload, 'base64url').toString())];
  const ids = new Set(texts.flatMap((text) => text.match(/usr_[A-Za-z0-9_-]{22}/g) ?? []));
  return ids.size === 0 ? null : [...ids].join(' ');
}

/** Erases kept answers that name a user: what was done stays done, and its answer is lost. */
export async function eraseAnswersAbout(sql: Sql, userId: string): Promise<void> {
  await sql.run(
    `update idempotency_keys set state = 'done', answer_sealed = null, people = null
     where people is not null and people like $1 escape '!'`,
    [`%${userId.replaceAll('_', '!_')}%`],
  );
}

/** Idempotency keys over one engine or one open transaction. */
export function idempotencyStore(sql: Sql, sealing: Sealing): IdempotencyStore {
  const hashOf = (request: string): string => sealing.lookup(request, 'idempotency-request');
  return {
    claim: async ({ caller, key, attempt, request, at, abandonedBefore, forgottenBefore }) =>
      (await sql.run(
        `insert into idempotency_keys (caller, idempotency_key, attempt, request_hash, state, begun_at)
         values ($1, $2, $3, $4, 'begun', $5)
         on conflict (caller, idempotency_key) do update
         set attempt = excluded.attempt, request_hash = excluded.request_hash, state = 'begun', answer_sealed = null, people = null,
           begun_at = excluded.begun_at
         where idempotency_keys.begun_at < $7
           or (idempotency_keys.state = 'begun' and idempotency_keys.begun_at < $6
             and idempotency_keys.request_hash = excluded.request_hash)`,
        [caller, key, attempt, hashOf(request), at, abandonedBefore, forgottenBefore],
      )) === 1,
    find: async (name, request) =>
      firstOf(
        await sql.query<IdempotencyRow>(
          'select request_hash, state, answer_sealed, begun_at from idempotency_keys where caller = $1 and idempotency_key = $2',
          [name.caller, name.key],
        ),
        ({ request_hash, state, answer_sealed, begun_at }) => {
          const isSameRequest = request_hash === hashOf(request);
          if (state !== 'answered') return { state, isSameRequest, begunAt: begun_at };
          return { state, isSameRequest, answer: sealing.openText(answer_sealed ?? '', context(name)) };
        },
      ),
    // Not only of what is begun: an act of two transactions marks itself twice.
    done: async ({ caller, key, attempt }) =>
      (await sql.run(
        "update idempotency_keys set state = 'done' where caller = $1 and idempotency_key = $2 and attempt = $3",
        [caller, key, attempt],
      )) === 1,
    answer: async ({ caller, key, attempt }, answer) => {
      await sql.run(
        `update idempotency_keys set state = 'answered', answer_sealed = $4, people = $5
         where caller = $1 and idempotency_key = $2 and attempt = $3`,
        [caller, key, attempt, sealing.seal(answer, context({ caller, key })), peopleIn(answer)],
      );
    },
    release: async ({ caller, key, attempt }) => {
      await sql.run(
        `delete from idempotency_keys
         where caller = $1 and idempotency_key = $2 and attempt = $3 and state = 'begun'`,
        [caller, key, attempt],
      );
    },
    purge: (before, limit) =>
      sql.run(
        `delete from idempotency_keys where (caller, idempotency_key) in
           (select caller, idempotency_key from idempotency_keys where begun_at < $1 limit $2)`,
        [before, limit],
      ),
  };
}
