/** How much of the signing API one portal may use: none may keep another from it, nor fill what all of them share. */
import { randomToken } from '../crypto/random.ts';
import { AuthError } from '../errors.ts';
import { type LimitDeps, type LimitState, limit, limitAddress } from '../http/limits.ts';
import type { OrderDeps } from '../orders/deps.ts';
import { orderTimes } from '../orders/order.ts';

/** Requests in a minute, unless it says otherwise. */
export const portalLimits = {
  /** All of a portal's requests come from its few servers: two hundred signings at once, each with frames and questions. */
  requests: 10_000,
  /** Questions about one order: a portal that asks in a loop is told to wait instead. */
  readsPerOrder: 60,
  /** Bodies that are larger than any but a batch's. */
  large: 10,
  /** Bytes from which a body is large. */
  largeFrom: 16_384,
  /** Orders that are open at one time. */
  open: 1_000,
  /** Bytes of large bodies that are kept at one time. */
  bytes: 128 * 1024 * 1024,
} as const;

/** Counts one request of a portal whose token was good. Throws `too_many_requests`. */
export async function limitPortal(deps: LimitDeps, clientId: string): Promise<LimitState> {
  const state = await limit(deps, { kind: 'caller', group: 'signing', subject: clientId, rate: portalLimits.requests });
  await limit(deps, { kind: 'global', group: 'signing', subject: 'all', rate: deps.limits.global });
  return state;
}

/** Counts a request that had no good token, by its address: apart from the portals', so that it takes nothing from them. */
export async function limitStranger(deps: LimitDeps, address: string): Promise<void> {
  await limitAddress(deps, 'signing.refused', address);
}

/** Counts a large body before it is read. Throws `too_many_requests`. */
export async function limitLarge(deps: LimitDeps, clientId: string): Promise<void> {
  await limit(deps, { kind: 'caller', group: 'signing.large', subject: clientId, rate: portalLimits.large });
}

/** Counts one question of a portal about its own order. Throws `too_many_requests`. */
export async function limitRead(deps: LimitDeps, clientId: string, orderId: string): Promise<void> {
  const subject = `${clientId}:${orderId}`;
  await limit(deps, { kind: 'caller', group: 'signing.read', subject, rate: portalLimits.readsPerOrder });
}

type PlaceDeps = Pick<OrderDeps, 'shortLived' | 'clock'>;
/** By name: when it is free again at the latest, in epoch-milliseconds, and the bytes that it stands for. */
type Places = Readonly<Record<string, readonly [until: number, bytes: number]>>;

const keyOf = (clientId: string): string => `signing-open:{${clientId}}`;
/** As long as the list of a batch is kept, whatever becomes of its order. */
const longestMs = orderTimes.decideLimit + orderTimes.redeemSigning + orderTimes.retain;
/** Each lost round means that another request of the same portal got its place. */
const maxRounds = 100;

/**
 * Takes a place for one more open order of `bytes`; its name frees it. Throws `too_many_requests` where the portal has as many open
 * orders as it may, or as many bytes.
 */
export async function takePlace(deps: PlaceDeps, clientId: string, bytes: number): Promise<string> {
  const name = randomToken(9);
  const kept = bytes > portalLimits.largeFrom ? bytes : 0;
  await changePlaces(deps, clientId, (places, now) => {
    const taken = Object.values(places);
    const sum = taken.reduce((before, [, one]) => before + one, kept);
    if (taken.length >= portalLimits.open || sum > portalLimits.bytes) throw full(taken, now);
    return { ...places, [name]: [now + (kept === 0 ? orderTimes.decideLimit : longestMs), kept] };
  });
  return name;
}

/** Frees the place of an order that is over; of a large one the bytes stay, and so does its place. */
export async function leavePlace(deps: PlaceDeps, clientId: string, name: string): Promise<void> {
  await changePlaces(deps, clientId, (places) => {
    const { [name]: place, ...others } = places;
    return place === undefined || place[1] > 0 ? undefined : others;
  });
}

async function changePlaces(
  { shortLived, clock }: PlaceDeps,
  clientId: string,
  change: (places: Places, now: number) => Places | undefined,
): Promise<void> {
  const key = keyOf(clientId);
  for (let round = 0; round < maxRounds; round += 1) {
    const stored = await shortLived.get(key);
    const now = clock.now();
    const all = stored === undefined ? {} : (JSON.parse(stored.value) as Places);
    const next = change(Object.fromEntries(Object.entries(all).filter(([, [until]]) => until > now)), now);
    if (next === undefined) return;
    const value = JSON.stringify(next);
    const isDone =
      stored === undefined
        ? await shortLived.create(key, value, longestMs)
        : await shortLived.compareAndSet(key, stored.version, value, longestMs);
    if (isDone) return;
  }
  throw tooMany('more orders at once than can be counted', 1);
}

function full(taken: readonly Places[string][], now: number): AuthError {
  const firstFree = Math.min(...taken.map(([until]) => until));
  return tooMany('the portal has as many open orders as it may', Math.max(1, Math.ceil((firstFree - now) / 1000)));
}

function tooMany(detail: string, retryAfterSeconds: number): AuthError {
  return new AuthError('too_many_requests', { detail: `signing: ${detail}`, members: { retryAfterSeconds } });
}
