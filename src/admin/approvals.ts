/** Admin endpoints of acts that take two people. */
import { Compile } from 'typebox/compile';
import {
  type Act,
  type ApprovalDeps,
  type ApprovingDeps,
  approveAct,
  findApproval,
  refuseAct,
  shownStatus,
  withdrawAct,
} from '../approvals/approvals.ts';
import type { KeptRequest, NamedApproval } from '../approvals/store.ts';
import type { Actor } from '../companies/actor.ts';
import { roleOf } from '../companies/roles.ts';
import type { User } from '../companies/store.ts';
import { AuthError } from '../errors.ts';
import * as wire from '../protocol/admin-approvals.ts';
import { strict } from '../protocol/common.ts';
import { pageFrom } from './companies.ts';
import { type AdminEndpoint, adminEndpoint } from './endpoint.ts';
import { type AdminIdentity, judge, type PersonIdentity } from './identity.ts';
import { type PermissionName, permission, permissions } from './permissions.ts';
import { pageOf } from './views.ts';

const params = strict({ approvalId: wire.ApprovalId });

/** Approvals over `acts`, the endpoints that may have been kept. */
export function approvalAdminEndpoints(deps: ApprovingDeps, acts: readonly AdminEndpoint[]): readonly AdminEndpoint[] {
  const view = (approval: NamedApproval) => approvalView(approval, deps.clock.now());
  return [
    ...approvalReading(deps),
    adminEndpoint({
      name: 'approveAct',
      summary: 'Agree to an act of somebody else, which is done at once',
      method: 'POST',
      path: '/approvals/:approvalId/approve',
      permission: 'approvals.decide',
      params,
      body: strict({}),
      reply: wire.ApprovedView,
      answer: async ({ params: { approvalId: id }, actor, caller }) => {
        const { approval } = await findApproval(deps, id, actor);
        const endpoint = acts.find((candidate) => placeOf(candidate) === approval.endpoint);
        if (endpoint === undefined) throw new AuthError('conflict', { message: 'there is no such act any more' });
        await assertMayAct(caller, endpoint.permission, deps.clock.now());
        const approved = await approveAct(deps, { id, act: actOf(endpoint), actor });
        return { ...view(approved.approval), result: approved.result };
      },
    }),
    adminEndpoint({
      name: 'refuseAct',
      summary: 'Refuse an act of somebody else',
      method: 'POST',
      path: '/approvals/:approvalId/refuse',
      permission: 'approvals.decide',
      params,
      body: wire.ApprovalRefuse,
      reply: wire.ApprovalView,
      answer: async ({ params: { approvalId: id }, body: { reason }, actor }) =>
        view(await refuseAct(deps, { id, reason, actor })),
    }),
    adminEndpoint({
      name: 'withdrawAct',
      summary: 'Take back what you asked for yourself',
      method: 'POST',
      path: '/approvals/:approvalId/withdraw',
      permission: 'approvals.decide',
      params,
      body: strict({}),
      reply: wire.ApprovalView,
      answer: async ({ params: { approvalId: id }, actor }) => view(await withdrawAct(deps, { id, actor })),
    }),
  ];
}

function approvalReading(deps: ApprovalDeps): readonly AdminEndpoint[] {
  return [
    adminEndpoint({
      name: 'listApprovals',
      summary: 'List acts that take two people',
      method: 'GET',
      path: '/approvals',
      permission: 'approvals.read',
      query: wire.ApprovalList,
      reply: wire.ApprovalPage,
      answer: async ({ query, actor }) => {
        const page = pageFrom(query);
        const companyId = actor.companyId ?? query.companyId;
        // A filter can narrow what a company sees and never widen it (T31).
        if (query.companyId !== undefined && query.companyId !== companyId) return { items: [], next: null };
        const at = deps.clock.now();
        const approvals = await deps.records.approvals.list({ companyId, status: query.status, at }, page);
        return pageOf(
          approvals,
          page.limit,
          ({ id }) => id,
          (approval) => approvalView(approval, at),
        );
      },
    }),
    adminEndpoint({
      name: 'getApproval',
      summary: 'Look at an act that takes two people, and at the very request',
      method: 'GET',
      path: '/approvals/:approvalId',
      permission: 'approvals.read',
      params,
      reply: wire.ApprovalWithRequestView,
      answer: async ({ params: { approvalId }, actor }) => {
        const { approval, request } = await findApproval(deps, approvalId, actor);
        return { ...approvalView(approval, deps.clock.now()), request: request === undefined ? null : shown(request) };
      },
    }),
  ];
}

