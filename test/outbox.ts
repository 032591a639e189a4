/** What the outbox holds, for tests that look at messages and not at their delivery. */
import type { OutboxMessage } from '../src/notify/store.ts';
import type { Records } from '../src/store/records.ts';

/** Takes every message that is due at `at`, oldest first, as if all were delivered: each of an order comes once the one before it is gone. */
export async function takeMessages({ outbox }: Pick<Records, 'outbox'>, at: number): Promise<OutboxMessage[]> {
  const taken: OutboxMessage[] = [];
  for (;;) {
    const messages = await outbox.claim({ worker: 'test', at, leaseMs: 60_000, limit: 200 });
    if (messages.length === 0) return taken;
    for (const { id } of messages) await outbox.markSent(id, 'test', at);
    taken.push(...messages);
  }
}
