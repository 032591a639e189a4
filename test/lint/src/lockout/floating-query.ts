// expect: typescript(no-floating-promises)
import type { Pool } from 'pg';

export function spend(pool: Pool): void {
  pool.query('update devices set pin_attempts = pin_attempts + 1');
}
