/**
 * What is cleared up after approvals: those whose process died between the claim and its end, or whose act got no answer, and requests
 * that are over.
 */
import type { ApprovalDeps } from './approvals.ts';
import { settleWithin, wasDone } from './settling.ts';

/** No request takes nearly as long: a claim that is older has nobody behind it. */
const patienceMs = 5 * 60_000;
/** How long a request can be looked at after it ended. */
const keptMs = 30 * 24 * 3_600_000;

/**
 * Ends each claim that nobody will: `done` where the act's own record is in the trail, which commits with the act and carries the request
 * id of the approval; `failed` with `interrupted` where it is not. Nothing is ever done a second time.
 */
export async function settleInterrupted(deps: Pick<ApprovalDeps, 'records' | 'clock'>): Promise<void> {
  const at = deps.clock.now();
  for (const approval of await deps.records.approvals.unsettled(at - patienceMs)) {
    await deps.records.transaction(async (records) => {
      const isDone = await wasDone(records, approval);
      const end = isDone ? ({ status: 'done' } as const) : ({ status: 'failed', problem: 'interrupted' } as const);
      await settleWithin(records, approval, { ...end, by: { name: 'server' }, at });
    });
  }
}

/** Erases the requests of approvals that ended a month ago: what was done is in the trail. */
export async function eraseOldRequests({ records, clock }: Pick<ApprovalDeps, 'records' | 'clock'>): Promise<void> {
  await records.approvals.eraseRequests(clock.now() - keptMs);
}
