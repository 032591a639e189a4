/** One server process of several: delivers the webhooks of the store that its arguments name, until it is killed. */
import { systemClock } from '../../../../src/clock.ts';
import { createSealing } from '../../../../src/crypto/sealing.ts';
import { startOutboxWorker } from '../../../../src/notify/outbox.ts';
import { webhookDeliverer } from '../../../../src/notify/webhook-delivery.ts';
import { memoryStore } from '../../../../src/store/memory.ts';
import { openRecords } from '../../../../src/store/open.ts';
import { openPostgres } from '../../../../src/store/postgres.ts';
import { openSqlite } from '../../../../src/store/sqlite.ts';

const [, , dataKey = '', host = '', engine, place = '', schema = ''] = process.argv;
const durable =
  engine === 'sqlite' ? await openSqlite({ dataDir: place, lock: false }) : await openPostgres({ url: place, schema });
const records = openRecords(durable, createSealing([{ id: 'test', key: Buffer.from(dataKey, 'hex') }]));
const none = async (): Promise<void> => undefined;
const webhook = webhookDeliverer({ records, clock: systemClock, internalWebhooks: [host] });
const log = (fields: object, message: string): void =>
  void process.stderr.write(`${message} ${JSON.stringify(fields)}\n`);
startOutboxWorker(
  {
    records,
    shortLived: memoryStore(systemClock),
    clock: systemClock,
    deliverers: {
      email: none,
      backchannel_logout: none,
      backchannel_request: none,
      backchannel_ping: none,
      portal_webhook: none,
      webhook,
      push: none,
    },
    log: { warn: log, error: log },
  },
  { pollMs: 20, leaseMs: 3_000 },
);
process.stdout.write('started\n');
// The worker's own timers hold no process.
setInterval(() => undefined, 60_000);
