/** What devices need of a store. */
import type { JWK } from 'jose';
import type { Company, Page, User } from '../companies/store.ts';

export type DeviceStatus = 'pending' | 'active' | 'blocked' | 'deactivated' | 'refused';
export type SrpProfileName = 'srp6a-2048-sha256' | 'rfc5054-2048-sha256';

/** The key that a finger or a face releases. */
export interface BiometricKey {
  readonly thumbprint: string;
  readonly publicJwk: JWK;
  readonly kind: 'fpt' | 'face' | 'user';
  /** Only where the key is a WebAuthn credential: as its last assertion said. */
  readonly webauthn?: WebauthnState | undefined;
}

/** What a WebAuthn credential tells of itself at each use. */
export interface WebauthnState {
  /** 0 for ever where the authenticator does not count. */
  readonly signCount: number;
  /** Whether the credential may be, or is, on more than this one phone. */
  readonly backup: 'none' | 'eligible' | 'backed_up';
}

/** A registered phone as the rules see it: no secret is in it. */
export interface Device {
  readonly id: string;
  readonly userId: string;
  readonly companyId: string;
  readonly name: string;
  readonly platform: string;
  readonly appVersion: string;
  readonly status: DeviceStatus;
  readonly profile: SrpProfileName;
  /** RFC 7638 thumbprint of the device key; unique for ever, so that an ended key cannot return. */
  readonly thumbprint: string;
  readonly publicJwk: JWK;
  readonly biometric: BiometricKey | undefined;
  readonly attestationLevel: string;
  /** Attempts spent since the last right mPIN, 0 to 5; at 5 the device is blocked whatever its status says. */
  readonly pinAttempts: number;
  /** Rises with every right mPIN; part of the short-lived counter's name. */
  readonly pinEpoch: number;
  readonly createdAt: number;
  readonly activatedAt: number | undefined;
  readonly lastUsedAt: number | undefined;
  readonly endedAt: number | undefined;
  readonly endedReason: string | undefined;
}

/** What is kept sealed under the data key. */
export interface DeviceSecrets {
  readonly salt: string;
  readonly verifier: string;
}

/** The same as stored: `generation` counts the mPINs that this device has had, and the ends of all its sessions, so that what was opened before can be told. */
export interface StoredSecrets extends DeviceSecrets {
  readonly generation: number;
}

/** A device with all that decides whether it may act. */
export interface Standing {
  readonly device: Device;
  readonly user: User;
  readonly company: Company;
  readonly pinGeneration: number;
}

/** A device with what a list of them shows besides. */
export interface ListedDevice extends Device {
  readonly userName: string;
  /** The network of the address from which it was used last, such as `192.0.2.0/24`; undefined where that is not known. */
  readonly place: string | undefined;
}

export interface DeviceFilter {
  readonly id?: string;
  readonly companyId?: string;
  readonly userId?: string;
  readonly status?: DeviceStatus;
}

export interface DeviceStore {
  /** Throws `already_exists` where either key was ever registered before. */
  insert(device: Device, secrets: DeviceSecrets, vaultKey: Uint8Array): Promise<void>;
  find(id: string): Promise<Device | undefined>;
  /** Device, user and company in one read. */
  standing(id: string): Promise<Standing | undefined>;
  findByThumbprint(thumbprint: string): Promise<Device | undefined>;
  listByUser(userId: string): Promise<Device[]>;
  /** By id. */
  list(filter: DeviceFilter, page: Page): Promise<ListedDevice[]>;
  /** Salt and verifier, opened; undefined once they are erased. */
  secrets(id: string): Promise<StoredSecrets | undefined>;
  vaultKey(id: string): Promise<Uint8Array | undefined>;
  /** Replaces salt and verifier and begins the next generation, only if the device is active and still of `generation`. */
  replaceSecrets(id: string, generation: number, secrets: DeviceSecrets): Promise<boolean>;
  /**
   * Puts a biometric key in place of any, or takes it away; false where the device is not active or its attempts are spent. Throws
   * `already_exists` for a key that was ever registered before, of either purpose.
   */
  setBiometric(id: string, biometric: BiometricKey | undefined): Promise<boolean>;
  /**
   * Notes a use of the WebAuthn credential of that thumbprint; false where its counter did not rise, unless it stays at 0, or where
   * it is no longer this device's.
   */
  advanceBiometric(id: string, thumbprint: string, state: WebauthnState): Promise<boolean>;
  /** Begins the next generation of each of the user's devices with the mPIN that it has: every app session of theirs is over. */
  endSessions(userId: string): Promise<void>;
  /** pending → active; false where it was not pending. */
  activate(id: string, at: number): Promise<boolean>;
  /**
   * Ends a device for good: sets the status, erases verifier and vault key, keeps the key's thumbprint.
   * False where it was ended already.
   */
  end(id: string, status: 'blocked' | 'deactivated' | 'refused', at: number, reason: string): Promise<boolean>;
  /** `place`: the network that it was used from. */
  markUsed(id: string, at: number, place: string): Promise<void>;
}
