/** The portal's key: with it, it proves to the server that it is itself, and signs what it asks by the back channel. */
import { webcrypto } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, type JWK } from 'jose';

export interface PortalKey {
  readonly kid: string;
  readonly privateKey: webcrypto.CryptoKey;
  /** The public part, as the portal registers it. */
  readonly publicJwk: JWK;
}

/** A new P-256 key. The demo makes one at each start and registers it; a portal of yours keeps its key where it keeps its secrets. */
export async function newPortalKey(): Promise<PortalKey> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const { privateKey, publicKey } = await webcrypto.subtle.generateKey(algorithm, false, ['sign', 'verify']);
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  return { kid, privateKey, publicJwk: { kty: 'EC', crv: 'P-256', x: jwk.x, y: jwk.y, kid } as JWK };
}
