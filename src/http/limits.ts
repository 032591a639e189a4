/** Rate limits over the short-lived store, so that all processes count together; a store that is down refuses (L-12, X-03). */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { AuthError } from '../errors.ts';
import type { ShortLivedStore } from '../store/ports.ts';
import { addressNetwork, clientAddress } from './addresses.ts';

const windowMs = 60_000;

/** Requests in a minute. */
export interface LimitRates {
  readonly perAddress: number;
  readonly perDevice: number;
  readonly perUser: number;
  readonly global: number;
}

export interface LimitDeps {
  readonly shortLived: ShortLivedStore;
  readonly limits: LimitRates;
}

/** Whom a hit counts for. `group` keeps routes apart: a flood on one leaves the others usable. */
export interface LimitScope {
  readonly kind: 'address' | 'caller' | 'device' | 'user' | 'global';
  readonly group: string;
  readonly subject: string;
  readonly rate: number;
}

/** What is left of the tightest limit, for the response's headers. */
export interface LimitState {
  readonly rate: number;
  readonly remaining: number;
  readonly resetSeconds: number;
}

/** Counts one request of an address in a group of routes, and one of everybody. Throws `too_many_requests`. */
export async function limitAddress(deps: LimitDeps, group: string, address: string): Promise<LimitState> {
  const { perAddress, global } = deps.limits;
  const state = await limit(deps, { kind: 'address', group, subject: addressNetwork(address), rate: perAddress });
  // After the caller's own limit, so that one noisy address does not use up what everybody shares.
  await limit(deps, { kind: 'global', group, subject: 'all', rate: global });
  return state;
}

/** Limits every route that is registered in `app` from here on, as one group. */
export function useAddressLimit(app: FastifyInstance, deps: LimitDeps, group: string): void {
  app.addHook('onRequest', async (request, reply) => {
    applyLimitHeaders(reply, await limitAddress(deps, group, clientAddress(request)));
  });
}

/** Counts one request of a caller of the admin API, from wherever: as many as an address may make. Throws `too_many_requests`. */
export function limitCaller(deps: LimitDeps, name: string): Promise<LimitState> {
  return limit(deps, { kind: 'caller', group: 'admin', subject: name, rate: deps.limits.perAddress });
}

/** Counts one request of a device. Throws `too_many_requests`. */
export function limitDevice(deps: LimitDeps, deviceId: string): Promise<LimitState> {
  return limit(deps, { kind: 'device', group: 'app', subject: deviceId, rate: deps.limits.perDevice });
}

/** Counts one request of a user over all devices. Throws `too_many_requests`. */
export function limitUser(deps: LimitDeps, userId: string): Promise<LimitState> {
  return limit(deps, { kind: 'user', group: 'app', subject: userId, rate: deps.limits.perUser });
}

/** Counts a hit and throws `too_many_requests` with `retryAfterSeconds` where the rate is exceeded. */
export async function limit({ shortLived }: LimitDeps, scope: LimitScope): Promise<LimitState> {
  const key = `limit:{${scope.kind}:${scope.group}:${scope.subject}}`;
  const { count, resetMs } = await shortLived.hit(key, windowMs);
  const resetSeconds = Math.max(1, Math.ceil(resetMs / 1000));
  if (count > scope.rate) {
    const detail = `${scope.kind} limit of ${scope.rate} in ${scope.group}`;
    throw new AuthError('too_many_requests', { detail, members: { retryAfterSeconds: resetSeconds } });
  }
  return { rate: scope.rate, remaining: scope.rate - count, resetSeconds };
}

/** Tells a caller how much is left of one more limit (the RateLimit fields of draft-ietf-httpapi-ratelimit-headers). */
export function applyLimitHeaders(
  reply: FastifyReply,
  { rate, remaining, resetSeconds }: LimitState,
  name: 'address' | 'caller' = 'address',
): void {
  const add = (header: string, item: string): void => {
    const before = reply.getHeader(header);
    reply.header(header, before === undefined ? item : `${String(before)}, ${item}`);
  };
  add('ratelimit-policy', `"${name}";q=${rate};w=${windowMs / 1000}`);
  add('ratelimit', `"${name}";r=${remaining};t=${resetSeconds}`);
}
