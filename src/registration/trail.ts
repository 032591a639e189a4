/** What the trail is told of registrations that begin or are refused. */
import type { AuditRecord } from '../audit/store.ts';
import { AuthError, type ErrorCode } from '../errors.ts';
import type { CallOrigin } from '../http/app-endpoint.ts';
import type { RegistrationDeps } from './deps.ts';
import type { Activation } from './store.ts';

/** Why a step was refused. */
export interface Refusal {
  readonly origin: CallOrigin;
  readonly activation?: Activation | undefined;
  /** For the trail alone: the caller hears the same whatever it was. */
  readonly reason: 'code' | 'user' | 'registration' | 'activation' | 'signature' | 'terms';
}

/** What may be wrong with what a phone signs; each costs no attempt. */
export const refusalReasons: Partial<Record<ErrorCode, Refusal['reason']>> = {
  authentication_failed: 'signature',
  invalid_request: 'terms',
};

/** Writes a refusal to the trail, and gives the one error that the caller hears for it. */
export async function refuse(deps: RegistrationDeps, refusal: Refusal): Promise<AuthError> {
  await recordRefusal(deps, refusal);
  return new AuthError('authentication_failed', { detail: `registration: ${refusal.reason}` });
}

/** Writes a refusal to the trail. */
export async function recordRefusal(deps: RegistrationDeps, { origin, activation, reason }: Refusal): Promise<void> {
  const data = { reason, activationId: activation?.id ?? null };
  await deps.records.audit.append(
    { ...eventBy(origin, activation), event: 'registration.refused', data },
    deps.clock.now(),
  );
}

/** The record of a registration that begins. */
export function startedEvent(started: {
  readonly activation: Activation;
  readonly origin: CallOrigin;
  readonly data: Readonly<Record<string, string>>;
}): AuditRecord {
  const data = { ...started.data, activationId: started.activation.id };
  return { ...eventBy(started.origin, started.activation), event: 'registration.started', data };
}

function eventBy({ address, requestId }: CallOrigin, activation: Activation | undefined) {
  const actor = activation === undefined ? 'anonymous' : `activation:${activation.id}`;
  return { actor, companyId: activation?.companyId, userId: activation?.userId, address, requestId };
}
