/** Transactions to be signed by one user's phone: an order of the same machine, whose outcome is the phone's signed statement. */
import { randomToken } from '../crypto/random.ts';
import type { OrderDeps } from '../orders/deps.ts';
import { readOrder } from '../orders/live.ts';
import type { Order, OrderTerms } from '../orders/order.ts';
import { createOrder, currentFrame, isBoundTo, redeemOrder, unavailable } from '../orders/orders.ts';
import { assertReadable } from '../orders/text.ts';

export interface SigningRequest {
  readonly client: OrderTerms['client'];
  /** Origin on whose page the transaction was made. */
  readonly origin: string;
  readonly browser: OrderTerms['browser'];
  /** Whose phone is asked; no other user's phone can claim it. */
  readonly userId: string;
  /** Shown and signed byte for byte; at most 2,000 readable characters. */
  readonly text: string;
  readonly locale: string;
  /** The client's own name for it. */
  readonly reference: string;
  readonly requestId?: string;
}

/** The client keeps the result token: it alone sees frames and fetches the outcome. */
export interface SigningStarted {
  readonly orderId: string;
  readonly resultToken: string;
  /** Epoch-milliseconds until which it can be claimed. */
  readonly endsAt: number;
}

/** What was signed and by whom; both statements can be verified offline. */
export interface SigningResult {
  readonly orderId: string;
  readonly reference: string;
  readonly userId: string;
  readonly deviceId: string;
  readonly factor: 'pin' | 'fpt' | 'face' | 'user';
  readonly provedAt: number;
  /** The server's statement of what was shown, a compact JWS. */
  readonly descriptor: string;
  /** The phone's statement over it, a compact JWS. */
  readonly approval: string;
}

/** Begins a signing order; approving it takes a fresh proof (RTS art. 5). Throws `invalid_request` for text that is not fit to be shown. */
export async function createSigningOrder(deps: OrderDeps, request: SigningRequest): Promise<SigningStarted> {
  assertReadable(request.text);
  const resultToken = randomToken(32);
  const { client, origin, browser, requestId } = request;
  const order = await createOrder(deps, {
    purpose: 'signing',
    client,
    origin,
    browser,
    display: { text: request.text, locale: request.locale },
    context: request.reference,
    freshProof: true,
    ownerUserId: request.userId,
    binding: resultToken,
    ...(requestId === undefined ? {} : { requestId }),
  });
  return { orderId: order.terms.id, resultToken, endsAt: order.terms.createdAt + endsAfter(order) };
}

/** The frame to show at this moment. Throws `order_unavailable` unless the order is pending and the token is its own. */
export async function signingFrame(deps: OrderDeps, orderId: string, resultToken: string): Promise<string> {
  const order = await readOrder(deps, orderId);
  const frame = order !== undefined && isBoundTo(deps, order, resultToken) ? currentFrame(deps, order) : undefined;
  if (frame === undefined) throw unavailable('signing: no frame');
  return frame;
}

/** The outcome of an approved signing order, once. Throws `order_unavailable` otherwise. */
export async function redeemSigning(deps: OrderDeps, orderId: string, resultToken: string): Promise<SigningResult> {
  const { terms, state } = await redeemOrder(deps, orderId, { binding: resultToken });
  return {
    orderId,
    reference: terms.context,
    userId: state.claim.userId,
    deviceId: state.claim.deviceId,
    factor: state.outcome.factor,
    provedAt: state.outcome.provedAt,
    descriptor: state.claim.descriptor,
    approval: state.outcome.approval,
  };
}

function endsAfter({ terms, state }: Order): number {
  return state.name === 'pending' ? state.pageEndsAt - terms.createdAt : 0;
}
