/** Registers addresses that are told of events, rotates their secrets, switches them off and on. The bank's own clients only. */
import { type Actor, actedBy } from '../companies/actor.ts';
import { randomId } from '../crypto/random.ts';
import { AuthError } from '../errors.ts';
import { isPrivateHost } from '../private-networks.ts';
import type { WebhookEvent } from '../protocol/admin.ts';
import type { Records } from '../store/records.ts';
import type { WebhookEndpoint } from './store.ts';
import type { WebhookDeps } from './webhook-delivery.ts';
import { webhookSecret } from './webhook-signature.ts';

export interface NewWebhook {
  readonly name: string;
  readonly url: string;
  /** The one company whose events it is told of; of every company where absent. */
  readonly companyId?: string | undefined;
  /** All where absent or empty. */
  readonly events?: readonly WebhookEvent[] | undefined;
}

const hourMs = 3_600_000;
const defaultOverlapHours = 24;

/**
 * Registers an endpoint and writes `webhook.created`. Its secret is shown by this answer alone. Throws `invalid_request` for an address
 * that could never be called, `not_found` for a company that does not exist, `access_denied` for an actor of a company.
 */
export async function createWebhook(deps: WebhookDeps, input: NewWebhook, actor: Actor): Promise<WebhookEndpoint> {
  requireBank(actor);
  const endpoint: WebhookEndpoint = {
    id: randomId('whk'),
    companyId: input.companyId,
    name: checkedName(input.name),
    url: checkedUrl(deps, input.url),
    events: [...new Set(input.events ?? [])],
    status: 'active',
    secret: webhookSecret(),
    previous: undefined,
    createdAt: deps.clock.now(),
    version: 1,
  };
  await deps.records.transaction(async (records) => {
    if (input.companyId !== undefined && (await records.companies.find(input.companyId)) === undefined) {
      throw new AuthError('not_found', { message: 'there is no such company' });
    }
    await records.webhooks.insert(endpoint);
    await record(records, deps, { event: 'webhook.created', endpoint, actor });
  });
  return endpoint;
}

/**
 * Makes a new secret and writes `webhook.rotated`. For `overlapHours` (24 unless told) messages carry a signature by each of the two.
 * Throws `not_found`, `conflict`.
 */
export async function rotateWebhook(
  deps: WebhookDeps,
  id: string,
  { overlapHours = defaultOverlapHours, actor }: { readonly overlapHours?: number | undefined; readonly actor: Actor },
): Promise<WebhookEndpoint> {
  const until = deps.clock.now() + overlapHours * hourMs;
  return change(deps, id, {
    actor,
    event: 'webhook.rotated',
    next: (endpoint) => ({
      ...endpoint,
      secret: webhookSecret(),
      previous: overlapHours === 0 ? undefined : { secret: endpoint.secret, until },
    }),
  });
}

/** Switches an endpoint off or on; what is off is told nothing, and what waits for it becomes dead letters. Throws `not_found`, `conflict`. */
export function setWebhookStatus(
  deps: WebhookDeps,
  id: string,
  { status, actor }: { readonly status: WebhookEndpoint['status']; readonly actor: Actor },
): Promise<WebhookEndpoint> {
  return change(deps, id, {
    actor,
    event: status === 'active' ? 'webhook.enabled' : 'webhook.disabled',
    next: (endpoint) => (endpoint.status === status ? endpoint : { ...endpoint, status }),
  });
}

/** The endpoint. Throws `not_found`, and `access_denied` for an actor of a company. */
export async function findWebhook({ records }: Pick<WebhookDeps, 'records'>, id: string, actor: Actor) {
  requireBank(actor);
  return existing(records, id);
}

interface Change {
  readonly actor: Actor;
  readonly event: WebhookRecord['event'];
  /** The endpoint as it shall be; itself where there is nothing to do. */
  readonly next: (endpoint: WebhookEndpoint) => WebhookEndpoint;
}

function change(deps: WebhookDeps, id: string, { actor, event, next }: Change): Promise<WebhookEndpoint> {
  requireBank(actor);
  return deps.records.transaction(async (records) => {
    const current = await existing(records, id);
    const endpoint = next(current);
    if (endpoint === current) return current;
    if (!(await records.webhooks.update(endpoint))) {
      throw new AuthError('conflict', { message: 'the endpoint was changed meanwhile' });
    }
    await record(records, deps, { event, endpoint, actor });
    return { ...endpoint, version: endpoint.version + 1 };
  });
}

interface WebhookRecord {
  readonly event: 'webhook.created' | 'webhook.rotated' | 'webhook.enabled' | 'webhook.disabled';
  readonly endpoint: WebhookEndpoint;
  readonly actor: Actor;
}

/** The host alone: a path may hold what the receiver takes for a secret. */
async function record(records: Records, { clock }: WebhookDeps, { event, endpoint, actor }: WebhookRecord) {
  const { id: endpointId, companyId, name, url, events } = endpoint;
  const data = { endpointId, name, host: new URL(url).host, events: events.join(' ') };
  await records.audit.append({ event, ...actedBy(actor), companyId, data }, clock.now());
}

async function existing(records: Records, id: string): Promise<WebhookEndpoint> {
  const endpoint = await records.webhooks.find(id);
  if (endpoint === undefined) throw new AuthError('not_found');
  return endpoint;
}

/** A company's own client could otherwise make the server call addresses of its choice. */
function requireBank(actor: Actor): void {
  if (actor.companyId !== undefined) throw new AuthError('access_denied');
}

function checkedName(name: string): string {
  const isPlain = name.length >= 1 && name.length <= 80 && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]/u.test(name);
  if (isPlain && name.trim() === name) return name;
  throw new AuthError('invalid_request', { message: 'name must have 1 to 80 printable characters' });
}

/** As it is called. Names are judged when they are resolved, at every call; what can be told at once is told at once. */
function checkedUrl({ internalWebhooks }: WebhookDeps, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === '' || url.username !== '' || url.password !== '' || url.hash !== '') {
    throw refused(
      'url must be an address such as https://portal.example/webhooks, without user, password and fragment',
    );
  }
  const isInternal = internalWebhooks.includes(url.host) || internalWebhooks.includes(url.hostname);
  // What is sent is signed and not encrypted: over a network of others only inside of TLS.
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isInternal)) {
    throw refused('url must use https; http is for the hosts that MTOKEN_INTERNAL_WEBHOOKS names');
  }
  if (!isInternal && isPrivateHost(url.hostname)) {
    throw refused('url must not lead to a private network unless MTOKEN_INTERNAL_WEBHOOKS names its host');
  }
  return url.href;
}

function refused(message: string): AuthError {
  return new AuthError('invalid_request', { message });
}
