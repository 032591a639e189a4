/** What mPIN proofs and app sessions need. */
import type { KeyCache } from '../crypto/jwk.ts';
import type { KeyedSealing } from '../crypto/sealing.ts';
import type { Device } from '../devices/store.ts';
import type { CallOrigin } from '../http/app-endpoint.ts';
import type { LockoutDeps } from '../lockout/lockout.ts';
import type { SrpServer } from '../srp/server.ts';

export interface MpinDeps extends LockoutDeps {
  readonly sealing: KeyedSealing;
  readonly srp: SrpServer;
  /** The server's origin, without a slash at its end. */
  readonly issuer: string;
  readonly keyCache?: KeyCache;
}

/** Whose key signed the call, and which device it is registered with, if any. */
export interface Caller {
  readonly thumbprint: string;
  readonly device: Device | undefined;
  readonly origin: CallOrigin;
}

/** An id that no device has: looked up where there is nothing to look up, so that the same work is done. */
export const decoyDeviceId = 'dev_AAAAAAAAAAAAAAAAAAAAAA';