/** An endpoint as an act that can be kept. */
export function actOf(endpoint: AdminEndpoint): Act {
  const { params: paramSchema, query, body } = endpoint;
  const checks = [
    [paramSchema, 'params'],
    [query, 'query'],
    [body, 'body'],
  ] as const;
  return {
    permission: endpoint.permission,
    endpoint: placeOf(endpoint),
    takes: (request) => checks.every(([schema, part]) => schema === undefined || Compile(schema).Check(request[part])),
    isFor: (user) => permission(endpoint.permission).people[roleOf(user)] === 'own',
    // With the reach and the role of who asked, and with no proof that who agrees has made.
    perform: (request, actor, user) => endpoint.answer({ ...request, actor, caller: identityOf(user, actor) }),
  };
}

function identityOf(user: User, { deviceId }: Actor): PersonIdentity {
  return {
    kind: 'person',
    userId: user.id,
    deviceId,
    role: roleOf(user),
    companyId: user.companyId,
    provedAt: 0,
    isConfirmed: async () => false,
    takeConfirmation: async () => false,
  };
}

/** An approval for everyone who may see it; without the request itself. */
export function approvalView(approval: NamedApproval, now: number) {
  const { id, companyId, permission: name, endpoint, requestedBy, requestedByName, reason } = approval;
  const { subjectId, subjectName, decidedBy, decidedByName, decidedAt, decisionReason, problem } = approval;
  return {
    id,
    companyId,
    permission: name,
    means: isPermission(name) ? permission(name).means : name,
    endpoint,
    requestedBy: { id: requestedBy, name: requestedByName },
    subject: personOf(subjectId, subjectName),
    reason: reason ?? null,
    status: shownStatus(approval, now),
    decidedBy: personOf(decidedBy, decidedByName),
    decidedAt: decidedAt ?? null,
    decisionReason: decisionReason ?? null,
    problem: problem ?? null,
    createdAt: approval.createdAt,
    expiresAt: approval.expiresAt,
    settledAt: approval.settledAt ?? null,
  };
}

/** Who agrees to an act must be one who may do it alone, with the same proof: agreeing does it. */
async function assertMayAct(caller: AdminIdentity, name: PermissionName, now: number): Promise<void> {
  const verdict = judge(caller, name, now);
  if (caller.kind !== 'person' || verdict === 'refused') {
    throw new AuthError('access_denied', { message: `this takes a person who may ${permission(name).means}` });
  }
  const { proof } = permission(name);
  const isProven = verdict === 'allowed' && (proof !== 'confirmed' || (await caller.takeConfirmation()));
  if (isProven) return;
  throw new AuthError('proof_required', { message: 'show once more that it is you: log in again', members: { proof } });
}

function placeOf({ method, path }: AdminEndpoint): string {
  return `${method} ${path}`;
}

function shown({ params: given, query, body }: KeptRequest) {
  return { params: given ?? null, query: query ?? null, body: body ?? null };
}

function personOf(id: string | undefined, name: string | undefined): { id: string; name: string } | null {
  return id === undefined ? null : { id, name: name ?? '' };
}

function isPermission(name: string): name is PermissionName {
  return Object.hasOwn(permissions, name);
}
