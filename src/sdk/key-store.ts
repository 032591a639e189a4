/** What the SDK needs from the place where a phone keeps its keys. */
import type { PublicJwk } from '../protocol/common.ts';
import type { Bytes } from './bytes.ts';

/** The device key signs everything; the biometric key is released by a fingerprint or face only. */
export type KeyName = 'device' | 'biometric';

/**
 * Keys, one secret and one text. An implementation keeps private keys and the secret where they cannot be read out (WebCrypto
 * non-extractable, Secure Enclave, StrongBox), never in a backup, and makes each write durable before it answers.
 *
 * For React Native, implement these eight functions over the platform's key store; `biometric` must be bound to the enrolled
 * fingerprints or faces and be invalidated when they change.
 */
export interface KeyStore {
  /** Makes a new signing key pair (P-256, or RSA of 2048 bits or more) in place of any of that name, and gives its public half. */
  createKey(name: KeyName): Promise<PublicJwk>;
  /** The public half, or `undefined` where there is no such key. Asks the person nothing. */
  publicKey(name: KeyName): Promise<PublicJwk | undefined>;
  /**
   * Signs: ES256 as the 64 bytes r ‖ s, or PS256. With `biometric` the person is asked for finger or face here; throws
   * `biometric_unavailable` when it is refused, and `key_store` where there is no such key.
   */
  sign(name: KeyName, data: Bytes): Promise<Bytes>;
  /** Makes the device secret anew: 32 random bytes that never leave the store. */
  createSecret(): Promise<void>;
  /** HMAC-SHA-512 under the device secret, 64 bytes. Throws `key_store` where there is none. */
  mac(data: Bytes): Promise<Bytes>;
  /** The text last written, or `undefined`. It holds no secret, but must not be alterable by other apps. */
  readState(): Promise<string | undefined>;
  /** Replaces the text, whole or not at all. */
  writeState(text: string): Promise<void>;
  /** Destroys keys, secret and text for good. */
  erase(): Promise<void>;
}
