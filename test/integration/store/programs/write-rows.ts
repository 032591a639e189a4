/** Writes rows until it is killed, and says the number of each one only after it is acknowledged. */
import { openSqlite } from '../../../../src/store/sqlite.ts';

const store = await openSqlite({ dataDir: process.argv[2] ?? '', lock: true });
await store.run('create table if not exists samples (id integer primary key)');
for (let id = 1; ; id += 1) {
  if (id % 2 === 0) await store.run('insert into samples (id) values ($1)', [id]);
  else await store.transaction((sql) => sql.run('insert into samples (id) values ($1)', [id]));
  process.stdout.write(`${id}\n`);
}
