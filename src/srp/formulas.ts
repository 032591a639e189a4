/**
 * SRP-6a, formula by formula, for any group and hash (docs/protocol.md §4; RFC 5054 §2.5 and §2.6, RFC 2945 §3).
 *
 * Exponentiations, the only steps that go through a secret bit by bit, are OpenSSL's ({@link ModularPower}): constant-time in the
 * exponent, so b does not leak. What is left in `BigInt` is k·v + g^b and A·v^u, a multiplication and a reduction each. Their time
 * follows the operands' lengths, which are full width but once in 2^64, and rare carry corrections inside the reduction. Nothing there loops over
 * a secret, v^u differs in every handshake because u does, and k·v is added to a fresh random g^b before it is reduced; and v itself gives no mPIN
 * away without the device secret (docs/protocol.md §4). That is why `BigInt` will do there, and nowhere else.
 */
import { createDiffieHellman } from 'node:crypto';
import { encodeHex } from '../crypto/bytes.ts';
import { type SrpParameters, toBytes, toInteger } from './profile.ts';

/** base ^ exponent mod N at the group's width. Both big-endian; 1 < base < N - 1 and exponent > 0, or it throws. */
export type ModularPower = (base: Uint8Array, exponent: Uint8Array) => Uint8Array;

const known = new Map<string, ModularPower>();

/**
 * The exponentiation of a group, out of OpenSSL's Diffie-Hellman (C-17). The first call for a group costs 180 to 440 ms, because Node
 * proves that N is a safe prime; it is made once for the process. `computeSecret` runs OpenSSL's constant-time exponentiation, so its time
 * hides the exponent.
 */
export function modularPowerOf({ prime, generator, width }: SrpParameters): ModularPower {
  const group = `${encodeHex(prime)}.${encodeHex(generator)}.${width}`;
  const power = known.get(group) ?? makeModularPower({ prime, generator, width });
  known.set(group, power);
  return power;
}

/** Each call sets its exponent and ends before the next begins, so all who need the group share one object. */
function makeModularPower({
  prime,
  generator,
  width,
}: Pick<SrpParameters, 'prime' | 'generator' | 'width'>): ModularPower {
  const diffieHellman = createDiffieHellman(prime, generator);
  return (base, exponent) => {
    diffieHellman.setPrivateKey(exponent);
    const power = new Uint8Array(width);
    const result = diffieHellman.computeSecret(base);
    power.set(result, width - result.length);
    return power;
  };
}

/** x = H(s ‖ H(I ‖ ":" ‖ P)): the client's private key. The server never knows P; this is here for tests and tools. */
export function privateKey(
  { hash }: SrpParameters,
  credentials: { salt: Uint8Array; identity: string; password: string },
) {
  return hash(credentials.salt, hash(`${credentials.identity}:${credentials.password}`));
}

/** B = k·v + g^b mod N. The sum hides v behind g^b, which is as random as b; both summands have full width whatever their value. */
export function serverEphemeral(
  { multiplier, modulus, width }: SrpParameters,
  { verifier, power }: { verifier: Uint8Array; power: Uint8Array },
): Uint8Array {
  return toBytes((multiplier * toInteger(verifier) + toInteger(power)) % modulus, width);
}

/** u = H(PAD(A) ‖ PAD(B)): public, and the reason why neither side can choose its ephemeral after the other's. */
export function scrambler(
  { hash }: SrpParameters,
  clientEphemeral: Uint8Array,
  serverEphemeral: Uint8Array,
): Uint8Array {
  return hash(clientEphemeral, serverEphemeral);
}

/** What {@link premaster} works on; all at the group's width but `scrambler` and `serverSecret`. */
export interface PremasterInput {
  readonly clientEphemeral: Uint8Array;
  readonly verifier: Uint8Array;
  readonly scrambler: Uint8Array;
  readonly serverSecret: Uint8Array;
}

/**
 * S = (A·v^u)^b mod N, two exponentiations. The one with the secret exponent b is constant-time. v^u has a public exponent; the
 * product with A is one multiplication of two full-width numbers. Throws where A·v^u is 0, 1 or N - 1, which only who knows v can bring about.
 */
export function premaster({ modulus, width }: SrpParameters, power: ModularPower, input: PremasterInput): Uint8Array {
  const verifierPower = power(input.verifier, input.scrambler);
  const base = (toInteger(input.clientEphemeral) * toInteger(verifierPower)) % modulus;
  return power(toBytes(base, width), input.serverSecret);
}

/** What both sides must agree on besides the key. */
export interface ProofInput {
  readonly identity: string;
  readonly salt: Uint8Array;
  readonly clientEphemeral: Uint8Array;
  readonly serverEphemeral: Uint8Array;
  /** K = H(PAD(S)). */
  readonly sessionKey: Uint8Array;
}

/** M1 = H((H(N) ⊕ H(g)) ‖ H(I) ‖ s ‖ PAD(A) ‖ PAD(B) ‖ K): shows that the client knows the password. */
export function clientProof({ hash, groupHash }: SrpParameters, input: ProofInput): Uint8Array {
  return hash(
    groupHash,
    hash(input.identity),
    input.salt,
    input.clientEphemeral,
    input.serverEphemeral,
    input.sessionKey,
  );
}

/** M2 = H(PAD(A) ‖ M1 ‖ K): shows that the server knows the verifier. To be sent after a right M1 only. */
export function serverProof(
  { hash }: SrpParameters,
  input: { clientEphemeral: Uint8Array; proof: Uint8Array; sessionKey: Uint8Array },
): Uint8Array {
  return hash(input.clientEphemeral, input.proof, input.sessionKey);
}
