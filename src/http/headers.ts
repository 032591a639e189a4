/** The security headers of every response (S-11, O-13). Documents set their own Content-Security-Policy before this one applies. */

/** For everything that is no page: nothing may be loaded, nobody may frame it. */
export const dataContentSecurityPolicy =
  "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** What a document may do: show our styles and pictures. Nothing inline, nothing from elsewhere, no frame, no form, no script. */
const documentRules: Readonly<Record<string, string>> = {
  'default-src': "'none'",
  'script-src': "'none'",
  'style-src': "'self'",
  'img-src': "'self'",
  'object-src': "'none'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
  'require-trusted-types-for': "'script'",
  'trusted-types': "'none'",
};

/** The policy of a document; `more` adds rules or takes the place of some, `undefined` leaves one to the browser's default. */
export function documentSecurityPolicy(more: Readonly<Record<string, string | undefined>> = {}): string {
  return Object.entries({ ...documentRules, ...more })
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`.trim()]))
    .join('; ');
}

/** Powers of a browser that a page of ours could ask for. */
const powers = [
  'camera',
  'publickey-credentials-get',
  'publickey-credentials-create',
  'microphone',
  'geolocation',
  'payment',
  'usb',
  'serial',
  'hid',
  'midi',
  'display-capture',
] as const;

/** Nobody gets a power but who is named, and then for this origin alone. */
export function permissionsPolicy(allowed: readonly (typeof powers)[number][] = []): string {
  return powers.map((power) => `${power}=(${allowed.includes(power) ? 'self' : ''})`).join(', ');
}

const fixedHeaders: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  // Old browsers that do not know frame-ancestors.
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'permissions-policy': permissionsPolicy(),
  'cache-control': 'no-store',
  'content-security-policy': dataContentSecurityPolicy,
};

/** Two years, as browsers' preload lists ask; only where the issuer is https, and never in development, whose host name has other ports. */
const strictTransportSecurity = 'max-age=63072000; includeSubDomains';

/** All headers that a response carries unless its route says otherwise, for Fastify and for handlers that write by themselves. */
export function securityHeaders(isHttps: boolean): Readonly<Record<string, string>> {
  return isHttps ? { ...fixedHeaders, 'strict-transport-security': strictTransportSecurity } : fixedHeaders;
}
