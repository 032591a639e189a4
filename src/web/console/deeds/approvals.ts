/** What is done to acts that wait for a second person. */
import { isActivation, showActivation } from '../activation.ts';
import type { Act } from '../acts.ts';

/** Which act; `what` is its name in words. */
export interface ApprovalRef {
  readonly approvalId: string;
  readonly what: string;
}

export const approve: Act<ApprovalRef, { readonly result: unknown }> = {
  name: 'approvals.approve',
  permission: 'approvals.decide',
  title: (t) => t('approval.approve'),
  explain: (t, { what }) => [t('approval.approveText', { what })],
  request: ({ approvalId }) => ['approveAct', { params: { approvalId } }],
  done: (console, _params, { result }) => {
    console.refresh(console.t('approval.approved'));
    // What an invitation answers is shown this once, to whoever made it happen.
    if (isActivation(result)) showActivation(console, result);
  },
};

export const refuse: Act<ApprovalRef> = {
  name: 'approvals.refuse',
  permission: 'approvals.decide',
  title: (t) => t('approval.refuse'),
  explain: (t, { what }) => [t('approval.refuseText', { what })],
  takesReason: true,
  request: ({ approvalId }, reason) => ['refuseAct', { params: { approvalId }, body: { reason } }],
  done: ({ refresh, t }) => refresh(t('approval.refused')),
};

export const withdraw: Act<ApprovalRef> = {
  name: 'approvals.withdraw',
  permission: 'approvals.decide',
  title: (t) => t('approval.withdraw'),
  explain: (t, { what }) => [t('approval.withdrawText', { what })],
  request: ({ approvalId }) => ['withdrawAct', { params: { approvalId } }],
  done: ({ refresh, t }) => refresh(t('approval.withdrawn')),
};
