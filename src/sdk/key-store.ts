/** What the SDK needs from the place where a phone keeps its keys. */
import type { WebauthnAssertion } from '../protocol/biometrics.ts';
import type { PublicJwk } from '../protocol/common.ts';
import type { Bytes } from './bytes.ts';

/** The device key signs everything; the biometric key is released by a fingerprint or face only. */
export type KeyName = 'device' | 'biometric';

/** How the person is asked. */
export interface SignOptions {
  /** Takes the question back, as where the person would rather enter the mPIN. */
  readonly signal?: AbortSignal | undefined;
}

/** What a WebAuthn credential answers to a challenge, in base64url. */
export type CredentialAssertion = Omit<WebauthnAssertion, 'statement'>;

/**
 * Keys, one secret and one text. An implementation keeps private keys and the secret where they cannot be read out (WebCrypto
 * non-extractable, Secure Enclave, StrongBox), never in a backup, and makes each write durable before it answers.
 *
 * For React Native, implement these functions but `assert` over the platform's key store; `biometric` must be bound to the enrolled
 * fingerprints or faces and be invalidated when they change.
 */
export interface KeyStore {
  /** Makes a new signing key pair (P-256, or RSA of 2048 bits or more) in place of any of that name, and gives its public half. */
  createKey(name: KeyName): Promise<PublicJwk>;
  /** The public half, or `undefined` where there is no such key. Asks the person nothing. */
  publicKey(name: KeyName): Promise<PublicJwk | undefined>;
  /**
   * Signs: ES256 as the 64 bytes r ‖ s, or PS256. With `biometric` the person is asked for finger or face here; throws
   * `biometric_failed` when it is not recognised or refused, `biometric_lost` where the platform has destroyed the key,
   * `biometric_unavailable` where it cannot ask, and `key_store` where there is no such key.
   */
  sign(name: KeyName, data: Bytes, options?: SignOptions): Promise<Bytes>;
  /**
   * Only in stores whose biometric key may be a WebAuthn credential, which signs nothing but assertions: the assertion over a
   * challenge of 32 bytes, or `undefined` where the key signs by {@link sign}. Asks and throws as that does.
   */
  assert?(challenge: Bytes, options?: SignOptions): Promise<CredentialAssertion | undefined>;
  /** Destroys one key; does nothing where there is none. */
  removeKey(name: KeyName): Promise<void>;
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
