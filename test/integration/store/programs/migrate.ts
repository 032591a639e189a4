/** A starting process: opens the store named by its arguments, migrates and says what it applied. */
import { systemClock } from '../../../../src/clock.ts';
import { migrate } from '../../../../src/store/migrate.ts';
import { openPostgres } from '../../../../src/store/postgres.ts';
import { openSqlite } from '../../../../src/store/sqlite.ts';

const [, , engine, place = '', schema = ''] = process.argv;
const store =
  engine === 'sqlite' ? await openSqlite({ dataDir: place, lock: false }) : await openPostgres({ url: place, schema });
const applied = await migrate(store, { clock: systemClock });
await store.check();
process.stdout.write(`applied ${applied.length}\n`);
await store.close();
