/** Makes the server's own key pairs, named by their RFC 7638 thumbprints. */
import { generateKeyPair as generateKeyPairCallback, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { calculateJwkThumbprint, type JWK } from 'jose';
import type { KeyStatus, ServerKey } from './store.ts';

const generateKeyPair = promisify(generateKeyPairCallback);

export type KeyAlgorithm = ServerKey['alg'];
export type SigningAlgorithm = 'ES256' | 'RS256';
/** RSA modulus lengths that are offered: 2048 for peers that take no more, 3072 otherwise (C-10). */
export type RsaBits = 2048 | 3072 | 4096;

export interface NewKey {
  readonly alg: KeyAlgorithm;
  readonly rsaBits: RsaBits;
  readonly status: Extract<KeyStatus, 'next' | 'active'>;
  /** Epoch-milliseconds. */
  readonly at: number;
}

/** A fresh key pair. RSA takes up to a second, off the event loop; never call it within a transaction. */
export async function generateServerKey({ alg, rsaBits, status, at }: NewKey): Promise<ServerKey> {
  const { publicKey, privateKey } = await pairFor(alg, rsaBits);
  const bare = publicKey.export({ format: 'jwk' }) as JWK;
  const kid = await calculateJwkThumbprint(bare, 'sha256');
  const use = alg === 'ES256' || alg === 'RS256' ? 'sig' : 'enc';
  // A key says what it is for, so that no library takes an encryption key to verify with (C-11).
  const publicJwk: JWK = { ...bare, kid, use, alg };
  return {
    kid,
    use,
    alg,
    status,
    publicJwk,
    privateJwk: { ...(privateKey.export({ format: 'jwk' }) as JWK), kid, use, alg },
    createdAt: at,
    activatedAt: status === 'active' ? at : undefined,
  };
}

function pairFor(alg: KeyAlgorithm, rsaBits: RsaBits): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  if (alg === 'ES256' || alg === 'ECDH-ES') return generateKeyPair('ec', { namedCurve: 'P-256' });
  return generateKeyPair('rsa', { modulusLength: rsaBits, publicExponent: 0x10001 });
}
