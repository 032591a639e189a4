/** The mPIN proof: a start that answers alike for every device, and a finish that passes the one gate. */

import { findUsable } from '../devices/devices.ts';
import type { Standing, StoredSecrets } from '../devices/store.ts';
import { AuthError } from '../errors.ts';
import { guardAttempt, type Verdict } from '../lockout/lockout.ts';
import type { MpinChallenge } from '../protocol/session.ts';
import { checkClientEphemeral, checkProofForm, fakeCredentials } from '../srp/server.ts';
import type { Records } from '../store/records.ts';
import { type Caller, decoyDeviceId, type MpinDeps } from './deps.ts';
import { authenticationFailed } from './failure.ts';
import {
  type Handshake,
  type HandshakePurpose,
  handshakeSeconds,
  keepHandshake,
  type MpinHandshake,
  takeHandshake,
} from './handshake.ts';

const decoyProfile = 'srp6a-2048-sha256';
const noNumbers = { salt: '', clientEphemeral: '', serverSecret: '', serverEphemeral: '' } as const;
/** 256 bits with the first one set, as many as a real server secret has. */
const decoySecret = 'a5'.repeat(32);

/**
 * Begins a handshake. A device that is unknown, may not act, or is of another key than the caller's gets a stable fake salt and the
 * same work (P-11, L-11). Throws `invalid_request` on an ephemeral out of range, which is malformed and no guess (P-12).
 */
export async function startMpinHandshake(
  deps: MpinDeps,
  caller: Caller,
  start: { readonly deviceId: string; readonly clientEphemeral: string; readonly purpose: HandshakePurpose },
): Promise<MpinChallenge> {
  const { deviceId, clientEphemeral, purpose } = start;
  checkClientEphemeral(clientEphemeral);
  const known = await findSecrets(deps, caller.device?.id === deviceId ? deviceId : undefined);
  const fake = fakeCredentials({ secret: deps.sealing.deriveSecret('mpin.fake-credentials'), identity: deviceId });
  const { salt, verifier } = known?.secrets ?? fake;
  const profile = known?.standing.device.profile ?? decoyProfile;
  const ephemeral = deps.srp.createEphemeral({ profile, verifier });
  const handshake = await keepHandshake(deps, {
    kind: 'mpin',
    deviceId,
    thumbprint: caller.thumbprint,
    isReal: known !== undefined,
    purpose,
    profile,
    generation: known?.secrets.generation ?? 0,
    // Nobody reads them where no proof can be right, and strangers begin as many as they like.
    ...(known === undefined ? noNumbers : { salt, clientEphemeral, ...ephemeral }),
  });
  return { handshake, salt, serverEphemeral: ephemeral.serverEphemeral, expiresInSeconds: handshakeSeconds };
}

/** A finish as the endpoint was asked for it. */
export interface MpinFinish {
  readonly handshake: string;
  readonly proof: string;
  readonly purpose: HandshakePurpose;
  /** False where something beside the proof is wrong already: then it is not evaluated, and that cannot be told from outside (P-21). */
  readonly mayEvaluate?: boolean;
  /** Commits with the recording of a right proof; what it throws undoes that. */
  readonly onRight?: (records: Records, proved: { readonly generation: number }) => Promise<void>;
}

/** A proof that was right. */
export interface MpinProved {
  readonly standing: Standing;
  readonly handshake: MpinHandshake;
  readonly serverProof: string;
  /** K, 32 bytes. */
  readonly sessionKey: Uint8Array;
}

interface Candidate {
  readonly handshake: MpinHandshake;
  readonly standing: Standing;
  readonly secrets: StoredSecrets;
}

/**
 * Takes the handshake, right or wrong, and evaluates the proof behind the gate. Throws `authentication_failed` for whatever failed, with
 * `attemptsLeft` for the device's own key; `invalid_request` on a proof that is no proof by its form; `unavailable`.
 */
export async function finishMpinHandshake(deps: MpinDeps, caller: Caller, finish: MpinFinish): Promise<MpinProved> {
  checkProofForm(finish.proof);
  const handshake = await takeHandshake(deps, finish.handshake);
  const candidate = await findCandidate(deps, caller, { finish, handshake });
  if (candidate === undefined) {
    evaluateDecoy(deps, finish.proof);
    throw await authenticationFailed(deps, caller, { about: handshake?.deviceId, cause: 'handshake' });
  }
  const outcome = await passGate(deps, caller, { finish, candidate });
  if (outcome === undefined || outcome.outcome === 'refused') {
    evaluateDecoy(deps, finish.proof);
    throw await authenticationFailed(deps, caller, { about: candidate.handshake.deviceId, cause: 'refused' });
  }
  if (outcome.outcome === 'wrong') {
    throw new AuthError('authentication_failed', { members: { attemptsLeft: outcome.attemptsLeft } });
  }
  return { ...outcome.value, standing: candidate.standing, handshake: candidate.handshake };
}

