/** What a portal's own webhook is told of its signing requests, and the secret that signs it (docs/signing.md). */

import type { Clock } from '../clock.ts';
import { type Actor, actedBy } from '../companies/actor.ts';
import { AuthError } from '../errors.ts';
import type { EndedHandler } from '../signing/deps.ts';
import type { RecordStore, Records } from '../store/records.ts';
import type { PortalWebhook } from './store.ts';
import { webhookSecret } from './webhook-signature.ts';

/** The member of a client's metadata that names its receiver. */
export const webhookMember = 'signing_webhook_uri';

/** The message: that something ended and how, and nothing of what it says. Who wants more asks the signing API. */
export interface PortalWebhookBody {
  readonly type: `signing.${'approved' | 'declined' | 'reported' | 'expired' | 'cancelled'}`;
  /** ISO 8601, UTC. */
  readonly timestamp: string;
  readonly data: { readonly signingId: string; readonly reference: string; readonly state: string };
}

interface PortalWebhookDeps {
  readonly records: RecordStore;
  readonly clock: Clock;
}

const hourMs = 3_600_000;
const defaultOverlapHours = 24;

/** Enqueues the message within the transaction that ends the request, in the order of the ends for each portal. */
export const tellPortalWhenEnded: EndedHandler = async (records, request) => {
  const { id: signingId, clientId, reference, status, door, endedAt } = request;
  // Of a request by CIBA that nobody answered no portal hears: for a user who does not exist nothing is told either (O-18).
  if (status === 'pending' || (door === 'backchannel' && status === 'expired')) return;
  const client = await records.clients.find(clientId);
  if (client?.status !== 'active' || typeof client.metadata[webhookMember] !== 'string') return;
  const at = endedAt ?? request.expiresAt;
  const type = `signing.${status}` as const;
  const timestamp = new Date(at).toISOString();
  const body: PortalWebhookBody = { type, timestamp, data: { signingId, reference, state: status } };
  const message = { kind: 'portal_webhook', recipient: clientId, about: type, isOrdered: true } as const;
  await records.outbox.enqueue({ ...message, payload: JSON.stringify(body) }, at);
};

/**
 * Makes the secret of a client that has a receiver from now on, and erases that of one that has none any more. Answers the new secret,
 * which is shown this once. `records` is the transaction that changes the client.
 */
export async function settlePortalWebhook(
  { portalWebhooks }: Records,
  client: { readonly id: string; readonly metadata: Readonly<Record<string, unknown>> },
): Promise<string | undefined> {
  if (client.metadata[webhookMember] === undefined) {
    await portalWebhooks.remove(client.id);
    return undefined;
  }
  if ((await portalWebhooks.find(client.id)) !== undefined) return undefined;
  const secret = webhookSecret();
  await portalWebhooks.save({ clientId: client.id, secret, previous: undefined });
  return secret;
}

/**
 * Makes a new secret and writes `webhook.rotated`. For `overlapHours` (24 unless told) messages carry a signature by each of the two.
 * Throws `not_found` for a client without a receiver, `access_denied` for an actor of a company.
 */
export async function rotatePortalWebhook(
  { records, clock }: PortalWebhookDeps,
  clientId: string,
  { overlapHours = defaultOverlapHours, actor }: { readonly overlapHours?: number | undefined; readonly actor: Actor },
): Promise<PortalWebhook> {
  if (actor.companyId !== undefined) throw new AuthError('access_denied');
  const at = clock.now();
  return records.transaction(async (within) => {
    const current = await within.portalWebhooks.find(clientId);
    if (current === undefined) throw new AuthError('not_found', { message: `the client has no ${webhookMember}` });
    const previous = overlapHours === 0 ? undefined : { secret: current.secret, until: at + overlapHours * hourMs };
    const next: PortalWebhook = { clientId, secret: webhookSecret(), previous };
    await within.portalWebhooks.save(next);
    await within.audit.append({ event: 'webhook.rotated', ...actedBy(actor), clientId, data: { overlapHours } }, at);
    return next;
  });
}
