/** The app's endpoints for its session, for a change of mPIN and for biometrics (docs/protocol.md §6). */
import { Type } from 'typebox';
import {
  type AppCall,
  type AppEndpoint,
  deviceKeyEndpoint,
  type SessionCall,
  sessionEndpoint,
} from '../http/app-endpoint.ts';
import { BiometricsEnable, BiometricsEnabled, BiometricsStart } from '../protocol/biometrics.ts';
import { Empty } from '../protocol/common.ts';
import {
  BiometricChallenge,
  MpinChallenge,
  MpinChanged,
  MpinChangeFinish,
  MpinChangeStart,
  SessionFinish,
  SessionOpened,
  SessionStart,
} from '../protocol/session.ts';
import { disableBiometrics, enableBiometrics, startBiometrics } from './biometrics.ts';
import { finishMpinChange, startMpinChange } from './change.ts';
import type { Caller, MpinDeps } from './deps.ts';
import { startMpinHandshake } from './mpin.ts';
import { endSession } from './session.ts';
import { startBiometric, unlockByBiometric, unlockByMpin } from './unlock.ts';

/** `session/start`, `session/finish`, `session/end`, `mpin/change/start`, `mpin/change/finish`, `biometrics/start`, `biometrics/enable`, `biometrics/disable`. */
export function mpinEndpoints(deps: MpinDeps): AppEndpoint[] {
  return [...sessionEndpoints(deps), ...secretEndpoints(deps)];
}

function sessionEndpoints(deps: MpinDeps): AppEndpoint[] {
  return [
    deviceKeyEndpoint({
      name: 'session/start',
      body: SessionStart,
      reply: Type.Union([MpinChallenge, BiometricChallenge]),
      answer: (call) => startSession(deps, call),
    }),
    deviceKeyEndpoint({
      name: 'session/finish',
      body: SessionFinish,
      reply: SessionOpened,
      answer: (call) => {
        const { body } = call;
        return 'proof' in body
          ? unlockByMpin(deps, callerOf(call), body)
          : unlockByBiometric(deps, callerOf(call), body);
      },
    }),
    sessionEndpoint({
      name: 'session/end',
      body: Empty,
      reply: Empty,
      answer: async (call) => {
        await endSession(deps, call.session.id);
        await recordEnd(deps, call);
        return {};
      },
    }),
  ];
}

/** What a session may change about how the next one is opened. */
function secretEndpoints(deps: MpinDeps): AppEndpoint[] {
  return [
    sessionEndpoint({
      name: 'mpin/change/start',
      body: MpinChangeStart,
      reply: MpinChallenge,
      answer: (call) => startMpinChange(deps, call),
    }),
    sessionEndpoint({
      name: 'mpin/change/finish',
      body: MpinChangeFinish,
      reply: MpinChanged,
      answer: (call) => finishMpinChange(deps, call),
    }),
    sessionEndpoint({
      name: 'biometrics/start',
      body: BiometricsStart,
      reply: MpinChallenge,
      answer: (call) => startBiometrics(deps, call),
    }),
    sessionEndpoint({
      name: 'biometrics/enable',
      body: BiometricsEnable,
      reply: BiometricsEnabled,
      answer: (call) => enableBiometrics(deps, call),
    }),
    sessionEndpoint({
      name: 'biometrics/disable',
      body: Empty,
      reply: Empty,
      answer: async (call) => {
        await disableBiometrics(deps, call);
        return {};
      },
    }),
  ];
}

function startSession(deps: MpinDeps, call: AppCall<SessionStart>): Promise<MpinChallenge | BiometricChallenge> {
  const { body } = call;
  if (body.method === 'biometric') return startBiometric(deps, callerOf(call), body.deviceId);
  const { deviceId, clientEphemeral } = body;
  return startMpinHandshake(deps, callerOf(call), { deviceId, clientEphemeral, purpose: 'session' });
}

async function recordEnd({ records, clock }: MpinDeps, { session, origin }: SessionCall<unknown>): Promise<void> {
  const { id, deviceId, userId, companyId } = session;
  const { address, requestId } = origin;
  const actor = `device:${deviceId}`;
  const data = { session: id };
  const event = { event: 'session.ended', actor, companyId, userId, deviceId, address, requestId, data } as const;
  await records.audit.append(event, clock.now());
}

function callerOf({ proofKey, device, origin }: AppCall<unknown>): Caller {
  return { thumbprint: proofKey.thumbprint, device, origin };
}
