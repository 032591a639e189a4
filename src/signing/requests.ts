/** Requests to sign, from the side of the one who asks: open, read, cancel, wait. What phones do with them is in parts.ts. */

import type { Company, User } from '../companies/store.ts';
import { randomId } from '../crypto/random.ts';
import { AuthError } from '../errors.ts';
import type { OrderTerms } from '../orders/order.ts';
import { cancelOrder } from '../orders/orders.ts';
import { assertReadable } from '../orders/text.ts';
import { assessSigning } from '../risk/risk.ts';
import { chooseLanguage } from '../texts/languages.ts';
import { type Checked, checkInSlices } from './check.ts';
import type { SigningDeps } from './deps.ts';
import { announce, endRequest, type SigningActor, signingRecord } from './ending.ts';
import { assertFits } from './fitting.ts';
import { lifetimeOf } from './lifetime.ts';
import { assertRoom } from './limits.ts';
import { ordersOf } from './live.ts';
import { settle } from './settle.ts';
import type { SigningApproval, SigningDoor, SigningRequest } from './store.ts';
import { tellPhones } from './wanted.ts';
import { render } from './wording.ts';

export { frameOf } from './live.ts';

/** What a portal asks for, by whichever door. */
export interface NewSigning {
  readonly client: OrderTerms['client'];
  /** Origin on whose page it was made. */
  readonly origin: string;
  /** Who is asked; no other user's phone can decide unless it takes several. */
  readonly userId: string;
  /** A template of src/protocol/templates/templates.ts, and its fields; of a batch its payments in place of their hash. */
  readonly template: string;
  readonly version: number;
  readonly fields: Readonly<Record<string, unknown>>;
  /** BCP 47; the user's own language where there are no texts in it. */
  readonly locale: string;
  /** The portal's own name for it. */
  readonly reference: string;
  readonly door: SigningDoor;
  /** In milliseconds; as usual for such a request unless told. */
  readonly lifetimeMs?: number | undefined;
  readonly requestId?: string | undefined;
}

/** A request and who has approved it, each with their receipt. */
export interface SigningView {
  readonly request: SigningRequest;
  readonly approvals: readonly SigningApproval[];
}

/**
 * Keeps what the portal asks, nudges the phones of who may sign it, and answers it as it waits. Throws `invalid_request` for what is not
 * fit to be signed, `not_found` for a user who cannot be asked, `too_many_requests` for one too many, and `risk_denied`.
 */
export async function openRequest(deps: SigningDeps, asked: NewSigning): Promise<SigningRequest> {
  const checked = await checkInSlices(asked);
  judgeReference(asked.reference);
  await assertFits(deps, asked.client.id, checked);
  const { user, company } = await personOf(deps, asked.userId);
  await assertRoom(deps, { clientId: asked.client.id, userId: user.id, list: checked.list });
  const approvers = deps.approversFor?.(company, checked.name, checked.fields) ?? 1;
  // Judged before anything is asked for that might be refused.
  const lifetimeMs = lifetimeOf(checked.name, approvers, asked.lifetimeMs);
  const id = randomId('sig');
  const judged = await judge(deps, asked, { id, company, checked });
  const now = deps.clock.now();
  const askableAt = now + judged.delaySeconds * 1000;
  const request: SigningRequest = {
    id,
    clientId: asked.client.id,
    door: asked.door,
    origin: asked.origin,
    userId: user.id,
    companyId: company.id,
    reference: asked.reference,
    display: render(checked.name, checked.fields, languageFor(user, [asked.locale])).display,
    approvers,
    given: 0,
    mpinOnly: judged.mpinOnly,
    warnings: judged.reasons,
    status: 'pending',
    reason: undefined,
    askableAt,
    createdAt: now,
    expiresAt: askableAt + lifetimeMs,
    endedAt: undefined,
    captured: 0,
    version: 1,
  };
  await write(deps, request, { list: checked.list, record: judged.record, requestId: asked.requestId });
  return request;
}

/** The first language wanted that there is, else that in which the person is written to. */
export function languageFor(
  { language, locale }: Pick<User, 'language' | 'locale'>,
  wanted: readonly string[],
): string {
  return chooseLanguage([...wanted, language ?? locale]).code;
}

