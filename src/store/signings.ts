/** What portals asked to be signed, in SQL: text and receipts are sealed, every change of state is one conditional update. */
import type { Sealing } from '../crypto/sealing.ts';
import type { Receipt } from '../protocol/receipt.ts';
import type { SigningApproval, SigningFound, SigningPage, SigningRequest, SigningStore } from '../signing/store.ts';
import type { Sql } from './ports.ts';
import { firstOf, pageSize, parsed } from './rows.ts';
import { type SigningRow, toFound, toRequest, toRow } from './signing-row.ts';
import { signingEraser } from './signings-erased.ts';
import { shared, signingUse, waitingQuery } from './signings-open.ts';
import { atomically } from './transaction.ts';

const columns = `id, client_id, door, origin, user_id, company_id, content_sealed, approvers, given, mpin_only, warnings, status, reason,
  askable_at, created_at, expires_at, ended_at, captured, version`;

const approvalColumns = 'request_id, user_id, device_id, order_id, approved_at, receipt_sealed';

const listContext = (id: string): string => `signings.list:${id}`;
const receiptContext = (id: string, userId: string): string => `signing_approvals.receipt:${id}:${userId}`;

/** Requests over one engine or one open transaction. */
export function signingStore(sql: Sql, sealing: Sealing): SigningStore {
  return {
    ...reader(sql, sealing),
    ...lister(sql, sealing),
    ...writer(sql, sealing),
    ...signingUse(sql),
    ...signingEraser(sql),
  };
}

type Reading = Pick<SigningStore, 'find' | 'list' | 'approvals' | 'approvalOf' | 'signedBy'>;

function reader(sql: Sql, sealing: Sealing): Reading {
  const list = async (id: string): Promise<string | undefined> => {
    const [row] = await sql.query<{ list_sealed: string | null }>('select list_sealed from signings where id = $1', [
      id,
    ]);
    const sealed = row?.list_sealed ?? null;
    return sealed === null ? undefined : sealing.openText(sealed, listContext(id));
  };
  return {
    find: async (id) =>
      firstOf(await sql.query<SigningRow>(`select ${columns} from signings where id = $1`, [id]), (row) =>
        toRequest(row, sealing),
      ),
    list,
    approvals: async (id) => {
      const rows = await sql.query<ApprovalRow>(
        `select ${approvalColumns} from signing_approvals where request_id = $1 order by approved_at, user_id`,
        [id],
      );
      if (rows.length === 0) return [];
      const shared = await list(id);
      return rows.map((row) => toApproval(row, sealing, shared));
    },
    approvalOf: async (id, userId) => {
      const [row] = await sql.query<ApprovalRow>(
        `select ${approvalColumns} from signing_approvals where request_id = $1 and user_id = $2`,
        [id, userId],
      );
      return row === undefined ? undefined : toApproval(row, sealing, await list(id));
    },
    signedBy: async (userId, ids) => {
      if (ids.length === 0) return new Set();
      const places = ids.map((_, index) => `$${index + 2}`).join(', ');
      const rows = await sql.query<{ request_id: string }>(
        `select request_id from signing_approvals where user_id = $1 and request_id in (${places})`,
        [userId, ...ids],
      );
      return new Set(rows.map(({ request_id: id }) => id));
    },
  };
}

interface ApprovalRow {
  request_id: string;
  user_id: string;
  device_id: string;
  order_id: string;
  approved_at: number;
  receipt_sealed: string;
}

function toApproval(row: ApprovalRow, sealing: Sealing, list: string | undefined): SigningApproval {
  const { request_id: requestId, user_id: userId } = row;
  const receipt = parsed<Receipt>(sealing.openText(row.receipt_sealed, receiptContext(requestId, userId)));
  return {
    requestId,
    userId,
    deviceId: row.device_id,
    orderId: row.order_id,
    approvedAt: row.approved_at,
    receipt: list === undefined ? receipt : { ...receipt, list },
  };
}

type Listing = Pick<SigningStore, 'waiting' | 'history' | 'everyOf' | 'expired' | 'untold'>;

function lister(sql: Sql, sealing: Sealing): Listing {
  const rowsOf = async (text: string, values: readonly (string | number)[]): Promise<SigningFound[]> =>
    (await sql.query<SigningRow>(text, values)).map((row) => toFound(row, sealing));
  return {
    waiting: async (who, at) => {
      const values = [who.userId, at, ...(who.mayCosign ? [who.companyId] : [])];
      const rows = await sql.query<SigningRow>(waitingQuery(who, columns), values);
      return shared(rows, who).map((row) => toFound(row, sealing));
    },
    history: (userId, page) => rowsOf(pageQuery(page, " and s.status <> 'pending'"), pageValues(userId, page)),
    everyOf: (userId, page) => rowsOf(pageQuery(page, ''), pageValues(userId, page)),
    expired: (at, limit, after) =>
      rowsOf(dueQuery({ time: 'expires_at', only: '', limit, after }), dueValues(at, after)),
    untold: (at, limit, after) =>
      rowsOf(dueQuery({ time: 'askable_at', only: ' and told_at is null', limit, after }), dueValues(at, after)),
  };
}

interface Due {
  readonly time: 'expires_at' | 'askable_at';
  readonly only: string;
  readonly limit: number;
  readonly after: string | undefined;
}

/** What is due at `$1`, the oldest first, behind the place of `$2`. */
function dueQuery({ time, only, limit, after }: Due): string {
  const behind =
    after === undefined ? '' : ` and (${time}, id) > ((select p.${time} from signings p where p.id = $2), $2)`;
  return `select ${columns} from signings where status = 'pending'${only} and ${time} <= $1${behind}
    order by ${time}, id limit ${pageSize(limit)}`;
}

