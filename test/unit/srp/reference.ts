/**
 * SRP-6a once more, independent of `src/srp`: `BigInt` square-and-multiply and one-shot hashes, for tests to compare with; and the
 * client that the server's tests need.
 */
import { createHash } from 'node:crypto';

export interface ReferenceGroup {
  readonly prime: bigint;
  readonly generator: bigint;
  readonly width: number;
  readonly hash: 'sha1' | 'sha256';
  readonly padsGenerator: boolean;
}

const hexOfPrime = `
  AC6BDB41 324A9A9B F166DE5E 1389582F AF72B665 1987EE07 FC319294 3DB56050 A37329CB B4A099ED 8193E075 7767A13D D52312AB 4B03310D
  CD7F48A9 DA04FD50 E8083969 EDB767B0 CF609517 9A163AB3 661A05FB D5FAAAE8 2918A996 2F0B93B8 55F97993 EC975EEA A80D740A DBF4FF74
  7359D041 D5C33EA7 1D281E44 6B14773B CA97B43A 23FB8016 76BD207A 436C6481 F1D2B907 8717461A 5B9D32E6 88F87748 544523B5 24B0D57D
  5EA77A27 75D2ECFA 032CFBDB F52FB378 61602790 04E57AE6 AF874E73 03CE5329 9CCC041C 7BC308D8 2A5698F3 A8D0C382 71AE35F8 E9DBFBB6
  94B5C803 D89F7AE4 35DE236D 525F5475 9B65E372 FCD68EF2 0FA7111F 9E4AFF73`;

/** N as text, 512 lower-case hex digits. */
export const primeHex = hexOfPrime.replace(/\s/g, '').toLowerCase();

export function referenceGroup(profile: 'srp6a-2048-sha256' | 'rfc5054-2048-sha256'): ReferenceGroup {
  return {
    prime: BigInt(`0x${primeHex}`),
    generator: 2n,
    width: 256,
    hash: 'sha256',
    padsGenerator: profile === 'rfc5054-2048-sha256',
  };
}

export function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base % modulus;
  for (let bits = exponent; bits > 0n; bits >>= 1n) {
    if (bits & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

export const big = (hex: string): bigint => BigInt(`0x${hex || '0'}`);
export const pad = (value: bigint, width = 256): string => value.toString(16).padStart(2 * width, '0');

/** Hash of the concatenation of hex strings. */
export function hashHex(hash: string, ...parts: string[]): string {
  return createHash(hash)
    .update(Buffer.from(parts.join(''), 'hex'))
    .digest('hex');
}

export const utf8Hex = (text: string): string => Buffer.from(text, 'utf8').toString('hex');

export function referenceMultiplier(group: ReferenceGroup): string {
  const generator = group.padsGenerator ? pad(group.generator, group.width) : '02';
  return hashHex(group.hash, pad(group.prime, group.width), generator);
}

export function referencePrivateKey(group: ReferenceGroup, salt: string, identity: string, password: string): string {
  return hashHex(group.hash, salt, hashHex(group.hash, utf8Hex(`${identity}:${password}`)));
}

export function referenceM1(
  group: ReferenceGroup,
  values: { identity: string; salt: string; A: string; B: string; K: string },
): string {
  const hashOfPrime = big(hashHex(group.hash, pad(group.prime, group.width)));
  const mixed = pad(hashOfPrime ^ big(hashHex(group.hash, '02')), group.hash === 'sha1' ? 20 : 32);
  const { identity, salt, A, B, K } = values;
  return hashHex(group.hash, mixed, hashHex(group.hash, utf8Hex(identity)), salt, A, B, K);
}

/** The client's half of a login: S = (B - k·g^x)^(a + u·x). */
export function clientLogin(
  group: ReferenceGroup,
  input: { identity: string; salt: string; x: string; a: string; B: string },
) {
  const { prime, generator, width, hash } = group;
  const A = pad(power(generator, big(input.a), prime), width);
  const u = hashHex(hash, A, input.B);
  const kv = (big(referenceMultiplier(group)) * power(generator, big(input.x), prime)) % prime;
  const S = pad(power((big(input.B) + prime - kv) % prime, big(input.a) + big(u) * big(input.x), prime), width);
  const K = hashHex(hash, S);
  const M1 = referenceM1(group, { identity: input.identity, salt: input.salt, A, B: input.B, K });
  return { A, u, S, K, M1, M2: hashHex(hash, A, M1, K) };
}
