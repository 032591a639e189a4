/** Acts that wait for a second person. */
import type { Console, Screen } from '../context.ts';
import { approve, refuse, withdraw } from '../deeds/approvals.ts';
import { actButton } from '../dialog.ts';
import { when } from '../format.ts';
import type { Approval, Page } from '../model.ts';
import { userNames } from '../names.ts';
import { badge, buttons, filterForm, link, pager, table } from '../parts.ts';

const path = '/approvals';
const pageSize = '25';
const statuses = ['pending', 'done', 'refused', 'withdrawn', 'failed', 'expired'] as const;

function approvalActs(console: Console, { id, permission, requestedBy, subjectId, status }: Approval) {
  if (status !== 'pending') return undefined;
  const { t, me } = console;
  const ref = { approvalId: id, what: t.named('fourEyes', permission) };
  if (requestedBy === me.userId) return buttons(actButton(console, withdraw, ref));
  // Whom it concerns does not decide on it; the server would refuse it.
  if (subjectId === me.userId) return undefined;
  return buttons(actButton(console, approve, ref), actButton(console, refuse, ref));
}

/** Acts with who asked and what can be decided. */
export async function approvalTable(console: Console, rows: readonly Approval[]): Promise<HTMLElement> {
  const { t } = console;
  const people = rows.flatMap(({ requestedBy, subjectId }) => [requestedBy, ...(subjectId ? [subjectId] : [])]);
  const names = await userNames(console, people);
  const person = (id: string) => link(`/users/${id}`, names.get(id) ?? id);
  return table({
    caption: t('nav.approvals'),
    rows,
    empty: t('approval.none'),
    columns: [
      { head: t('approval.what'), cell: ({ permission }) => t.named('fourEyes', permission) },
      { head: t('approval.subject'), cell: ({ subjectId }) => (subjectId ? person(subjectId) : '–') },
      { head: t('approval.by'), cell: ({ requestedBy }) => person(requestedBy) },
      { head: t('list.status'), cell: ({ status }) => badge(t.named('approval.status', status), lookOf(status)) },
      { head: t('approval.until'), cell: ({ expiresAt }) => when(t, expiresAt) },
      { head: t('list.acts'), cell: (approval) => approvalActs(console, approval) },
    ],
  });
}

const lookOf = (status: string) => (status === 'pending' ? 'wait' : status === 'done' ? 'good' : 'none');

export const approvalsScreen: Screen = async (console, { query }) => {
  const { t, api } = console;
  const asked = { status: 'pending', ...query, limit: pageSize };
  const { items, next } = await api<Page<Approval>>({ method: 'GET', path, query: asked });
  return {
    title: t('nav.approvals'),
    content: [
      filterForm(console, {
        path,
        query: { status: 'pending', ...query },
        filters: [
          {
            name: 'status',
            label: t('list.status'),
            options: statuses.map((one) => [one, t.named('approval.status', one)]),
          },
        ],
      }),
      await approvalTable(console, items),
      pager(console, { path, query, next }),
    ],
  };
};
