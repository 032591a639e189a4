/** The app's endpoint for what its user says of themselves. */
import { type AppEndpoint, sessionEndpoint } from '../http/app-endpoint.ts';
import { Empty } from '../protocol/common.ts';
import { UserLanguage } from '../protocol/user.ts';
import type { CompanyDeps } from './deps.ts';
import { chooseOwnLanguage } from './users.ts';

/** `user/language` (docs/protocol.md §9). */
export function userEndpoints(deps: Pick<CompanyDeps, 'records' | 'clock'>): AppEndpoint[] {
  return [
    sessionEndpoint({
      name: 'user/language',
      body: UserLanguage,
      reply: Empty,
      answer: async ({ body, session, origin }) => {
        const { userId, companyId, deviceId } = session;
        await chooseOwnLanguage(deps, { userId, companyId, deviceId, language: body.language, origin });
        return {};
      },
    }),
  ];
}
