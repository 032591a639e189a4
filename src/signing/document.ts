/**
 * The file that a document's order is about, for the phone that claimed it: fetched from the portal by this server, compared with what
 * is to be signed, and handed out in parts. Phones never call a portal: it would learn their address, and whether they read.
 */
import { sha256 } from '../crypto/bytes.ts';
import { AuthError } from '../errors.ts';
import { type AppEndpoint, sessionEndpoint } from '../http/app-endpoint.ts';
import { type LimitDeps, limit } from '../http/limits.ts';
import { get } from '../http/outbound.ts';
import { auditedAs } from '../orders/claim.ts';
import { findOwn } from '../orders/decide.ts';
import type { OrderDeps, PhoneCall } from '../orders/deps.ts';
import { type Kept, keepParts, keptPart } from '../orders/kept.ts';
import type { Order } from '../orders/order.ts';
import { recordOrder, unavailable } from '../orders/orders.ts';
import { partBytes } from '../orders/parts.ts';
import { DocumentPart } from '../protocol/inbox.ts';
import { OrderListed } from '../protocol/orders.ts';
import type { FieldsOf } from '../protocol/templates/templates.ts';

type DocumentFields = FieldsOf<'document'>;

export interface DocumentDeps extends OrderDeps, LimitDeps {
  /** Hosts (`name` or `name:port`) of portals that may be in a private network. */
  readonly internalPortals: readonly string[];
  /** How long a portal may take to hand out the whole file; 10 s unless told. */
  readonly documentTimeoutMs?: number;
}

const defaultTimeoutMs = 10_000;
/** A phone reads all parts within seconds; who comes back later has it fetched, and compared, once more. */
const keptMs = 120_000;
/** Files that this process fetches at one time: from one portal, so that a slow one keeps no phone from another's, and from all. */
const maxOfPortal = 4;
const maxOfAll = 16;
/** Mebibytes of a portal's files in a minute, begun ones whole: what is kept of them is bounded by it. */
const mebibytesPerMinute = 256;
/** Fetches of one phone in a minute: whoever asks again and again for a file that is not there uses up no portal's share. */
const fetchesOfPhone = 12;
/** Told to a phone that comes while a file is being fetched, or too many are. */
const retryAfterSeconds = 2;

const lockOf = (orderId: string): string => `order-document-fetch:{${orderId}}`;
const nameOf = (orderId: string): Kept => ({ kind: 'document', of: orderId });

/** The endpoint of docs/protocol.md §8 that gives a document to the phone that claimed its order. */
export function documentEndpoints(deps: DocumentDeps): AppEndpoint[] {
  const fetching = fetchGate();
  return [
    sessionEndpoint({
      name: 'orders/document',
      body: DocumentPart,
      reply: OrderListed,
      answer: async (call) => documentPart({ ...deps, fetching }, call.body, call),
    }),
  ];
}

type PartDeps = DocumentDeps & { readonly fetching: FetchGate };

/**
 * One part of the file. Throws `order_unavailable` for every phone but the one that claimed the order, and where there is no such part;
 * `document_unreachable` where the portal does not hand it out, `document_changed` where it hands out another one, `too_many_requests`
 * while it is being fetched.
 */
async function documentPart(deps: PartDeps, { orderId, part }: DocumentPart, call: PhoneCall): Promise<OrderListed> {
  const { order } = await findOwn(deps, orderId, call);
  const { template } = order.terms.display;
  if (template?.name !== 'document') throw unavailable('document: the order has none');
  const fields = template.fields as DocumentFields;
  if (part * partBytes >= fields.size) throw unavailable('document: no such part');
  const kept = await keptPart(deps, nameOf(orderId), part);
  if (kept !== undefined) return kept;
  await fetchOnce(deps, { order, fields, call });
  const fetched = await keptPart(deps, nameOf(orderId), part);
  if (fetched === undefined) throw busy('it was forgotten while it was kept');
  return fetched;
}

interface Wanted {
  readonly order: Order;
  readonly fields: DocumentFields;
  readonly call: PhoneCall;
}

