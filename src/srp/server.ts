/** The server's side of SRP-6a: ephemerals, the proof check, and credentials for devices that do not exist. */
import { hkdfSync, randomBytes } from 'node:crypto';
import { decodeHex, encodeHex, equalBytes, frame, hmacSha256, tryDecodeHex } from '../crypto/bytes.ts';
import { AuthError } from '../errors.ts';
import {
  clientProof,
  type ModularPower,
  modularPowerOf,
  premaster,
  scrambler,
  serverEphemeral,
  serverProof,
} from './formulas.ts';
import { createPowerPool } from './pool.ts';
import { type SrpParameters, type SrpProfileName, srpProfiles, toBytes, toInteger } from './profile.ts';

const saltBytes = 32;
const proofBytes = 32;
const secretBytes = 32;

/** One login's server half. The secret belongs to one handshake, is stored sealed or in memory only, and is used once (P-15). */
export interface ServerEphemeral {
  /** b: 64 hex digits. */
  readonly serverSecret: string;
  /** B: 512 hex digits. */
  readonly serverEphemeral: string;
}

/** A handshake together with the proof that came for it; every string as on the wire. */
export interface ProofCheck {
  readonly profile: SrpProfileName;
  /** I: the device id. */
  readonly identity: string;
  readonly salt: string;
  readonly verifier: string;
  readonly clientEphemeral: string;
  readonly serverSecret: string;
  readonly serverEphemeral: string;
  readonly proof: string;
}

/** A failure carries nothing: no M2 and nothing derived from K can slip out after a wrong proof (P-14). */
export type ProofResult =
  | {
      readonly ok: true;
      /** M2: 64 hex digits. */
      readonly serverProof: string;
      /** K: 32 bytes. */
      readonly sessionKey: Uint8Array;
    }
  | { readonly ok: false };

export interface SrpServer {
  /** b and B for a verifier; cheap while the pool has a g^b. Throws `invalid_request` on a verifier that {@link checkVerifier} refuses. */
  createEphemeral(input: { profile: SrpProfileName; verifier: string }): ServerEphemeral;
  /**
   * Evaluates a proof: two exponentiations, whatever the outcome, unless a value is malformed. Malformed values make `ok: false` too,
   * but callers refuse them with {@link checkClientEphemeral} and {@link checkProofForm} before they charge an attempt (P-12).
   * That a handshake is used once, right or wrong, is the caller's to see to.
   */
  checkProof(check: ProofCheck): ProofResult;
  /** base ^ exponent mod N, by OpenSSL. */
  readonly modularPower: ModularPower;
  /** Makes the Diffie-Hellman object and fills the pool, giving way to other work in between. Without it the first use pays (180 to 440 ms). */
  warmUp(): Promise<void>;
  /** Ends the filling of the pool and forgets its secrets. */
  close(): void;
}

export interface SrpServerOptions {
  /** How many g^b are kept ready; 64 unless told. */
  readonly poolSize?: number;
  /** For tests: other hashes. Both profiles must share one group. */
  readonly profiles?: Readonly<Record<SrpProfileName, SrpParameters>>;
  /** For tests: an exponentiation that counts or answers what OpenSSL would refuse. */
  readonly modularPower?: ModularPower;
}

/** Makes the one SRP server of a process. */
export function createSrpServer(options: SrpServerOptions = {}): SrpServer {
  const { poolSize = 64, profiles = srpProfiles } = options;
  const group = profiles['rfc5054-2048-sha256'];
  let nativePower = options.modularPower;
  // Not before the first use: a server that warms up does so while it starts.
  const modularPower: ModularPower = (base, exponent) => {
    nativePower ??= modularPowerOf(group);
    return nativePower(base, exponent);
  };
  const pool = createPowerPool({
    size: poolSize,
    make: () => {
      const secret = randomSecret();
      return { secret, power: modularPower(group.generator, secret) };
    },
  });
  return {
    modularPower,
    createEphemeral: ({ profile, verifier }) => {
      const verifierBytes = parseVerifier(verifier, group);
      const { secret, power } = pool.take();
      const ephemeral = serverEphemeral(profiles[profile], { verifier: verifierBytes, power });
      return { serverSecret: encodeHex(secret), serverEphemeral: encodeHex(ephemeral) };
    },
    checkProof: (check) => checkProof(check, { parameters: profiles[check.profile], modularPower }),
    warmUp: () => pool.fill(),
    close: () => pool.close(),
  };
}

/** Refuses a client ephemeral that is not 512 lower-case hex digits of a value from 1 to N - 1, with `invalid_request` (P-12). */
export function checkClientEphemeral(text: string): void {
  if (parseClientEphemeral(text, srpProfiles['rfc5054-2048-sha256']) === undefined) {
    throw new AuthError('invalid_request', {
      message: 'clientEphemeral must be 512 lower-case hex digits, from 1 to N - 1',
    });
  }
}

/** Refuses a verifier that is not 512 lower-case hex digits of a value between 1 and N - 1, both excluded, with `invalid_request`. */
export function checkVerifier(text: string): void {
  parseVerifier(text, srpProfiles['rfc5054-2048-sha256']);
}

