/** `mtoken approval …`: acts of a company's administrators that take two people. */
import { Command } from 'commander';
import type { Reply } from '../admin-client/client.ts';
import { type ActOptions, actCommand, showCommand } from './acts.ts';
import { given } from './context.ts';
import { type ListOptions, listCommand } from './lists.ts';
import { oneOf } from './option-values.ts';
import { time } from './output.ts';

const statuses = ['pending', 'claimed', 'done', 'failed', 'refused', 'withdrawn', 'expired'] as const;
const tells = ({ id, status }: Reply<'refuseAct'>): string => `${id} is ${status}`;

/** The `approval` command. */
export function approvalCommand(): Command {
  return new Command('approval')
    .description('acts that wait for a second person')
    .addCommand(approvalsListCommand())
    .addCommand(
      showCommand({
        argument: 'approval-id',
        describes: 'look at an act, and at the very request that is done once somebody agrees',
        finds: (api, approvalId) => api.call('getApproval', { params: { approvalId } }),
        members: approvalMembers,
        examples: ['mtoken approval show apr_…'],
      }),
    )
    .addCommand(
      actCommand({
        name: 'approve',
        describes: 'agree to an act, which is done at once; only people can, who use the console',
        argument: 'approval-id',
        warns: (id) => `This does what ${id} asks for.`,
        does: (api, approvalId) => api.call('approveAct', { params: { approvalId } }),
        tells: ({ id, status }) => `${id} is ${status}`,
        examples: ['mtoken approval show apr_…', 'mtoken approval approve apr_… --yes'],
      }),
    )
    .addCommand(
      actCommand({
        name: 'refuse',
        describes: 'refuse an act of somebody else',
        argument: 'approval-id',
        takesReason: true,
        does: (api, approvalId, { reason }: ActOptions) =>
          api.call('refuseAct', { params: { approvalId }, body: { reason } }),
        tells,
        examples: ['mtoken approval refuse apr_… --reason "not agreed"'],
      }),
    )
    .addCommand(
      actCommand({
        name: 'withdraw',
        describes: 'take back what one asked for oneself',
        argument: 'approval-id',
        does: (api, approvalId) => api.call('withdrawAct', { params: { approvalId } }),
        tells,
        examples: ['mtoken approval withdraw apr_…'],
      }),
    );
}

function approvalsListCommand(): Command {
  type Filter = ListOptions & { readonly company?: string; readonly status?: (typeof statuses)[number] };
  return listCommand<'listApprovals', Filter>({
    operation: 'listApprovals',
    describes: 'list acts that take two people',
    filter: (command) =>
      command
        .option('--company <id>', 'only of this company')
        .option('--status <status>', statuses.join(', '), oneOf('--status', statuses)),
    query: ({ company: companyId, status }) => given({ companyId, status }),
    columns: {
      ID: ({ id }) => id,
      WHAT: ({ means }) => means,
      'ABOUT WHOM': ({ subject }) => subject?.name ?? '-',
      'ASKED BY': ({ requestedBy }) => requestedBy.name,
      STATUS: ({ status }) => status,
      UNTIL: ({ expiresAt }) => time(expiresAt),
      COMPANY: ({ companyId }) => companyId,
    },
    empty: 'nothing waits for a second person',
    examples: ['mtoken approval list --status pending', 'mtoken approval list --company co_… --all'],
  });
}

function approvalMembers({ request, ...approval }: Reply<'getApproval'>) {
  return {
    id: approval.id,
    company: approval.companyId,
    what: approval.means,
    endpoint: approval.endpoint,
    'about whom': approval.subject?.name,
    'asked by': approval.requestedBy.name,
    reason: approval.reason,
    status: approval.status,
    'decided by': approval.decidedBy?.name,
    'why so': approval.decisionReason,
    problem: approval.problem,
    asked: time(approval.createdAt),
    until: time(approval.expiresAt),
    request: JSON.stringify(request),
  };
}
