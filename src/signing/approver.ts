/** Who may decide about a request: the user whom the portal named, and where it takes several the company's people with all permissions (T-09, T-15). */
import type { User } from '../companies/store.ts';
import { AuthError } from '../errors.ts';
import { unavailable } from '../orders/orders.ts';
import type { Records } from '../store/records.ts';
import type { SigningDeps } from './deps.ts';
import type { SigningApproval, SigningRequest } from './store.ts';

/** By who they are alone: whether they have approved it already is a question of its own. */
export function isApprover(
  request: Pick<SigningRequest, 'userId' | 'companyId' | 'approvers'>,
  user: Pick<User, 'id' | 'companyId' | 'permissions' | 'status'>,
): boolean {
  if (user.status !== 'active') return false;
  if (user.id === request.userId) return true;
  return request.approvers > 1 && user.companyId === request.companyId && user.permissions === 'full';
}

/** Throws `order_unavailable` where the portal is switched off: what it asked, nobody opens or approves any more. */
export async function assertPortal({ clients }: Pick<Records, 'clients'>, { clientId }: SigningRequest): Promise<void> {
  if ((await clients.find(clientId))?.status !== 'active') throw unavailable('signing: the portal is not active');
}

/**
 * Throws `order_unavailable` unless the request is open at this moment, its portal is, and that user may decide about it and has not
 * approved it.
 */
export async function assertMayOpen(deps: SigningDeps, request: SigningRequest, userId: string): Promise<void> {
  const now = deps.clock.now();
  const { id, status, askableAt, expiresAt } = request;
  if (status !== 'pending') throw unavailable(`signing: ${status}`);
  if (now < askableAt || now >= expiresAt) throw unavailable('signing: not yet, or no more');
  await assertPortal(deps.records, request);
  const user = await deps.records.users.find(userId);
  if (user === undefined || !isApprover(request, user)) throw unavailable('signing: not an approver');
  if (request.given > 0 && (await deps.records.signings.signedBy(userId, [id])).has(id)) {
    throw unavailable('signing: approved by this person already');
  }
}

/**
 * Throws `internal` where fewer than `least` receipts say what the row says. State and number stand beside the sealed receipts: whoever can
 * write the database makes no approval of nobody's, and of one person no two (T-04, T-15).
 */
export function assertReceipts({ id }: SigningRequest, approvals: readonly SigningApproval[], least: number): void {
  if (approvals.length >= least) return;
  throw new AuthError('internal', { detail: `signings: ${id} has ${approvals.length} receipts of ${least}` });
}
