/** What the login page needs from outside, and how often it may be begun. */
import { addressNetwork } from '../http/addresses.ts';
import type { LimitDeps } from '../http/limits.ts';
import type { Metrics } from '../http/metrics.ts';
import type { OrderDeps } from '../orders/deps.ts';
import type { SigningDeps } from '../signing/deps.ts';
import type { Interactions } from './interactions.ts';
import type { PageAssets } from './page.ts';

export interface LoginDeps extends OrderDeps, LimitDeps {
  readonly interactions: Interactions;
  /** For what portals ask to be signed in a redirect. */
  readonly signings: SigningDeps;
  readonly assets: PageAssets;
  /** New orders of one address in a minute; 10 unless told. */
  readonly ordersPerMinute?: number | undefined;
  /** Counts the event streams. */
  readonly metrics?: Pick<Metrics, 'streamOpened' | 'streamClosed'> | undefined;
}

const defaultOrdersPerMinute = 10;

/** For what an address may begin, or end by a refusal. */
export function creationLimit(deps: LoginDeps, address: string) {
  const rate = deps.ordersPerMinute ?? defaultOrdersPerMinute;
  return { kind: 'address', group: 'login.order', subject: addressNetwork(address), rate } as const;
}
