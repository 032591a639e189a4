/** Handshakes between start and finish: sealed, short-lived, bound to key and purpose, and taken once, right or wrong. */
import { randomId } from '../crypto/random.ts';
import type { SrpProfileName } from '../devices/store.ts';
import type { MpinDeps } from './deps.ts';

/** How long a phone has between start and finish (P-15: two minutes at most). */
export const handshakeSeconds = 120;

/** What a proof is for; a proof for one is worth nothing for another. */
export type HandshakePurpose = 'session' | `order:${string}` | `mpin-change:${string}` | `biometrics:${string}`;

interface HandshakeBase {
  readonly deviceId: string;
  /** Thumbprint of the key that began it: nobody else can finish it. */
  readonly thumbprint: string;
  /** False for a device that is unknown, may not act or is of another key: then no proof is right. */
  readonly isReal: boolean;
  readonly expiresAt: number;
}

export interface MpinHandshake extends HandshakeBase {
  readonly kind: 'mpin';
  readonly purpose: HandshakePurpose;
  readonly profile: SrpProfileName;
  /** Of the mPIN that salt and server ephemeral were made for. */
  readonly generation: number;
  readonly salt: string;
  readonly clientEphemeral: string;
  readonly serverSecret: string;
  readonly serverEphemeral: string;
}

export interface BiometricHandshake extends HandshakeBase {
  readonly kind: 'biometric';
  readonly nonce: string;
}

export type Handshake = MpinHandshake | BiometricHandshake;
/** `Omit` on each member of a union. */
type Unstamped<H> = H extends Handshake ? Omit<H, 'expiresAt'> : never;

/** Keeps a handshake and answers its id. The whole of it is sealed: with b, a dump of the store would let who has v act as the server (C-13). */
export async function keepHandshake(deps: MpinDeps, handshake: Unstamped<Handshake>): Promise<string> {
  const id = randomId('hs');
  const ttlMs = handshakeSeconds * 1000;
  const stamped = { ...handshake, expiresAt: deps.clock.now() + ttlMs };
  await deps.shortLived.create(keyOf(id), deps.sealing.seal(JSON.stringify(stamped), contextOf(id)), ttlMs);
  return id;
}

/** Takes a handshake away: of any number of callers one gets it (P-15). Undefined where it is gone, expired or was never there. */
export async function takeHandshake(deps: MpinDeps, id: string): Promise<Handshake | undefined> {
  const sealed = await deps.shortLived.take(keyOf(id));
  if (sealed === undefined) return undefined;
  const handshake = JSON.parse(deps.sealing.openText(sealed, contextOf(id))) as Handshake;
  return deps.clock.now() < handshake.expiresAt ? handshake : undefined;
}

function keyOf(id: string): string {
  return `hs:{${id}}`;
}

function contextOf(id: string): string {
  return `handshakes:${id}`;
}
