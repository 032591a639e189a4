/** The closed table of errors that a caller can meet; RFC 9457 problem details are made from it. */

interface ErrorEntry {
  readonly status: number;
  readonly title: string;
}

/** Every code, its HTTP status and its public title. `docs/errors.md` lists the same codes, and a test compares both. */
export const errorTable = {
  invalid_request: { status: 400, title: 'The request is not well formed' },
  /** The one answer to every failed proof, whatever failed: unknown, blocked, wrong, expired (RTS art. 4(3)(a)). */
  authentication_failed: { status: 401, title: 'Authentication failed' },
  session_expired: { status: 401, title: 'The session has ended' },
  proof_required: { status: 401, title: 'A fresh proof is required for this act' },
  access_denied: { status: 403, title: 'Not allowed' },
  /** Transaction monitoring refused it (RTS art. 2(2)); why is in the audit trail. */
  risk_denied: { status: 403, title: 'Refused by the bank’s risk rules' },
  forbidden_origin: { status: 403, title: 'The request did not come from this page' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  conflict: { status: 409, title: 'The state does not allow this' },
  already_exists: { status: 409, title: 'It exists already' },
  /** What the portal hands out is not what it asked to be signed. */
  document_changed: { status: 409, title: 'The portal’s document is not the one that is to be signed' },
  in_progress: { status: 409, title: 'The same request is being carried out' },
  limit_reached: { status: 409, title: 'A limit of the company is reached' },
  order_unavailable: { status: 410, title: 'The order is no longer available' },
  precondition_failed: { status: 412, title: 'The record has changed' },
  payload_too_large: { status: 413, title: 'The request is too large' },
  unsupported_media_type: { status: 415, title: 'The content type is not accepted here' },
  idempotency_mismatch: { status: 422, title: 'The idempotency key belongs to another request' },
  document_unreachable: { status: 424, title: 'The portal does not hand out the document' },
  too_many_requests: { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'Something went wrong on our side' },
  unavailable: { status: 503, title: 'The service cannot answer right now' },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorTable;

/** What may accompany an error. */
export interface AuthErrorOptions {
  /** For the log only; never sent to a caller. */
  readonly detail?: string;
  readonly cause?: unknown;
  /** Sent to the caller, so it must be safe for anyone to read: which field is wrong, what was expected. Ignored for 5xx. */
  readonly message?: string;
  /** Extra public members of the problem document, such as `attemptsLeft` or `retryAfterSeconds`. Ignored for 5xx. */
  readonly members?: Readonly<Record<string, string | number | boolean | null>>;
}

/** The one exception of this project: a public code for the caller and a private detail for the log. */
export class AuthError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  readonly publicMessage: string | undefined;
  readonly members: Readonly<Record<string, string | number | boolean | null>>;

  constructor(code: ErrorCode, options: AuthErrorOptions = {}) {
    super(options.detail ?? options.message ?? errorTable[code].title, { cause: options.cause });
    this.name = 'AuthError';
    this.code = code;
    this.detail = options.detail;
    this.publicMessage = options.message;
    this.members = options.members ?? {};
  }

  get status(): number {
    return errorTable[this.code].status;
  }
}
