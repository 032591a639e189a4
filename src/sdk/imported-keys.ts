/** Public keys that were imported lately: a portal that checks receipts by the thousand meets the same few keys again and again. */
import { base64url, type CryptoKey, importJWK, type JWK } from 'jose';
import type { PublicJwk } from '../protocol/common.ts';
import type { Bytes } from './bytes.ts';
import { keep } from './kept.ts';

const kept = keep<CryptoKey>(32);

/** The key to verify with. Throws where it is none, such as a point that is not on the curve. */
export async function importedKey(jwk: PublicJwk, alg: 'ES256' | 'PS256'): Promise<CryptoKey> {
  // The whole of it is its name: no two keys share one.
  const name = `${alg}.${jwk.kty === 'EC' ? `${jwk.x}.${jwk.y}` : `${jwk.n}.${jwk.e}`}`;
  const known = kept.get(name);
  if (known !== undefined) return known;
  const key = jwk.kty === 'EC' ? await importedPoint(jwk) : ((await importJWK({ ...jwk } as JWK, alg)) as CryptoKey);
  kept.set(name, key);
  return key;
}

/** As the point that it is (SEC 1 §2.3.4), which takes half the time of the same as JSON. */
function importedPoint({ x, y }: Extract<PublicJwk, { kty: 'EC' }>): Promise<CryptoKey> {
  const point: Bytes = Uint8Array.of(4, ...base64url.decode(x), ...base64url.decode(y));
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  return globalThis.crypto.subtle.importKey('raw', point, algorithm, false, ['verify']);
}
