/** What phones do with requests to sign: open them, and decide about them. A decision counts in the transaction that writes it down. */
import type { AuditRecord } from '../audit/store.ts';
import type { Standing } from '../devices/store.ts';
import { AuthError } from '../errors.ts';
import type { CountDecision, SigningAdmission, SigningDecision, SigningParts } from '../orders/deps.ts';
import type { Claim, Order } from '../orders/order.ts';
import { unavailable } from '../orders/orders.ts';
import { riskReasons } from '../protocol/risk.ts';
import { assessDevice } from '../risk/risk.ts';
import type { Records } from '../store/records.ts';
import { assertMayOpen, assertPortal, assertReceipts, isApprover } from './approver.ts';
import { assertAbout } from './binding.ts';
import type { SigningDeps } from './deps.ts';
import { announce, type SigningActor, signingRecord, tellEnded } from './ending.ts';
import { liveOrderOf } from './live.ts';
import { makeReceipt } from './receipt.ts';
import { settle } from './settle.ts';
import type { SigningRequest } from './store.ts';

/** The one door between the order machine and what is signed by it. */
export function signingParts(deps: SigningDeps): SigningParts {
  return {
    open: async (signingId, { device }) => {
      const request = await settle(deps, signingId);
      return request === undefined ? undefined : openFor(deps, request, device.userId);
    },
    admit: (order, standing) => admit(deps, order, standing),
    prepare: (decision) => prepare(deps, decision),
    changed: (order) => changed(deps, order),
  };
}

async function openFor(deps: SigningDeps, request: SigningRequest, userId: string): Promise<string | undefined> {
  try {
    return await liveOrderOf(deps, request, userId);
  } catch (error) {
    // Whatever the reason, for whoever may not open it there is nothing.
    if (error instanceof AuthError && error.code === 'order_unavailable') return undefined;
    throw error;
  }
}

async function pendingOf(deps: SigningDeps, { terms }: Order): Promise<SigningRequest> {
  const id = terms.signing?.id;
  const request = id === undefined ? undefined : await settle(deps, id);
  if (request?.status !== 'pending') throw unavailable(`signing: ${request?.status ?? 'unknown'}`);
  return request;
}

/** Judged at each claim, for now it is known which phone it is and who holds it. */
async function admit(deps: SigningDeps, order: Order, { device, user, company }: Standing): Promise<SigningAdmission> {
  const request = await pendingOf(deps, order);
  await assertMayOpen(deps, request, user.id);
  const { id, approvers: needed, given, createdAt } = request;
  const own = { mpinOnly: request.mpinOnly, warnings: [...request.warnings] };
  if (deps.risk === undefined) return { id, approvers: { needed, given }, ...own };
  const answer = assessDevice(deps, { signingId: id, device, company, createdAt });
  if (answer.record !== undefined) await deps.records.audit.append(answer.record, deps.clock.now());
  if (answer.verdict === 'deny' || answer.verdict === 'delay')
    throw unavailable(`signing: risk says ${answer.verdict}`);
  return {
    id,
    approvers: { needed, given },
    mpinOnly: own.mpinOnly || answer.mpinOnly,
    warnings: riskReasons.filter((reason) => own.warnings.includes(reason) || answer.reasons.includes(reason)),
  };
}

/** Everything but the writing is done before the transaction begins, the receipt with its signature above all. */
async function prepare(deps: SigningDeps, decision: SigningDecision): Promise<CountDecision> {
  const request = await pendingOf(deps, decision.order);
  assertAbout(request, decision);
  switch (decision.kind) {
    case 'approve': {
      const receipt = await makeReceipt(deps, { ...decision, signingId: request.id });
      return (records) => approve(deps, records, { request, decision, receipt });
    }
    case 'decline':
      return (records) => end(deps, records, { request, decision, status: 'declined' });
    case 'report':
      return async (records) => {
        const { userId } = decision.claim;
        // The person's row before their phones', as everything takes them that ends phones.
        await records.users.hold(userId);
        await assertPortal(records, request);
        const written = await end(deps, records, { request, decision, status: 'reported' });
        await records.devices.endSessions(userId);
        await deps.endLogins(records, { userId }, deps.clock.now());
        return written;
      };
  }
}

interface Approving {
  readonly request: SigningRequest;
  readonly decision: Extract<SigningDecision, { kind: 'approve' }>;
  readonly receipt: Awaited<ReturnType<typeof makeReceipt>>;
}

/** Counts one person's approval. Throws `order_unavailable` where it has ended or that person has approved it on another phone (T-15). */
async function approve(deps: SigningDeps, records: Records, { request, decision, receipt }: Approving) {
  const { claim, outcome, order } = decision;
  await assertStillMay(records, request, claim);
  const { isFirst, given } = await records.signings.approve({
    requestId: request.id,
    userId: claim.userId,
    deviceId: claim.deviceId,
    orderId: order.terms.id,
    approvedAt: outcome.approvedAt,
    receipt,
  });
  if (!isFirst) throw unavailable('signing: ended, or approved by this person already');
  const by = actorOf(decision);
  const more = { orderId: order.terms.id, approvedBy: claim.userId, given };
  // With one person its end says it all.
  const signed = request.approvers === 1 ? [] : [signingRecord('signing.signed', request, by, more)];
  if (given < request.approvers) return signed;
  if (request.approvers > 1) {
    assertReceipts(request, await records.signings.approvals(request.id), request.approvers);
  }
  const ended = await tellEnded(deps, records, request.id);
  return [...signed, signingRecord('signing.approved', ended, by, more)];
}

/** As it is within the transaction: what ended a moment ago, phone, person, company or portal, is countersigned no more (S-07). */
async function assertStillMay(records: Records, request: SigningRequest, { userId, deviceId }: Claim): Promise<void> {
  // Whoever suspends the person or ends a phone of theirs holds this row too: either they come first, and are seen, or after the approval.
  await records.users.hold(userId);
  await assertPortal(records, request);
  const standing = await records.devices.standing(deviceId);
  const isUsable = standing?.device.status === 'active' && standing.company.status === 'active';
  if (!isUsable || !isApprover(request, standing.user)) {
    throw new AuthError('access_denied', { detail: 'signing: phone, user or company ended, or lost the right' });
  }
}

interface Ending {
  readonly request: SigningRequest;
  readonly decision: Exclude<SigningDecision, { kind: 'approve' }>;
  readonly status: 'declined' | 'reported';
}

async function end(deps: SigningDeps, records: Records, { request, decision, status }: Ending): Promise<AuditRecord[]> {
  const { id } = request;
  const reason = decision.kind === 'decline' ? decision.reason : undefined;
  if (!(await records.signings.end(id, { status, reason, at: deps.clock.now() }))) throw unavailable('signing: ended');
  const ended = await tellEnded(deps, records, id);
  const more = { orderId: decision.order.terms.id, decidedBy: decision.claim.userId, reason };
  return [signingRecord(`signing.${status}`, ended, actorOf(decision), more)];
}

function actorOf({ by }: SigningDecision): SigningActor {
  const { actor, deviceId, address, requestId } = by;
  return { actor, deviceId, address, requestId };
}

/** An order was claimed, decided about or cancelled: what that ends is ended, and whoever waits looks. */
async function changed(deps: SigningDeps, { terms, state }: Order): Promise<void> {
  const id = terms.signing?.id;
  if (id === undefined) return;
  if (state.name === 'cancelled') await settle(deps, id);
  await announce(deps, id);
}
