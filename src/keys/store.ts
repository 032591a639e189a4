/** What the server's own keys need of a store. */
import type { JWK } from 'jose';

/** next: published, not used yet · active: used · retiring: still accepted · retired: listed for old receipts, private part erased. */
export type KeyStatus = 'next' | 'active' | 'retiring' | 'retired';

export interface ServerKey {
  readonly kid: string;
  readonly use: 'sig' | 'enc';
  readonly alg: 'ES256' | 'RS256' | 'RSA-OAEP-256' | 'ECDH-ES';
  readonly status: KeyStatus;
  readonly publicJwk: JWK;
  /** Opened; undefined once retired. */
  readonly privateJwk: JWK | undefined;
  readonly createdAt: number;
  /** When it was first used; undefined for `next`. */
  readonly activatedAt: number | undefined;
}

export interface ServerKeyStore {
  /** Throws `already_exists` where its kid is taken, or its algorithm has a key of the same status `next` or `active`. */
  insert(key: ServerKey): Promise<void>;
  list(): Promise<ServerKey[]>;
  /** Moves a key on; false where it was not in `from`. Retiring to retired erases the private part. */
  move(kid: string, from: KeyStatus, to: KeyStatus, at: number): Promise<boolean>;
}
