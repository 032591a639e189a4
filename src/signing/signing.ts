/** Transactions to be signed by one user's phone: an order of the same machine, whose outcome is the phone's signed statement. */
import { randomToken } from '../crypto/random.ts';
import { AuthError } from '../errors.ts';
import type { OrderDeps } from '../orders/deps.ts';
import type { FrameKind } from '../orders/frames.ts';
import { keepList } from '../orders/list.ts';
import { readOrder } from '../orders/live.ts';
import { deadlineOf, type OrderTerms } from '../orders/order.ts';
import {
  createOrder,
  currentFrame,
  isBoundTo,
  type RedeemedOrder,
  redeemOrder,
  unavailable,
} from '../orders/orders.ts';
import { assertReadable } from '../orders/text.ts';
import { checkInSlices } from './check.ts';
import { render } from './wording.ts';

export interface SigningRequest {
  readonly client: OrderTerms['client'];
  /** Origin on whose page the transaction was made. */
  readonly origin: string;
  readonly browser: OrderTerms['browser'];
  /** Whose phone is asked; no other user's phone can claim it. */
  readonly userId: string;
  /** A template of src/protocol/templates/templates.ts, and its fields; of a batch its payments in place of their hash. */
  readonly template: string;
  readonly version: number;
  readonly fields: Readonly<Record<string, unknown>>;
  /** BCP 47; English where there are no texts in it. */
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

/** Begins a signing order; approving it takes a fresh proof (RTS art. 5). Throws `invalid_request` for what is not fit to be signed. */
export async function createSigningOrder(deps: OrderDeps, request: SigningRequest): Promise<SigningStarted> {
  const { client, origin, browser, requestId, locale } = request;
  const { name, fields, list } = await checkInSlices(request);
  judgeReference(request.reference);
  const resultToken = randomToken(32);
  const { terms, state } = await createOrder(deps, {
    purpose: 'signing',
    client,
    origin,
    browser,
    display: render(name, fields, locale).display,
    context: request.reference,
    freshProof: true,
    ownerUserId: request.userId,
    binding: resultToken,
    ...(requestId === undefined ? {} : { requestId }),
  });
  // Nobody has a frame of it yet.
  if (list !== undefined) await keepList(deps, terms.id, list);
  return { orderId: terms.id, resultToken, endsAt: deadlineOf(state) ?? terms.createdAt };
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

/** The frame to show at this moment. Throws `order_unavailable` unless the order is pending and the token is its own. */
export async function signingFrame(
  deps: OrderDeps,
  orderId: string,
  { resultToken, via = 'qr' }: { readonly resultToken: string; readonly via?: FrameKind },
): Promise<string> {
  const order = await readOrder(deps, orderId);
  const frame = order !== undefined && isBoundTo(deps, order, resultToken) ? currentFrame(deps, order, via) : undefined;
  if (frame === undefined) throw unavailable('signing: no frame');
  return frame;
}

/** The approved order and what was signed, once. Throws `order_unavailable` otherwise. */
export function redeemSigning(deps: OrderDeps, orderId: string, resultToken: string): Promise<RedeemedOrder> {
  return redeemOrder(deps, orderId, { binding: resultToken });
}
