/** The orders of the one order machine in which people decide about a request: at most one of each person at a time, made when it is needed. */
import { setTimeout as wait } from 'node:timers/promises';
import { randomToken } from '../crypto/random.ts';
import { AuthError } from '../errors.ts';
import { stepMs } from '../orders/frames.ts';
import { keepList } from '../orders/list.ts';
import { readOrder } from '../orders/live.ts';
import { type Order, orderTimes } from '../orders/order.ts';
import { cancelOrder, createOrder, currentFrame, unavailable } from '../orders/orders.ts';
import type { SigningFrame } from '../protocol/signing-api.ts';
import { assertMayOpen } from './approver.ts';
import type { SigningDeps } from './deps.ts';
import type { SigningRequest } from './store.ts';

/** Longer than any order can be decided about. */
const keptMs = orderTimes.decideLimit + orderTimes.retain;
/** Each lost round means that another person's order was noted. */
const maxRounds = 16;
/** How long the making of one order may take, and how often whoever waits for it looks; in milliseconds. */
const making = { lease: 5_000, look: 50 } as const;

/** By user: the id of the order that was made for them last. */
type Noted = Readonly<Record<string, string>>;

const keyOf = (id: string): string => `signing-live:{${id}}`;

async function readNoted({ shortLived }: SigningDeps, id: string) {
  const stored = await shortLived.get(keyOf(id));
  const noted: Noted = stored === undefined ? {} : (JSON.parse(stored.value) as Noted);
  return { noted, version: stored?.version };
}

/** The orders of a request that are still remembered, ended ones among them. */
export async function ordersOf(deps: SigningDeps, id: string): Promise<readonly Order[]> {
  const { noted } = await readNoted(deps, id);
  const orders = await Promise.all(Object.values(noted).map((orderId) => readOrder(deps, orderId)));
  return orders.filter((order) => order !== undefined);
}

/** Whether a phone shows it at this moment. */
export async function isShown(deps: SigningDeps, id: string): Promise<boolean> {
  return (await ordersOf(deps, id)).some(({ state }) => state.name === 'claimed');
}

/**
 * What to show to that user at this moment. Throws `order_unavailable` where they may not decide about it, not yet or no more, and while
 * a phone shows it.
 */
export async function frameOf(deps: SigningDeps, request: SigningRequest, userId: string): Promise<SigningFrame> {
  const order = await readOrder(deps, await liveOrderOf(deps, request, userId));
  const qr = order === undefined ? undefined : currentFrame(deps, order);
  const link = order === undefined ? undefined : currentFrame(deps, order, 'link');
  if (qr === undefined || link === undefined) throw unavailable('signing: no frame');
  return { qr, link, nextInMs: stepMs - (deps.clock.now() % stepMs) };
}

/** The id of the order in which that user decides, made where there is none. Throws `order_unavailable` where they may not. */
export async function liveOrderOf(deps: SigningDeps, request: SigningRequest, userId: string): Promise<string> {
  // One at a time: an order of a batch has a list of four megabytes, and a thousand frames asked for at once are one order's.
  const turn = `signing-making:{${request.id}}:${userId}`;
  for (let waited = 0; waited < making.lease; waited += making.look) {
    const known = await findLive(deps, request.id, userId);
    if (known !== undefined) return known;
    if (await deps.shortLived.create(turn, userId, making.lease)) {
      try {
        return await makeLive(deps, request, userId);
      } finally {
        await deps.shortLived.remove(turn);
      }
    }
    await wait(making.look);
  }
  throw new AuthError('unavailable', { detail: 'signing: an order is being made for too long' });
}

async function makeLive(deps: SigningDeps, request: SigningRequest, userId: string): Promise<string> {
  // Made while this one waited for its turn.
  const known = await findLive(deps, request.id, userId);
  if (known !== undefined) return known;
  // As it is now: the caller may have read it a while ago.
  const now = await deps.records.signings.find(request.id);
  if (now === undefined) throw unavailable('signing: the request is gone');
  await assertMayOpen(deps, now, userId);
  const made = await makeOrder(deps, now, userId);
  const kept = await note(deps, { id: request.id, userId, orderId: made });
  // Whoever took longer than its turn goes on with the one that was noted meanwhile.
  if (kept !== made) await cancelOrder(deps, made, { reason: 'superseded', actor: 'server' });
  return kept;
}

async function findLive(deps: SigningDeps, id: string, userId: string): Promise<string | undefined> {
  const { noted } = await readNoted(deps, id);
  return openOne(deps, noted[userId]);
}

/** Its id while somebody can still claim it or decide about it. */
async function openOne(deps: SigningDeps, orderId: string | undefined): Promise<string | undefined> {
  const order = orderId === undefined ? undefined : await readOrder(deps, orderId);
  return order?.state.name === 'pending' || order?.state.name === 'claimed' ? order.terms.id : undefined;
}

interface Note {
  readonly id: string;
  readonly userId: string;
  readonly orderId: string;
}

/** Notes a new order unless another one is open by now; answers that which holds. */
async function note(deps: SigningDeps, { id, userId, orderId }: Note): Promise<string> {
  for (let round = 0; round < maxRounds; round += 1) {
    const { noted, version } = await readNoted(deps, id);
    const other = await openOne(deps, noted[userId]);
    if (other !== undefined) return other;
    const value = JSON.stringify({ ...noted, [userId]: orderId });
    const isDone =
      version === undefined
        ? await deps.shortLived.create(keyOf(id), value, keptMs)
        : await deps.shortLived.compareAndSet(keyOf(id), version, value, keptMs);
    if (isDone) return orderId;
  }
  throw new AuthError('unavailable', { detail: 'signing: too many orders of one request at once' });
}

async function makeOrder(deps: SigningDeps, request: SigningRequest, userId: string): Promise<string> {
  const client = await deps.records.clients.find(request.clientId);
  // What a portal asked that is switched off, nobody signs.
  if (client?.status !== 'active') throw unavailable('signing: the portal is not active');
  const { terms } = await createOrder(deps, {
    purpose: 'signing',
    client: { id: client.id, name: client.name, domain: new URL(request.origin).host },
    origin: request.origin,
    // The portal's server asks: of the browser at its page this server knows nothing, and claims nothing.
    browser: { name: '', address: '', place: null },
    display: request.display,
    context: request.reference,
    freshProof: true,
    mpinOnly: request.mpinOnly,
    signing: {
      id: request.id,
      approvers: { needed: request.approvers, given: request.given },
      warnings: [...request.warnings],
    },
    ownerUserId: userId,
    // Nobody redeems it: the decision itself counts.
    binding: randomToken(32),
    pageLimitAt: request.expiresAt,
  });
  const list = await deps.records.signings.list(request.id);
  // Nobody has a frame of it yet.
  if (list !== undefined) await keepList(deps, terms.id, list);
  return terms.id;
}