type Judged = Pick<Awaited<ReturnType<typeof assessSigning>>['answer'], 'delaySeconds' | 'mpinOnly' | 'reasons'> & {
  readonly record?: Awaited<ReturnType<typeof assessSigning>>['record'];
};

interface Judging {
  readonly id: string;
  readonly company: Company;
  readonly checked: Checked;
}

/** Before anything is written: what is denied leaves nothing behind but its record. */
async function judge(deps: SigningDeps, asked: NewSigning, { id, company, checked }: Judging): Promise<Judged> {
  const { risk, records, clock } = deps;
  if (risk === undefined) return { delaySeconds: 0, mpinOnly: false, reasons: [] };
  const { answer, record } = await assessSigning(
    { risk, records, clock },
    {
      signingId: id,
      clientId: asked.client.id,
      door: asked.door,
      userId: asked.userId,
      company,
      template: checked.name,
      fields: checked.fields,
      list: checked.list,
      requestId: asked.requestId,
    },
  );
  return { ...answer, record };
}

interface Written {
  readonly list: string | undefined;
  readonly record: Judged['record'];
  readonly requestId: string | undefined;
}

async function write(deps: SigningDeps, request: SigningRequest, { list, record, requestId }: Written): Promise<void> {
  const at = request.createdAt;
  const isTold = request.askableAt <= at;
  await deps.records.transaction(async (records) => {
    await records.signings.insert(request, { list, isTold });
    if (isTold) await tellPhones(deps, records, { request, at });
    const by: SigningActor = { actor: `client:${request.clientId}`, requestId };
    await records.audit.append(signingRecord('signing.requested', request, by, { expiresAt: request.expiresAt }), at);
    if (record !== undefined) await records.audit.append(record, at);
  });
  await announce(deps, request.id);
}

/** The request as it is now, and its approvals. Throws `not_found` where there is none. */
export async function readRequest(deps: SigningDeps, id: string): Promise<SigningView> {
  const request = await settle(deps, id);
  if (request === undefined) throw new AuthError('not_found');
  return { request, approvals: request.given === 0 ? [] : await deps.records.signings.approvals(id) };
}

/** Ends what is pending, and the orders in which people look at it; idempotent. Answers it as it is then. Throws `not_found`. */
export async function cancelRequest(
  deps: SigningDeps,
  id: string,
  { reason, ...by }: SigningActor & { readonly reason: string },
): Promise<SigningRequest> {
  const request = await settle(deps, id);
  if (request === undefined) throw new AuthError('not_found');
  if (request.status !== 'pending') return request;
  const ended = await endRequest(deps, id, { status: 'cancelled', why: reason, by });
  if (ended.status === 'cancelled') await cancelOrders(deps, id, by);
  return ended;
}

/** So that a phone which shows it says so at once: whatever it sends, the request would not take it any more. */
async function cancelOrders(deps: SigningDeps, id: string, { actor, address, requestId }: SigningActor): Promise<void> {
  for (const { terms } of await ordersOf(deps, id)) {
    const by = {
      actor,
      ...(address === undefined ? {} : { address }),
      ...(requestId === undefined ? {} : { requestId }),
    };
    await cancelOrder(deps, terms.id, { reason: 'client', ...by });
  }
}

/** Throws `not_found`, the same for everybody who cannot be asked. */
async function personOf({ records }: SigningDeps, userId: string): Promise<{ user: User; company: Company }> {
  const user = await records.users.find(userId);
  const company = user === undefined ? undefined : await records.companies.find(user.companyId);
  if (user?.status === 'active' && company?.status === 'active') return { user, company };
  throw new AuthError('not_found', { message: 'there is no such user, or not one who can be asked' });
}

/** It stands in the receipt, as the portal's own words. */
function judgeReference(reference: string): void {
  try {
    assertReadable(reference);
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    throw new AuthError('invalid_request', {
      message: `body/reference: ${error.publicMessage ?? 'it cannot be read'}`,
    });
  }
}
