/** How much of the signing API one portal may use: none may keep another from it, nor fill what all of them share. */
import { AuthError } from '../errors.ts';
import { type LimitDeps, type LimitState, limit, limitAddress } from '../http/limits.ts';
import type { OrderDeps } from '../orders/deps.ts';

/** Requests in a minute, unless it says otherwise. */
export const portalLimits = {
  /** All of a portal's requests come from its few servers: two hundred signings at once, each with frames and questions. */
  requests: 10_000,
  /** Questions about one request: a portal that asks in a loop is told to wait instead. */
  readsPerRequest: 60,
  /** Bodies that are larger than any but a batch's. */
  large: 10,
  /** Bytes from which a body is large. */
  largeFrom: 16_384,
  /** Requests that are open at one time. */
  open: 1_000,
  /** Of these for one user: less than half of what an inbox shows, so that no portal pushes what others ask out of sight. */
  openOfUser: 40,
  /** Bytes of the lists of batches that came in sixteen minutes. */
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

/** Counts one question of a portal about its own request. Throws `too_many_requests`. */
export async function limitRead(deps: LimitDeps, clientId: string, signingId: string): Promise<void> {
  const subject = `${clientId}:${signingId}`;
  await limit(deps, { kind: 'caller', group: 'signing.read', subject, rate: portalLimits.readsPerRequest });
}

/** How long the bytes of a list count. */
const bytesForMs = 16 * 60_000;

/** What a portal is about to ask. */
interface Asked {
  readonly clientId: string;
  readonly userId: string;
  readonly list: string | undefined;
}

/**
 * Throws `too_many_requests` where the portal has as many open requests as it may, in all or for that user, or sent as many bytes of lists
 * (of this one `list`). What is asked at the very same time is not seen: there may be as many more as are under way at once.
 */
export async function assertRoom(
  { records, clock }: Pick<OrderDeps, 'records' | 'clock'>,
  { clientId, userId, list }: Asked,
): Promise<void> {
  const now = clock.now();
  const { open, bytes } = await records.signings.use(clientId, now, now - bytesForMs);
  if (open >= portalLimits.open) throw tooMany('the portal has as many open requests as it may', waitSeconds);
  if ((await records.signings.openOf(userId, clientId, now)) >= portalLimits.openOfUser)
    throw tooMany('the portal has as many open requests of this user as it may', waitSeconds);
  if (list === undefined) return;
  if (bytes + Buffer.byteLength(list) > portalLimits.bytes)
    throw tooMany('the portal sent as many bytes as it may', 60);
}

/** By then what people had open for as long as usual has made room. */
const waitSeconds = 5;

function tooMany(detail: string, retryAfterSeconds: number): AuthError {
  return new AuthError('too_many_requests', { detail: `signing: ${detail}`, members: { retryAfterSeconds } });
}
