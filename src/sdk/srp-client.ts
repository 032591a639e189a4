/** The phone's side of SRP (protocol §4) over `secure-remote-password/client`, whose quirks end here. */
import srpClient from 'secure-remote-password/client.js';
import type { MpinChallenge } from '../protocol/session.ts';
import { type Bytes, fromHex, sha256 } from './bytes.ts';
import { PhoneError } from './errors.ts';

/** The only profile of this SDK, and with it the only group: nobody can offer it a weaker one (P-16). */
export const srpProfile = 'srp6a-2048-sha256';

/** N of the 2048-bit group of RFC 5054, appendix A. */
const modulus = BigInt(
  '0xac6bdb41324a9a9bf166de5e1389582faf72b6651987ee07fc3192943db56050a37329cbb4a099ed8193e0757767a13dd52312ab4b03310d' +
    'cd7f48a9da04fd50e8083969edb767b0cf6095179a163ab3661a05fbd5faaae82918a9962f0b93b855f97993ec975eeaa80d740adbf4ff74' +
    '7359d041d5c33ea71d281e446b14773bca97b43a23fb801676bd207a436c6481f1d2b9078717461a5b9d32e688f87748544523b524b0d57d' +
    '5ea77a2775d2ecfa032cfbdbf52fb3786160279004e57ae6af874e7303ce53299ccc041c7bc308d82a5698f3a8d0c38271ae35f8e9dbfbb6' +
    '94b5c803d89f7ae435de236d525f54759b65e372fcd68ef20fa7111f9e4aff73',
);

/** What a new mPIN leaves at the server. */
export interface Enrolment {
  readonly salt: string;
  readonly verifier: string;
}

/** Fresh salt and the verifier for a password; `identity` is the device id. */
export function enrol(identity: string, password: string): Enrolment {
  const salt = srpClient.generateSalt();
  const verifier = srpClient.deriveVerifier(srpClient.derivePrivateKey(salt, identity, password));
  return { salt, verifier };
}

/** The phone's answer to a challenge. */
export interface MpinAnswer {
  readonly proof: string;
  /** 32 bytes that only this phone and the right server know. */
  readonly sessionSecret: Bytes;
  /** Throws `server_not_authentic` unless the other end knows the verifier too. */
  readonly checkServerProof: (serverProof: string | null) => void;
}

/** One exchange: its ephemeral is used for one answer only. */
export interface MpinExchange {
  readonly clientEphemeral: string;
  readonly answer: (options: {
    readonly challenge: MpinChallenge;
    readonly identity: string;
    readonly password: string;
  }) => Promise<MpinAnswer>;
}

/** Begins an exchange with a fresh ephemeral. */
export function beginExchange(): MpinExchange {
  const ephemeral = srpClient.generateEphemeral();
  const answer: MpinExchange['answer'] = async ({ challenge, identity, password }) => {
    const { salt, serverEphemeral } = challenge;
    await assertUsableEphemerals(ephemeral.public, serverEphemeral);
    const privateKey = srpClient.derivePrivateKey(salt, identity, password);
    const session = srpClient.deriveSession(ephemeral.secret, serverEphemeral, salt, identity, privateKey);
    return {
      proof: session.proof,
      sessionSecret: fromHex(session.key),
      checkServerProof: (serverProof) => checkServerProof(ephemeral.public, session, serverProof),
    };
  };
  return { clientEphemeral: ephemeral.public, answer };
}

/**
 * Throws `server_not_authentic` for values with which a server could learn the session key or the mPIN without knowing the
 * verifier: B mod N = 0, B outside 1…N-1, other widths, u = 0 (P-13). Nothing derived from the mPIN is sent then.
 * `hash` is a parameter because no input with u = 0 is known.
 */
export async function assertUsableEphemerals(
  clientEphemeral: string,
  serverEphemeral: string,
  hash: (data: Bytes) => Promise<Bytes> = sha256,
): Promise<void> {
  if (!/^[0-9a-f]{512}$/.test(serverEphemeral)) throw notUsable('its SRP value is not 512 hex digits');
  const value = BigInt(`0x${serverEphemeral}`);
  if (value === 0n || value >= modulus) throw notUsable('its SRP value is out of range');
  // The package hashes integers in the width of their input, so both must be fixed width: PAD(A) ‖ PAD(B).
  const scrambler = await hash(fromHex(clientEphemeral + serverEphemeral));
  if (scrambler.every((byte) => byte === 0)) throw notUsable('its SRP value makes the scrambling parameter zero');
}

function checkServerProof(
  clientEphemeral: string,
  session: { readonly key: string; readonly proof: string },
  serverProof: string | null,
): void {
  // The package accepts blanks and leading zeros; one form only may pass.
  if (serverProof === null || !/^[0-9a-f]{64}$/.test(serverProof)) throw notUsable('it gave no proof of its own');
  try {
    srpClient.verifySession(clientEphemeral, session, serverProof);
  } catch (cause) {
    throw new PhoneError('server_not_authentic', { detail: 'its own proof is wrong', cause });
  }
}

function notUsable(detail: string): PhoneError {
  return new PhoneError('server_not_authentic', { detail });
}
