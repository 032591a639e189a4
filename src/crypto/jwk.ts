/** Public keys of phones and clients: what is accepted, how keys are named (RFC 7638), and a cache of imported ones. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import type { JWK } from 'jose';
import { AuthError } from '../errors.ts';
import { encodeBase64url, sha256, tryDecodeBase64url } from './bytes.ts';
import { isPlainObject } from './strict-json.ts';

/** Signature algorithms of this project (RFC 7518 §3.1); RS256 for portals that need it, never for devices. */
export type SignatureAlgorithm = 'ES256' | 'PS256' | 'RS256';

/** Exactly the public members, in the order of RFC 7638. */
export type PublicKeyMembers =
  | { readonly crv: 'P-256'; readonly kty: 'EC'; readonly x: string; readonly y: string }
  | { readonly e: 'AQAB'; readonly kty: 'RSA'; readonly n: string };

/** A key that may sign for a device. */
export interface DeviceKey {
  readonly publicJwk: PublicKeyMembers;
  /** RFC 7638 with SHA-256, base64url: the key's name everywhere. */
  readonly thumbprint: string;
  /** The one algorithm this key is good for. */
  readonly alg: 'ES256' | 'PS256';
  readonly key: KeyObject;
}

/** Imported keys by thumbprint, the least recently used leaving first: an import costs about as much as a verification. */
export interface KeyCache {
  get(thumbprint: string): DeviceKey | undefined;
  set(deviceKey: DeviceKey): void;
}

/** Private and symmetric members: a JWK that has one is a leaked key, not a public one. */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
const minModulusBits = 2048;
const maxModulusBits = 4096;

/** Makes an empty cache of at most `max` keys. */
export function createKeyCache(max = 2000): KeyCache {
  const keys = new Map<string, DeviceKey>();
  return {
    get: (thumbprint) => {
      const found = keys.get(thumbprint);
      if (found === undefined) return undefined;
      // A Map keeps the order of insertion, so the first entry is the one unused for longest.
      keys.delete(thumbprint);
      keys.set(thumbprint, found);
      return found;
    },
    set: (deviceKey) => {
      keys.delete(deviceKey.thumbprint);
      keys.set(deviceKey.thumbprint, deviceKey);
      const oldest = keys.keys().next().value;
      if (keys.size > max && oldest !== undefined) keys.delete(oldest);
    },
  };
}

/**
 * Accepts a device's public key: EC on P-256 with a point on the curve → ES256; RSA of 2048 to 4096 bits with e = 65537 → PS256.
 * Only public members are kept. Anything else, a private member among it, is refused with `invalid_request` (C-08). With a `cache`
 * the costly import happens once for each key.
 */
export function checkDeviceKey(jwk: unknown, cache?: KeyCache): DeviceKey {
  if (!isPlainObject(jwk)) throw unacceptable('a JWK is expected');
  if (secretMembers.some((member) => Object.hasOwn(jwk, member))) throw unacceptable('it has private members');
  const publicJwk = publicMembers(jwk);
  const alg = publicJwk.kty === 'EC' ? 'ES256' : 'PS256';
  checkPurpose(jwk, alg);
  const thumbprint = jwkThumbprint(publicJwk);
  const cached = cache?.get(thumbprint);
  if (cached !== undefined) return cached;
  const deviceKey: DeviceKey = { publicJwk, thumbprint, alg, key: importPublic(publicJwk) };
  cache?.set(deviceKey);
  return deviceKey;
}

/** RFC 7638 thumbprint with SHA-256 of an EC P-256 or RSA key; other members are left out. Throws `invalid_request` on other keys. */
export function jwkThumbprint(jwk: JWK): string {
  if (jwk.kty === 'EC') {
    return hashOfMembers({ crv: text(jwk.crv, 'crv'), kty: 'EC', x: text(jwk.x, 'x'), y: text(jwk.y, 'y') });
  }
  if (jwk.kty === 'RSA') return hashOfMembers({ e: text(jwk.e, 'e'), kty: 'RSA', n: text(jwk.n, 'n') });
  throw unacceptable('its type must be EC or RSA');
}

/** The RFC hashes JSON without white space, members in lexical order, as they are given here. */
function hashOfMembers(members: Readonly<Record<string, string>>): string {
  return encodeBase64url(sha256(JSON.stringify(members)));
}

function publicMembers(jwk: Record<string, unknown>): PublicKeyMembers {
  if (jwk.kty === 'EC') {
    if (jwk.crv !== 'P-256') throw unacceptable('its curve must be P-256');
    return { crv: 'P-256', kty: 'EC', x: coordinate(jwk.x, 'x'), y: coordinate(jwk.y, 'y') };
  }
  if (jwk.kty === 'RSA') {
    // e = 3 and its like make faulty padding checks exploitable, and no phone makes such keys.
    if (jwk.e !== 'AQAB') throw unacceptable('its exponent must be 65537');
    return { e: 'AQAB', kty: 'RSA', n: modulus(jwk.n) };
  }
  throw unacceptable('its type must be EC or RSA');
}

/** Canonical text of exactly 32 bytes: one key has one spelling, hence one thumbprint. */
function coordinate(value: unknown, name: string): string {
  const encoded = text(value, name);
  if (tryDecodeBase64url(encoded)?.length !== 32) throw unacceptable(`its ${name} must be 32 bytes in base64url`);
  return encoded;
}

function modulus(value: unknown): string {
  const encoded = text(value, 'n');
  const bytes = encoded.length <= 700 ? tryDecodeBase64url(encoded) : undefined;
  const first = bytes?.[0] ?? 0;
  const last = bytes?.at(-1) ?? 0;
  if (bytes === undefined || first === 0 || last % 2 === 0) {
    throw unacceptable('its n must be an odd integer in base64url without leading zeros');
  }
  const bits = bytes.length * 8 - (Math.clz32(first) - 24);
  if (bits < minModulusBits || bits > maxModulusBits) {
    throw unacceptable(`its n must have ${minModulusBits} to ${maxModulusBits} bits`);
  }
  return encoded;
}

/** `use`, `key_ops` and `alg` need not be there; where they are, they must allow signatures with this algorithm (C-11). */
function checkPurpose(jwk: Record<string, unknown>, alg: string): void {
  if (jwk.use !== undefined && jwk.use !== 'sig') throw unacceptable('it is not for signatures');
  if (jwk.alg !== undefined && jwk.alg !== alg) throw unacceptable(`its algorithm must be ${alg}`);
  if (jwk.key_ops !== undefined && !(Array.isArray(jwk.key_ops) && jwk.key_ops.includes('verify'))) {
    throw unacceptable('it is not for verification');
  }
}

/** OpenSSL checks that an EC point lies on the curve: a point off it would leak or forge in a weaker group. */
function importPublic(jwk: PublicKeyMembers): KeyObject {
  try {
    return createPublicKey({ key: { ...jwk }, format: 'jwk' });
  } catch (cause) {
    throw unacceptable('it is not a valid key', cause);
  }
}

function text(value: unknown, name: string): string {
  if (typeof value !== 'string') throw unacceptable(`its ${name} must be text`);
  return value;
}

function unacceptable(why: string, cause?: unknown): AuthError {
  return new AuthError('invalid_request', { message: `the key is not acceptable: ${why}`, cause });
}
