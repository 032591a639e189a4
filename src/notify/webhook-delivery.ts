/** Delivers one webhook: signed, one POST, to an address that is judged anew at every try. */
import type { Clock } from '../clock.ts';
import { randomId } from '../crypto/random.ts';
import { post } from '../http/outbound.ts';
import type { RecordStore } from '../store/records.ts';
import { type Deliver, UndeliverableError } from './outbox.ts';
import type { WebhookEndpoint } from './store.ts';
import { mayHearOf, type WebhookBody } from './webhook-events.ts';
import { signedHeaders } from './webhook-signature.ts';

export interface WebhookDeps {
  readonly records: RecordStore;
  readonly clock: Clock;
  /** Hosts (`name` or `name:port`) of receivers that may be in a private network. */
  readonly internalWebhooks: readonly string[];
  /** How long a receiver may take to answer; 10 s unless told. */
  readonly webhookTimeoutMs?: number;
}

/** Receivers are asked to answer first and to work afterwards. */
const defaultTimeoutMs = 10_000;

/**
 * The outbox's deliverer of webhooks. Any 2xx is success. 410 means that the receiver is gone: the endpoint is disabled, and the trail
 * says so. Everything else is tried again.
 */
export function webhookDeliverer(deps: WebhookDeps): Deliver {
  return async ({ id, recipient, payload }) => {
    const endpoint = await deps.records.webhooks.find(recipient);
    if (endpoint?.status !== 'active') throw new UndeliverableError('the endpoint is disabled');
    const { data } = JSON.parse(payload) as WebhookBody;
    // Judged once more, at the moment of sending: nothing about a company goes to another one's receiver.
    const { companyId } = data;
    if (!mayHearOf(endpoint, typeof companyId === 'string' ? companyId : undefined)) {
      throw new UndeliverableError('the endpoint is of another company');
    }
    const status = await sendSigned(deps, endpoint, { id, body: payload });
    if (status === 410) {
      await disableGone(deps, endpoint);
      throw new UndeliverableError('the receiver answered 410: it takes no more, and the endpoint is disabled');
    }
    if (!isSuccess(status)) throw new Error(`the receiver answered ${status}`);
  };
}

/** What came of a test. */
export interface WebhookTrial {
  readonly isDelivered: boolean;
  /** The receiver's status code, or why there is none. */
  readonly answer: string;
}

/** Sends a `webhook.test` past the outbox and answers what came of it; whatever that is, nothing changes. */
export async function tryWebhook(deps: WebhookDeps, endpoint: WebhookEndpoint): Promise<WebhookTrial> {
  const { companyId } = endpoint;
  const body: WebhookBody = {
    type: 'webhook.test',
    timestamp: new Date(deps.clock.now()).toISOString(),
    data: { endpointId: endpoint.id, ...(companyId === undefined ? {} : { companyId }) },
  };
  try {
    const status = await sendSigned(deps, endpoint, { id: randomId('box'), body: JSON.stringify(body) });
    return { isDelivered: isSuccess(status), answer: `status ${status}` };
  } catch (error) {
    return { isDelivered: false, answer: error instanceof Error ? error.message : 'no answer' };
  }
}

/** One POST that is signed by the secret, and until its overlap ends by the one before; answers the status. */
export function sendSigned(
  { clock, internalWebhooks, webhookTimeoutMs: timeoutMs = defaultTimeoutMs }: WebhookDeps,
  endpoint: Pick<WebhookEndpoint, 'url' | 'secret' | 'previous'>,
  message: { readonly id: string; readonly body: string },
): Promise<number> {
  const at = clock.now();
  const { secret, previous } = endpoint;
  const secrets = previous !== undefined && at < previous.until ? [secret, previous.secret] : [secret];
  const headers = { 'content-type': 'application/json', ...signedHeaders({ ...message, at }, secrets) };
  return post(new URL(endpoint.url), { body: message.body, headers }, { internalHosts: internalWebhooks, timeoutMs });
}

/** Any 2xx: the receiver has it. */
export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/** Where somebody changed the endpoint meanwhile it stays as they left it. */
async function disableGone({ records, clock }: WebhookDeps, endpoint: WebhookEndpoint): Promise<void> {
  await records.transaction(async (within) => {
    if (!(await within.webhooks.update({ ...endpoint, status: 'disabled' }))) return;
    await within.audit.append(
      {
        event: 'webhook.disabled',
        actor: 'server',
        companyId: endpoint.companyId,
        data: { endpointId: endpoint.id, reason: 'the receiver answered 410' },
      },
      clock.now(),
    );
  });
}
