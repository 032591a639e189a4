/** What a person finds on their phone: what waits for them, what has ended, and the receipts of what they signed (docs/protocol.md §8). */
import { AuthError } from '../errors.ts';
import type { OrderDeps, PhoneCall } from '../orders/deps.ts';
import { keepParts, keptPart } from '../orders/kept.ts';
import { nameable } from '../orders/orders.ts';
import { partOf } from '../orders/parts.ts';
import type { HistoryListed, HistoryPage, InboxListed, Past, ReceiptPart, Waiting } from '../protocol/inbox.ts';
import type { OrderListed } from '../protocol/orders.ts';
import { unaltered } from './altered.ts';
import type { SigningRequest } from './store.ts';
import { aboutOf } from './wording.ts';

/** How many a page of the history has. */
const pageLength = 25;

/** A phone reads all parts of a receipt within seconds; in milliseconds. */
const receiptKeptMs = 60_000;

type InboxDeps = Pick<OrderDeps, 'records' | 'clock' | 'assertUsable'>;

/**
 * What waits for the caller's user, the newest first: what a portal asked of them, and for whoever has all permissions what takes several
 * of their company. What they approved, or may not be asked yet, is not among it. Throws what `assertUsable` throws.
 */
export async function listInbox(deps: InboxDeps, { device }: PhoneCall): Promise<InboxListed> {
  const { user, company } = await deps.assertUsable(device.id);
  // As the row says now, not as a session remembers: who lost the permission sees nothing of the company at once (T17).
  const who = { userId: user.id, companyId: company.id, mayCosign: user.permissions === 'full' };
  const found = await deps.records.signings.waiting(who, deps.clock.now());
  const nameOf = portalNames(deps);
  const waiting = await Promise.all(unaltered(found).map(async (request) => waitingOf(request, await nameOf(request))));
  return { waiting: waiting.reverse() };
}

/** A page of what has ended and was the caller's user's, or was approved by them, the newest first. */
export async function listHistory(deps: InboxDeps, { before }: HistoryPage, call: PhoneCall): Promise<HistoryListed> {
  const { user } = await deps.assertUsable(call.device.id);
  const { signings } = deps.records;
  const { page, hasMore } = await pastPage(deps, user.id, before);
  const signed = await signings.signedBy(
    user.id,
    page.map(({ id }) => id),
  );
  const nameOf = portalNames(deps);
  const past = await Promise.all(
    page.map(async (request) => pastOf(request, { client: await nameOf(request), isSigned: signed.has(request.id) })),
  );
  return { past, hasMore };
}

/** A page has something wherever there is more: the phone asks for the next one by the last that it got. */
async function pastPage({ records }: InboxDeps, userId: string, asked: string | undefined) {
  for (let before = asked; ; ) {
    const found = await records.signings.history(userId, { before, limit: pageLength + 1 });
    const listed = found.slice(0, pageLength);
    const page = unaltered(listed);
    const hasMore = found.length > listed.length;
    if (page.length > 0 || !hasMore) return { page, hasMore };
    before = listed.at(-1)?.id;
  }
}

/**
 * One part of the receipt of the caller's user's own approval. Throws `not_found` for whatever else: of what others signed nobody learns
 * whether it is there (T17).
 */
export async function receiptPart(
  deps: InboxDeps & Pick<OrderDeps, 'shortLived' | 'sealing'>,
  { signingId, part }: ReceiptPart,
  call: PhoneCall,
): Promise<OrderListed> {
  const { user } = await deps.assertUsable(call.device.id);
  // That of a batch is long: opened once, and not for each of its parts.
  const name = { kind: 'receipt', of: `${signingId}:${user.id}` } as const;
  const kept = await keptPart(deps, name, part);
  if (kept !== undefined) return kept;
  const approval = await deps.records.signings.approvalOf(signingId, user.id);
  const receipt = approval === undefined ? undefined : JSON.stringify(approval.receipt);
  const found = receipt === undefined ? undefined : partOf(receipt, part);
  if (receipt === undefined || found === undefined)
    throw new AuthError('not_found', { detail: 'inbox: no such receipt of this user, or no such part' });
  if (found.parts > 1) await keepParts(deps, name, Buffer.from(receipt), receiptKeptMs);
  return found;
}

type PortalNames = (request: Pick<SigningRequest, 'clientId' | 'origin'>) => Promise<Waiting['client']>;

/** Portals as they are named in orders, each looked up once. */
function portalNames({ records }: InboxDeps): PortalNames {
  const names = new Map<string, Promise<string>>();
  const nameOf = async (clientId: string): Promise<string> => (await records.clients.find(clientId))?.name ?? clientId;
  return async ({ clientId, origin }) => {
    const name = names.get(clientId) ?? nameOf(clientId);
    names.set(clientId, name);
    return nameable({ id: clientId, name: await name, domain: new URL(origin).host });
  };
}

function waitingOf(request: SigningRequest, client: Waiting['client']): Waiting {
  const { id: signingId, approvers: needed, given, createdAt, expiresAt } = request;
  return { signingId, client, ...shownOf(request), approvers: { needed, given }, createdAt, expiresAt };
}

function pastOf(request: SigningRequest, { client, isSigned }: Pick<Past, 'client' | 'isSigned'>): Past {
  const { id: signingId, status, reason, endedAt } = request;
  if (status === 'pending' || endedAt === undefined) {
    throw new AuthError('internal', { detail: 'inbox: the history has something that has not ended' });
  }
  const more = reason === undefined ? {} : { reason };
  return { signingId, client, ...shownOf(request), state: status, ...more, endedAt, isSigned };
}

/** Template and title, and a line or two to recognise it by. */
function shownOf({ display }: SigningRequest): Pick<Waiting, 'template' | 'title' | 'about'> {
  const { template } = display;
  if (template === undefined) throw new AuthError('internal', { detail: 'inbox: a request without a template' });
  return {
    template: { name: template.name, version: template.version },
    title: template.title,
    about: aboutOf(display),
  };
}
