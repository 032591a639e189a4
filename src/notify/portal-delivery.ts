/** Delivers one message to a portal's own webhook: signed like every webhook, to where the portal is registered at that moment. */
import { type Deliver, UndeliverableError } from './outbox.ts';
import { webhookMember } from './portal-webhooks.ts';
import { isSuccess, sendSigned, type WebhookDeps } from './webhook-delivery.ts';

/** The outbox's deliverer of `portal_webhook`. Any 2xx is success; 410 means that the receiver takes no more of this message. */
export function portalWebhookDeliverer(
  deps: Omit<WebhookDeps, 'internalWebhooks'> & { readonly internalHosts: readonly string[] },
): Deliver {
  const { records, clock, internalHosts, ...timing } = deps;
  return async ({ id, recipient, payload }) => {
    const client = await records.clients.find(recipient);
    const webhook = await records.portalWebhooks.find(recipient);
    const url = client?.metadata[webhookMember];
    if (client?.status !== 'active' || typeof url !== 'string' || webhook === undefined) {
      throw new UndeliverableError(`the client ${recipient} has no webhook any more`);
    }
    const sender = { records, clock, internalWebhooks: internalHosts, ...timing };
    const status = await sendSigned(sender, { ...webhook, url }, { id, body: payload });
    if (status === 410) throw new UndeliverableError('the receiver answered 410');
    if (!isSuccess(status)) throw new Error(`the receiver answered ${status}`);
  };
}
