/** Which browser a request comes from, as far as a login is bound to it. */
import { readBinding } from '../login/binding.ts';
import type { OidcDeps } from './deps.ts';

/** The look-up value of the cookie with which the login page's order is redeemed; null where the request has none. */
export function browserOf(
  { sealing, issuer }: Pick<OidcDeps, 'sealing' | 'issuer'>,
  request: Parameters<typeof readBinding>[0],
): string | null {
  const binding = readBinding(request, issuer);
  return binding === undefined ? null : sealing.lookup(binding, 'oidc.browser');
}
