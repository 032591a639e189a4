/** Change of mPIN: the old one is proven through the gate, the swap commits with the recording of that proof. */
import { Compile } from 'typebox/compile';
import { readStatement } from '../devices/statement.ts';
import { AuthError } from '../errors.ts';
import type { SessionCall } from '../http/app-endpoint.ts';
import { notify } from '../notify/notify.ts';
import { typ } from '../protocol/names.ts';
import {
  type MpinChallenge,
  type MpinChanged,
  type MpinChangeFinish,
  type MpinChangeStart,
  MpinChangeStatement,
} from '../protocol/session.ts';
import { checkSalt, checkVerifier } from '../srp/server.ts';
import type { Records } from '../store/records.ts';
import type { MpinDeps } from './deps.ts';
import type { HandshakePurpose } from './handshake.ts';
import { finishMpinHandshake, startMpinHandshake } from './mpin.ts';
import { carrySession } from './session.ts';

const statementSchema = Compile(MpinChangeStatement);

/** Begins a handshake that this session's change of mPIN alone accepts. */
export function startMpinChange(deps: MpinDeps, call: SessionCall<MpinChangeStart>): Promise<MpinChallenge> {
  const { clientEphemeral } = call.body;
  return startMpinHandshake(deps, callerOf(call), {
    deviceId: call.device.id,
    clientEphemeral,
    purpose: purposeOf(call),
  });
}

/**
 * Swaps salt and verifier: of a crash at any moment exactly one mPIN is left valid. Other sessions of the device end with the
 * old mPIN. Throws `invalid_request` on a verifier out of range, `authentication_failed` for whatever else is wrong.
 */
export async function finishMpinChange(deps: MpinDeps, call: SessionCall<MpinChangeFinish>): Promise<MpinChanged> {
  const { handshake, proof, salt, verifier } = call.body;
  checkSalt(salt);
  checkVerifier(verifier);
  const { serverProof, handshake: proven } = await finishMpinHandshake(deps, callerOf(call), {
    handshake,
    proof,
    purpose: purposeOf(call),
    // Before the proof: without the device key's word for the new verifier the old mPIN is not even looked at (L-09).
    mayEvaluate: isStated(deps, call),
    onRight: (records, { generation }) => swap(records, deps, { call, generation }),
  });
  await carrySession(deps, call.session.id, proven.generation + 1);
  return { serverProof };
}

async function swap(
  records: Records,
  deps: MpinDeps,
  { call, generation }: { readonly call: SessionCall<MpinChangeFinish>; readonly generation: number },
): Promise<void> {
  const { salt, verifier } = call.body;
  const { id: deviceId, name: deviceName, userId, companyId } = call.device;
  if (!(await records.devices.replaceSecrets(deviceId, generation, { salt, verifier }))) {
    throw new AuthError('conflict', { message: 'the mPIN cannot be changed at this moment' });
  }
  const at = deps.clock.now();
  await notify(records, { event: 'mpin.changed', userId, deviceName, fromDeviceId: deviceId }, at);
  const { address, requestId } = call.origin;
  const actor = `device:${deviceId}`;
  await records.audit.append({ event: 'mpin.changed', actor, companyId, userId, deviceId, address, requestId }, at);
}

function isStated(deps: MpinDeps, { body, device }: SessionCall<MpinChangeFinish>): boolean {
  const { handshake, salt, verifier, signature } = body;
  const statement = readStatement(
    deps,
    { token: signature, typ: typ.mpinChange, publicJwk: device.publicJwk },
    {
      schema: statementSchema,
      members: { iss: deps.issuer, deviceId: device.id, handshake, salt, verifier } satisfies Omit<
        MpinChangeStatement,
        'iat'
      >,
    },
  );
  return statement !== undefined;
}

function purposeOf({ session }: SessionCall<unknown>): HandshakePurpose {
  return `mpin-change:${session.id}`;
}

function callerOf({ device, origin }: SessionCall<unknown>) {
  return { device, origin, thumbprint: device.thumbprint };
}
