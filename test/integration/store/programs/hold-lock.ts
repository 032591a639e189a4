/** A server as the instance lock sees it: opens the data directory for itself and stays until it is killed. */
import { openSqlite } from '../../../../src/store/sqlite.ts';

try {
  await openSqlite({ dataDir: process.argv[2] ?? '', lock: true });
  process.stdout.write('open\n');
  setInterval(() => undefined, 1000);
} catch (error) {
  process.stdout.write(`refused ${(error as { code?: string }).code}\n`);
}
