/** Real stores for tests that need records: SQLite in memory, the in-process short-lived store, a data key of their own. */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../src/clock.ts';
import { createSealing, type KeyedSealing } from '../src/crypto/sealing.ts';
import { memoryStore } from '../src/store/memory.ts';
import { migrate } from '../src/store/migrate.ts';
import { openRecords } from '../src/store/open.ts';
import type { DurableStore, ShortLivedStore } from '../src/store/ports.ts';
import type { RecordStore } from '../src/store/records.ts';
import { openSqlite } from '../src/store/sqlite.ts';
import { fixedClock } from './clock.ts';

export interface TestStores {
  readonly records: RecordStore;
  readonly shortLived: ShortLivedStore;
  readonly durable: DurableStore;
  readonly sealing: KeyedSealing;
  close(): Promise<void>;
}

/** Fresh, empty and migrated; nothing touches the disk. Expiry follows `clock`. */
export async function testStores(clock: Clock = fixedClock()): Promise<TestStores> {
  const durable = await openSqlite({ dataDir: ':memory:', lock: false });
  await migrate(durable, { clock });
  const sealing = createSealing([{ id: 'test', key: new Uint8Array(randomBytes(32)) }]);
  const shortLived = memoryStore(clock);
  return {
    records: openRecords(durable, sealing),
    shortLived,
    durable,
    sealing,
    close: async () => {
      await shortLived.close();
      await durable.close();
    },
  };
}
