/** The two keys of an app session, one for each direction, from the secret that both sides have and all that they said (docs/protocol.md §6). */
import { hkdfSync } from 'node:crypto';
import { frame, sha512 } from '../crypto/bytes.ts';
import { label } from '../protocol/names.ts';

const keyBytes = 64;

export interface SessionKeys {
  /** 64 bytes. */
  readonly appToServerKey: Uint8Array;
  /** 64 bytes. */
  readonly serverToAppKey: Uint8Array;
}

/** Derives both with HKDF-SHA-512. `transcript` is every string of the handshake as on the wire, so that no part can be exchanged unnoticed. */
export function deriveSessionKeys(secret: Uint8Array, transcript: readonly string[]): SessionKeys {
  const salt = sha512(frame(transcript));
  const derive = (info: string): Uint8Array => new Uint8Array(hkdfSync('sha512', secret, salt, info, keyBytes));
  return { appToServerKey: derive(label.appToServer), serverToAppKey: derive(label.serverToApp) };
}
