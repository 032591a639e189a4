/** What the admin API needs of a store: which creations were begun, done and answered, by the caller's own name for each. */

/** A caller's name for one creation. */
export interface IdempotencyName {
  /** As the audit trail names them: a key of one caller means nothing for another. */
  readonly caller: string;
  readonly key: string;
}

/** One try at it, with an id of its own: it alone may do the act that it has taken. */
export interface IdempotencyAttempt extends IdempotencyName {
  readonly attempt: string;
}

export interface IdempotencyClaim extends IdempotencyAttempt {
  /** What is asked for, as canonical text; only a keyed hash of it is kept. */
  readonly request: string;
  readonly at: number;
  /** An attempt that was begun before this and has done nothing may be taken over. */
  readonly abandonedBefore: number;
  /** What was begun before this is forgotten. */
  readonly forgottenBefore: number;
}

/** begun: somebody does it now, or died before they did · done: committed, the answer not kept (yet) · answered: the answer is kept. */
export type IdempotencyState =
  | { readonly state: 'begun' | 'done'; readonly isSameRequest: boolean; readonly begunAt: number }
  | { readonly state: 'answered'; readonly isSameRequest: boolean; readonly answer: string };

export interface IdempotencyStore {
  /** Takes the name for this attempt in one step; false where it is taken. */
  claim(claim: IdempotencyClaim): Promise<boolean>;
  find(name: IdempotencyName, request: string): Promise<IdempotencyState | undefined>;
  /**
   * Marks the act as done, in the transaction of the act, and holds the row until it ends; false where the attempt was taken over, so
   * that the act must not be.
   */
  done(attempt: IdempotencyAttempt): Promise<boolean>;
  /** Keeps the answer, sealed, and whom it names, so that it is erased with them. */
  answer(attempt: IdempotencyAttempt, answer: string): Promise<void>;
  /** Gives the name back, unless the act is done. */
  release(attempt: IdempotencyAttempt): Promise<void>;
  /** Removes up to `limit` that were begun before `before`; answers how many. */
  purge(before: number, limit: number): Promise<number>;
}