function dueValues(at: number, after: string | undefined): (string | number)[] {
  return after === undefined ? [at] : [at, after];
}

/** The newest first: of what names the user, and of what they approved, as many as a page has; the page is of both. */
function pageQuery({ before, limit }: SigningPage, only: string): string {
  const rows = pageSize(limit);
  // Of their own alone: where another's stands in time is nobody's to learn.
  const place = `select p.created_at from signings p where p.id = $2 and (p.user_id = $1 or exists
    (select 1 from signing_approvals o where o.request_id = p.id and o.user_id = $1))`;
  const older = (at: string, id: string): string =>
    before === undefined ? '' : ` and (${at}, ${id}) < ((${place}), $2)`;
  return `select ${columns} from signings where id in (
      select id from (select s.id from signings s where s.user_id = $1${only}${older('s.created_at', 's.id')}
        order by s.created_at desc, s.id desc limit ${rows}) named
      union
      select id from (select s.id from signing_approvals a join signings s on s.id = a.request_id
        where a.user_id = $1${only}${older('a.requested_at', 'a.request_id')}
        order by a.requested_at desc, a.request_id desc limit ${rows}) approved
    ) order by created_at desc, id desc limit ${rows}`;
}

function pageValues(userId: string, { before }: SigningPage): string[] {
  return before === undefined ? [userId] : [userId, before];
}

type Writing = Pick<SigningStore, 'insert' | 'end' | 'endPending' | 'approve' | 'markTold' | 'capture'>;

function writer(sql: Sql, sealing: Sealing): Writing {
  return {
    insert: (request, { list, isTold = true } = {}) => insert(sql, sealing, { request, list, isTold }),
    // A list that nobody signed is of no use to anybody; without it, the receipt of who did would not verify.
    end: async (id, { status, reason, at }) =>
      (await sql.run(
        `update signings set status = $2, reason = $3, ended_at = $4, version = version + 1,
         list_sealed = case when $2 = 'approved' or given > 0 then list_sealed end where id = $1 and status = 'pending'`,
        [id, status, reason, at],
      )) === 1,
    endPending: ({ status, reason, at }) =>
      sql.run(
        `update signings set status = $1, reason = $2, ended_at = $3, version = version + 1,
         list_sealed = case when given > 0 then list_sealed end where status = 'pending'`,
        [status, reason, at],
      ),
    approve: (approval) => atomically(sql, (inner) => approve(inner, sealing, approval)),
    markTold: async (id, at) =>
      (await sql.run("update signings set told_at = $2 where id = $1 and status = 'pending' and told_at is null", [
        id,
        at,
      ])) === 1,
    capture: async (id, amount, maximum) =>
      (await sql.run(
        `update signings set captured = captured + $2, version = version + 1
         where id = $1 and status = 'approved' and captured + $2 <= $3`,
        [id, amount, maximum],
      )) === 1,
  };
}

interface NewRow {
  readonly request: SigningRequest;
  readonly list: string | undefined;
  readonly isTold: boolean;
}

async function insert(sql: Sql, sealing: Sealing, { request, list, isTold }: NewRow): Promise<void> {
  const row = toRow(request, sealing);
  await sql.run(
    `insert into signings (${columns}, list_sealed, list_bytes, told_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)`,
    [
      row.id,
      row.client_id,
      row.door,
      row.origin,
      row.user_id,
      row.company_id,
      row.content_sealed,
      row.approvers,
      request.given,
      row.mpin_only,
      row.warnings,
      request.status,
      request.reason,
      row.askable_at,
      row.created_at,
      row.expires_at,
      request.endedAt,
      request.captured,
      request.version,
      list === undefined ? undefined : sealing.seal(list, listContext(row.id)),
      list === undefined ? 0 : Buffer.byteLength(list),
      isTold ? request.createdAt : undefined,
    ],
  );
}

/** The row of the person first: of two phones of one person the second waits for it, and then finds it there. */
async function approve(sql: Sql, sealing: Sealing, approval: SigningApproval) {
  const { requestId, userId, receipt } = approval;
  // Every receipt of a batch holds the same list, which is kept once.
  const { list: _list, ...kept } = receipt;
  const added = await sql.run(
    `insert into signing_approvals (request_id, user_id, device_id, order_id, requested_at, approved_at, receipt_sealed)
     select id, $2, $3, $4, created_at, cast($5 as bigint), $6 from signings where id = $1 on conflict do nothing`,
    [
      requestId,
      userId,
      approval.deviceId,
      approval.orderId,
      approval.approvedAt,
      sealing.seal(JSON.stringify(kept), receiptContext(requestId, userId)),
    ],
  );
  if (added === 1) {
    const [counted] = await sql.query<{ given: number }>(
      `update signings set given = given + 1, version = version + 1,
       status = case when given + 1 = approvers then 'approved' else status end,
       ended_at = case when given + 1 = approvers then cast($2 as bigint) end
       where id = $1 and status = 'pending' returning given`,
      [requestId, approval.approvedAt],
    );
    if (counted !== undefined) return { isFirst: true, given: counted.given };
    await sql.run('delete from signing_approvals where request_id = $1 and user_id = $2', [requestId, userId]);
  }
  const [row] = await sql.query<{ given: number }>('select given from signings where id = $1', [requestId]);
  return { isFirst: false, given: row?.given ?? 0 };
}
