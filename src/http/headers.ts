/** The security headers of every response (S-11, O-13). Pages set their own Content-Security-Policy before this one applies. */

/** For everything that is no page: nothing may be loaded, nobody may frame it. */
export const dataContentSecurityPolicy =
  "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const fixedHeaders: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
  'cache-control': 'no-store',
  'content-security-policy': dataContentSecurityPolicy,
};

/** Two years, as browsers' preload lists ask; only where the issuer is https. */
const strictTransportSecurity = 'max-age=63072000; includeSubDomains';

/** All headers that a response carries unless its route says otherwise, for Fastify and for handlers that write by themselves. */
export function securityHeaders(isHttps: boolean): Readonly<Record<string, string>> {
  return isHttps ? { ...fixedHeaders, 'strict-transport-security': strictTransportSecurity } : fixedHeaders;
}
