/** Turns whatever was thrown into a problem document (RFC 9457) that tells the caller its class and nothing of our insides. */
import { AuthError, type ErrorCode, errorTable } from '../errors.ts';

export const problemContentType = 'application/problem+json';

/** What a caller reads. Extra members, such as `attemptsLeft`, stand beside these. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  /** The request id, by which the log finds the cause. */
  readonly instance: string;
  readonly [member: string]: string | number | boolean | null | undefined;
}

/** Fastify's and Node's own errors by their code; any other client error of theirs is `invalid_request`. */
const foreignCodes: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_NOT_FOUND: 'not_found',
  FST_ERR_BAD_URL: 'invalid_request',
  FST_ERR_MAX_PARAM_LENGTH: 'not_found',
};

/** The error of this project that stands for `thrown`; what is not known is `internal`, with the cause kept for the log. */
export function toAuthError(thrown: unknown): AuthError {
  if (thrown instanceof AuthError) return thrown;
  if (!(thrown instanceof Error))
    return new AuthError('internal', { cause: thrown, detail: 'something was thrown that is no error' });
  const { code, statusCode } = thrown as Error & { code?: unknown; statusCode?: unknown };
  const known = typeof code === 'string' ? foreignCodes[code] : undefined;
  if (known !== undefined) return new AuthError(known, { cause: thrown });
  const isTheirs = typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500;
  if (isTheirs) return new AuthError(codeOfStatus(statusCode), { cause: thrown, detail: thrown.message });
  return new AuthError('internal', { cause: thrown, detail: thrown.message });
}

/** The problem document of an error. A 5xx is never described: its message could tell of SQL, paths or keys. */
export function problemOf(error: AuthError, requestId: string): Problem {
  const { status, title } = errorTable[error.code];
  const isDescribed = status < 500;
  return {
    ...(isDescribed ? error.members : {}),
    type: `urn:mtoken:error:${error.code}`,
    title,
    status,
    ...(isDescribed && error.publicMessage !== undefined ? { detail: error.publicMessage } : {}),
    instance: requestId,
  };
}

/** The registered code for a status of somebody else's error. */
function codeOfStatus(status: number): ErrorCode {
  const [found] = Object.entries(errorTable).find(([, entry]) => entry.status === status && status !== 400) ?? [];
  return (found as ErrorCode | undefined) ?? 'invalid_request';
}
