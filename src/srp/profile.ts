/** The two SRP profiles as data: one 2048-bit group, one hash, and the multiplier k, in which alone they differ. */
import { createHash } from 'node:crypto';

/** Hashes the parts one after the other, without separators: every part but the last has a fixed width. */
export type SrpHash = (...parts: (Uint8Array | string)[]) => Uint8Array;

/** Everything that the formulas need to know of a group and its conventions. */
export interface SrpParameters {
  readonly hash: SrpHash;
  /** N, a safe prime, big-endian at full width. */
  readonly prime: Uint8Array;
  /** N as a number. */
  readonly modulus: bigint;
  /** Bytes of every integer of the group on the wire and in hashes (PAD of RFC 5054 §2.6). */
  readonly width: number;
  /** g, as the single byte that H(g) in M1 takes in both profiles. */
  readonly generator: Uint8Array;
  /** k. */
  readonly multiplier: bigint;
  /** H(N) ⊕ H(g), the beginning of M1. */
  readonly groupHash: Uint8Array;
}

export type SrpProfileName = 'srp6a-2048-sha256' | 'rfc5054-2048-sha256';

/** What {@link deriveParameters} starts from. */
export interface ParameterSource {
  readonly prime: Uint8Array;
  /** g, below 256. */
  readonly generator: number;
  /** Whether g fills the group's width inside k: RFC 5054 §2.6 says so, the npm package `secure-remote-password` does not. */
  readonly padsGenerator: boolean;
  readonly hash: SrpHash;
}

/** Derives the constants of a group: k = H(N ‖ g) or H(N ‖ PAD(g)), and H(N) ⊕ H(g). */
export function deriveParameters({ prime, generator, padsGenerator, hash }: ParameterSource): SrpParameters {
  const width = prime.length;
  const shortGenerator = Uint8Array.of(generator);
  const paddedGenerator = new Uint8Array(width);
  paddedGenerator.set(shortGenerator, width - 1);
  const hashOfGenerator = hash(shortGenerator);
  return {
    hash,
    prime,
    modulus: toInteger(prime),
    width,
    generator: shortGenerator,
    multiplier: toInteger(hash(prime, padsGenerator ? paddedGenerator : shortGenerator)),
    groupHash: hash(prime).map((byte, index) => byte ^ (hashOfGenerator[index] ?? 0)),
  };
}

/** The group's integers as numbers; `bytes` is big-endian. */
export function toInteger(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`);
}

/** A number at fixed width, big-endian. */
export function toBytes(integer: bigint, width: number): Uint8Array {
  return new Uint8Array(Buffer.from(integer.toString(16).padStart(2 * width, '0'), 'hex'));
}

/** SHA-256 over the parts. */
export function srpSha256(...parts: (Uint8Array | string)[]): Uint8Array {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** RFC 5054 appendix A, the 2048-bit group. Fixed here: no peer can bring a group of its own (P-16). */
const prime2048 = new Uint8Array(
  Buffer.from(
    'ac6bdb41324a9a9bf166de5e1389582faf72b6651987ee07fc3192943db56050' +
      'a37329cbb4a099ed8193e0757767a13dd52312ab4b03310dcd7f48a9da04fd50' +
      'e8083969edb767b0cf6095179a163ab3661a05fbd5faaae82918a9962f0b93b8' +
      '55f97993ec975eeaa80d740adbf4ff747359d041d5c33ea71d281e446b14773b' +
      'ca97b43a23fb801676bd207a436c6481f1d2b9078717461a5b9d32e688f87748' +
      '544523b524b0d57d5ea77a2775d2ecfa032cfbdbf52fb3786160279004e57ae6' +
      'af874e7303ce53299ccc041c7bc308d82a5698f3a8d0c38271ae35f8e9dbfbb6' +
      '94b5c803d89f7ae435de236d525f54759b65e372fcd68ef20fa7111f9e4aff73',
    'hex',
  ),
);

const group2048 = { prime: prime2048, generator: 2, hash: srpSha256 };

/** The profiles a device may name when it registers (P-17). */
export const srpProfiles: Readonly<Record<SrpProfileName, SrpParameters>> = {
  'srp6a-2048-sha256': deriveParameters({ ...group2048, padsGenerator: false }),
  'rfc5054-2048-sha256': deriveParameters({ ...group2048, padsGenerator: true }),
};
