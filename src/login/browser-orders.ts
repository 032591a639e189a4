/** The orders of one browser: a page that is loaded again goes on with its order, and nobody keeps many open. */
import { randomToken } from '../crypto/random.ts';
import { AuthError } from '../errors.ts';
import type { OrderDeps } from '../orders/deps.ts';
import { bindingHashOf, readOrder } from '../orders/live.ts';
import { isFinal, type Order, type OrderTerms, orderTimes } from '../orders/order.ts';
import { cancelOrder, createOrder, isBoundTo } from '../orders/orders.ts';
import { plainName } from '../orders/text.ts';
import { textsFor } from '../texts/files.ts';
import type { Interaction } from './interactions.ts';

/** Orders of one browser that are not over yet. */
const maxLive = 3;
/** Ended ones are remembered too, so that their pages can be told how they ended. */
const maxRemembered = 12;
const listLifetimeMs = orderTimes.decideLimit + orderTimes.redeem + orderTimes.retain;
const maxRounds = 16;

interface Entry {
  readonly uid: string;
  readonly orderId: string;
}

export interface BrowserOrderRequest {
  readonly interaction: Interaction;
  /** The cookie that came with the request. */
  readonly binding: string | undefined;
  readonly browser: OrderTerms['browser'];
  /** The whole address. */
  readonly address: string;
  readonly wantedLanguages: readonly string[];
  readonly requestId: string;
  /** Called before an order is created, not when one goes on; may throw `too_many_requests`. */
  readonly limitCreation: () => Promise<unknown>;
}

export interface BrowserOrder {
  readonly order: Order;
  /** To be set as the cookie. */
  readonly binding: string;
}

/**
 * This browser's live order for the interaction, or a new one. The oldest waiting order of a browser that has too many is cancelled;
 * where none is only waiting, throws `too_many_requests`.
 */
export async function openBrowserOrder(deps: OrderDeps, request: BrowserOrderRequest): Promise<BrowserOrder> {
  const binding = await bindingOf(deps, request.binding);
  const { uid } = request.interaction;
  let created: Order | undefined;
  for (let round = 0; round < maxRounds; round += 1) {
    const { entries, version } = await readList(deps, binding);
    const known = await readAll(deps, entries);
    const own = known.find(({ entry, order }) => entry.uid === uid && !isFinal(order.state));
    if (own !== undefined) {
      if (created !== undefined) await supersede(deps, created);
      return { order: own.order, binding };
    }
    await makeRoom(
      deps,
      known.map(({ order }) => order),
    );
    created ??= await createLoginOrder(deps, request, binding);
    const kept = known.filter(({ entry }) => entry.uid !== uid).map(({ entry }) => entry);
    const next = [...kept, { uid, orderId: created.terms.id }].slice(-maxRemembered);
    if (await writeList(deps, binding, { entries: next, version })) return { order: created, binding };
  }
  throw new AuthError('unavailable', { detail: 'the list of a browser changed too often' });
}

/** The order of this browser for this interaction; undefined for any other browser, whatever it knows (P-04). */
export async function findBrowserOrder(
  deps: OrderDeps,
  uid: string,
  binding: string | undefined,
): Promise<Order | undefined> {
  if (binding === undefined) return undefined;
  const { entries } = await readList(deps, binding);
  const entry = entries.find((candidate) => candidate.uid === uid);
  const order = entry === undefined ? undefined : await readOrder(deps, entry.orderId);
  return order?.terms.context === uid && isBoundTo(deps, order, binding) ? order : undefined;
}

/** A value that this server did not give out, or that has no orders any more, is never taken over (session fixation, S-03). */
async function bindingOf(deps: OrderDeps, presented: string | undefined): Promise<string> {
  if (presented === undefined) return randomToken(32);
  const { version } = await readList(deps, presented);
  return version === undefined ? randomToken(32) : presented;
}

/** The browser's binding where this server knows it, or a new one that it knows from now on: for pages whose orders are kept elsewhere. */
export async function keepBinding(deps: OrderDeps, presented: string | undefined): Promise<string> {
  const binding = await bindingOf(deps, presented);
  for (let round = 0; round < maxRounds; round += 1) {
    // Written anew, so that it lasts as long as a page that is just opened.
    if (await writeList(deps, binding, await readList(deps, binding))) return binding;
  }
  throw new AuthError('unavailable', { detail: 'the list of a browser changed too often' });
}

/** The instant until which a page of this interaction may show codes: an approval must still find the portal's request. */
export function pageLimitOf({ expiresAt }: Pick<Interaction, 'expiresAt'>): number {
  return expiresAt - orderTimes.decideLogin - orderTimes.redeem;
}

async function createLoginOrder(deps: OrderDeps, request: BrowserOrderRequest, binding: string): Promise<Order> {
  const { interaction, browser, address, requestId } = request;
  // What could only fail is not begun.
  const pageLimitAt = pageLimitOf(interaction);
  if (pageLimitAt <= deps.clock.now()) throw new AuthError('not_found', { detail: 'the interaction is about to end' });
  await request.limitCreation();
  const { language, t } = textsFor('login', request.wantedLanguages);
  const domain = plainName(interaction.client.domain, '-');
  const text = t('display', { portal: plainName(interaction.client.name, domain), domain });
  return createOrder(deps, {
    purpose: 'login',
    client: interaction.client,
    origin: interaction.origin,
    browser,
    askedFrom: address,
    display: { text, locale: language.code },
    context: interaction.uid,
    freshProof: interaction.needsFreshProof,
    ownerUserId: null,
    binding,
    pageLimitAt,
    requestId,
  });
}

async function makeRoom(deps: OrderDeps, orders: readonly Order[]): Promise<void> {
  const live = orders.filter(({ state }) => !isFinal(state));
  if (live.length < maxLive) return;
  const oldest = live.find(({ state }) => state.name === 'pending');
  if (oldest === undefined) {
    throw new AuthError('too_many_requests', { members: { retryAfterSeconds: 60 }, detail: 'too many live orders' });
  }
  await supersede(deps, oldest);
}

async function supersede(deps: OrderDeps, order: Order): Promise<void> {
  await cancelOrder(deps, order.terms.id, { reason: 'superseded', actor: 'server' });
}

async function readAll(deps: OrderDeps, entries: readonly Entry[]): Promise<{ entry: Entry; order: Order }[]> {
  const known: { entry: Entry; order: Order }[] = [];
  for (const entry of entries) {
    const order = await readOrder(deps, entry.orderId);
    if (order !== undefined) known.push({ entry, order });
  }
  return known;
}

interface List {
  readonly entries: readonly Entry[];
  /** Undefined where there is none yet. */
  readonly version: number | undefined;
}

const keyOf = (deps: OrderDeps, binding: string): string => `orders-of:{${bindingHashOf(deps, binding)}}`;

async function readList(deps: OrderDeps, binding: string): Promise<List> {
  const stored = await deps.shortLived.get(keyOf(deps, binding));
  if (stored === undefined) return { entries: [], version: undefined };
  return { entries: JSON.parse(stored.value) as Entry[], version: stored.version };
}

async function writeList(deps: OrderDeps, binding: string, { entries, version }: List): Promise<boolean> {
  const key = keyOf(deps, binding);
  const value = JSON.stringify(entries);
  if (version === undefined) return deps.shortLived.create(key, value, listLifetimeMs);
  return deps.shortLived.compareAndSet(key, version, value, listLifetimeMs);
}
