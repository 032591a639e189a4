/** What is cleared up after approvals: those whose process died between the claim and its end, and requests that are over. */
import type { ApprovalDeps } from './approvals.ts';
import type { Approval } from './store.ts';

/** No request takes nearly as long: a claim that is older has nobody behind it. */
const patienceMs = 5 * 60_000;
/** How long a request can be looked at after it ended. */
const keptMs = 30 * 24 * 3_600_000;
/** Records of one person in so short a time. */
const mostRecords = 200;

/**
 * Ends each claim that nobody will: `done` where the act's own record is in the trail, which commits with the act and carries the request
 * id of the approval; `failed` with `interrupted` where it is not. Nothing is ever done a second time.
 */
export async function settleInterrupted(deps: Pick<ApprovalDeps, 'records' | 'clock'>): Promise<void> {
  const at = deps.clock.now();
  for (const approval of await deps.records.approvals.unsettled(at - patienceMs)) {
    await deps.records.transaction(async (records) => {
      const { id, requestedBy, decidedAt, decisionRequest, companyId, permission, endpoint } = approval;
      const done = await records.audit
        .search(actsOf(approval), { order: 'oldest', limit: mostRecords })
        .then((acts) => acts.some(({ requestId }) => requestId === decisionRequest && requestId !== undefined));
      const outcome = done
        ? ({ status: 'done', at } as const)
        : ({ status: 'failed', problem: 'interrupted', at } as const);
      if (!(await records.approvals.settle(id, outcome))) return;
      const data = { approvalId: id, requestedBy, permission, endpoint, decidedAt: decidedAt ?? null };
      await records.audit.append(
        done
          ? { event: 'approval.done', actor: 'server', companyId, data }
          : { event: 'approval.failed', actor: 'server', companyId, data: { ...data, problem: 'interrupted' } },
        at,
      );
    });
  }
}

/** Erases the requests of approvals that ended a month ago: what was done is in the trail. */
export async function eraseOldRequests({ records, clock }: Pick<ApprovalDeps, 'records' | 'clock'>): Promise<void> {
  await records.approvals.eraseRequests(clock.now() - keptMs);
}

/** Clocks of several servers differ, so from a little before. */
function actsOf({ requestedBy, decidedAt = 0 }: Approval) {
  return { actor: `user:${requestedBy}`, from: decidedAt - patienceMs };
}
