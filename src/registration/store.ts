/** What registration needs of a store. */

/**
 * `shown`: the code to who invites, the confirmation code to the user's e-mail address. `email`: the code to that address, the
 * confirmation code to who invites, who tells the user by telephone or in person.
 */
export type ActivationDelivery = 'shown' | 'email';

/** An invitation to register one device: a code and a confirmation code, kept as hashes only. */
export interface Activation {
  readonly id: string;
  readonly userId: string;
  readonly companyId: string;
  readonly codeHash: string;
  readonly confirmationHash: string;
  readonly confirmationAttempts: number;
  readonly status: 'open' | 'used' | 'void';
  /** Where the code went; the confirmation code goes the other way. */
  readonly delivery: ActivationDelivery;
  readonly deviceId: string | undefined;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface ActivationStore {
  insert(activation: Activation): Promise<void>;
  find(id: string): Promise<Activation | undefined>;
  findByCodeHash(codeHash: string): Promise<Activation | undefined>;
  /** open → used; false where it was not open or has expired. */
  use(id: string, deviceId: string, at: number): Promise<boolean>;
  /** Voids the open activations of a user, so that the newest is the only one that works. */
  voidOpen(userId: string): Promise<void>;
}
