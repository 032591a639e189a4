/** How a request to sign ends: its row, what others have to hear, and the trail commit together. */
import type { AuditEvent } from '../audit/events.ts';
import type { AuditRecord } from '../audit/store.ts';
import { AuthError } from '../errors.ts';
import { wakeOutbox } from '../notify/outbox.ts';
import type { Records } from '../store/records.ts';
import type { SigningDeps } from './deps.ts';
import type { SigningEnd, SigningRequest } from './store.ts';

/** Topic on which every process hears the id of a request that changed. */
export const signingsChangedTopic = 'signings.changed';

/** Who does it and from where, as the trail names them. */
export interface SigningActor {
  readonly actor: string;
  readonly address?: string | undefined;
  readonly requestId?: string | undefined;
  readonly deviceId?: string | undefined;
}

/** Why, for the trail: such as `client`, `user_ended` or `code_reused`. */
export interface SigningEnding extends Omit<SigningEnd, 'at'> {
  readonly why?: string | undefined;
  readonly by: SigningActor;
}

/**
 * Ends a pending request; answers it as it is then, ended by this call or by another. Of an approval and an end at one time exactly one
 * happens.
 */
export async function endRequest(deps: SigningDeps, id: string, ending: SigningEnding): Promise<SigningRequest> {
  const { status, reason, why, by } = ending;
  const at = deps.clock.now();
  const ended = await deps.records.transaction(async (records) => {
    if (!(await records.signings.end(id, { status, reason, at }))) return undefined;
    const request = await tellEnded(deps, records, id);
    await records.audit.append(signingRecord(`signing.${status}`, request, by, { why, reason }), at);
    return request;
  });
  if (ended === undefined) return requestOf(deps.records, id);
  await announce(deps, id);
  return ended;
}

/** Runs the handlers, within the transaction that ended it. Answers the request as it is then. */
export async function tellEnded(
  deps: Pick<SigningDeps, 'ended'>,
  records: Records,
  id: string,
): Promise<SigningRequest> {
  const request = await requestOf(records, id);
  for (const handler of deps.ended) await handler(records, request);
  return request;
}

/** Tells every process after the commit, and has messages sent. Best effort: whoever waits looks again by itself. */
export async function announce({ shortLived }: SigningDeps, id: string): Promise<void> {
  await shortLived.publish(signingsChangedTopic, id).catch(() => undefined);
  await wakeOutbox(shortLived);
}

async function requestOf({ signings }: Records, id: string): Promise<SigningRequest> {
  const request = await signings.find(id);
  if (request === undefined) throw new AuthError('internal', { detail: 'signing: a request is not there' });
  return request;
}

type SigningEvent = Extract<AuditEvent, `signing.${string}`>;

/** A record about a request: found by its id as an order's is, and never with what it says. */
export function signingRecord(
  event: SigningEvent,
  request: SigningRequest,
  by: SigningActor,
  more: Readonly<Record<string, string | number | undefined>> = {},
): AuditRecord {
  const { id, clientId, companyId, door, origin, approvers, display } = request;
  const facts = { signingId: id, door, origin, template: display.template?.name, approvers, ...more };
  return {
    event,
    clientId,
    companyId,
    userId: request.userId,
    orderId: id,
    ...by,
    data: Object.fromEntries(
      Object.entries(facts).filter((fact): fact is [string, string | number] => fact[1] !== undefined),
    ),
  };
}