/** Fetches, compares and keeps the file; one at a time of an order, whichever process is asked. */
async function fetchOnce(deps: PartDeps, wanted: Wanted): Promise<void> {
  const { id, client } = wanted.order.terms;
  const { documentTimeoutMs: timeoutMs = defaultTimeoutMs } = deps;
  if (!(await deps.shortLived.create(lockOf(id), client.id, timeoutMs * 2))) throw busy('it is being fetched');
  try {
    const { fields, call } = wanted;
    const bytes = await deps.fetching(client.id, async () => {
      // Counted once it is really fetched, and not for each phone that is told to come back.
      await limitPhone(deps, call.device.id);
      await limitBytes(deps, client.id, fields.size);
      return fetchFrom(deps, wanted.order, { fields, timeoutMs });
    });
    await assertSame(deps, wanted, bytes);
    await keepParts(deps, nameOf(id), bytes, keptMs);
  } finally {
    await deps.shortLived.remove(lockOf(id));
  }
}

async function limitPhone(deps: LimitDeps, subject: string): Promise<void> {
  await limit(deps, { kind: 'device', group: 'signing.document', subject, rate: fetchesOfPhone });
}

async function limitBytes(deps: LimitDeps, clientId: string, size: number): Promise<void> {
  const rate = mebibytesPerMinute;
  for (let left = size; left > 0; left -= 1024 * 1024) {
    await limit(deps, { kind: 'caller', group: 'signing.document', subject: clientId, rate });
  }
}

/** Asked of the portal as it is registered now: an order may be a month old. */
async function fetchFrom(
  { records, internalPortals }: DocumentDeps,
  { terms }: Order,
  { fields, timeoutMs }: { readonly fields: DocumentFields; readonly timeoutMs: number },
): Promise<Uint8Array> {
  const client = await records.clients.find(terms.client.id);
  const url = new URL(fields.viewer);
  const isOwn = client?.status === 'active' && originsOf(client.metadata).includes(url.origin);
  if (!isOwn) throw unreachable('its address is none of the portal’s any more');
  try {
    const { size, mediaType: accept } = fields;
    return await get(url, { size, accept, internalHosts: internalPortals, timeoutMs });
  } catch (cause) {
    throw unreachable(cause instanceof Error ? cause.message : 'no answer', cause);
  }
}

/** A portal whose file has changed since it asked is not a matter between it and the phone alone: the trail says so. */
async function assertSame(deps: DocumentDeps, { order, fields, call }: Wanted, bytes: Uint8Array): Promise<void> {
  const found = Buffer.from(sha256(bytes)).toString('hex');
  if (found === fields.sha256) return;
  const data = { expected: fields.sha256, found };
  await recordOrder(deps, 'signing.document_changed', order, { ...auditedAs(call), data });
  throw new AuthError('document_changed', {
    detail: `document: the portal ${order.terms.client.id} hands out another one`,
    message: 'the portal hands out another document than the one that is to be signed',
  });
}

/** Only origins that the portal is registered with, scheme and port included: nobody has this server call elsewhere. */
export function originsOf(metadata: Readonly<Record<string, unknown>>): readonly string[] {
  const uris = (metadata['redirect_uris'] ?? []) as readonly string[];
  return uris.map((uri) => new URL(uri).origin);
}

/** Throws `invalid_request` where a document's address is at no origin of the portal's redirect URIs; of other templates nothing. */
export function assertViewer(
  metadata: Readonly<Record<string, unknown>>,
  { name, fields }: { readonly name: string; readonly fields: Readonly<Record<string, unknown>> },
): void {
  if (name !== 'document') return;
  const { viewer } = fields;
  if (typeof viewer === 'string' && URL.canParse(viewer) && originsOf(metadata).includes(new URL(viewer).origin))
    return;
  throw new AuthError('invalid_request', {
    message: 'fields/viewer must be at the origin of one of the redirect URIs',
  });
}

type FetchGate = <T>(clientId: string, work: () => Promise<T>) => Promise<T>;

/** Lets so many of a portal and of all of them work at one time, and turns the next one away. */
function fetchGate(): FetchGate {
  const running: string[] = [];
  return async (clientId, work) => {
    const isFull = running.length >= maxOfAll || running.filter((one) => one === clientId).length >= maxOfPortal;
    if (isFull) throw busy('as many as may are being fetched');
    running.push(clientId);
    try {
      return await work();
    } finally {
      running.splice(running.indexOf(clientId), 1);
    }
  };
}

function unreachable(detail: string, cause?: unknown): AuthError {
  return new AuthError('document_unreachable', { detail: `document: ${detail}`, cause });
}

function busy(detail: string): AuthError {
  return new AuthError('too_many_requests', { detail: `document: ${detail}`, members: { retryAfterSeconds } });
}
