/** The phone decides about the order that it claimed: approve, decline or "that was not me", by a statement of its device key. */
import { randomToken } from '../crypto/random.ts';
import type { Standing } from '../devices/store.ts';
import { AuthError } from '../errors.ts';
import { notify } from '../notify/notify.ts';
import type { ApprovalStatement, Decision, OrderDecide, OrderDecided, OrderProofStart } from '../protocol/orders.ts';
import type { MpinChallenge } from '../protocol/session.ts';
import type { Records } from '../store/records.ts';
import { auditedAs } from './claim.ts';
import type { CountDecision, OrderDeps, PhoneCall } from './deps.ts';
import { moveOrder, readOrder } from './live.ts';
import { type Claim, type Factor, type Order, type OrderMove, orderTimes } from './order.ts';
import { askedFrom, assertAllowed, assertStillUsable, orderRecord, recordOrder, unavailable } from './orders.ts';
import { type Expected, verifyApproval, verifyOrderBiometric } from './statement.ts';

/** How the person proved themselves for this decision. */
interface Proof {
  readonly method: 'mpin' | 'biometric';
  readonly factor: Factor;
  readonly provedAt: number;
  readonly serverProof: string | null;
}

/** Begins the mPIN handshake that this order alone accepts. Throws `order_unavailable` unless the caller claimed it and it asks for one. */
export async function startOrderProof(deps: OrderDeps, body: OrderProofStart, call: PhoneCall): Promise<MpinChallenge> {
  const { order } = await findOwn(deps, body.orderId, call);
  if (!order.terms.freshProof) throw new AuthError('conflict', { message: 'this order takes no proof of its own' });
  await assertStillUsable(deps, call.device.id, order.terms.id);
  return deps.proofs.start(call, body);
}

/**
 * Takes the decision of the phone that claimed the order (docs/protocol.md §8). What the phone says is compared with the server's own
 * values; where the order asks for it the proof is evaluated last, so that no attempt is spent on a decision that could not count.
 * The decision is written down durably before the order says it. Of parallel decisions exactly one is taken.
 */
export async function decideOrder(deps: OrderDeps, body: OrderDecide, call: PhoneCall): Promise<OrderDecided> {
  const { order, claim } = await findOwn(deps, body.orderId, call);
  const standing = await assertStillUsable(deps, call.device.id, order.terms.id);
  const expected: Expected = { order, claim };
  try {
    const statement = verifyApproval(deps, call.device, { ...expected, approval: body.approval });
    if (statement.decision === 'approve') {
      const addresses = [call.origin.address, ...askedFrom(order)];
      await assertAllowed(deps, order, { company: standing.company, addresses, by: auditedAs(call) });
    }
    assertProofFits(expected, statement, { body, call });
    const proof = await proofOf(deps, body, { call, expected });
    await takeDecision(deps, { order, claim, standing, statement, proof, approval: body.approval, call });
    return { state: stateOf[statement.decision], serverProof: proof.serverProof };
  } catch (error) {
    if (error instanceof AuthError && error.status < 500) await recordRefusal(deps, order, { call, error });
    throw error;
  }
}

const stateOf = { approve: 'approved', decline: 'declined', report: 'reported' } as const satisfies Record<
  Decision,
  OrderDecided['state']
>;

/** The claimed order of the calling device; for anybody else's it is as if there were none (T17). */
export async function findOwn(
  deps: OrderDeps,
  orderId: string,
  call: PhoneCall,
): Promise<{ order: Order; claim: Claim }> {
  const order = await readOrder(deps, orderId);
  if (order === undefined) throw unavailable('decide: unknown');
  const { state } = order;
  const isOwn =
    state.name === 'claimed' && state.claim.deviceId === call.device.id && call.session.deviceId === call.device.id;
  if (!isOwn) {
    await recordRefusal(deps, order, { call, error: unavailable(state.name) });
    throw unavailable(`decide: ${state.name}, or of another device`);
  }
  return { order, claim: state.claim };
}

/** Judged before anything secret is evaluated: a proof where one belongs and only there, of the kind that the statement names. */
function assertProofFits(
  { order, claim }: Expected,
  statement: ApprovalStatement,
  { body, call }: { readonly body: OrderDecide; readonly call: PhoneCall },
): void {
  const isAsked = order.terms.freshProof && statement.decision === 'approve';
  if (isAsked && body.proof === null) throw new AuthError('proof_required');
  if (!isAsked && body.proof !== null) {
    throw new AuthError('invalid_request', { message: 'this decision takes no proof' });
  }
  if (isAsked && claim.mpinOnly === true && body.proof !== null && !('handshake' in body.proof)) {
    throw new AuthError('proof_required', { message: 'this order takes the mPIN' });
  }
  const method = body.proof === null ? call.session.method : 'handshake' in body.proof ? 'mpin' : 'biometric';
  if (statement.factors[0] !== method) {
    throw new AuthError('invalid_request', { message: 'factors does not name the proof that was made' });
  }
}

