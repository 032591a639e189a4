/** Public keys that were imported lately: a portal that checks receipts by the thousand meets the same few keys again and again. */
import { type CryptoKey, importJWK, type JWK } from 'jose';
import type { PublicJwk } from '../protocol/common.ts';

/** Keys that are kept; the oldest goes when one more comes. */
const most = 32;
const kept = new Map<string, CryptoKey>();

/** The key to verify with. Throws where it is none, as `importJWK` does. */
export async function importedKey(jwk: PublicJwk, alg: 'ES256' | 'PS256'): Promise<CryptoKey> {
  // The whole of it is its name: no two keys share one.
  const name = `${alg}.${jwk.kty === 'EC' ? `${jwk.x}.${jwk.y}` : `${jwk.n}.${jwk.e}`}`;
  const known = kept.get(name);
  if (known !== undefined) return known;
  const key = (await importJWK({ ...jwk } as JWK, alg)) as CryptoKey;
  const [oldest] = kept.keys();
  if (kept.size >= most && oldest !== undefined) kept.delete(oldest);
  kept.set(name, key);
  return key;
}
