/** The mPIN proof that one order alone accepts, counted by the same gate as every other. */
import type { SessionCall } from '../http/app-endpoint.ts';
import type { MpinChallenge } from '../protocol/session.ts';
import type { MpinDeps } from './deps.ts';
import { finishMpinHandshake, startMpinHandshake } from './mpin.ts';

type PhoneCall = Pick<SessionCall<unknown>, 'device' | 'session' | 'origin'>;

/** Both steps with their dependencies, as `orders/` takes them. */
export function orderProofs(deps: MpinDeps) {
  return {
    start: (call: PhoneCall, order: OrderProofStart) => startOrderProof(deps, call, order),
    prove: (call: PhoneCall, order: OrderProofFinish) => proveForOrder(deps, call, order),
  };
}

export interface OrderProofStart {
  readonly orderId: string;
  readonly clientEphemeral: string;
}

export interface OrderProofFinish {
  readonly orderId: string;
  readonly handshake: string;
  readonly proof: string;
}

/** Begins a handshake that no other order, no session and no change of mPIN accepts. */
export function startOrderProof(
  deps: MpinDeps,
  { device, origin }: PhoneCall,
  { orderId, clientEphemeral }: OrderProofStart,
): Promise<MpinChallenge> {
  const caller = { device, origin, thumbprint: device.thumbprint };
  return startMpinHandshake(deps, caller, { deviceId: device.id, clientEphemeral, purpose: `order:${orderId}` });
}

/** Evaluates the proof. Throws `authentication_failed` as `session/finish` does. */
export async function proveForOrder(
  deps: MpinDeps,
  { device, origin }: PhoneCall,
  { orderId, handshake, proof }: OrderProofFinish,
): Promise<{ readonly serverProof: string }> {
  const caller = { device, origin, thumbprint: device.thumbprint };
  const { serverProof } = await finishMpinHandshake(deps, caller, { handshake, proof, purpose: `order:${orderId}` });
  return { serverProof };
}