/** The fresh proof where there is one, evaluated; otherwise the proof that opened the session. */
async function proofOf(
  deps: OrderDeps,
  { orderId, approval, proof }: OrderDecide,
  { call, expected }: { readonly call: PhoneCall; readonly expected: Expected },
): Promise<Proof> {
  if (proof === null) {
    const { method, factor, openedAt } = call.session;
    return { method, factor, provedAt: openedAt, serverProof: null };
  }
  const provedAt = deps.clock.now();
  if ('handshake' in proof) {
    const { serverProof } = await deps.proofs.prove(call, { orderId, ...proof });
    return { method: 'mpin', factor: 'pin', provedAt, serverProof };
  }
  const factor = await verifyOrderBiometric(deps, call.device, { ...expected, proof: proof.signature, approval });
  return { method: 'biometric', factor, provedAt, serverProof: null };
}

interface Taken {
  readonly order: Order;
  readonly claim: Claim;
  readonly standing: Standing;
  readonly statement: ApprovalStatement;
  readonly proof: Proof;
  readonly approval: string;
  readonly call: PhoneCall;
}

async function takeDecision(deps: OrderDeps, taken: Taken): Promise<void> {
  const { id, signing } = taken.order.terms;
  const by = randomToken(16);
  const held = await moveOrder(deps, id, () => ({ kind: 'hold', by, until: deps.clock.now() + orderTimes.hold }));
  if (held?.isMoved !== true) throw unavailable('decide: ended or being decided');
  const move = moveOf(deps, taken, by);
  try {
    await writeDown(deps, taken, await countingOf(deps, taken, move));
  } catch (error) {
    await moveOrder(deps, id, () => ({ kind: 'release', by }));
    throw error;
  }
  const moved = moveOrder(deps, id, () => move);
  if (signing !== undefined && deps.signing !== undefined) {
    // What was written down has decided, also where the order ended meanwhile or its store is down.
    const order = (await moved.catch(() => undefined))?.order ?? taken.order;
    await deps.signing.changed(order).catch(() => undefined);
    return;
  }
  const result = await moved;
  // Cancelled or expired while the decision was written down: it must not count, and the trail says so.
  if (result?.isMoved !== true) throw unavailable('decide: ended meanwhile');
}

/** What makes a decision about an order to sign count; undefined for any other order. */
async function countingOf(deps: OrderDeps, taken: Taken, move: OrderMove): Promise<CountDecision | undefined> {
  const { order, claim, standing, statement, call } = taken;
  if (order.terms.signing === undefined || deps.signing === undefined) return undefined;
  const decided = { order, claim, standing, by: auditedAs(call) };
  if (move.kind === 'approve') return deps.signing.prepare({ ...decided, kind: 'approve', outcome: move.outcome });
  if (move.kind === 'report') return deps.signing.prepare({ ...decided, kind: 'report' });
  return deps.signing.prepare({ ...decided, kind: 'decline', reason: statement.reason });
}

/** The audit events, what the decision makes of what is signed, and for a report the alarm, in one transaction. */
async function writeDown(deps: OrderDeps, taken: Taken, count: CountDecision | undefined): Promise<void> {
  const { order, claim, statement, proof, call } = taken;
  const at = deps.clock.now();
  const { method, factor, provedAt } = proof;
  const record = orderRecord(`order.${stateOf[statement.decision]}`, order, {
    ...auditedAs(call),
    data: { method, factor, provedAt, via: claim.via, userAgent: call.origin.userAgent, ...reasonOf(statement) },
  });
  await deps.records.transaction(async (records) => {
    const more = (await count?.(records)) ?? [];
    if (statement.decision === 'report') await alarm(records, { order, claim }, at);
    // The trail comes last: its head is one row for all, which nobody may hold while waiting for another.
    for (const one of [record, ...more]) await records.audit.append(one, at);
  });
}

async function alarm(records: Records, { order, claim }: Expected, at: number): Promise<void> {
  const { client, browser } = order.terms;
  const { userId, deviceId: fromDeviceId } = claim;
  const notice = { userId, fromDeviceId, clientName: client.name, browserName: browser.name };
  await notify(records, { event: 'login.reported', ...notice }, at);
}

function reasonOf({ reason }: ApprovalStatement): { reason?: string } {
  return reason === undefined ? {} : { reason };
}

function moveOf(deps: OrderDeps, { statement, proof, approval }: Taken, by: string): OrderMove {
  if (statement.decision === 'decline') return { kind: 'decline', by, reason: statement.reason };
  if (statement.decision === 'report') return { kind: 'report', by };
  const approvedAt = deps.clock.now();
  const { factor, provedAt } = proof;
  const outcome = { approval, factor, provedAt, approvedAt, redeemBy: approvedAt + orderTimes.redeem };
  return { kind: 'approve', by, outcome };
}

async function recordRefusal(
  deps: OrderDeps,
  order: Order,
  { call, error }: { readonly call: PhoneCall; readonly error: AuthError },
): Promise<void> {
  const reason = `${error.code}: ${error.message}`;
  await recordOrder(deps, 'order.decision_refused', order, { ...auditedAs(call), data: { reason } });
}
