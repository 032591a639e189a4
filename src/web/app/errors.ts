/** What a person is told of an error of the SDK. */
import type { PhoneError } from '../../sdk/index.ts';
import type { Messages } from './messages.ts';

/** The text for an error, in the app's language. */
export function errorText({ t, issuer }: { readonly t: Messages; readonly issuer: string }, error: PhoneError): string {
  switch (error.code) {
    case 'wrong_mpin':
      return t('attempts.left', { count: error.attemptsLeft ?? 0 });
    case 'weak_mpin':
      return t(`weak.${error.rule ?? 'common'}`);
    case 'wrong_confirmation':
      return error.attemptsLeft === null
        ? t('error.wrong_code')
        : t('error.wrong_confirmation', { count: error.attemptsLeft });
    case 'wrong_origin':
      return t('error.wrong_origin', { server: new URL(issuer).host });
    case 'offline':
      return t(hasCause(error, 'AbortError') ? 'error.slow' : 'error.offline');
    case 'biometric_unavailable':
      return t('bio.absent');
    case 'biometric_failed':
      return t('bio.failed');
    case 'biometric_lost':
      return t('bio.lost');
    case 'invalid_activation':
    case 'activation_refused':
    case 'terms_not_accepted':
    case 'already_registered':
    case 'approval_pending':
    case 'authentication_failed':
    case 'not_a_frame':
    case 'stale_frame':
    case 'order_unavailable':
    case 'document_changed':
    case 'document_unreachable':
    case 'server_not_authentic':
    case 'clock':
    case 'unavailable':
    case 'too_many_requests':
    case 'not_allowed':
    case 'limit_reached':
    case 'not_found':
    case 'unsupported':
      return t(`error.${error.code}`);
    default:
      return t('error.other', { detail: [error.code, error.requestId].filter(Boolean).join(' ') });
  }
}

/** True where there was no room for what was to be kept. */
export function isStorageFull(error: PhoneError): boolean {
  return hasCause(error, 'QuotaExceededError');
}

/** Whether the browser's own error of this name is behind it. */
function hasCause(error: unknown, name: string): boolean {
  if (!(error instanceof Error || error instanceof DOMException)) return false;
  return error.name === name || hasCause((error as { readonly cause?: unknown }).cause, name);
}
