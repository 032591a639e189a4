/** The app session: opened by an mPIN or biometric proof, ended by time, by logout or with its device. */
import { decodeBase64url, encodeBase64url, sha256 } from '../crypto/bytes.ts';
import type { SessionKeys } from '../crypto/envelope.ts';
import { randomToken } from '../crypto/random.ts';
import { findUsable } from '../devices/devices.ts';
import type { Standing } from '../devices/store.ts';
import type { MpinDeps } from './deps.ts';

/** Without a request for so long, it is over (RTS art. 4(3)(d)). */
export const idleSeconds = 300;
/** Over in any case. */
export const absoluteSeconds = 1800;

/** A live app session as endpoints see it. */
export interface AppSession {
  readonly id: string;
  readonly deviceId: string;
  readonly userId: string;
  readonly companyId: string;
  /** How it was opened. */
  readonly method: 'mpin' | 'biometric';
  /** RFC 8176 values of that proof: `pin`, or `fpt`, `face` or `user`. */
  readonly factor: 'pin' | 'fpt' | 'face' | 'user';
  readonly openedAt: number;
}

/** What a request within a session is checked against. */
export interface LiveSession extends SessionKeys {
  readonly session: AppSession;
  /** Thumbprint of the device key, which every request's proof must be of. */
  readonly thumbprint: string;
  /** SHA-256 of the access token, 32 bytes. */
  readonly tokenHash: Uint8Array;
  /** Device, user and company, all of which may act. */
  readonly standing: Standing;
}

/** As kept, sealed: the token as its hash only (S-04), the keys not to be read from a dump (C-13). */
interface SessionRecord {
  readonly session: AppSession;
  readonly thumbprint: string;
  readonly tokenHash: string;
  readonly appToServerKey: string;
  readonly serverToAppKey: string;
  /** Of the mPIN that the device had: a change of mPIN ends the sessions opened before it. */
  readonly generation: number;
  /** Thumbprint of the biometric key that opened it: without that key, it is over. Absent where it rests on no such key. */
  readonly biometric?: string | undefined;
  readonly seenAt: number;
}

/** Parts that stay fixed are changed by compare-and-set in so many tries; a rival can only be another request of the same phone. */
const maxTries = 8;

/** Keeps a new session and answers its access token, which is not kept. */
export async function openSession(
  deps: MpinDeps,
  opening: { readonly session: AppSession; readonly standing: Standing; readonly keys: SessionKeys },
): Promise<string> {
  const { session, standing, keys } = opening;
  const accessToken = randomToken();
  const record: SessionRecord = {
    session,
    thumbprint: standing.device.thumbprint,
    tokenHash: encodeBase64url(sha256(accessToken)),
    appToServerKey: encodeBase64url(keys.appToServerKey),
    serverToAppKey: encodeBase64url(keys.serverToAppKey),
    generation: standing.pinGeneration,
    biometric: session.method === 'biometric' ? standing.device.biometric?.thumbprint : undefined,
    seenAt: session.openedAt,
  };
  await deps.shortLived.create(keyOf(session.id), sealRecord(deps, record), lifetimeOf(record, session.openedAt));
  return accessToken;
}

/**
 * A session that is neither idle nor old, whose device, user and company may act at this moment and whose mPIN and biometric key are
 * still those it was opened with (S-01, S-02, S-07). Undefined otherwise. Reading is not activity: see {@link touchSession}.
 */
export async function loadSession(
  deps: MpinDeps,
  sessionId: string,
  now = deps.clock.now(),
): Promise<LiveSession | undefined> {
  const kept = await deps.shortLived.get(keyOf(sessionId));
  const record = kept === undefined ? undefined : openRecord(deps, sessionId, kept.value);
  if (record === undefined || lifetimeOf(record, now) <= 0) return undefined;
  const standing = await findUsable(deps, record.session.deviceId);
  if (standing === undefined || standing.pinGeneration !== record.generation) return undefined;
  if (record.biometric !== undefined && standing.device.biometric?.thumbprint !== record.biometric) return undefined;
  return {
    session: record.session,
    thumbprint: record.thumbprint,
    standing,
    tokenHash: decodeBase64url(record.tokenHash),
    appToServerKey: decodeBase64url(record.appToServerKey),
    serverToAppKey: decodeBase64url(record.serverToAppKey),
  };
}

/** Notes an act of the user, which puts off the idle end and never the absolute one. False where the session is over. */
export function touchSession(deps: MpinDeps, sessionId: string, now = deps.clock.now()): Promise<boolean> {
  return changeRecord(deps, { sessionId, now, change: (record) => ({ ...record, seenAt: now }) });
}

/** Carries one session over a change of mPIN: the one in which it was changed. False where it is over. */
export function carrySession(deps: MpinDeps, sessionId: string, generation: number): Promise<boolean> {
  return changeRecord(deps, { sessionId, now: deps.clock.now(), change: (record) => ({ ...record, generation }) });
}

/** Carries one session over the end of the biometric key that opened it: the one in which that was asked for. False where it is over. */
export function carryWithoutKey(deps: MpinDeps, sessionId: string): Promise<boolean> {
  const change = (record: SessionRecord): SessionRecord => ({ ...record, biometric: undefined });
  return changeRecord(deps, { sessionId, now: deps.clock.now(), change });
}

/** Ends a session at once; ending what is over changes nothing. */
export async function endSession(deps: MpinDeps, sessionId: string): Promise<void> {
  await deps.shortLived.remove(keyOf(sessionId));
}

/** Compare-and-set, so that a session that was ended meanwhile does not come back. */
async function changeRecord(
  deps: MpinDeps,
  act: { readonly sessionId: string; readonly now: number; readonly change: (record: SessionRecord) => SessionRecord },
): Promise<boolean> {
  const { sessionId, now, change } = act;
  for (let tries = 0; tries < maxTries; tries += 1) {
    const kept = await deps.shortLived.get(keyOf(sessionId));
    if (kept === undefined) return false;
    const record = openRecord(deps, sessionId, kept.value);
    if (lifetimeOf(record, now) <= 0) return false;
    const changed = change(record);
    const ttlMs = lifetimeOf(changed, now);
    if (await deps.shortLived.compareAndSet(keyOf(sessionId), kept.version, sealRecord(deps, changed), ttlMs))
      return true;
  }
  // Others kept changing it, so it was alive a moment ago and was touched by them.
  return true;
}

/** Milliseconds until it is over, by whichever end comes first. */
function lifetimeOf({ session, seenAt }: SessionRecord, now: number): number {
  return Math.min(seenAt + idleSeconds * 1000, session.openedAt + absoluteSeconds * 1000) - now;
}

function sealRecord(deps: MpinDeps, record: SessionRecord): string {
  return deps.sealing.seal(JSON.stringify(record), contextOf(record.session.id));
}

function openRecord(deps: MpinDeps, sessionId: string, sealed: string): SessionRecord {
  return JSON.parse(deps.sealing.openText(sealed, contextOf(sessionId))) as SessionRecord;
}

function keyOf(sessionId: string): string {
  return `{ses:${sessionId}}`;
}

function contextOf(sessionId: string): string {
  return `sessions:${sessionId}`;
}
