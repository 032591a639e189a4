/** A real act, whose record in the trail commits with it: a user is suspended. */
import type { Act } from '../../../src/approvals/approvals.ts';
import type { CompanyDeps } from '../../../src/companies/deps.ts';
import { suspendUser } from '../../../src/companies/user-status.ts';

/** The act over these records; `onDone` is told each time that it was done. */
export function suspension(deps: CompanyDeps, onDone: () => void = () => {}): Act {
  return {
    permission: 'users.suspend',
    endpoint: 'POST /users/:userId/suspend',
    takes: () => true,
    isFor: ({ role }) => role === 'administrator',
    perform: async ({ params, body }, actor) => {
      const { userId } = params as { userId: string };
      const { reason } = body as { reason: string };
      const user = await suspendUser(deps, { userId, reason, actor });
      onDone();
      return user;
    },
  };
}