/** Refuses a salt that is not 64 lower-case hex digits, with `invalid_request`. */
export function checkSalt(text: string): void {
  decodeHex(text, saltBytes, 'salt');
}

/** Refuses a proof that is not exactly 64 lower-case hex digits, with `invalid_request`: one proof has one spelling (P-18). */
export function checkProofForm(text: string): void {
  decodeHex(text, proofBytes, 'proof');
}

/**
 * Salt and verifier for a device that does not exist: the same for the same identity and secret, so that asking twice tells nothing,
 * and of the same form as real ones, so that the same work follows (P-11; RFC 5054 §2.5.1.3). No password fits the verifier: nobody
 * knows its logarithm. Costs two hashes and a reduction, not an exponentiation, so that it takes no longer than opening real ones.
 */
export function fakeCredentials({ secret, identity }: { secret: Uint8Array; identity: string }): {
  salt: string;
  verifier: string;
} {
  const { modulus, width } = srpProfiles['rfc5054-2048-sha256'];
  const salt = hmacSha256(secret, frame(['mtoken/v1/fake-salt', identity]));
  // 64 bytes more than the modulus: the reduction's bias is below 2^-512.
  const info = frame(['mtoken/v1/fake-verifier', hmacSha256(secret, identity)]);
  const wide = toInteger(new Uint8Array(hkdfSync('sha512', secret, new Uint8Array(0), info, width + 64)));
  return { salt: encodeHex(salt), verifier: encodeHex(toBytes((wide % (modulus - 3n)) + 2n, width)) };
}

interface ProofTools {
  readonly parameters: SrpParameters;
  readonly modularPower: ModularPower;
}

function checkProof(check: ProofCheck, { parameters, modularPower }: ProofTools): ProofResult {
  const parsed = parseCheck(check, parameters);
  if (parsed === undefined) return { ok: false };
  const u = scrambler(parameters, parsed.clientEphemeral, parsed.serverEphemeral);
  // u = 0 would take the verifier out of S: who sends A would then know S without any password (P-13).
  if (u.every((byte) => byte === 0)) return { ok: false };
  const sessionKey = deriveKey({ ...parsed, scrambler: u }, { parameters, modularPower });
  if (sessionKey === undefined) return { ok: false };
  const expected = clientProof(parameters, { ...parsed, identity: check.identity, sessionKey });
  // Constant time on decoded bytes: neither the length of a right beginning nor another spelling helps a guesser (P-18).
  if (!equalBytes(expected, parsed.proof)) return { ok: false };
  return { ok: true, serverProof: encodeHex(serverProof(parameters, { ...parsed, sessionKey })), sessionKey };
}

/** K = H(PAD(S)), or `undefined` where A·v^u is 1 or N - 1: OpenSSL refuses to raise these. */
function deriveKey(
  input: Parameters<typeof premaster>[2],
  { parameters, modularPower }: ProofTools,
): Uint8Array | undefined {
  try {
    return parameters.hash(premaster(parameters, modularPower, input));
  } catch {
    return undefined;
  }
}

function parseCheck(check: ProofCheck, parameters: SrpParameters) {
  const clientEphemeral = parseClientEphemeral(check.clientEphemeral, parameters);
  const proof = tryDecodeHex(check.proof, proofBytes);
  if (clientEphemeral === undefined || proof === undefined) return undefined;
  // What follows is our own: a fault in it is an error of ours, not a wrong proof.
  return {
    clientEphemeral,
    proof,
    salt: own(check.salt, saltBytes, 'salt'),
    verifier: own(check.verifier, parameters.width, 'verifier'),
    serverSecret: own(check.serverSecret, secretBytes, 'server secret'),
    serverEphemeral: own(check.serverEphemeral, parameters.width, 'server ephemeral'),
  };
}

function own(text: string, width: number, name: string): Uint8Array {
  const bytes = tryDecodeHex(text, width);
  if (bytes === undefined)
    throw new AuthError('internal', { detail: `the stored ${name} is not ${2 * width} hex digits` });
  return bytes;
}

/** A mod N = 0 would make S = 0 for everyone, so 0 and everything from N on is refused: N, 2N, N + 5 among them (P-12). */
function parseClientEphemeral(text: string, { width, modulus }: SrpParameters): Uint8Array | undefined {
  const bytes = tryDecodeHex(text, width);
  if (bytes === undefined) return undefined;
  const value = toInteger(bytes);
  return value >= 1n && value < modulus ? bytes : undefined;
}

function parseVerifier(text: string, { width, modulus }: SrpParameters): Uint8Array {
  const bytes = decodeHex(text, width, 'verifier');
  const value = toInteger(bytes);
  // The powers of 0, 1 and N - 1 do not depend on the exponent: such a verifier would let everyone in, or no one.
  if (value <= 1n || value >= modulus - 1n) {
    throw new AuthError('invalid_request', { message: 'verifier must lie between 1 and N - 1' });
  }
  return bytes;
}

/** 256 random bits, not zero. */
function randomSecret(): Uint8Array {
  const secret = new Uint8Array(randomBytes(secretBytes));
  return secret.every((byte) => byte === 0) ? randomSecret() : secret;
}
