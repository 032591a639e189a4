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
  /** Gives back one spent attempt of the same epoch. */
  giveBack(subject: AttemptSubject): Promise<void>;
  /** mPIN only: sets the count to zero and begins the next epoch; false where the epoch has moved on or the device is not active. */
  reset(subject: AttemptSubject): Promise<boolean>;
}
