/** The trail's name in SQL, one row that is written once; and keys of devices that a restored backup has lost. */
import { AuthError } from '../errors.ts';
import type { RestoreStore } from '../restore/store.ts';
import type { Sql } from './ports.ts';

/** Over one engine or one open transaction. */
export function restoreStore(sql: Sql): RestoreStore {
  const trailName = async (): Promise<string | undefined> => {
    const [row] = await sql.query<{ name: string }>('select name from trail_origin where id = 1');
    return row?.name;
  };
  return {
    trailName,
    nameTrail: async (name, at) => {
      await sql.run('insert into trail_origin (id, name, served_at) values (1, $1, $2) on conflict do nothing', [
        name,
        at,
      ]);
      const kept = await trailName();
      if (kept === undefined) throw new AuthError('internal', { detail: 'the name of the trail was not kept' });
      return kept;
    },
    keepKey: async ({ thumbprint, deviceId, purpose }) => {
      await sql.run(
        'insert into registered_keys (thumbprint, device_id, purpose) values ($1, $2, $3) on conflict do nothing',
        [thumbprint, deviceId, purpose],
      );
    },
  };
}
