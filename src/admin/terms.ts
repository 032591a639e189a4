/** Admin endpoints of the terms: the bank publishes them, everybody reads them, and each user's acceptance is shown. */

import { UserId } from '../protocol/admin.ts';
import * as wire from '../protocol/admin-terms.ts';
import { strict } from '../protocol/common.ts';
import { findTerms, listAcceptances, publishTerms, type TermsDeps } from '../terms/terms.ts';
import { type AdminEndpoint, adminEndpoint } from './endpoint.ts';
import { pageOf } from './views.ts';

/** Every language at its longest, as JSON may write it. */
const publishLimit = 8 * 1024 * 1024;

/** The terms and their acceptances. */
export function termsAdminEndpoints(deps: TermsDeps): readonly AdminEndpoint[] {
  return [...termsReading(deps), publishing(deps), acceptances(deps)];
}

function publishing(deps: TermsDeps): AdminEndpoint {
  return adminEndpoint({
    name: 'publishTerms',
    summary: 'Publish terms, which every registration has to accept from then on',
    method: 'POST',
    path: '/terms',
    permission: 'terms.publish',
    body: wire.TermsPublish,
    bodyLimit: publishLimit,
    status: 201,
    reply: wire.TermsView,
    answer: ({ body, actor }) => publishTerms(deps, { ...body, actor }),
  });
}

function termsReading(deps: TermsDeps): readonly AdminEndpoint[] {
  return [
    adminEndpoint({
      name: 'listTerms',
      summary: 'List all versions of the terms, the newest first',
      method: 'GET',
      path: '/terms',
      permission: 'terms.read',
      query: wire.TermsList,
      reply: wire.TermsPage,
      answer: async ({ query: { after, limit = 50 } }) => {
        const page = after === undefined ? { limit } : { after, limit };
        return pageOf(
          await deps.records.terms.list(page),
          limit,
          ({ seq }) => seq,
          (terms) => terms,
        );
      },
    }),
    adminEndpoint({
      name: 'getCurrentTerms',
      summary: 'Read the terms in force, in all languages',
      method: 'GET',
      path: '/terms/current',
      permission: 'terms.read',
      reply: wire.TermsView,
      answer: () => findTerms(deps),
    }),
    adminEndpoint({
      name: 'getTerms',
      summary: 'Read a version of the terms, in all languages',
      method: 'GET',
      path: '/terms/versions/:version',
      permission: 'terms.read',
      params: wire.termsParams,
      reply: wire.TermsView,
      answer: ({ params }) => findTerms(deps, params.version),
    }),
  ];
}

function acceptances(deps: TermsDeps): AdminEndpoint {
  return adminEndpoint({
    name: 'listAcceptances',
    summary: 'See which terms a user accepted, and when',
    method: 'GET',
    path: '/users/:userId/acceptances',
    permission: 'users.read',
    params: strict({ userId: UserId }),
    reply: wire.AcceptancesView,
    answer: async ({ params, actor }) => {
      const accepted = await listAcceptances(deps, params.userId, actor);
      const current = await deps.records.terms.current();
      return {
        current: current?.version ?? null,
        items: accepted.map(({ version, language, sha256, deviceId, acceptedAt }) => ({
          version,
          language,
          sha256,
          deviceId,
          acceptedAt,
        })),
      };
    },
  });
}