/** Device and secrets of an id, or undefined; nothing is looked up for `undefined`, with the same effort. */
async function findSecrets(
  deps: MpinDeps,
  deviceId: string | undefined,
): Promise<{ standing: Standing; secrets: StoredSecrets } | undefined> {
  const standing = await findUsable(deps, deviceId ?? decoyDeviceId);
  const secrets = await deps.records.devices.secrets(deviceId ?? decoyDeviceId);
  return standing === undefined || secrets === undefined ? undefined : { standing, secrets };
}

/** Everything that must fit before anything secret is looked at. What does not fit costs no attempt. */
async function findCandidate(
  deps: MpinDeps,
  caller: Caller,
  { finish, handshake }: { readonly finish: MpinFinish; readonly handshake: Handshake | undefined },
): Promise<Candidate | undefined> {
  const isFitting =
    finish.mayEvaluate !== false &&
    handshake?.kind === 'mpin' &&
    handshake.isReal &&
    handshake.purpose === finish.purpose &&
    handshake.thumbprint === caller.thumbprint &&
    handshake.deviceId === caller.device?.id;
  const known = await findSecrets(deps, isFitting ? handshake.deviceId : undefined);
  // An mPIN that was changed meanwhile is not the one this handshake is about: the old one is dead.
  if (!isFitting || known === undefined || known.secrets.generation !== handshake.generation) return undefined;
  return { handshake, ...known };
}

type Evaluated = Pick<MpinProved, 'serverProof' | 'sessionKey'>;

/** The gate's outcome; undefined where the mPIN was changed while its proof was evaluated. */
async function passGate(
  deps: MpinDeps,
  caller: Caller,
  { finish, candidate }: { readonly finish: MpinFinish; readonly candidate: Candidate },
) {
  const { handshake, secrets } = candidate;
  const { deviceId, generation } = handshake;
  let isStale = false;
  const attempt = {
    target: { kind: 'mpin', deviceId },
    purpose: finish.purpose.split(':', 1)[0] ?? '',
    origin: caller.origin,
    onRight: async (records: Records) => {
      isStale = (await records.devices.secrets(deviceId))?.generation !== generation;
      if (isStale) throw new AuthError('conflict', { detail: 'the mPIN was changed meanwhile' });
      await finish.onRight?.(records, { generation });
    },
  } as const;
  try {
    return await guardAttempt<Evaluated>(deps, attempt, () =>
      evaluate(deps, { handshake, secrets, proof: finish.proof }),
    );
  } catch (error) {
    if (isStale) return undefined;
    throw error;
  }
}

function evaluate(
  deps: MpinDeps,
  { handshake, secrets, proof }: { handshake: MpinHandshake; secrets: StoredSecrets; proof: string },
): Verdict<Evaluated> {
  const { profile, deviceId, clientEphemeral, serverSecret, serverEphemeral } = handshake;
  const { salt, verifier } = secrets;
  const ours = { profile, identity: deviceId, salt, verifier, serverSecret, serverEphemeral };
  const result = deps.srp.checkProof({ ...ours, clientEphemeral, proof });
  if (!result.ok) return { isRight: false };
  return { isRight: true, value: { serverProof: result.serverProof, sessionKey: result.sessionKey } };
}

/** The work of an evaluation, for nothing: an answer that came sooner would tell that there was nothing to evaluate (P-21, T16). */
function evaluateDecoy(deps: MpinDeps, proof: string): void {
  const identity = decoyDeviceId;
  const credentials = fakeCredentials({ secret: deps.sealing.deriveSecret('mpin.fake-credentials'), identity });
  // Any numbers of the right form: a fresh ephemeral would be one exponentiation more than a real evaluation costs.
  const [clientEphemeral, serverEphemeral] = [credentials.verifier, credentials.verifier];
  const own = { profile: decoyProfile, identity, ...credentials, serverSecret: decoySecret, serverEphemeral } as const;
  deps.srp.checkProof({ ...own, clientEphemeral, proof });
}
