/** What is taken of a reservation: at once or in parts, never more in all than the person approved, never after the day that it names (T-07). */
import { AuthError } from '../errors.ts';
import type { Client } from '../oidc/store.ts';
import type { SigningCapture } from '../protocol/signing-api.ts';
import type { FieldsOf } from '../protocol/templates/templates.ts';
import { assertReceipts } from './approver.ts';
import type { SigningDeps } from './deps.ts';
import { signingRecord } from './ending.ts';
import { signingTimes } from './lifetime.ts';
import type { SigningRequest } from './store.ts';

/** What a portal takes. */
export interface NewCapture {
  readonly id: string;
  readonly body: SigningCapture;
  readonly address: string;
  readonly requestId: string;
}

/**
 * Takes an amount, in minor units of the reservation's currency; answers the request as it is then. Of parallel captures as many succeed as
 * fit. Throws `not_found` for another portal's, `invalid_request` for another currency, `conflict` for what is no approved reservation, is
 * over, or would be more than its maximum.
 */
export async function captureReservation(
  deps: Pick<SigningDeps, 'records' | 'clock'>,
  client: Client,
  { id, body, address, requestId }: NewCapture,
): Promise<SigningRequest> {
  const request = await deps.records.signings.find(id);
  if (request?.clientId !== client.id) throw new AuthError('not_found');
  const { maximum, currency, until } = reservationOf(request);
  if (body.currency !== undefined && body.currency !== currency) {
    throw new AuthError('invalid_request', { message: `body/currency must be ${currency}, as it was approved` });
  }
  if (request.status !== 'approved') throw refused('it is not approved');
  assertReceipts(request, await deps.records.signings.approvals(id), 1);
  const at = deps.clock.now();
  if (at >= endOfDay(until)) throw refused(`it could be captured until ${until}`);
  return deps.records.transaction(async (records) => {
    // One statement compares and adds, so that no two captures see the same rest.
    if (!(await records.signings.capture(id, body.amount, maximum))) {
      throw refused('with what was captured before, it would be more than the maximum that was approved');
    }
    const by = { actor: `client:${client.id}`, address, requestId };
    await records.audit.append(signingRecord('signing.captured', request, by, { amount: body.amount, currency }), at);
    return (await records.signings.find(id)) ?? request;
  });
}

/**
 * Throws `invalid_request` for a reservation that is over when it begins, or that ends when its request is forgotten already; of other
 * templates nothing.
 */
export function assertCapturable(
  { name, fields }: { readonly name: string; readonly fields: Readonly<Record<string, unknown>> },
  now: number,
): void {
  if (name !== 'reservation') return;
  const end = endOfDay((fields as FieldsOf<'reservation'>).until);
  if (end > now && end <= now + signingTimes.kept) return;
  throw new AuthError('invalid_request', {
    message: `fields/until must be a day from today on, and at most ${signingTimes.kept / 86_400_000} days ahead`,
  });
}

function reservationOf({ display }: SigningRequest): FieldsOf<'reservation'> {
  if (display.template?.name !== 'reservation') throw refused('it is not a reservation');
  return display.template.fields as FieldsOf<'reservation'>;
}

/** Of that day in UTC: the same instant for everybody. */
function endOfDay(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) + 86_400_000;
}

function refused(message: string): AuthError {
  return new AuthError('conflict', { message });
}
