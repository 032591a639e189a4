/** The last administrator of a company, and the last operator of the bank, stay: without them there is nobody left who can act. */
import { AuthError } from '../errors.ts';
import type { Records } from '../store/records.ts';
import type { Actor } from './actor.ts';
import type { User } from './store.ts';

/**
 * Asserts that somebody who can act is left when this user no longer is what they are: an administrator, unless the bank itself acts, or
 * an operator. The caller holds the company's row, so that two who demote each other at once cannot both succeed. Throws `conflict`.
 */
export async function assertNotLast(records: Records, user: User, actor: Actor): Promise<void> {
  if (user.staffRole === 'operator') return assertOtherOperator(records, user);
  if (user.role !== 'administrator' || actor.companyId === undefined) return;
  const others = (await records.users.administrators(user.companyId)).filter(({ id }) => id !== user.id);
  const isEnough = user.status === 'active' ? others.some(({ status }) => status === 'active') : others.length > 0;
  if (isEnough) return;
  throw new AuthError('conflict', {
    message: 'it is the last administrator of the company: only the bank may do that',
  });
}

async function assertOtherOperator(records: Records, { id, companyId, status }: User): Promise<void> {
  if (status !== 'active') return;
  const operators = await records.users.list(companyId, { limit: 2 }, { role: 'operator', status: 'active' });
  if (operators.some((operator) => operator.id !== id)) return;
  throw new AuthError('conflict', { message: 'it is the last operator of the bank' });
}
