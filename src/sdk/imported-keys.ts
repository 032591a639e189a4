/** Public keys that were imported lately: a portal that checks receipts by the thousand meets the same few keys again and again. */
import { type CryptoKey, importJWK, type JWK } from 'jose';
import type { PublicJwk } from '../protocol/common.ts';
import { keep } from './kept.ts';

const kept = keep<CryptoKey>(32);

/** The key to verify with. Throws where it is none, as `importJWK` does. */
export async function importedKey(jwk: PublicJwk, alg: 'ES256' | 'PS256'): Promise<CryptoKey> {
  // The whole of it is its name: no two keys share one.
  const name = `${alg}.${jwk.kty === 'EC' ? `${jwk.x}.${jwk.y}` : `${jwk.n}.${jwk.e}`}`;
  const known = kept.get(name);
  if (known !== undefined) return known;
  const key = (await importJWK({ ...jwk } as JWK, alg)) as CryptoKey;
  kept.set(name, key);
  return key;
}
