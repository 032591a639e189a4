/** Requests to sign whose row somebody changed past this server: lists go on without them, and it is told once for each (T-04). */
import type { Clock } from '../clock.ts';
import type { RecordStore } from '../store/records.ts';
import type { SigningFound, SigningRequest } from './store.ts';

/** Rows that one process tells of: whoever changes more of them, or looks at them again and again, fills neither log nor trail. */
const mostTold = 1_000;

interface AlarmDeps {
  readonly clock: Clock;
  readonly log: { error(fields: object, message: string): void };
}

/** Those of a list that are as this server wrote them. */
export function unaltered(found: readonly SigningFound[]): SigningRequest[] {
  return found.flatMap(({ request }) => request ?? []);
}

/**
 * The same records, telling log and trail (`signing.altered`) of each altered request that a list finds, once: none can be forgotten by
 * who lists. Not so within a transaction, which nothing that lists is in.
 */
export function alarmingRecords(records: RecordStore, { clock, log }: AlarmDeps): RecordStore {
  const { signings, audit } = records;
  const told = new Set<string>();
  const watched = async (listed: Promise<SigningFound[]>): Promise<SigningFound[]> => {
    const found = await listed;
    for (const { id, request } of found) {
      if (request !== undefined || told.has(id) || told.size >= mostTold) continue;
      told.add(id);
      log.error(
        { event: 'signing.altered', orderId: id },
        'the row of a request to sign was changed past this server, or its key is missing: nobody can sign it, and lists leave it out',
      );
      // Nothing but its id: what else the row says may be what was changed.
      const record = { event: 'signing.altered', actor: 'server', orderId: id, data: { signingId: id } } as const;
      // The list is whole without it, and the log has it.
      await audit.append(record, clock.now()).catch((err: unknown) => {
        log.error({ err, orderId: id }, 'that a request to sign was altered could not be written to the trail');
      });
    }
    return found;
  };
  return {
    ...records,
    signings: {
      ...signings,
      waiting: (...asked) => watched(signings.waiting(...asked)),
      history: (...asked) => watched(signings.history(...asked)),
      everyOf: (...asked) => watched(signings.everyOf(...asked)),
      expired: (...asked) => watched(signings.expired(...asked)),
      untold: (...asked) => watched(signings.untold(...asked)),
    },
  };
}
