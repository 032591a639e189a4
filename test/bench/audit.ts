/** What the audit trail costs: a record with its link in the hash chain, inside of a transaction that is there anyway. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.ts';
import { randomId } from '../../src/crypto/random.ts';
import { auditStore } from '../../src/store/audit.ts';
import { migrate } from '../../src/store/migrate.ts';
import type { Sql } from '../../src/store/ports.ts';
import { openSqlite } from '../../src/store/sqlite.ts';
import type { Benchmark } from './benchmark.ts';
import { cpuPerCall, median } from './measure.ts';

export const auditBenchmark: Benchmark = {
  name: 'audit',
  about: 'CPU of an audit record, SQLite',
  needsBuild: false,
  run: async ({ isQuick }) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'mtoken-bench-'));
    const store = await openSqlite({ dataDir, lock: true });
    await migrate(store, { clock: systemClock });
    const commit = (work: (sql: Sql) => Promise<unknown>) =>
      cpuPerCall(() => store.transaction(work), { rounds: 1, roundMs: isQuick ? 40 : 200 });
    let turn = 0;
    // Another value each time: SQLite writes no page, and commits nothing, where a row stays as it is.
    const write = (sql: Sql) => sql.run('update schema_migrations set at = $1', [(turn += 1)]);
    const records = Array.from({ length: 2000 }, record);
    const append = async (sql: Sql): Promise<void> => {
      await write(sql);
      const next = records[turn % records.length];
      if (next !== undefined) await auditStore(sql).append(next, systemClock.now());
    };
    const differences: number[] = [];
    for (let round = 0; round < (isQuick ? 3 : 11); round += 1) {
      const without = await commit(write);
      differences.push((await commit(append)) - without);
    }
    await store.close();
    await rm(dataDir, { recursive: true, force: true });
    return [
      {
        benchmark: 'audit',
        what: 'record in a transaction, beside its commit',
        value: median(differences),
        unit: 'µs',
      },
    ];
  },
};

function record() {
  const requestId = randomId('req');
  const [companyId, userId, deviceId] = [randomId('co'), randomId('usr'), randomId('dev')];
  const data = { factor: 'pin', session: randomId('ses') };
  return {
    event: 'session.opened',
    actor: `device:${deviceId}`,
    companyId,
    userId,
    deviceId,
    address: '192.0.2.1',
    requestId,
    data,
  } as const;
}
