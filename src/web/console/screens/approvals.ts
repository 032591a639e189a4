/** Acts that take two people: those that wait, and one of them with everything that will be done. */
import type { Approval } from '../../../admin-client/operations.ts';
import { paragraph } from '../../design/dom.ts';
import { api, list } from '../api.ts';
import type { Console, Screen } from '../context.ts';
import { approve, refuse, withdraw } from '../deeds/approvals.ts';
import { actButton } from '../dialog.ts';
import { when } from '../format.ts';
import { badge, buttons, facts, filterForm, link, pager, section, table } from '../parts.ts';
import { actName, actTitle, namedIn, requestRows } from './request-words.ts';

const path = '/approvals';
const pageSize = '25';
const statuses = ['pending', 'done', 'refused', 'withdrawn', 'failed', 'expired'] as const;

const lookOf = (status: string) => (status === 'pending' ? 'wait' : status === 'done' ? 'good' : 'none');
const statusBadge = ({ t }: Console, status: string) => badge(t.named('approval.status', status), lookOf(status));
const person = (one: Approval['subject']) => (one === null ? '–' : link(`/users/${one.id}`, one.name));

/** Acts with who asked; what is to be decided is decided where all of it is shown. */
export function approvalTable(console: Console, rows: readonly Approval[]): HTMLElement {
  const { t } = console;
  return table({
    caption: t('nav.approvals'),
    rows,
    empty: t('approval.none'),
    columns: [
      {
        head: t('approval.what'),
        cell: (approval) => link(`/approvals/${approval.id}`, actName(t, approval)),
      },
      { head: t('approval.subject'), cell: ({ subject }) => person(subject) },
      { head: t('approval.by'), cell: ({ requestedBy }) => person(requestedBy) },
      { head: t('list.status'), cell: ({ status }) => statusBadge(console, status) },
      { head: t('approval.until'), cell: ({ expiresAt }) => when(t, expiresAt) },
    ],
  });
}

export const approvalsScreen: Screen = async (console, { query }) => {
  const { t } = console;
  const asked = { status: 'pending', ...query, limit: pageSize };
  const { items, next } = await list('listApprovals', asked);
  const options = statuses.map((one) => [one, t.named('approval.status', one)] as const);
  return {
    title: t('nav.approvals'),
    content: [
      filterForm(console, {
        path,
        query,
        filters: [{ name: 'status', label: t('list.status'), options, standard: 'pending' }],
      }),
      approvalTable(console, items),
      pager(console, { path, query, next }),
    ],
  };
};

export const approvalScreen: Screen = async (console, { params }) => {
  const { t } = console;
  const id = params['approvalId'] ?? '';
  const approval = await api('getApproval', { params: { approvalId: id } });
  const named = await namedIn(approval.request);
  const what = actTitle(t, approval, named);
  return {
    title: what,
    back: link(path, t('nav.approvals'), 'back'),
    content: [
      facts([
        [t('list.status'), statusBadge(console, approval.status)],
        [t('approval.subject'), person(approval.subject)],
        [t('approval.by'), person(approval.requestedBy)],
        ...given(t('question.why'), approval.reason),
        [t('list.created'), when(t, approval.createdAt)],
        [t('approval.until'), when(t, approval.expiresAt)],
        ...(approval.decidedBy === null ? [] : [[t('approval.decidedBy'), person(approval.decidedBy)] as const]),
        ...given(t('approval.decision'), approval.decisionReason),
        ...given(t('approval.problem'), approval.problem && t.named('approval.problem', approval.problem)),
      ]),
      // Erased a month after it ended.
      approval.request === null
        ? undefined
        : section(
            t('approval.request'),
            paragraph(t('approval.requestText'), 'soft'),
            facts([[t('approval.what'), actName(t, approval)], ...requestRows(console, approval, named)]),
          ),
      decisions(console, approval, what),
    ],
  };
};

const given = (name: string, value: string | null) => (value === null ? [] : [[name, value] as const]);

function decisions(console: Console, approval: Approval, what: string): HTMLElement | undefined {
  const { id, status, requestedBy, subject } = approval;
  const { userId } = console.me;
  if (status !== 'pending') return undefined;
  const ref = { approvalId: id, what };
  if (requestedBy.id === userId) return buttons(actButton(console, withdraw, ref));
  // Whom it concerns does not decide on it; the server would refuse it.
  if (subject?.id === userId) return undefined;
  return buttons(actButton(console, approve, ref), actButton(console, refuse, ref));
}
