/** Orders (protocol §8): claim what a page shows, verify what the server says of it, decide and sign. */
import type { Static } from 'typebox';
import { typ } from '../protocol/names.ts';
import {
  type DeclineReason,
  type OrderClaim,
  OrderClaimed,
  OrderDecided,
  type OrderDescriptor,
} from '../protocol/orders.ts';
import { MpinChallenge } from '../protocol/session.ts';
import type { Line } from '../protocol/templates/draw.ts';
import type { BatchPayment } from '../protocol/templates/templates.ts';
import { sayWithBiometrics } from './biometrics.ts';
import { hashText } from './bytes.ts';
import { callInSession } from './calls.ts';
import { liveSession, loadRegistered, type PhoneContext, type UnlockMethod } from './context.ts';
import { notFitting, verifyDescriptor } from './descriptor.ts';
import { fetchList, readDisplay } from './display.ts';
import { PhoneError } from './errors.ts';
import { checkedId } from './inbox.ts';
import { signStatement } from './jws.ts';
import { checkMpinForm, mpinPassword } from './mpin.ts';
import { believe, mpinProblems } from './mpin-proof.ts';
import type { ProblemNames } from './problems.ts';
import { beginExchange, type MpinAnswer } from './srp-client.ts';
import type { RegisteredPhone } from './state.ts';
import { parseFrame, parseTyped } from './texts.ts';

/** A claimed order, verified. Show all of `descriptor`, `display.text` exactly as it is; decide by handing the whole back. */
export interface ClaimedOrder {
  readonly orderId: string;
  readonly descriptor: Static<typeof OrderDescriptor>;
  /** The server's signature over it, which every decision verifies once more. */
  readonly signedDescriptor: string;
  /** Epoch milliseconds by this phone's clock: decide before then. */
  readonly expiresAt: number;
  /** Of an order to sign: the same text in lines, drawn here from its fields and found to be that text. */
  readonly lines?: readonly Line[];
  /** Of a batch: all its payments, found to be the list that is signed. */
  readonly payments?: readonly BatchPayment[];
  /** Of those payments, ISO 4217. */
  readonly currency?: string;
}

/** The proof with which a signing order is approved. */
export type ApprovalProof = { readonly method: 'mpin'; readonly mpin: string } | { readonly method: 'biometric' };

type Decision = 'approve' | 'decline' | 'report';

/**
 * Claims the order behind a frame that was scanned or a link, and verifies the server's description of it. Throws `wrong_origin` and
 * `not_a_frame` before anything is sent, `stale_frame` where it is too old or taken, `server_not_authentic` for a description that does
 * not fit. A short code is no frame: a picture of one would live for minutes, and nobody would have typed what the app says was typed.
 */
export async function claimOrder(context: PhoneContext, text: string): Promise<ClaimedOrder> {
  const phone = await loadRegistered(context);
  return claimWith(context, phone, parseFrame(text, phone.issuer));
}

/** Like {@link claimOrder}, for what a person typed or pasted: a short code of twelve digits too. */
export async function claimTyped(context: PhoneContext, text: string): Promise<ClaimedOrder> {
  const phone = await loadRegistered(context);
  return claimWith(context, phone, parseTyped(text, phone.issuer));
}

/**
 * Claims what waits for this user, by its id from the inbox. Throws `order_unavailable` where it does not wait any more, or not for them,
 * and `server_not_authentic` where what came is about something else.
 */
export async function claimWaiting(context: PhoneContext, signingId: string): Promise<ClaimedOrder> {
  const claim = { via: 'inbox', signingId: checkedId(signingId, 'order_unavailable') } as const;
  return claimWith(context, await loadRegistered(context), claim);
}

/** A code is what was too old or taken; what waited is gone. */
const claimProblems = (claim: OrderClaim): ProblemNames => {
  const name = claim.via === 'inbox' ? 'order_unavailable' : 'stale_frame';
  return { order_unavailable: name, not_found: name, conflict: name };
};

async function claimWith(context: PhoneContext, phone: RegisteredPhone, claim: OrderClaim): Promise<ClaimedOrder> {
  const claimed = await callInSession(context, phone, {
    name: 'orders/claim',
    body: claim,
    reply: OrderClaimed,
    problems: claimProblems(claim),
  });
  const order = { orderId: claimed.orderId, signedDescriptor: claimed.descriptor };
  const descriptor = await verifyDescriptor(context, phone, order);
  if (descriptor.via !== claim.via) throw notFitting('it was begun in another way');
  if (claim.via === 'inbox' && descriptor.signing?.id !== claim.signingId)
    throw notFitting('it is about something else');
  const secondsLeft = Math.min(claimed.expiresInSeconds, descriptor.exp - context.time.nowSeconds());
  if (secondsLeft <= 0) throw new PhoneError('order_unavailable', { detail: 'it has expired' });
  const expiresAt = context.time.now() + secondsLeft * 1000;
  if (descriptor.purpose === 'login') return { ...order, descriptor, expiresAt };
  const { lines, batch } = readDisplay(descriptor.display);
  const payments = batch === undefined ? [] : await fetchList(context, phone, { orderId: order.orderId, batch });
  return { ...order, descriptor, expiresAt, lines, ...(batch && { payments, currency: batch.currency }) };
}

/**
 * Approves: the phone signs who asks, where, and the exact text shown. Where `descriptor.freshProof` is true, `proof` is needed
 * and makes a proof of its own, bound to this order; where `descriptor.mpinOnly` is true, it must be the mPIN. Throws `proof_required`,
 * `order_unavailable`, `wrong_mpin`, `blocked`.
 */
