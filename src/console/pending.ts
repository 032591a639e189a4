/** Logins under way: what is remembered between the redirect to the provider and the way back, once and for one browser. */

import type { Proof } from '../admin/permissions.ts';
import { encodeBase64url, sha256 } from '../crypto/bytes.ts';
import { randomToken } from '../crypto/random.ts';
import { lifetimeSeconds } from '../oidc/lifetimes.ts';
import type { ConsoleDeps } from './deps.ts';

/** What the person is logging in for. */
export type LoginProof = Proof;

export interface PendingLogin {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
  readonly proof: LoginProof;
  readonly returnTo: string;
  readonly startedAt: number;
  /** Hash of the cookie of the browser that began. */
  readonly browser: string;
  /** Who asks for a fresh proof; undefined where nobody was logged in. */
  readonly userId: string | undefined;
}

type PendingDeps = Pick<ConsoleDeps, 'shortLived' | 'sealing'>;

/** As long as the provider keeps its own part, and the code after it. */
const pendingMs = (lifetimeSeconds.interaction + lifetimeSeconds.authorizationCode) * 1000;
const tokenPattern = /^[A-Za-z0-9_-]{43}$/;

/** A value for the cookie by which a browser is known again. */
export function newBrowserToken(): string {
  return randomToken();
}

/** What a login is tied to: the token as its hash; undefined where the text is no token. */
export function browserOf(token: string | undefined): string | undefined {
  return token !== undefined && tokenPattern.test(token) ? encodeBase64url(sha256(token)) : undefined;
}

/** Keeps what was begun. */
export async function keepPending(deps: PendingDeps, login: PendingLogin): Promise<void> {
  const key = keyOf(deps, login.state);
  await deps.shortLived.create(key, deps.sealing.seal(JSON.stringify(login), `console.logins:${key}`), pendingMs);
}

/** The login of that `state`, once, for the browser that began it; undefined for every other (S-10, O-21). */
export async function takePending(
  deps: PendingDeps,
  state: string,
  browser: string | undefined,
): Promise<PendingLogin | undefined> {
  if (browser === undefined || state.length > 100) return undefined;
  const key = keyOf(deps, state);
  // Looked at first: who has only the address must not use up the login of the one who has the cookie too.
  const found = await deps.shortLived.get(key);
  if (found === undefined || openPending(deps, key, found.value).browser !== browser) return undefined;
  const taken = await deps.shortLived.take(key);
  return taken === undefined ? undefined : openPending(deps, key, taken);
}

function openPending({ sealing }: PendingDeps, key: string, sealed: string): PendingLogin {
  return JSON.parse(sealing.openText(sealed, `console.logins:${key}`)) as PendingLogin;
}

function keyOf({ sealing }: PendingDeps, state: string): string {
  return `console.login:{${sealing.lookup(state, 'console.login')}}`;
}
