/** What a person is told of an error. */
import { AdminProblem } from '../../admin-client/client.ts';
import { Unreachable } from './api.ts';
import type { Messages } from './messages.ts';

const known = new Set([
  'access_denied',
  'already_exists',
  'authentication_failed',
  'conflict',
  'forbidden_origin',
  'in_progress',
  'internal',
  'invalid_request',
  'limit_reached',
  'not_found',
  'payload_too_large',
  'precondition_failed',
  'session_expired',
  'too_many_requests',
  'unavailable',
]);

/** In words, with what the server said of it and the number by which support finds it. */
export function errorText(t: Messages, error: unknown): string {
  if (error instanceof Unreachable) return t('error.offline');
  if (!(error instanceof AdminProblem)) return t('error.page');
  const { code, detail, requestId, members } = error;
  const { retryAfterSeconds: seconds } = members;
  const said = known.has(code) ? t.named('error', code) : t('error.other', { code });
  const wait = typeof seconds === 'number' ? t('error.wait', { count: seconds }) : undefined;
  const why = detail === undefined ? undefined : t('error.detail', { detail });
  const number = requestId === undefined ? undefined : t('error.request', { id: requestId });
  return [said, wait, why, number].filter((part) => part !== undefined).join(' ');
}
