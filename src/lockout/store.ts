/** What the attempt budget needs of the durable store: each method is one conditional statement. */

/** Whose attempts are counted. */
export type AttemptSubject =
  | { readonly kind: 'mpin'; readonly deviceId: string; readonly epoch: number }
  | { readonly kind: 'confirmation'; readonly activationId: string };

export interface AttemptStore {
  /** Attempts spent by now; undefined where the subject is gone or of another epoch. */
  count(subject: AttemptSubject): Promise<number | undefined>;
  /** Spends one attempt if the subject is usable and fewer than `max` are spent; the new count, or undefined where refused. */
  spend(subject: AttemptSubject, max: number): Promise<number | undefined>;
  /**
   * Records that a spent attempt was judged wrong; how many of this epoch were, or undefined where the epoch moved on or the
   * subject is not usable any more. Holds the row until the end of the transaction. For a confirmation every spent attempt counts.
   */
  miss(subject: AttemptSubject): Promise<number | undefined>;
  /** Attempts judged wrong in this epoch; undefined as `count`. */
  missed(subject: AttemptSubject): Promise<number | undefined>;
  /** True where the subject is usable and `max` attempts are spent; then the row is held until the end of the transaction. */
  holdExhausted(subject: AttemptSubject, max: number): Promise<boolean>;
  /** open → void for an activation whose `max` attempts are spent; false otherwise. */
  voidExhausted(activationId: string, max: number): Promise<boolean>;
  /** Gives back one spent attempt of the same epoch. */
  giveBack(subject: AttemptSubject): Promise<void>;
  /** mPIN only: sets the count to zero and begins the next epoch; false where the epoch has moved on or the device is not active. */
  reset(subject: AttemptSubject): Promise<boolean>;
}
