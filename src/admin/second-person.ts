/** Where an act of a company's administrator takes two people, it is kept instead of being done. */
import { takesTwo } from '../approvals/acts.ts';
import { type ApprovalDeps, keepAct } from '../approvals/approvals.ts';
import { ApprovalView } from '../protocol/admin-approvals.ts';
import { actOf, approvalView } from './approvals.ts';
import type { AdminCall, AdminEndpoint } from './endpoint.ts';

type Call = AdminCall<unknown, unknown, unknown>;

/**
 * The endpoint that answers this call: the same, or where the act takes two people, one that keeps the request and answers 202 with the
 * approval. The bank's own people and machines act alone; decisions on approvals are the second person's own act.
 */
export async function withSecondPerson(
  deps: ApprovalDeps,
  endpoint: AdminEndpoint,
  { caller, params: asked, body }: Call,
): Promise<AdminEndpoint> {
  if (caller.kind !== 'person' || caller.role !== 'administrator') return endpoint;
  if (endpoint.method === 'GET' || endpoint.permission === 'approvals.decide') return endpoint;
  const company = await deps.records.companies.find(caller.companyId);
  if (company === undefined) return endpoint;
  const { userId } = (asked ?? {}) as { readonly userId?: string };
  const subject = userId === undefined ? undefined : await deps.records.users.find(userId);
  // What is another company's the endpoint itself refuses, as if it were not there (T31).
  const subjectRole = subject?.companyId === company.id ? subject.role : undefined;
  if (!takesTwo(company.rules, { permission: endpoint.permission, body, subjectRole })) return endpoint;
  return {
    ...endpoint,
    name: `${endpoint.name}.kept`,
    status: 202,
    reply: ApprovalView,
    answer: async ({ params, query, body: kept, actor }) => {
      const request = { params, query, body: kept };
      return approvalView(await keepAct(deps, { act: actOf(endpoint), request, actor }), deps.clock.now());
    },
  };
}
