/** What every act of a phone works with: keys, network, time and the open session. */
import type { Bytes } from './bytes.ts';
import { PhoneError } from './errors.ts';
import type { Http } from './http.ts';
import type { KeyStore } from './key-store.ts';
import { type RegisteredPhone, readPhone, type StoredPhone } from './state.ts';
import type { IssuerPolicy } from './texts.ts';
import type { EnvelopeAlg } from './trust.ts';

/** The time of this phone. */
export interface PhoneClock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
}

/** How a session was opened; approvals name it as their factor. */
export type UnlockMethod = 'mpin' | 'biometric';

/** An open session with its secrets. Times in epoch milliseconds of this phone's clock. */
export interface OpenSession {
  readonly id: string;
  readonly method: UnlockMethod;
  readonly accessToken: string;
  readonly appToServer: Bytes;
  readonly serverToApp: Bytes;
  /** Undefined where the session was put back by a holder that does not keep it. */
  readonly vaultKey: Bytes | undefined;
  readonly idleSeconds: number;
  readonly idleUntil: number;
  readonly absoluteUntil: number;
}

/**
 * Where the open session is held. An app uses the default, memory: the session is gone when the app is. The phone in the terminal,
 * whose commands are processes of their own, holds it in a file.
 */
export interface SessionHolder {
  get(): Promise<OpenSession | undefined>;
  /** With `undefined`, forgets the session and overwrites its secrets as far as the platform allows. */
  set(session: OpenSession | undefined): Promise<void>;
}

/** The server's time as this phone knows it. */
export interface ServerTime {
  /** Seconds since the epoch by the server's clock. */
  nowSeconds(): number;
  /** Epoch milliseconds by this phone's clock, for its own time limits. */
  now(): number;
  offsetSeconds(): number;
  setOffset(seconds: number): void;
  /** Takes the server's time from an answer. */
  learn(serverSeconds: number): void;
}

export interface PhoneContext {
  readonly keys: KeyStore;
  readonly http: Http;
  readonly time: ServerTime;
  readonly sessions: SessionHolder;
  readonly issuers: IssuerPolicy;
  readonly envelopeAlg: EnvelopeAlg;
  /** Waits so many milliseconds. */
  readonly pause: (milliseconds: number) => Promise<void>;
}

/** Differences that a round trip explains are not worth remembering. */
const negligibleSeconds = 5;

/** Time by `clock` and a difference that is learnt. */
export function createServerTime(clock: PhoneClock): ServerTime {
  let offset = 0;
  const localSeconds = () => Math.floor(clock.now() / 1000);
  return {
    nowSeconds: () => localSeconds() + offset,
    now: () => clock.now(),
    offsetSeconds: () => offset,
    setOffset: (seconds) => {
      offset = seconds;
    },
    learn: (serverSeconds) => {
      const difference = serverSeconds - localSeconds();
      if (Math.abs(difference - offset) > negligibleSeconds) offset = difference;
    },
  };
}

/** Holds the session in memory. */
export function memorySessionHolder(): SessionHolder {
  let held: OpenSession | undefined;
  return {
    get: async () => held,
    set: async (session) => {
      if (held !== undefined && session?.id !== held.id) eraseSession(held);
      held = session;
    },
  };
}

/** Overwrites a session's secrets in place. */
export function eraseSession(session: OpenSession): void {
  session.appToServer.fill(0);
  session.serverToApp.fill(0);
  session.vaultKey?.fill(0);
}

/** The remembered phone with its time difference put to use. */
export async function loadPhone(context: PhoneContext): Promise<StoredPhone | undefined> {
  const phone = await readPhone(context.keys);
  if (phone !== undefined && context.time.offsetSeconds() === 0) context.time.setOffset(phone.offsetSeconds);
  return phone;
}

/** The registered phone. Throws `not_registered`. */
export async function loadRegistered(context: PhoneContext): Promise<RegisteredPhone> {
  const phone = await loadPhone(context);
  if (phone?.phase !== 'registered') throw new PhoneError('not_registered');
  return phone;
}

/** The open session. Throws `locked` where there is none, `session_ended` where its time is over; it is forgotten then. */
export async function liveSession(context: PhoneContext): Promise<OpenSession> {
  const session = await context.sessions.get();
  if (session === undefined) throw new PhoneError('locked');
  const now = context.time.now();
  if (now < session.idleUntil && now < session.absoluteUntil) return session;
  await context.sessions.set(undefined);
  throw new PhoneError('session_ended');
}
