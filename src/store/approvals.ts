/** Acts that wait for a second person, in SQL: the request itself is sealed, every change of state is one conditional update. */
import type { Approval, ApprovalFilter, ApprovalStore, KeptRequest, NamedApproval } from '../approvals/store.ts';
import type { Sealing } from '../crypto/sealing.ts';
import type { Sql } from './ports.ts';
import { firstOf, optional, pageSize, parsed, whereAll } from './rows.ts';

interface ApprovalRow {
  id: string;
  company_id: string;
  requested_by: string;
  requested_with: string | null;
  permission: string;
  endpoint: string;
  subject_id: string | null;
  reason: string | null;
  status: Approval['status'];
  decided_by: string | null;
  decided_at: number | null;
  decision_request: string | null;
  decision_reason: string | null;
  problem: string | null;
  created_at: number;
  expires_at: number;
  settled_at: number | null;
}

const columns = `id, company_id, requested_by, requested_with, permission, endpoint, subject_id, reason, status, decided_by,
  decided_at, decision_request, decision_reason, problem, created_at, expires_at, settled_at`;

interface NamedRow extends ApprovalRow {
  requested_by_name: string;
  subject_name: string | null;
  decided_by_name: string | null;
}

const named = `select ${columns
  .split(',')
  .map((column) => `a.${column.trim()}`)
  .join(', ')}, r.name as requested_by_name, s.name as subject_name, d.name as decided_by_name
  from approvals a join users r on r.id = a.requested_by
  left join users s on s.id = a.subject_id left join users d on d.id = a.decided_by`;

const context = (id: string): string => `approvals.request:${id}`;

function toApproval(row: ApprovalRow): Approval {
  return {
    id: row.id,
    companyId: row.company_id,
    requestedBy: row.requested_by,
    requestedWith: optional(row.requested_with),
    permission: row.permission,
    endpoint: row.endpoint,
    subjectId: optional(row.subject_id),
    reason: optional(row.reason),
    status: row.status,
    decidedBy: optional(row.decided_by),
    decidedAt: optional(row.decided_at),
    decisionRequest: optional(row.decision_request),
    decisionReason: optional(row.decision_reason),
    problem: optional(row.problem),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    settledAt: optional(row.settled_at),
  };
}

function toNamed(row: NamedRow): NamedApproval {
  return {
    ...toApproval(row),
    requestedByName: row.requested_by_name,
    subjectName: optional(row.subject_name),
    decidedByName: optional(row.decided_by_name),
  };
}

/** Approvals over one engine or one open transaction. */
export function approvalStore(sql: Sql, sealing: Sealing): ApprovalStore {
  return { ...approvalReader(sql, sealing), ...approvalWriter(sql, sealing) };
}

type Reading = Pick<ApprovalStore, 'find' | 'request' | 'list' | 'countPending' | 'unsettled'>;

function approvalReader(sql: Sql, sealing: Sealing): Reading {
  return {
    find: async (id) => firstOf(await sql.query<NamedRow>(`${named} where a.id = $1`, [id]), toNamed),
    request: async (id) =>
      firstOf(
        await sql.query<{ request_sealed: string }>(
          "select request_sealed from approvals where id = $1 and request_sealed <> ''",
          [id],
        ),
        (row) => parsed<KeptRequest>(sealing.openText(row.request_sealed, context(id))),
      ),
    list: async (filter, { after, limit }) => {
      const where = whereAll([...conditionsOf(filter), ['a.id > ?', after]]);
      const rows = await sql.query<NamedRow>(
        `${named} ${where.clause} order by a.id limit ${pageSize(limit)}`,
        where.values,
      );
      return rows.map(toNamed);
    },
    countPending: async (companyId, at) => {
      const [row] = await sql.query<{ total: number }>(
        "select count(*) as total from approvals where company_id = $1 and status = 'pending' and expires_at > $2",
        [companyId, at],
      );
      return row?.total ?? 0;
    },
    unsettled: async (before) => {
      const rows = await sql.query<ApprovalRow>(
        `select ${columns} from approvals where status = 'claimed' and decided_at < $1 order by id limit 200`,
        [before],
      );
      return rows.map(toApproval);
    },
  };
}

function conditionsOf({ companyId, status, at }: ApprovalFilter): [string, string | number | undefined][] {
  const isOpen = status === 'pending' ? at : undefined;
  const isOver = status === 'expired' ? at : undefined;
  return [
    ['a.company_id = ?', companyId],
    ['a.status = ?', status === 'expired' ? 'pending' : status],
    ['a.expires_at > ?', isOpen],
    ['a.expires_at <= ?', isOver],
  ];
}

type Writing = Pick<ApprovalStore, 'insert' | 'decide' | 'settle' | 'failOpen' | 'eraseRequests'>;

function approvalWriter(sql: Sql, sealing: Sealing): Writing {
  return {
    insert: async (approval, request) => {
      await sql.run(
        `insert into approvals (${columns}, request_sealed)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
        [
          approval.id,
          approval.companyId,
          approval.requestedBy,
          approval.requestedWith,
          approval.permission,
          approval.endpoint,
          approval.subjectId,
          approval.reason,
          approval.status,
          approval.decidedBy,
          approval.decidedAt,
          approval.decisionRequest,
          approval.decisionReason,
          approval.problem,
          approval.createdAt,
          approval.expiresAt,
          approval.settledAt,
          sealing.seal(JSON.stringify(request), context(approval.id)),
        ],
      );
    },
    decide: async ({ id, status, by, at, request, reason, problem }) =>
      (await sql.run(
        `update approvals set status = $2, decided_by = $3, decided_at = $4, decision_request = $5, decision_reason = $6,
         problem = $7 where id = $1 and status = 'pending' and expires_at > $4`,
        [id, status, by, at, request, reason, problem],
      )) === 1,
    eraseRequests: (before) =>
      sql.run(
        `update approvals set request_sealed = '' where request_sealed <> '' and status <> 'claimed'
         and case status when 'pending' then expires_at else coalesce(settled_at, decided_at) end < $1`,
        [before],
      ),
    failOpen: (problem, at) =>
      sql.run(
        `update approvals set status = 'failed', problem = $1, settled_at = $2 where status in ('pending', 'claimed')`,
        [problem, at],
      ),
    // The person whom it made may have been removed and erased before it was known that it was done.
    settle: async (id, { status, problem, subjectId, at }) =>
      (await sql.run(
        `update approvals set status = $2, problem = $3, settled_at = $4, subject_id = coalesce(subject_id, $5),
         request_sealed = case when exists (select 1 from users where id = $5 and status = 'removed') then ''
           else request_sealed end
         where id = $1 and status = 'claimed'`,
        [id, status, problem, at, subjectId],
      )) === 1,
  };
}
