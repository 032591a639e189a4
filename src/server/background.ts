/** What runs beside requests: deliveries of the outbox, rotation of keys, removal of what has expired. */

import { maintainKeys } from '../keys/keys.ts';
import type { EmailSender } from '../notify/email.ts';
import { emailDeliverer } from '../notify/email.ts';
import { type OutboxWorker, startOutboxWorker } from '../notify/outbox.ts';
import { deliverLogout } from '../oidc/logout-delivery.ts';
import type { Capabilities, Kernel } from './capabilities.ts';

const maintenanceMs = 10 * 60_000;

export interface Background {
  /** Stops timers and waits for deliveries under way. */
  stop(): Promise<void>;
}

/** Starts the outbox worker and the timers. */
export function startBackground(kernel: Kernel, capabilities: Capabilities, sender: EmailSender): Background {
  const worker = startOutbox(kernel, capabilities, sender);
  const timer = setInterval(() => void maintain(kernel), maintenanceMs);
  timer.unref();
  return {
    stop: async () => {
      clearInterval(timer);
      await worker.stop();
      sender.close();
    },
  };
}

function startOutbox(
  { config, clock, log, stores }: Kernel,
  { oidc }: Capabilities,
  sender: EmailSender,
): OutboxWorker {
  const { records, shortLived } = stores;
  return startOutboxWorker({
    records,
    shortLived,
    clock,
    log,
    deliverers: {
      email: emailDeliverer({ records, sender }),
      backchannel_logout: ({ payload }) => deliverLogout({ ...oidc, internalHosts: config.internalPortals }, payload),
    },
  });
}

/** A step that fails is tried again at the next turn; the others are done all the same. */
async function maintain({ clock, log, stores }: Kernel): Promise<void> {
  const { records, shortLived } = stores;
  const steps = [() => maintainKeys({ records, shortLived, clock }), () => records.oidc.purge(clock.now())];
  for (const step of steps) {
    try {
      await step();
    } catch (err) {
      log.warn({ err }, 'maintenance failed');
    }
  }
}
