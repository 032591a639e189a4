/** What runs beside requests: deliveries of the outbox, rotation of keys, removal of what has expired. */

import { purgeIdempotency } from '../admin/idempotency.ts';
import { eraseOldRequests, settleInterrupted } from '../approvals/interrupted.ts';
import { type CheckpointMaker, startCheckpoints } from '../audit/checkpoints.ts';
import { warnOfDocuments } from '../companies/documents.ts';
import { foldNames } from '../companies/search.ts';
import { defaultKeyPolicy } from '../keys/keys.ts';
import { startKeyMaintenance } from '../keys/maintenance.ts';
import type { EmailSender } from '../notify/email.ts';
import { emailDeliverer } from '../notify/email.ts';
import { type OutboxWorker, startOutboxWorker } from '../notify/outbox.ts';
import { portalWebhookDeliverer } from '../notify/portal-delivery.ts';
import { purgeOutbox } from '../notify/purge.ts';
import { pushDeliverer } from '../notify/push-delivery.ts';
import { webhookDeliverer } from '../notify/webhook-delivery.ts';
import { backchannelAsker, purgeBackchannel } from '../oidc/ciba-ask.ts';
import { pingDeliverer } from '../oidc/ciba-ping.ts';
import { deliverLogout } from '../oidc/logout-delivery.ts';
import { pruneRequests, startSigningSweep } from '../signing/sweep.ts';
import { openAuditStream } from './audit-stream.ts';
import type { Capabilities, Kernel } from './capabilities.ts';

const purgeEveryMs = 10 * 60_000;

export interface Background {
  /** Stops timers and waits for deliveries under way. */
  stop(): Promise<void>;
}

/** Starts the outbox worker and the timers. */
export function startBackground(kernel: Kernel, capabilities: Capabilities, sender: EmailSender): Background {
  const worker = startOutbox(kernel, capabilities, sender);
  const { clock, log, stores } = kernel;
  const { records, shortLived } = stores;
  const keyMaintenance = startKeyMaintenance({ records, shortLived, clock, log }, defaultKeyPolicy);
  const checkpoints = startMakingCheckpoints(kernel, capabilities);
  const stream = openAuditStream(kernel);
  const signingSweep = startSigningSweep(capabilities.signing, log);
  const timer = setInterval(() => void Promise.all([purge(kernel), doWhatIsDue(kernel)]), purgeEveryMs);
  timer.unref();
  return {
    stop: async () => {
      keyMaintenance.stop();
      clearInterval(timer);
      await worker.stop();
      await Promise.all([checkpoints.stop(), stream?.stop(), signingSweep.stop()]);
      sender.close();
    },
  };
}

function startMakingCheckpoints({ config, clock, log, stores }: Kernel, { keys }: Capabilities): CheckpointMaker {
  return startCheckpoints(
    { records: stores.records, clock, issuer: config.issuer, keys, log },
    config.audit.checkpoint,
  );
}

function startOutbox(
  { config, clock, log, stores }: Kernel,
  { oidc, signing }: Capabilities,
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
      backchannel_request: backchannelAsker(signing),
      backchannel_ping: pingDeliverer({ records, clock, internalHosts: config.internalPortals }),
      portal_webhook: portalWebhookDeliverer({ records, clock, internalHosts: config.internalPortals }),
      webhook: webhookDeliverer({ records, clock, internalWebhooks: config.internalWebhooks }),
      push: pushDeliverer({ records, clock, gateway: config.push, internalHosts: config.internalWebhooks }),
    },
  });
}

/** Warns of documents that expire, and makes searchable what an older server wrote. A turn that fails is made up for by the next one. */
async function doWhatIsDue({ clock, log, stores: { records, shortLived } }: Kernel): Promise<void> {
  try {
    await warnOfDocuments({ records, shortLived, clock });
    await foldNames(records);
  } catch (err) {
    log.warn({ err }, 'what is due could not be done; the next turn tries again');
  }
}

/** Removes what has expired and ends what was interrupted. A turn that fails is made up for by the next one. */
async function purge({ config, clock, log, stores: { records } }: Kernel): Promise<void> {
  try {
    await records.oidc.purge(clock.now());
    await purgeBackchannel({ records, clock });
    await purgeOutbox({ records, clock }, config.outbox);
    await settleInterrupted({ records, clock });
    await eraseOldRequests({ records, clock });
    await purgeIdempotency({ records, clock });
    await pruneRequests({ records, clock });
  } catch (err) {
    log.warn({ err }, 'what has expired could not be cleared up; the next turn tries again');
  }
}
