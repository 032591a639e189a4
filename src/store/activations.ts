/** Activations in SQL: the codes are hashes before they arrive here. */

import { AuthError } from '../errors.ts';
import type { Activation, ActivationStore } from '../registration/store.ts';
import type { Sql } from './ports.ts';
import { firstOf, optional } from './rows.ts';

interface ActivationRow {
  id: string;
  user_id: string;
  company_id: string;
  code_hash: string;
  confirmation_hash: string;
  confirmation_attempts: number;
  status: Activation['status'];
  delivery: Activation['delivery'];
  device_id: string | null;
  created_by: string;
  created_at: number;
  expires_at: number;
}

const columns = `id, user_id, company_id, code_hash, confirmation_hash, confirmation_attempts, status, device_id,
  created_by, created_at, expires_at, delivery`;

function toActivation(row: ActivationRow): Activation {
  return {
    id: row.id,
    userId: row.user_id,
    companyId: row.company_id,
    codeHash: row.code_hash,
    confirmationHash: row.confirmation_hash,
    confirmationAttempts: row.confirmation_attempts,
    status: row.status,
    delivery: row.delivery,
    deviceId: optional(row.device_id),
    createdBy: row.created_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}

/** Activations over one engine or one open transaction. */
export function activationStore(sql: Sql): ActivationStore {
  const findBy = async (column: 'id' | 'code_hash', value: string): Promise<Activation | undefined> =>
    firstOf(
      await sql.query<ActivationRow>(`select ${columns} from activations where ${column} = $1`, [value]),
      toActivation,
    );
  return {
    insert: async (activation) => {
      const written = await sql.run(
        `insert into activations (${columns}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         on conflict do nothing`,
        [
          activation.id,
          activation.userId,
          activation.companyId,
          activation.codeHash,
          activation.confirmationHash,
          activation.confirmationAttempts,
          activation.status,
          activation.deviceId,
          activation.createdBy,
          activation.createdAt,
          activation.expiresAt,
          activation.delivery,
        ],
      );
      if (written === 0) throw new AuthError('already_exists', { message: 'an activation has this id or code' });
    },
    find: (id) => findBy('id', id),
    findByCodeHash: (codeHash) => findBy('code_hash', codeHash),
    use: async (id, deviceId, at) =>
      (await sql.run(
        `update activations set status = 'used', device_id = $2, used_at = $3
         where id = $1 and status = 'open' and expires_at > $3`,
        [id, deviceId, at],
      )) === 1,
    voidOpen: async (userId) => {
      await sql.run("update activations set status = 'void' where user_id = $1 and status = 'open'", [userId]);
    },
  };
}
