/** How logins end with a device or user: a function that `oidc/` provides and every ending calls inside its transaction. */
import type { Records } from '../store/records.ts';

/**
 * Ends OpenID Connect sessions, grants and refresh tokens of the owner and enqueues a logout token for every portal,
 * all within the caller's transaction.
 */
export type EndLogins = (
  records: Records,
  owner: { readonly userId: string } | { readonly deviceId: string } | { readonly sessionUid: string },
  at: number,
) => Promise<void>;

/** Topic on which every process hears the id of a device that ended, after the commit. */
export const deviceEndedTopic = 'devices.ended';