export async function approveOrder(context: PhoneContext, order: ClaimedOrder, proof?: ApprovalProof): Promise<void> {
  const phone = await loadRegistered(context);
  const session = await liveSession(context);
  const descriptor = await verifyDescriptor(context, phone, order);
  if (descriptor.exp <= context.time.nowSeconds())
    throw new PhoneError('order_unavailable', { detail: 'it has expired' });
  if (!descriptor.freshProof) {
    const approval = await signDecision(context, { descriptor, order, decision: 'approve', factor: session.method });
    return decide(context, phone, { body: { orderId: order.orderId, approval, proof: null }, expected: 'approved' });
  }
  if (proof === undefined) throw new PhoneError('proof_required');
  if (descriptor.mpinOnly === true && proof.method !== 'mpin') {
    throw new PhoneError('proof_required', { detail: 'fingerprint or face is not enough for this: it takes the mPIN' });
  }
  const approval = await signDecision(context, { descriptor, order, decision: 'approve', factor: proof.method });
  if (proof.method === 'mpin') return approveWithMpin(context, phone, { order, approval, mpin: proof.mpin });
  return approveWithBiometrics(context, phone, { descriptor, approval });
}

async function approveWithMpin(
  context: PhoneContext,
  phone: RegisteredPhone,
  { order, approval, mpin }: { order: ClaimedOrder; approval: string; mpin: string },
): Promise<void> {
  checkMpinForm(mpin, phone.mpin);
  const exchange = beginExchange();
  const challenge = await callInSession(context, phone, {
    name: 'orders/proof',
    body: { orderId: order.orderId, clientEphemeral: exchange.clientEphemeral },
    reply: MpinChallenge,
  });
  const password = await mpinPassword(context.keys, mpin);
  const answer = await exchange.answer({ challenge, identity: phone.deviceId, password });
  const proof = { handshake: challenge.handshake, proof: answer.proof };
  await decide(context, phone, { body: { orderId: order.orderId, approval, proof }, expected: 'approved', answer });
}

async function approveWithBiometrics(
  context: PhoneContext,
  phone: RegisteredPhone,
  { descriptor, approval }: { descriptor: Static<typeof OrderDescriptor>; approval: string },
): Promise<void> {
  if (!phone.biometric) throw new PhoneError('biometric_unavailable');
  const { orderId, challenge } = descriptor;
  const said = { purpose: 'order', subject: orderId, nonce: challenge, boundHash: await hashText(approval) } as const;
  const signature = await sayWithBiometrics(context, phone, said);
  await decide(context, phone, { body: { orderId, approval, proof: { signature } }, expected: 'approved' });
}

/** Says no. The order ends at once. Of an order to sign, `reason` tells the portal why. */
export async function declineOrder(context: PhoneContext, order: ClaimedOrder, reason?: DeclineReason): Promise<void> {
  await refuse(context, order, { decision: 'decline', reason });
}

/** Says "that is not me": the order ends, and the alarm is raised. */
export async function reportOrder(context: PhoneContext, order: ClaimedOrder): Promise<void> {
  await refuse(context, order, { decision: 'report' });
}

interface Refusal {
  readonly decision: 'decline' | 'report';
  readonly reason?: DeclineReason | undefined;
}

async function refuse(context: PhoneContext, order: ClaimedOrder, { decision, reason }: Refusal): Promise<void> {
  const phone = await loadRegistered(context);
  const { method } = await liveSession(context);
  const descriptor = await verifyDescriptor(context, phone, order);
  const approval = await signDecision(context, { descriptor, order, decision, reason, factor: method });
  const expected = decision === 'decline' ? 'declined' : 'reported';
  await decide(context, phone, { body: { orderId: order.orderId, approval, proof: null }, expected });
}

interface DecisionToSend {
  readonly body: { readonly orderId: string; readonly approval: string; readonly proof: unknown };
  readonly expected: Static<typeof OrderDecided>['state'];
  /** Where a fresh mPIN proof goes with it. */
  readonly answer?: MpinAnswer;
}

async function decide(context: PhoneContext, phone: RegisteredPhone, sending: DecisionToSend): Promise<void> {
  const { body, expected, answer } = sending;
  const decided = await callInSession(context, phone, {
    name: 'orders/decide',
    body,
    reply: OrderDecided,
    problems: mpinProblems,
  });
  if (answer !== undefined) await believe(context, () => answer.checkServerProof(decided.serverProof));
  if (decided.state !== expected) throw notFitting(`it was ${decided.state} instead`);
}

interface DecisionToSign {
  readonly descriptor: Static<typeof OrderDescriptor>;
  readonly order: Pick<ClaimedOrder, 'signedDescriptor'>;
  readonly decision: Decision;
  readonly reason?: DeclineReason | undefined;
  readonly factor: UnlockMethod;
}

async function signDecision(
  context: PhoneContext,
  { descriptor, order, decision, reason, factor }: DecisionToSign,
): Promise<string> {
  const { iss, orderId, deviceId, purpose, client, origin, challenge, display } = descriptor;
  return signStatement(context.keys, 'device', {
    typ: typ.approval,
    claims: {
      aud: iss,
      orderId,
      deviceId,
      purpose,
      decision,
      clientId: client.id,
      origin,
      challenge,
      displayHash: await hashText(display.text),
      descriptorHash: await hashText(order.signedDescriptor),
      ...(reason === undefined ? {} : { reason }),
      factors: [factor],
      iat: context.time.nowSeconds(),
    },
  });
}
