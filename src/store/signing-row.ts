/** A row of a request to sign: what of it is sealed, and to what that is bound. */
import type { Sealing } from '../crypto/sealing.ts';
import { AuthError } from '../errors.ts';
import type { SigningFound, SigningRequest } from '../signing/store.ts';
import { optional, parsed } from './rows.ts';

/** As SQL has it. */
export interface SigningRow {
  id: string;
  client_id: string;
  door: SigningRequest['door'];
  origin: string;
  user_id: string;
  company_id: string;
  content_sealed: string;
  approvers: number;
  given: number;
  mpin_only: number;
  warnings: string;
  status: SigningRequest['status'];
  reason: NonNullable<SigningRequest['reason']> | null;
  askable_at: number;
  created_at: number;
  expires_at: number;
  ended_at: number | null;
  captured: number;
  version: number;
}

type Content = Pick<SigningRequest, 'display' | 'reference'>;

/** What of a row is never changed. */
const fixed = [
  'id',
  'client_id',
  'door',
  'origin',
  'user_id',
  'company_id',
  'approvers',
  'mpin_only',
  'warnings',
  'askable_at',
  'created_at',
  'expires_at',
] as const;

/**
 * The content is bound to all of the row that never changes: whoever can write the database makes no request one for somebody else, for
 * fewer people, without its warnings, at once or for longer (T-04, T-12, T-15). What was changed cannot be opened.
 */
function contentContext(row: Pick<SigningRow, (typeof fixed)[number]>): string {
  return `signings.content:${JSON.stringify(fixed.map((column) => row[column]))}`;
}

/** The part of a new request that never changes, its content sealed. */
export function toRow(
  request: SigningRequest,
  sealing: Sealing,
): Pick<SigningRow, (typeof fixed)[number] | 'content_sealed'> {
  const { id, display, reference } = request;
  const content: Content = { display, reference };
  const row = {
    id,
    client_id: request.clientId,
    door: request.door,
    origin: request.origin,
    user_id: request.userId,
    company_id: request.companyId,
    approvers: request.approvers,
    mpin_only: request.mpinOnly ? 1 : 0,
    warnings: JSON.stringify(request.warnings),
    askable_at: request.askableAt,
    created_at: request.createdAt,
    expires_at: request.expiresAt,
  };
  return { ...row, content_sealed: sealing.seal(JSON.stringify(content), contentContext(row)) };
}

/** For lists: one row that somebody has changed takes none of the others with it. */
export function toFound(row: SigningRow, sealing: Sealing): SigningFound {
  try {
    return { id: row.id, request: toRequest(row, sealing) };
  } catch (error) {
    if (error instanceof AuthError && error.code === 'internal') return { id: row.id, request: undefined };
    throw error;
  }
}

/** Throws `internal` where somebody has changed what never changes, or its end says that it has none. */
export function toRequest(row: SigningRow, sealing: Sealing): SigningRequest {
  if ((row.status === 'pending') !== (row.ended_at === null)) {
    throw new AuthError('internal', { detail: `signings: ${row.id} has a state and an end that do not fit` });
  }
  const { display, reference } = parsed<Content>(sealing.openText(row.content_sealed, contentContext(row)));
  return {
    id: row.id,
    clientId: row.client_id,
    door: row.door,
    origin: row.origin,
    userId: row.user_id,
    companyId: row.company_id,
    reference,
    display,
    approvers: row.approvers,
    given: row.given,
    mpinOnly: row.mpin_only === 1,
    warnings: parsed(row.warnings),
    status: row.status,
    reason: optional(row.reason),
    askableAt: row.askable_at,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    endedAt: optional(row.ended_at),
    captured: row.captured,
    version: row.version,
  };
}
