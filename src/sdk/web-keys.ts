/** Key pairs and the device secret as WebCrypto keys, for the key stores that are built on WebCrypto. */
import type { CryptoKey, JWK } from 'jose';
import type { PublicJwk } from '../protocol/common.ts';
import { PublicJwk as PublicJwkSchema } from '../protocol/common.ts';
import type { Bytes } from './bytes.ts';
import { PhoneError } from './errors.ts';
import { matches } from './matches.ts';

/** A signing key pair; whether its private half can be read out is decided when it is made. */
export interface SigningKeys {
  readonly privateKey: CryptoKey;
  readonly publicJwk: PublicJwk;
}

/** The one kind of key that browsers and phones all make. */
export const ecdsaP256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const hmacSha512 = { name: 'HMAC', hash: 'SHA-512', length: 256 } as const;

/** A new P-256 key pair. */
export async function generateSigningKeys(options: { readonly extractable: boolean }): Promise<SigningKeys> {
  const pair = await globalThis.crypto.subtle.generateKey(ecdsaP256, options.extractable, ['sign', 'verify']);
  const jwk = await globalThis.crypto.subtle.exportKey('jwk', pair.publicKey);
  return { privateKey: pair.privateKey, publicJwk: publicPart(jwk) };
}

/** ES256 as r ‖ s, 64 bytes. */
export async function signEs256(key: CryptoKey, data: Bytes): Promise<Bytes> {
  return new Uint8Array(await globalThis.crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key, data));
}

/** A new device secret of 32 bytes. */
export async function generateSecretKey(options: { readonly extractable: boolean }): Promise<CryptoKey> {
  return globalThis.crypto.subtle.generateKey(hmacSha512, options.extractable, ['sign']);
}

/** HMAC-SHA-512, 64 bytes. */
export async function macSha512(key: CryptoKey, data: Bytes): Promise<Bytes> {
  return new Uint8Array(await globalThis.crypto.subtle.sign('HMAC', key, data));
}

/** A private key as JWK, for stores outside a browser only. Throws on a key that is not extractable. */
export async function exportPrivateJwk(key: CryptoKey): Promise<JWK> {
  return globalThis.crypto.subtle.exportKey('jwk', key) as Promise<JWK>;
}

/** Reads back what {@link exportPrivateJwk} gave. Throws `key_store` where it is not a P-256 key. */
export async function importSigningKeys(jwk: JWK): Promise<SigningKeys> {
  try {
    const privateKey = await globalThis.crypto.subtle.importKey('jwk', jwk, ecdsaP256, false, ['sign']);
    return { privateKey, publicJwk: publicPart(jwk) };
  } catch (cause) {
    throw new PhoneError('key_store', { detail: 'a stored key is damaged', cause });
  }
}

/** The device secret from its 32 bytes. */
export async function importSecretKey(secret: Bytes): Promise<CryptoKey> {
  return globalThis.crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-512' }, false, ['sign']);
}

/** The public key of a WebAuthn credential, from its SubjectPublicKeyInfo. Throws `biometric_unavailable` on a kind that is not known. */
export async function importSpki(spki: Bytes): Promise<PublicJwk> {
  const { subtle } = globalThis.crypto;
  try {
    const key = await subtle
      .importKey('spki', spki, ecdsaP256, true, ['verify'])
      .catch(() => subtle.importKey('spki', spki, { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, true, ['verify']));
    return publicPart(await subtle.exportKey('jwk', key));
  } catch (cause) {
    throw new PhoneError('biometric_unavailable', { detail: 'a credential of another kind', cause });
  }
}

function publicPart({ kty, crv, x, y, n, e }: JWK): PublicJwk {
  const publicJwk: unknown = kty === 'RSA' ? { kty, n, e } : { kty, crv, x, y };
  if (!matches(PublicJwkSchema, publicJwk)) throw new PhoneError('key_store', { detail: 'not a key that is known' });
  return publicJwk;
}
