/** From the server's problem documents to the SDK's errors. */
import { type Static, Type } from 'typebox';
import { PhoneError, type PhoneErrorCode, type PhoneErrorOptions } from './errors.ts';
import type { HttpReply } from './http.ts';
import { matches, parseJson } from './matches.ts';

const Problem = Type.Object({
  type: Type.String(),
  detail: Type.Optional(Type.String()),
  instance: Type.Optional(Type.String()),
  attemptsLeft: Type.Optional(Type.Union([Type.Null(), Type.Integer()])),
  retryAfterSeconds: Type.Optional(Type.Number()),
});

/** What a call's own errors are called in the SDK, by the server's code. */
export type ProblemNames = Readonly<Record<string, PhoneErrorCode>>;

const general: ProblemNames = {
  authentication_failed: 'authentication_failed',
  session_expired: 'session_ended',
  proof_required: 'proof_required',
  access_denied: 'not_allowed',
  not_found: 'not_found',
  conflict: 'conflict',
  already_exists: 'conflict',
  limit_reached: 'limit_reached',
  order_unavailable: 'order_unavailable',
  document_changed: 'document_changed',
  document_unreachable: 'document_unreachable',
  too_many_requests: 'too_many_requests',
  internal: 'unavailable',
  unavailable: 'unavailable',
};

/** What a server may say before it has opened an envelope. Anyone in between could say it too, so no judgement about the mPIN. */
const inClear: ReadonlySet<string> = new Set([
  'invalid_request',
  'session_expired',
  'not_found',
  'method_not_allowed',
  'payload_too_large',
  'unsupported_media_type',
  'too_many_requests',
  'internal',
  'unavailable',
]);

/** The error for a problem that came inside an envelope, so from the server itself. */
export function errorFromProblem(body: unknown, names: ProblemNames = {}): PhoneError {
  const { code, problem } = readProblem(body);
  if (problem === undefined) return new PhoneError('server_not_authentic', { detail: 'a malformed problem' });
  const name = names[code] ?? general[code] ?? 'refused';
  const options = optionsFrom(code, problem);
  if (code !== 'authentication_failed') return new PhoneError(name, options);
  if (name === 'wrong_mpin' && options.attemptsLeft === 0) return new PhoneError('blocked', options);
  // Without a number the server did not judge the mPIN of this device, or does not say so.
  if (name === 'wrong_mpin' && options.attemptsLeft === undefined)
    return new PhoneError('authentication_failed', options);
  // Only a code that was judged costs an attempt; otherwise, or with none left, the activation itself is over.
  if (name === 'wrong_confirmation' && !options.attemptsLeft) return new PhoneError('activation_refused', options);
  return new PhoneError(name, options);
}

/** The error for an answer that is no envelope. */
export function errorFromPlainReply(reply: HttpReply): PhoneError {
  const { retryAfterSeconds } = reply;
  const waiting = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
  const { code, problem } = readProblem(
    reply.mediaType === 'application/problem+json' ? parseJson(reply.text) : undefined,
  );
  if (problem !== undefined && reply.status >= 400 && inClear.has(code)) {
    return new PhoneError(general[code] ?? 'refused', { ...waiting, ...optionsFrom(code, problem) });
  }
  // Proxies in front of the server have pages of their own.
  if (reply.status === 429) return new PhoneError('too_many_requests', waiting);
  if (reply.status >= 500) return new PhoneError('unavailable', waiting);
  return new PhoneError('server_not_authentic', { detail: `an answer outside the envelope, status ${reply.status}` });
}

function readProblem(body: unknown): { code: string; problem: Static<typeof Problem> | undefined } {
  if (!matches(Problem, body)) return { code: '', problem: undefined };
  const code = /^urn:mtoken:error:([a-z_]{1,64})$/.exec(body.type)?.[1];
  return code === undefined ? { code: '', problem: undefined } : { code, problem: body };
}

function optionsFrom(code: string, problem: Static<typeof Problem>): PhoneErrorOptions {
  return {
    serverCode: code,
    ...(problem.detail === undefined ? {} : { detail: problem.detail }),
    ...(problem.instance === undefined ? {} : { requestId: problem.instance }),
    ...(typeof problem.attemptsLeft === 'number' ? { attemptsLeft: problem.attemptsLeft } : {}),
    ...(problem.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: problem.retryAfterSeconds }),
  };
}
