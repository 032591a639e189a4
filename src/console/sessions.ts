/** The console's sessions: short-lived, sealed, found by an HMAC of the cookie's value, and each with at most one confirmation. */
import { freshMs } from '../admin/identity.ts';
import { randomToken } from '../crypto/random.ts';
import type { ConsoleDeps } from './deps.ts';

/** Without a request of the person for so long, it is over. */
export const idleMs = 300_000;
/** Over in any case, unless it ended with the login at the provider before. */
export const absoluteMs = 12 * 3_600_000;

/** A login to the console. Role and name are read anew at every request. */
export interface ConsoleSession {
  readonly userId: string;
  readonly deviceId: string;
  /** Of the login at the provider: with it this session ends. */
  readonly sessionUid: string;
  /** When the mPIN or biometrics behind it were proven, as the ID token says; epoch-milliseconds. */
  readonly provedAt: number;
  readonly openedAt: number;
}

type SessionDeps = Pick<ConsoleDeps, 'shortLived' | 'sealing' | 'clock'>;

const idPattern = /^[A-Za-z0-9_-]{43}$/;

/** Keeps a new session; answers the cookie's value, which is not kept. With a confirmation where the login was made for one act. */
export async function openConsoleSession(
  deps: SessionDeps,
  session: ConsoleSession,
  { isConfirmed }: { readonly isConfirmed: boolean },
): Promise<string> {
  const id = randomToken();
  const { session: key, confirmation } = keysOf(deps, id);
  await deps.shortLived.create(key, deps.sealing.seal(JSON.stringify(session), contextOf(key)), idleMs);
  const freshFor = session.provedAt + freshMs - deps.clock.now();
  if (isConfirmed && freshFor > 0) await deps.shortLived.create(confirmation, '1', freshFor);
  return id;
}

/** The session of a cookie's value, neither idle nor old; undefined otherwise. Whether its login still stands is another question. */
export async function loadConsoleSession(deps: SessionDeps, id: string): Promise<ConsoleSession | undefined> {
  if (!idPattern.test(id)) return undefined;
  const { session: key } = keysOf(deps, id);
  const found = await deps.shortLived.get(key);
  if (found === undefined) return undefined;
  const session = JSON.parse(deps.sealing.openText(found.value, contextOf(key))) as ConsoleSession;
  return remainingMs(deps, session) > 0 ? session : undefined;
}

/** Notes that the person did something, which puts off the idle end and never the absolute one. */
export async function touchConsoleSession(deps: SessionDeps, id: string, session: ConsoleSession): Promise<void> {
  await deps.shortLived.touch(keysOf(deps, id).session, Math.max(1, Math.min(idleMs, remainingMs(deps, session))));
}

/** Ends a session and what it was confirmed for; ending what is over changes nothing. */
export async function endConsoleSession(deps: SessionDeps, id: string): Promise<void> {
  const { session, confirmation } = keysOf(deps, id);
  await deps.shortLived.remove(confirmation);
  await deps.shortLived.remove(session);
}

/** Whether there is a confirmation that nobody has used. */
export async function hasConfirmation(deps: SessionDeps, id: string): Promise<boolean> {
  return (await deps.shortLived.get(keysOf(deps, id).confirmation)) !== undefined;
}

/** Uses the confirmation up: of any number of callers on any process exactly one gets true, and only while it is fresh (S-09). */
export async function takeConfirmation(deps: SessionDeps, id: string, session: ConsoleSession): Promise<boolean> {
  const isTaken = (await deps.shortLived.take(keysOf(deps, id).confirmation)) !== undefined;
  return isTaken && deps.clock.now() - session.provedAt <= freshMs;
}

function remainingMs({ clock }: SessionDeps, { openedAt }: ConsoleSession): number {
  return openedAt + absoluteMs - clock.now();
}

/** Who reads the store finds no cookie in it (S-04). */
function keysOf({ sealing }: SessionDeps, id: string): { readonly session: string; readonly confirmation: string } {
  const lookup = sealing.lookup(id, 'console.session');
  return { session: `console.session:{${lookup}}`, confirmation: `console.confirmation:{${lookup}}` };
}

function contextOf(key: string): string {
  return `console.sessions:${key}`;
}
