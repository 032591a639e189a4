/** How an approved act ended: said once, with its record in the trail. */
import { type Actor, actedBy } from '../companies/actor.ts';
import type { CompanyDeps } from '../companies/deps.ts';
import type { Records } from '../store/records.ts';
import type { Approval, Outcome } from './store.ts';

type SettlingDeps = Pick<CompanyDeps, 'records' | 'clock'>;

/** Clocks of several servers differ, so the act is looked for from a little before its approval, in milliseconds. */
const clockSlackMs = 5 * 60_000;

/** `by`: who approved, or the server that clears up. Nothing where the end was said before. */
export async function settle(
  { records: store, clock }: SettlingDeps,
  approval: Approval,
  end: Pick<Outcome, 'status' | 'problem'> & { readonly by: Actor },
): Promise<void> {
  await store.transaction((records) => settleWithin(records, approval, { ...end, at: clock.now() }));
}

/** As `settle`, in a transaction that is open. */
export async function settleWithin(
  records: Records,
  approval: Approval,
  { by, ...outcome }: Outcome & { readonly by: Actor },
): Promise<void> {
  const subjectId = approval.subjectId ?? (outcome.status === 'done' ? await madeBy(records, approval) : undefined);
  if (!(await records.approvals.settle(approval.id, { ...outcome, subjectId }))) return;
  const { status, problem, at } = outcome;
  const more = problem === undefined ? {} : { more: { problem } };
  await appendStep(records, { event: `approval.${status}`, approval: { ...approval, subjectId }, by, at, ...more });
}

/** Whether the act was done: its own records commit with it, and carry the request id of the approval. */
export async function wasDone(records: Records, approval: Approval): Promise<boolean> {
  const [first] = await recordsOf(records, approval);
  return first !== undefined;
}

/** The user whom the act made, by the trail: the request with their name and address is theirs from then on, and is erased with them. */
async function madeBy(records: Records, approval: Approval): Promise<string | undefined> {
  if (approval.permission !== 'users.create') return undefined;
  const [created] = await recordsOf(records, approval, 'user.created');
  return created?.userId;
}

async function recordsOf(records: Records, { requestedBy, decidedAt = 0, decisionRequest }: Approval, event?: string) {
  if (decisionRequest === undefined) return [];
  const filter = { actor: `user:${requestedBy}`, requestId: decisionRequest, from: decidedAt - clockSlackMs, event };
  return records.audit.search(filter, { order: 'oldest', limit: 1 });
}

/** The record of a step: who did it, and who of the two is the other. */
export async function appendStep(
  records: Records,
  step: {
    readonly event:
      | 'approval.approved'
      | 'approval.refused'
      | 'approval.withdrawn'
      | 'approval.done'
      | 'approval.failed';
    readonly approval: Approval;
    readonly by: Actor;
    readonly at: number;
    readonly more?: Readonly<Record<string, string>>;
  },
): Promise<void> {
  const { event, approval, by, at, more } = step;
  const { id: approvalId, requestedBy, companyId, subjectId, permission, endpoint } = approval;
  const data = { approvalId, requestedBy, permission, endpoint, ...more };
  const subject = { companyId, ...(subjectId === undefined ? {} : { userId: subjectId }) };
  await records.audit.append({ event, ...actedBy(by), ...subject, data }, at);
}
