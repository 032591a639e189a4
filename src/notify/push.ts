/** Which phones are nudged: one message for the bank's own gateway for each, written beside the e-mails and in the same transaction. */
import type { RecordStore, Records } from '../store/records.ts';
import type { NoticeEvent } from './notices.ts';

/**
 * What a phone is nudged about: every notice but those that bring a code, which is nothing for a phone that is registered already; and
 * that something waits to be signed, of which nobody writes an e-mail.
 */
type PushEvent = Exclude<NoticeEvent, 'activation.created' | 'activation.invited'> | 'signing.wanted';

/** All that the gateway is told: no text, no name, no amount (M-08). The app fetches what it is about, once it is unlocked. */
export interface PushBody {
  readonly type: 'push';
  /** ISO 8601, UTC. */
  readonly timestamp: string;
  readonly data: { readonly deviceId: string; readonly event: PushEvent };
}

/** One reader of a notice, whose phones are nudged. */
interface Nudge {
  readonly event: NoticeEvent | 'signing.wanted';
  /** Id of a user. */
  readonly reader: string;
  /** The phone that the event came from: whoever holds it knows. */
  readonly fromDeviceId: string | undefined;
}

/** The same records, nudging phones of whatever notice is written: for a server whose bank has a gateway. */
export function pushingRecords(records: RecordStore): RecordStore {
  return {
    ...records,
    isPushing: true,
    transaction: (work) => records.transaction((inside) => work({ ...inside, isPushing: true })),
  };
}

/**
 * Enqueues one message for each active phone of that reader but the one that the event came from; none where the bank has no gateway.
 * `records` is the transaction of the act. `at` in epoch-milliseconds.
 */
export async function nudge(records: Records, { event, reader, fromDeviceId }: Nudge, at: number): Promise<void> {
  if (records.isPushing !== true || event === 'activation.created' || event === 'activation.invited') return;
  for (const { id, userId, status } of await records.devices.listByUser(reader)) {
    // The owner is judged again: no fault in a store's filter may nudge a stranger's phone (T32).
    if (userId !== reader || status !== 'active' || id === fromDeviceId) continue;
    const body: PushBody = { type: 'push', timestamp: new Date(at).toISOString(), data: { deviceId: id, event } };
    const payload = JSON.stringify(body);
    await records.outbox.enqueue({ kind: 'push', recipient: id, payload, about: event, isOrdered: true }, at);
  }
}
