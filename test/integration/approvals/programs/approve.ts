/**
 * Approves an act in a process that kills itself at a chosen moment, as a machine that loses its power would.
 * Arguments: data directory, data key in hex, approval, decider, and the moment: `inside` or `after`, and the number of a transaction.
 */
import { approveAct } from '../../../../src/approvals/approvals.ts';
import { systemClock } from '../../../../src/clock.ts';
import { createSealing } from '../../../../src/crypto/sealing.ts';
import { endLogins } from '../../../../src/oidc/end-logins.ts';
import { memoryStore } from '../../../../src/store/memory.ts';
import { openRecords } from '../../../../src/store/open.ts';
import type { RecordStore } from '../../../../src/store/records.ts';
import { openSqlite } from '../../../../src/store/sqlite.ts';
import { suspension } from '../suspension.ts';

const [dataDir = '', key = '', id = '', decider = '', when = '', nth = ''] = process.argv.slice(2);

const die = (): never => {
  process.kill(process.pid, 'SIGKILL');
  // The signal may take a moment; nothing of ours may run in it.
  for (;;);
};

const open = openRecords(
  await openSqlite({ dataDir, lock: false }),
  createSealing([{ id: 'test', key: new Uint8Array(Buffer.from(key, 'hex')) }]),
);
let count = 0;
const records: RecordStore = {
  ...open,
  transaction: async (work) => {
    const mine = (count += 1);
    const result = await open.transaction(async (inside) => {
      const done = await work(inside);
      if (when === 'inside' && mine === Number(nth)) die();
      return done;
    });
    if (when === 'after' && mine === Number(nth)) die();
    return result;
  },
};
const deps = {
  records,
  shortLived: memoryStore(systemClock),
  clock: systemClock,
  endLogins,
  log: { error: () => undefined },
};
const user = await records.users.find(decider);
const actor = {
  name: `user:${decider}`,
  userId: decider,
  companyId: user?.companyId,
  requestId: 'req_of_the_approval',
};
await approveAct(deps, { id, act: suspension(deps), actor });
process.stdout.write('done\n');
process.exit(0);
