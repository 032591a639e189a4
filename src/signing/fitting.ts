/** What of checked fields only the portal's registration and the clock can judge. */

import { AuthError } from '../errors.ts';
import type { FieldsOf } from '../protocol/templates/templates.ts';
import { assertCapturable } from './capture.ts';
import type { Checked } from './check.ts';
import type { SigningDeps } from './deps.ts';
import { assertViewer } from './document.ts';

/** Wherever on earth the portal reckons its day, in milliseconds. */
const dayMs = 86_400_000;

/**
 * Throws `invalid_request` for a document at no origin of the portal's own, for a reservation that nothing could be taken of, and for a
 * payment or a consent of a day that is over.
 */
export async function assertFits(
  { records, clock }: Pick<SigningDeps, 'records' | 'clock'>,
  clientId: string,
  { name, fields }: Checked,
): Promise<void> {
  assertCapturable({ name, fields }, clock.now());
  assertNotOver({ name, fields }, clock.now());
  if (name !== 'document') return;
  const client = await records.clients.find(clientId);
  assertViewer(client?.metadata ?? {}, { name, fields });
}

/** Nobody is asked for what cannot be done any more: a person would sign another day than the one on which it happens (T-01). */
function assertNotOver({ name, fields }: Pick<Checked, 'name' | 'fields'>, now: number): void {
  const { place, day } = dayOf({ name, fields });
  const earliest = new Date(now - dayMs).toISOString().slice(0, 10);
  if (day === undefined || day >= earliest) return;
  throw new AuthError('invalid_request', { message: `${place} must be a day that is not over` });
}

function dayOf({ name, fields }: Pick<Checked, 'name' | 'fields'>): { place?: string; day?: string } {
  switch (name) {
    case 'payment':
    case 'payment-batch':
      return { place: 'fields/date', day: (fields as FieldsOf<'payment'>).date };
    case 'consent':
      return { place: 'fields/until', day: (fields as FieldsOf<'consent'>).until };
    default:
      return {};
  }
}
