/** What the OpenID Connect side needs of the rest of the server. */
import type { Clock } from '../clock.ts';
import type { KeyedSealing } from '../crypto/sealing.ts';
import type { Standing } from '../devices/store.ts';
import type { PlainLook } from '../http/document.ts';
import type { KeyRing } from '../keys/key-ring.ts';
import type { SigningApproval, SigningRequest } from '../signing/store.ts';
import type { ShortLivedStore } from '../store/ports.ts';
import type { RecordStore } from '../store/records.ts';

/** The signing requests behind requests by CIBA; `signing/` provides it. */
export interface BackchannelSigning {
  /** How one stands, all that has ended of it folded in, and who approved it. */
  read(
    signingId: string,
  ): Promise<{ readonly request: SigningRequest; readonly approvals: readonly SigningApproval[] }>;
}

/** The server's signing keys as the provider uses them. */
export type SigningKeys = Pick<KeyRing, 'activeSigner' | 'signingJwks' | 'publicJwks' | 'onChange'>;

/** The few log methods that are used here; pino and Fastify's logger fit. */
export interface OidcLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface OidcDeps {
  readonly records: RecordStore;
  readonly shortLived: ShortLivedStore;
  readonly sealing: KeyedSealing;
  readonly clock: Clock;
  readonly log: OidcLog;
  readonly keys: SigningKeys;
  /** Throws an error of status 4xx unless the device, its user and its company may be used now; the one gate of every path (T9). */
  readonly assertUsable: (deviceId: string) => Promise<Standing>;
  /** `https` origin without a path (`http` on loopback only). */
  readonly issuer: string;
  /** Base URL of the admin API: the audience and resource of its access tokens. */
  readonly adminAudience: string;
  /** Undefined: this server takes no requests by CIBA. */
  readonly signing?: BackchannelSigning | undefined;
  /** How the provider's own pages look; without style where the pages are not built. */
  readonly look?: PlainLook | undefined;
}

/** Scopes of the admin API. */
export const adminScopes = [
  'admin:read',
  'admin:write',
  'admin:devices',
  'admin:clients',
  'admin:keys',
  'admin:audit',
  'admin:staff',
] as const;

export type AdminScope = (typeof adminScopes)[number];

/** The scope of the account API: a user's own devices and sessions, from a portal (docs/portal-account.md). */
export const accountScope = 'account';

/** The audience and resource of the account API's access tokens. */
export function accountAudience(issuer: string): string {
  return `${issuer}/account`;
}

/** The scope of the signing API: a portal's server asks its users to sign (docs/signing.md). */
export const signingScope = 'sign';

/** The audience and resource of the signing API's access tokens. */
export function signingAudience(issuer: string): string {
  return `${issuer}/signing`;
}

/** Scopes of this server's own APIs, which need no resource of the portal's. */
export const ownScopes: readonly string[] = [accountScope, signingScope];
