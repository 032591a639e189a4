/** The phone's side of SRP with OpenSSL's exponentiation: a load generator must not be what is measured (docs/protocol.md §4). */
import { randomBytes } from 'node:crypto';
import {
  clientProof,
  type ModularPower,
  privateKey as privateKeyOf,
  scrambler,
  serverProof,
} from '../../src/srp/formulas.ts';
import { srpProfiles, toBytes, toInteger } from '../../src/srp/profile.ts';

const parameters = srpProfiles['srp6a-2048-sha256'];
const { modulus, multiplier, width, generator } = parameters;

export interface Enrolment {
  readonly salt: string;
  readonly verifier: string;
  /** x, which a phone would derive anew for each login. */
  readonly privateKey: Uint8Array;
}

export function enrol(power: ModularPower, { identity, password }: { identity: string; password: string }): Enrolment {
  const salt = new Uint8Array(randomBytes(32));
  const privateKey = privateKeyOf(parameters, { salt, identity, password });
  return { salt: hex(salt), verifier: hex(power(generator, privateKey)), privateKey };
}

export interface Exchange {
  readonly secret: Uint8Array;
  readonly clientEphemeral: string;
}

export function beginExchange(power: ModularPower): Exchange {
  const secret = new Uint8Array(randomBytes(32));
  return { secret, clientEphemeral: hex(power(generator, secret)) };
}

export interface Challenge {
  readonly identity: string;
  readonly salt: string;
  readonly serverEphemeral: string;
  readonly privateKey: Uint8Array;
  /** g^x where it is known already. */
  readonly verifier?: string;
}

export interface Answer {
  readonly proof: string;
  readonly expectedServerProof: string;
  readonly sessionKey: Uint8Array;
}

/** S = (B - k·g^x)^(a + u·x), and the proofs of both sides. */
export function answerChallenge(
  power: ModularPower,
  { secret, clientEphemeral }: Exchange,
  challenge: Challenge,
): Answer {
  const { identity, privateKey } = challenge;
  const ours = bytes(clientEphemeral);
  const theirs = bytes(challenge.serverEphemeral);
  const u = toInteger(scrambler(parameters, ours, theirs));
  const verifier = challenge.verifier === undefined ? power(generator, privateKey) : bytes(challenge.verifier);
  const base = toInteger(theirs) - ((multiplier * toInteger(verifier)) % modulus);
  const exponent = toInteger(secret) + u * toInteger(privateKey);
  const premaster = power(toBytes(base < 0n ? base + modulus : base, width), toBytes(exponent, 65));
  const sessionKey = parameters.hash(premaster);
  const proof = clientProof(parameters, {
    identity,
    salt: bytes(challenge.salt),
    clientEphemeral: ours,
    serverEphemeral: theirs,
    sessionKey,
  });
  const expected = serverProof(parameters, { clientEphemeral: ours, proof, sessionKey });
  return { proof: hex(proof), expectedServerProof: hex(expected), sessionKey };
}

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'));
}

function hex(data: Uint8Array): string {
  return Buffer.from(data).toString('hex');
}
