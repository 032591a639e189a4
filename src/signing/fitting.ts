/** What of checked fields only the portal's registration and the clock can judge. */

import { assertCapturable } from './capture.ts';
import type { Checked } from './check.ts';
import type { SigningDeps } from './deps.ts';
import { assertViewer } from './document.ts';

/** Throws `invalid_request` for a document at no origin of the portal's own, and for a reservation that nothing could be taken of. */
export async function assertFits(
  { records, clock }: Pick<SigningDeps, 'records' | 'clock'>,
  clientId: string,
  { name, fields }: Checked,
): Promise<void> {
  assertCapturable({ name, fields }, clock.now());
  if (name !== 'document') return;
  const client = await records.clients.find(clientId);
  assertViewer(client?.metadata ?? {}, { name, fields });
}
