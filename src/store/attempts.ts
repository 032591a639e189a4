/** The durable half of the attempt budget: each method is one conditional statement, so no two callers share an attempt. */
import type { AttemptStore } from '../lockout/store.ts';
import type { Sql } from './ports.ts';

/** Attempts over one engine or one open transaction. */
export function attemptStore(sql: Sql): AttemptStore {
  return {
    count: async (subject) => {
      const rows =
        subject.kind === 'mpin'
          ? await sql.query<{ spent: number }>(
              'select pin_attempts as spent from devices where id = $1 and pin_epoch = $2',
              [subject.deviceId, subject.epoch],
            )
          : await sql.query<{ spent: number }>('select confirmation_attempts as spent from activations where id = $1', [
              subject.activationId,
            ]);
      return rows[0]?.spent;
    },
    spend: async (subject, max) => {
      const rows =
        subject.kind === 'mpin'
          ? await sql.query<{ spent: number }>(
              `update devices set pin_attempts = pin_attempts + 1
               where id = $1 and status = 'active' and pin_epoch = $2 and pin_attempts < $3
               returning pin_attempts as spent`,
              [subject.deviceId, subject.epoch, max],
            )
          : await sql.query<{ spent: number }>(
              `update activations set confirmation_attempts = confirmation_attempts + 1
               where id = $1 and status = 'open' and confirmation_attempts < $2
               returning confirmation_attempts as spent`,
              [subject.activationId, max],
            );
      return rows[0]?.spent;
    },
    ...missStore(sql),
    giveBack: async (subject) => {
      if (subject.kind === 'mpin') {
        // Active only: a block that was written stays, whatever the reason of a single attempt was.
        await sql.run(
          `update devices set pin_attempts = pin_attempts - 1
           where id = $1 and status = 'active' and pin_epoch = $2 and pin_attempts > 0`,
          [subject.deviceId, subject.epoch],
        );
        return;
      }
      await sql.run(
        `update activations set confirmation_attempts = confirmation_attempts - 1
         where id = $1 and status = 'open' and confirmation_attempts > 0`,
        [subject.activationId],
      );
    },
    reset: async (subject) => {
      if (subject.kind !== 'mpin') return false;
      const changed = await sql.run(
        `update devices set pin_attempts = 0, pin_misses = 0, pin_epoch = pin_epoch + 1
         where id = $1 and status = 'active' and pin_epoch = $2`,
        [subject.deviceId, subject.epoch],
      );
      return changed === 1;
    },
  };
}

type Misses = Pick<AttemptStore, 'miss' | 'missed' | 'holdExhausted' | 'voidExhausted'>;

function missStore(sql: Sql): Misses {
  return {
    miss: async (subject) => {
      const rows =
        subject.kind === 'mpin'
          ? await sql.query<{ missed: number }>(
              `update devices set pin_misses = pin_misses + 1
               where id = $1 and status = 'active' and pin_epoch = $2 and pin_misses < pin_attempts
               returning pin_misses as missed`,
              [subject.deviceId, subject.epoch],
            )
          : await sql.query<{ missed: number }>(
              `update activations set confirmation_attempts = confirmation_attempts
               where id = $1 and status = 'open' returning confirmation_attempts as missed`,
              [subject.activationId],
            );
      return rows[0]?.missed;
    },
    missed: async (subject) => {
      const rows =
        subject.kind === 'mpin'
          ? await sql.query<{ missed: number }>(
              'select pin_misses as missed from devices where id = $1 and pin_epoch = $2',
              [subject.deviceId, subject.epoch],
            )
          : await sql.query<{ missed: number }>(
              'select confirmation_attempts as missed from activations where id = $1',
              [subject.activationId],
            );
      return rows[0]?.missed;
    },
    holdExhausted: async (subject, max) => {
      // An update that changes nothing locks the row on PostgreSQL: a right proof cannot reset it between this look and the block.
      const held =
        subject.kind === 'mpin'
          ? await sql.run(
              `update devices set pin_attempts = pin_attempts
               where id = $1 and status = 'active' and pin_epoch = $2 and pin_attempts >= $3`,
              [subject.deviceId, subject.epoch, max],
            )
          : await sql.run(
              `update activations set confirmation_attempts = confirmation_attempts
               where id = $1 and status = 'open' and confirmation_attempts >= $2`,
              [subject.activationId, max],
            );
      return held === 1;
    },
    voidExhausted: async (activationId, max) =>
      (await sql.run(
        "update activations set status = 'void' where id = $1 and status = 'open' and confirmation_attempts >= $2",
        [activationId, max],
      )) === 1,
  };
}
