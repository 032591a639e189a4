/** How a page's interaction ends: the login is redeemed or the approval handed over, or the portal's request is refused. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AuthError } from '../errors.ts';
import { clientAddress } from '../http/addresses.ts';
import { limit } from '../http/limits.ts';
import { notify } from '../notify/notify.ts';
import type { Order } from '../orders/order.ts';
import { cancelOrder, orderRecord, redeemOrder } from '../orders/orders.ts';
import { readBinding } from './binding.ts';
import { findBrowserOrder } from './browser-orders.ts';
import { creationLimit, type LoginDeps } from './deps.ts';
import type { Interaction } from './interactions.ts';
import { knownBrowser } from './known-browser.ts';
import { cancelSigning, finishSigning, isSigning } from './signing-page.ts';
import { pageView } from './view.ts';

/** Ends the order if there still is one, and the portal's request with it. */
export async function cancel(
  deps: LoginDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<{ location: string }> {
  const interaction = await deps.interactions.findToRefuse(request, reply);
  if (isSigning(interaction)) {
    const isTooLate = await cancelSigning(deps, { interaction, request, reply });
    return isTooLate ? finish(deps, request, reply) : refuseSigning(deps, 'cancelled', { request, reply });
  }
  const order = await findBrowserOrder(deps, interaction.uid, readBinding(request, deps.issuer));
  if (order !== undefined) {
    const asker = { address: clientAddress(request), requestId: request.id };
    await cancelOrder(deps, order.terms.id, { ...asker, reason: 'browser', actor: 'browser' });
  }
  return refuse(deps, 'cancelled', { request, reply, orderId: order?.terms.id });
}

interface Refusal {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly orderId: string | undefined;
}

/**
 * Ends the portal's request with `access_denied` and writes that down: as often for an address as it may begin logins, or anybody could
 * fill the trail with one login that is refused again and again.
 */
async function refuse(
  deps: LoginDeps,
  reason: string,
  { request, reply, orderId }: Refusal,
): Promise<{ location: string }> {
  const { client } = await deps.interactions.find(request, reply);
  const address = clientAddress(request);
  await limit(deps, { ...creationLimit(deps, address), group: 'login.refuse' });
  const location = await deps.interactions.refuse(request, reply, reason);
  const asker = { actor: 'browser', address, requestId: request.id };
  const record = { event: 'login.refused', ...asker, orderId, clientId: client.id, data: { reason } } as const;
  await deps.records.audit.append(record, deps.clock.now());
  return { location };
}

/** The same for what was asked to be signed: the trail has how that ended. */
async function refuseSigning(
  deps: LoginDeps,
  reason: string,
  { request, reply }: Pick<Refusal, 'request' | 'reply'>,
): Promise<{ location: string }> {
  await limit(deps, { ...creationLimit(deps, clientAddress(request)), group: 'login.refuse' });
  return { location: await deps.interactions.refuse(request, reply, reason) };
}

/** Where the browser goes next, and what its page says before it does. */
interface Finished {
  readonly location: string;
  readonly outcome: 'redeemed' | 'refused' | 'blocked';
}

/**
 * Redeems an approval for this browser, once, and answers where it goes next; the page then navigates by GET, so that no form-action
 * rule stands between it and the portal. An order that ended otherwise, and an approval by a device that may no longer act, ends the
 * portal's request with `access_denied` (P-09).
 */
export async function finish(deps: LoginDeps, request: FastifyRequest, reply: FastifyReply): Promise<Finished> {
  const interaction = await deps.interactions.findToRefuse(request, reply);
  if (isSigning(interaction)) {
    const finished = await finishSigning(deps, { interaction, request, reply }, interaction.hasSession);
    if ('location' in finished) return { ...finished, outcome: 'redeemed' };
    return { ...(await refuseSigning(deps, finished.refused, { request, reply })), outcome: finished.outcome };
  }
  const { order, binding } = await findOrder(deps, interaction, request);
  const { name } = order.state;
  const blocked = async (): Promise<Finished> => {
    const { location } = await refuse(deps, 'blocked', { request, reply, orderId: order.terms.id });
    return { location, outcome: 'blocked' };
  };
  if (name === 'cancelled' && pageView(order, deps.clock.now()).cause === 'rule') return blocked();
  if (name === 'declined' || name === 'reported' || name === 'cancelled' || name === 'expired') {
    const { location } = await refuse(deps, name, { request, reply, orderId: order.terms.id });
    return { location, outcome: 'refused' };
  }
  if (name === 'redeemed') throw new AuthError('order_unavailable', { detail: 'finish: redeemed already' });
  if (name !== 'approved') throw new AuthError('conflict', { message: 'nothing has been approved yet' });
  try {
    return { location: await redeem(deps, { request, reply, order, binding }), outcome: 'redeemed' };
  } catch (error) {
    if (error instanceof AuthError && error.code === 'access_denied') return blocked();
    throw error;
  }
}

async function redeem(
  deps: LoginDeps,
  { request, reply, order, binding }: Omit<Refusal, 'orderId'> & { readonly order: Order; readonly binding: string },
): Promise<string> {
  const asker = { address: clientAddress(request), requestId: request.id };
  const redeemed = await redeemOrder(deps, order.terms.id, { ...asker, binding });
  const { userId, deviceId } = redeemed.state.claim;
  const { factor, provedAt } = redeemed.state.outcome;
  const login = { userId, deviceId, orderId: order.terms.id, factor, provedAt };
  const location = await deps.interactions.complete(request, reply, login);
  const browser = knownBrowser(request, reply, deps.issuer);
  const at = deps.clock.now();
  await deps.records.transaction(async (records) => {
    const isNewBrowser = await records.users.noteBrowser(userId, browser, at);
    const { client, browser: shown } = order.terms;
    const notice = { event: 'browser.new', userId, clientName: client.name, browserName: shown.name } as const;
    if (isNewBrowser) await notify(records, { ...notice, fromDeviceId: deviceId }, at);
    const data = { factor, provedAt, isNewBrowser, userAgent: request.headers['user-agent'] ?? '' };
    await records.audit.append(orderRecord('login.completed', redeemed, { ...asker, actor: 'browser', data }), at);
  });
  return location;
}

/** The order of this browser for a login. Throws `not_found` for everybody else. */
export async function findOrder(
  deps: LoginDeps,
  { uid }: Interaction,
  request: FastifyRequest,
): Promise<{ readonly order: Order; readonly binding: string }> {
  const binding = readBinding(request, deps.issuer);
  const order = await findBrowserOrder(deps, uid, binding);
  if (order === undefined || binding === undefined) {
    // The page says "your browser refuses cookies" where the one that it was just given did not come back.
    const members = binding === undefined ? { cookie: 'missing' } : {};
    throw new AuthError('not_found', { detail: 'no order of this browser', members });
  }
  return { binding, order };
}
